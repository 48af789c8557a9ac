from __future__ import annotations

import json
from pathlib import Path

from sarto.core.budget import Verdict
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.core.table import Table
from sarto.report import as_json, read_run
from tests.report.sample import Sample


def test_the_document_holds_everything_and_reads_back_equal(tmp_path: Path) -> None:
    run = read_run(Sample(findings=(("S07", "warning", "low"),)).write(tmp_path))
    document = json.loads(json.dumps(as_json(run), allow_nan=False))
    assert document["format"] == "sarto-report/1"
    assert Verdict.from_json(document["verdict"]) == run.verdict
    assert tuple(map(Evidence.from_json, document["evidence"])) == run.evidence
    assert tuple(map(OperatingPoint.from_json, document["front"]["points"])) == run.points
    assert {t["name"]: Table.from_json(t) for t in document["tables"]} == run.tables
    assert document["front"]["chosen"] == run.chosen
    assert document["artifact"] == run.artifact
    assert document["provenance"] == run.provenance
    assert document["findings"] == [{"what": "S07", "severity": "warning", "text": "low"}]
