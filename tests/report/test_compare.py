"""Two folders side by side: what became of each figure, and what is not like with like."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, How
from sarto.report.compare import Comparison, Figure, State, read_side
from tests.report.finished import finished, side
from tests.report.sample import Sample


def figure(
    what: str, a: float | None, b: float | None, unit: str = "B", *, hows: tuple[How, How] | None = None
) -> Figure:
    """A figure with the two values."""
    first, second = hows or ("measured", "measured")
    return Figure(
        what,
        None if a is None else Evidence(what, a, unit, first, "t"),
        None if b is None else Evidence(what, b, unit, second, "t"),
    )


def by_name(comparison: Comparison) -> dict[str, Figure]:
    return {f.what: f for f in comparison.figures}


@pytest.mark.parametrize(
    ("seen", "state", "worse_by"),
    [
        (figure("flash", 100, 120), "worse", 20),
        (figure("flash", 100, 90), "better", -10),
        (figure("flash", 100, 100), "same", 0),
        (figure("test accuracy", 0.5, 0.25, "1"), "worse", 0.25),
        (figure("test accuracy", 0.25, 0.5, "1"), "better", -0.25),
        (figure("sequences", 3, 4, "sequences"), "changed", None),
        (figure("sequences", 3, 3, "sequences"), "same", None),
        (figure("flash", 100, None), "only in A", None),
        (figure("flash", None, 100), "only in B", None),
        (figure("latency", 1, 1, "s", hows=("measured", "estimated")), "unlike", 0),
    ],
)
def test_what_became_of_a_figure(seen: Figure, state: State, worse_by: float | None) -> None:
    assert seen.state == state
    assert seen.worse_by == worse_by


def test_the_change_is_absolute_and_a_share_of_the_base() -> None:
    assert (figure("flash", 200, 250).change, figure("flash", 200, 250).relative) == (50, 0.25)
    assert figure("test R2", -0.5, -0.25, "1").relative == 0.5
    assert figure("validation error", 0, 0.5, "1").relative is None
    assert figure("flash", None, 250).relative is None


def test_figures_in_different_units_have_no_change() -> None:
    seen = replace(
        figure("test RMSE of x", 2, 3, "kg"), b=Evidence("test RMSE of x", 3000, "g", "measured", "t")
    )
    assert (seen.change, seen.worse_by, seen.state) == (None, None, "unlike")


@pytest.mark.parametrize(
    ("a", "b", "unit", "overlap"),
    [
        ((0.8, 0.9), (0.9, 0.95), "1", True),
        ((0.8, 0.9), (0.91, 0.95), "1", False),
        ((0.91, 0.95), (0.8, 0.9), "1", False),
        ((0.8, 0.9), None, "1", None),
        ((800, 900), (850, 950), "instructions", None),
    ],
)
def test_intervals_overlap(
    a: tuple[float, float] | None, b: tuple[float, float] | None, unit: str, overlap: bool | None
) -> None:
    one, two = (Evidence("x", 1, unit, "measured", "t", interval=interval) for interval in (a, b))
    assert Figure("x", one, two).overlap is overlap


def test_every_figure_that_either_has_is_there_headlines_first(tmp_path: Path) -> None:
    extra = Evidence("tanh table", 258, "B", "measured", "graph")
    both = Comparison(side(tmp_path / "a"), side(tmp_path / "b", Sample(flash_b=12000), later=(extra,)))
    names = list(by_name(both))
    assert names[:4] == ["test accuracy", "flash", "ram", "instructions per inference"]
    assert set(names) == {e.what for e in [*Sample().evidence(), extra]}
    assert by_name(both)["flash"].change == 12000 - 11436
    assert by_name(both)["tanh table"].state == "only in B"
    assert {f.state for f in both.figures} == {"same", "worse", "only in B"}


def test_the_newest_evidence_counts(tmp_path: Path) -> None:
    again = Evidence("flash", 9000, "B", "measured", "gcc")
    both = Comparison(side(tmp_path / "a"), side(tmp_path / "b", later=(again,)))
    assert by_name(both)["flash"].b == again


def test_a_folder_and_itself_are_the_same(tmp_path: Path) -> None:
    alone = side(tmp_path / "a")
    both = Comparison(alone, alone)
    assert {f.state for f in both.figures} == {"same"}
    assert (both.differences, both.unlike, both.same_data, both.same_test_items) == ([], [], True, True)


def on_m0(content: Any) -> None:
    content["device"] = "cortex_m0plus"


def test_another_device_is_said_and_its_evidence_found_by_its_name(tmp_path: Path) -> None:
    measured = Evidence("flash on cortex_m0plus", 11500, "B", "measured", "ELF")
    both = Comparison(
        side(tmp_path / "a", later=(measured,)), side(tmp_path / "b", edits={"artifact.json": on_m0})
    )
    (said,) = both.unlike
    assert said.startswith("A is for cortex_m4 and B for cortex_m0plus: flash, RAM")
    assert f"`sarto measure {tmp_path / 'b'} --device cortex_m4`" in said
    alike = by_name(both)["flash on cortex_m0plus"]
    assert (alike.a, alike.b) == (measured, both.b.run.latest("flash"))
    assert by_name(both)["flash"].change == 0


def other_data(content: Any) -> None:
    content["data"]["sha256"] = "0" * 64
    content["data"]["name"] = "clock"


def test_other_data_are_said_and_intervals_then_tell_nothing(tmp_path: Path) -> None:
    both = Comparison(side(tmp_path / "a"), side(tmp_path / "b", edits={"provenance.json": other_data}))
    (said,) = both.unlike
    assert said.startswith("The data differ, watch (1880 items) and clock (1880 items): ")
    assert not both.same_test_items
    (chance,) = both.chance
    assert "test items" not in chance and "overlap" not in chance


def seeded(content: Any) -> None:
    content["seed"] = 7


def sensor(content: Any) -> None:
    content["input"]["bits"] = 8


def fewer(content: Any) -> None:
    content["split"]["test"] = 400


@pytest.mark.parametrize(
    ("pinned", "edits", "same"),
    [
        ("items", {}, True),
        ("items", {"provenance.json": seeded}, True),
        ("items", {"provenance.json": fewer}, False),
        ("others", {}, False),
        ("others", {"provenance.json": seeded}, False),
        ("words", {"artifact.json": sensor}, True),
        ("words", {"artifact.json": sensor, "provenance.json": seeded}, False),
        ("words", {"artifact.json": sensor, "provenance.json": fewer}, False),
    ],
)
def test_whether_the_test_items_are_the_same(
    tmp_path: Path, pinned: str, edits: dict[str, Callable[[Any], object]], same: bool
) -> None:
    both = Comparison(side(tmp_path / "a"), side(tmp_path / "b", pinned=pinned, edits=edits))
    assert both.same_test_items is same
    said = "The test items may be others, though the data are the same: see what changed."
    assert both.unlike == ([] if same else [said])


def scored(value: float, low: float, high: float) -> Evidence:
    return Evidence("test accuracy", value, "1", "measured", "t", n=470, interval=(low, high))


@pytest.mark.parametrize(
    ("item", "end"),
    [
        (scored(0.92, 0.9, 0.93), "on the same test items. They overlap: the change may be chance."),
        (scored(0.5, 0.45, 0.55), "on the same test items. They do not overlap."),
        (scored(0.9362, 0.9104, 0.955), "on the same test items."),
    ],
)
def test_what_the_intervals_say(tmp_path: Path, item: Evidence, end: str) -> None:
    both = Comparison(
        side(tmp_path / "a"), side(tmp_path / "b", later=(item,), edits={"artifact.json": sensor})
    )
    (chance,) = both.chance
    assert chance.replace("\u00a0", " ").startswith(
        "Test accuracy, 95 % intervals: A 91.04 % to 95.5 % (n = 470), B "
    )
    assert chance.endswith(end)


def test_another_how_is_said(tmp_path: Path) -> None:
    guess = Evidence("ram", 2712, "B", "estimated", "memory plan")
    both = Comparison(side(tmp_path / "a"), side(tmp_path / "b", later=(guess,)))
    assert both.unlike == ["RAM is emulated in A and estimated in B."]
    assert by_name(both)["ram"].state == "unlike"


def test_the_document_is_plain_json(tmp_path: Path) -> None:
    both = Comparison(side(tmp_path / "a"), side(tmp_path / "b", Sample(flash_b=12000)))
    content = json.loads(json.dumps(both.to_json(), allow_nan=False))
    assert content["format"] == "sarto-compare/1"
    assert content["a"]["device"] == "cortex_m4" and content["b"]["fits"]
    flash = next(f for f in content["figures"] if f["what"] == "flash")
    assert (flash["better"], flash["change"], flash["state"]) == ("less", 564, "worse")
    assert (flash["a"]["value"], flash["b"]["how"], flash["intervals_overlap"]) == (11436, "measured", None)


def grow(path: Path, line: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda out: (out / "model.c").write_text("x"), "model.c"),
    (lambda out: (out / "records.json").unlink(), "records.json"),
    (lambda out: (out / "request.json").unlink(), "request.json"),
    (
        lambda out: (out / "request.json").write_text('{"device": "m", "budget": {"flash_b": "1"}}'),
        "'budget'",
    ),
    (lambda out: (out / "evidence.jsonl").write_text('{"what": "flash"}'), "evidence.jsonl, line 1"),
    (
        lambda out: (out / "verdict.json").write_bytes((out / "verdict.json").read_bytes() + b" "),
        "verdict.json",
    ),
    (lambda out: grow(out / "evidence.jsonl", '{"what": "flash"}'), "evidence.jsonl, line 9"),
]


@pytest.mark.parametrize(("damage", "place"), DAMAGES)
def test_a_damaged_folder_is_refused(tmp_path: Path, damage: Callable[[Path], object], place: str) -> None:
    out = finished(tmp_path / "out")
    damage(out)
    with pytest.raises(SartoError) as caught:
        read_side(out)
    assert caught.value.code == "E114"
    assert place in f"{caught.value.message} {caught.value.cause}"


def test_evidence_whose_figure_was_changed_is_refused(tmp_path: Path) -> None:
    ledger = finished(tmp_path / "out") / "evidence.jsonl"
    ledger.write_text(ledger.read_text(encoding="utf-8").replace("11436", "11400"), encoding="utf-8")
    with pytest.raises(SartoError) as caught:
        read_side(tmp_path / "out")
    assert caught.value.cause == "evidence.jsonl is changed"
