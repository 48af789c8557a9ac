"""Finished output folders for comparisons: the sample with its request and records, and what is changed in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sarto.core.artifact import NAME
from sarto.core.evidence import Evidence, Ledger
from sarto.report.compare import Side, read_side
from tests.report.records import recorded
from tests.report.sample import Sample, sha256


def finished(
    folder: Path,
    sample: Sample | None = None,
    *,
    pinned: str = "items",
    later: tuple[Evidence, ...] = (),
    request: Mapping[str, Any] | None = None,
    edits: Mapping[str, Callable[[Any], object]] | None = None,
) -> Path:
    """Write a finished folder and return it.

    Args:
        folder: where.
        sample: what it says.
        pinned: the test items that are kept.
        later: evidence that was measured after the folder was finished.
        request: entries of the request that differ.
        edits: file -> what changes its content before the folder is finished.
    """
    sample = sample or Sample()
    sample.write(folder)
    (folder / "pinned.npz").write_text(pinned, encoding="utf-8")

    def keep(content: Any) -> None:
        content["files"]["pinned.npz"] = sha256(pinned)

    for name, change in [(NAME, keep), *(edits or {}).items()]:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        change(content)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    asked = {
        "device": "cortex_m4",
        "budget": asdict(sample.budget),
        "trials": None,
        "code": "c" * 64,
        "source": "d" * 64,
    }
    (folder / "request.json").write_text(json.dumps({**asked, **(request or {})}), encoding="utf-8")
    recorded(folder)
    Ledger(folder / "evidence.jsonl").append(*later)
    return folder


def side(folder: Path, sample: Sample | None = None, **changes: Any) -> Side:
    """Write a finished folder and return what it says."""
    return read_side(finished(folder, sample, **changes))
