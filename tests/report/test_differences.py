"""What differs besides the figures: only that, under one name, in words that tell the two apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sarto.core.budget import Budget
from sarto.core.evidence import Evidence
from sarto.report.compare import Comparison
from sarto.report.differences import Difference
from tests.report.finished import side
from tests.report.sample import Sample


def found(tmp_path: Path, **changes: Any) -> dict[str, tuple[str, str]]:
    """The differences of the sample from a changed one, in words."""
    sample = changes.pop("sample", None)
    both = Comparison(side(tmp_path / "a"), side(tmp_path / "b", sample, **changes))
    return {d.what: d.texts for d in both.differences}


def test_a_budget_is_in_its_units_and_the_verdict_beside_it(tmp_path: Path) -> None:
    tight = Sample(budget=Budget(flash_b=8000, min_accuracy=0.95))
    assert found(tmp_path, sample=tight) == {
        "meets its budget": ("yes", "no"),
        "limit of flash": ("32.77 kB", "8 kB"),
        "limit of RAM": ("4.096 kB", "not set"),
        "limit of test accuracy": ("90 %", "95 %"),
    }


def test_request_and_code(tmp_path: Path) -> None:
    changes = found(tmp_path, request={"trials": 12, "code": "e" * 64, "families": ["forest"]})
    assert changes == {
        "trials": ("not set", "12"),
        "families": ("", "forest"),
        "code of Sarto": ("c" * 12, "e" * 12),
    }


def rewritten(content: Any) -> None:
    content.update(seed=7)
    content["versions"].update(ziglang="0.18.0")
    content["data"].update(sha256="0" * 64)
    content["split"].update(test=400)


def test_provenance_without_times(tmp_path: Path) -> None:
    def times(content: Any) -> None:
        rewritten(content)
        content.update(created="2031-01-01T00:00:00+00:00", command="sarto fit other")
        content["search"].update(seconds=99, workers=1, cpu_s=1, batches=3)

    changes = found(tmp_path, edits={"provenance.json": times})
    assert set(changes) == {"seed", "version of ziglang", "data as read", "test items"}
    assert changes["version of ziglang"] == ("", "0.18.0")


def test_the_model_is_told_by_its_steps_and_the_settings_of_those_that_both_have(tmp_path: Path) -> None:
    def steps(content: Any) -> None:
        content[0] = {"method": "forest", "settings": {"trees": 8}}
        content[2]["settings"]["weight_bits"] = 4

    def artifact(content: Any) -> None:
        content["model"]["family"] = "forest"
        content["optimise"] = "-O2"

    changes = found(tmp_path, edits={"recipe.json": steps, "artifact.json": artifact})
    assert changes == {
        "optimisation": ("-Os", "-O2"),
        "family": ("not set", "forest"),
        "steps": ("esn, ridge, ptq", "forest, ridge, ptq"),
        "ptq: weight bits": ("8", "4"),
    }


def test_a_tool_is_told_once(tmp_path: Path) -> None:
    other = tuple(
        Evidence(what, 1, unit, "emulated", "qemu 9")
        for what, unit in (("ram", "B"), ("instructions per inference", "instructions"))
    )
    assert found(tmp_path, later=other) == {"tool for RAM": ("unicorn 2.1.4, cortex-m4", "qemu 9")}


@pytest.mark.parametrize(
    ("difference", "texts"),
    [
        (Difference("x", None, 3), ("not set", "3")),
        (Difference("x", None, 3, absent=True), ("", "3")),
        (Difference("x", 0, False), ("0", "no")),
        (Difference("limit of flash", 1000, None), ("1 kB", "not set")),
    ],
)
def test_values_in_words(difference: Difference, texts: tuple[str, str]) -> None:
    assert difference.texts == texts


def test_what_is_cut_short_is_still_told_apart() -> None:
    long = [f"channel_{i}" for i in range(40)]
    a, b = Difference("channels", long, [*long, "last"]).texts
    assert a.split(" [")[0] == b.split(" [")[0]
    assert a != b
    assert max(len(a), len(b)) < 62


def test_a_side_that_lacks_a_fact_is_left_out_of_the_document() -> None:
    assert Difference("x", None, 3, absent=True).to_json() == {"what": "x", "b": 3}
    assert Difference("x", None, 3).to_json() == {"what": "x", "a": None, "b": 3}
