"""The report on a folder of `sarto compress`: a network in a file, storage only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.report import card, html, read_run, views, words
from sarto.report.byte_table import FILE, by_tensor
from sarto.report.charts import tuning_course
from sarto.report.compare import Comparison, read_side
from sarto.report.page import LIMIT_B
from sarto.report.tuning import tunings
from tests.report.finished import finished
from tests.report.stored import FILE_B, Stored
from tests.report.test_page import Node, Tree


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished folder."""
    return Stored().write(tmp_path_factory.mktemp("stored"))


def section(folder: Path, name: str) -> Node:
    root = Tree(html(read_run(folder))).root
    return next(n for n in root.walk() if n.attributes.get("id") == name)


def rows(node: Node, kind: str) -> list[list[str]]:
    """The texts of the cells of the table of a class."""
    table = next(n for n in node.walk() if n.tag == "table" and n.has(kind))
    lines = [n for n in table.walk() if n.tag == "tr"]
    return [[plain(c.text).strip() for c in line.children if isinstance(c, Node)] for line in lines]


@pytest.mark.parametrize(
    ("budget", "sentence"),
    [
        (
            Budget(flash_b=3500),
            "The file fits, storage only: the binding limit is flash, 3.253 kB where at most 3.5 kB was asked.",
        ),
        (
            Budget(flash_b=3000),
            "The file does not fit, storage only: flash is 3.253 kB, 253 B over the limit of 3 kB.",
        ),
        (Budget(), "No budget was set for the file, so nothing was judged."),
    ],
)
def test_the_verdict_is_on_the_file(tmp_path: Path, budget: Budget, sentence: str) -> None:
    assert plain(words.verdict(read_run(Stored(budget=budget).write(tmp_path)))) == sentence


def test_nothing_is_said_of_what_only_a_device_has(out: Path) -> None:
    for text in (html(read_run(out)), card(read_run(out))):
        assert "Storage only: flash is the size of" in text
        for wrong in ("sarto measure", "raw signed", "Fits storage", "window", "steps per item", "1 trials"):
            assert wrong not in text, wrong
    assert [h.what for h in views.headlines(read_run(out))] == [
        "test accuracy", "given test accuracy", "flash", "compression",
    ]  # fmt: skip


def test_the_points_stand_in_the_order_of_the_steps_and_the_file_is_chosen(out: Path) -> None:
    run = read_run(out)
    (curve,) = views.trade_offs(run)
    assert (curve.cost, curve.chosen, curve.limit) == ("flash", 3, 4000)
    found = rows(section(out, "trade-off"), "points")
    assert [row[0].split()[0] for row in found[1:]] == ["as", "gradual:0.9", "codebook:4", "rans"]
    assert [row[1:4] for row in found[2:]] == [
        ["95.5 %", "35.96 kB", "0.9978 ×"], ["94 %", "3.253 kB", "11.03 ×"], ["94 %", "3.253 kB", "11.03 ×"],
    ]  # fmt: skip
    assert "chosen" in found[-1][0] and "scope <global>" in found[2][-1]


def test_every_byte_of_the_file_is_in_one_cell(out: Path, tmp_path: Path) -> None:
    table = read_run(out).tables["bytes"]
    assert by_tensor(table).total_b == FILE_B == sum(int(size) for size in table.column("bytes"))
    found = rows(section(out, "memory"), "bytes")
    assert found[0][:4] == ["tensor", "bytes", "symbols", "values"]
    sums = [int(text.replace(",", "")) for text in found[-1][1:]]
    assert sums[0] == sum(sums[1:]) == FILE_B
    for row in found[1:-1]:
        values = [int(text.replace(",", "").replace("–", "0")) for text in row[1:]]
        assert values[0] == sum(values[1:])
    large = read_run(Stored(tensors=70, tunings=60, file_b=9000).write(tmp_path))
    assert len(html(large).encode()) <= LIMIT_B
    many = by_tensor(large.tables["bytes"])
    assert (len(many.rows), many.total_b) == (40, 9000)
    assert many.rows[-1].tensor.endswith("smaller tensors")
    assert FILE in [row.tensor for row in many.rows], "one of the largest is shown, wherever it stands"


def test_the_file_stands_beside_the_network_given(out: Path) -> None:
    found = rows(section(out, "quality"), "firm")
    assert [row[0] for row in found[1:]] == ["Test accuracy", "Test macro-F1"]
    assert [found[1][i] for i in (1, 2, 3)] == ["95 %93 % to 97 %", "93 %91 % to 95 %", "-2 points"]


def test_each_tuning_says_which_pass_was_kept(out: Path, tmp_path: Path) -> None:
    found = rows(section(out, "training"), "firm")
    assert found[1:] == [
        ["1", "step <1>", "4", "2", "0.225", "90 %"],
        ["2", "step <2>", "4", "2", "0.18", "90 %"],
    ]
    trained = tunings(read_run(out).tables["training"])
    assert [caption.split()[0] for _, caption in tuning_course(trained)] == ["Loss", "Validation"]
    unseen = Stored(validated=False).write(tmp_path)
    (chart,) = tuning_course(tunings(read_run(unseen).tables["training"]))
    assert "validation" not in chart[1]
    assert rows(section(unseen, "training"), "firm")[1][3:] == ["the last", "0.225", "–"]


@pytest.mark.parametrize("losses", [[0.5], [0.0, 0.0], [1e-9, 3.0], [0.31, 0.32]])
def test_any_course_of_losses_can_be_drawn(losses: list[float]) -> None:
    from sarto.report.tuning import Tuning

    trained = [Tuning(1, "a", losses, [*losses], [0.5] * len(losses))]
    assert all(chart.startswith("<svg") for chart, _ in tuning_course(trained))


def test_rows_of_the_card_follow_each_other(out: Path) -> None:
    lines = card(read_run(out)).splitlines()
    start = lines.index("### Bytes by tensor")
    table = lines[start + 2 : lines.index("", start + 2)]
    assert len(table) == 2 + len(by_tensor(read_run(out).tables["bytes"]).rows) + 1
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert table[-1].startswith(f"| together | {FILE_B} |")
    assert "conv \\<1\\>.weight" in table[3]


def test_what_an_item_is_must_be_there(tmp_path: Path) -> None:
    folder = Stored().write(tmp_path)
    content = json.loads((folder / "artifact.json").read_text())
    del content["input"]["shape"]
    (folder / "artifact.json").write_text(json.dumps(content))
    with pytest.raises(SartoError, match="'input'") as caught:
        read_run(folder)
    assert caught.value.code == "E114"


def test_two_files_are_compared_by_size_and_accuracy(out: Path, tmp_path: Path) -> None:
    smaller = read_side(Stored(file_b=3000, accuracy=0.91).write(tmp_path / "b"))
    found = Comparison(read_side(out), smaller)
    states = {figure.what: figure.state for figure in found.figures}
    assert (states["flash"], states["compression"], states["test accuracy"]) == ("better", "better", "worse")
    assert (found.unlike, found.same_test_items) == ([], True)
    assert not found.differences
    other = Comparison(read_side(out), read_side(Stored(test_items="others").write(tmp_path / "c")))
    assert not other.same_test_items
    (reason,) = other.unlike
    assert reason.startswith("The test items may be others")


def test_a_file_and_an_image_are_not_like_with_like(out: Path, tmp_path: Path) -> None:
    found = Comparison(read_side(out), read_side(finished(tmp_path)))
    assert (
        found.unlike[0]
        == "A is a file, storage only, and B an image for cortex_m4: flash is not of the same thing."
    )
    flash = next(figure for figure in found.figures if figure.what == "flash")
    assert flash.apart == "of cortex_m4 in B, of storage in A"
    assert {d.what for d in found.differences} >= {"device", "shape of an item", "channels"}
