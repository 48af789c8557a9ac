"""The page of a label: well-formed, self-contained, small however large the table, and what a person sees."""

import json
from pathlib import Path

import pytest

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.report.label import LabelPage, LabelPart, label_html
from sarto.report.page import LIMIT_B
from tests.report.browser import Browser
from tests.report.test_page import Tree

NAMES = ("sex", "y <b>", "n", "joint", "joint, lower", "joint, upper", "a", "al", "au", "b", "bl", "bu")


def page(lines: int, targets: int, evidence: int = 3, parts: int = 1) -> LabelPage:
    """A page of parts with so many values of either side; the last protected value is in no row."""
    n = (lines - 1) * targets
    rows: list[tuple[float | int | str, ...]] = []
    for i in range(lines):
        for j in range(targets):
            count, given = (1, (0.5, 0.25, 0.75)) if i < lines - 1 else (0, ("", "", ""))
            rows.append((f'value "{i}" <&>', f"y{j}", count, count / n, 0.0, 0.5, 0.5, 0.25, 0.75, *given))
    sides = [("sex", f'value "{i}" <&>', targets, 1 / lines, 0.0, 0.5) for i in range(lines)]
    sides += [("y <b>", f"y{j}", lines, 1 / targets, 0.25, 0.5) for j in range(targets)]
    measures = (
        ("C", 0.1, 0.0, 0.2),
        ("w", 0.123, 0.0, 0.2),
        ("chi-square", 9.0, "", ""),
        ("p", 1e-9, "", ""),
    )
    balance = (("gini", 0.5, 0.4, 0.6, 0.7, 0.6, 0.8),)

    def table(columns: tuple[str, ...], held: tuple[tuple[float | int | str, ...], ...]) -> Table:
        return Table("t", columns, ("1",) * len(columns), held, ("measured",) * len(columns))

    tables = {
        "dependence": table(("measure", "value", "lower", "upper"), measures),
        "balance": table(("index", "a", "b", "c", "d", "e", "f"), balance),
        "marginals": table(("column", "value", "n", "share", "lower", "upper"), tuple(sides)),
        "joint": table(NAMES, tuple(rows)),
    }
    checks = Table(
        "c", ("of", "what", "state", "text"), ("",) * 4, (("sex", "sums", "failed", "to .6"),), ("",) * 4
    )
    ledger = [Evidence(f"figure {i}", 0.5, "1", "measured", "tool </script>") for i in range(evidence)]
    return LabelPage(
        "people <i>.csv", n, [LabelPart("sex", "y <b>", n, tables, True)] * parts,
        [Finding("few <rows>", "warning", "text & more")], checks, ledger, ["Counted so."],
        {"Sarto": "0", "command": "sarto label"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "targets", "evidence", "parts", "most"),
    [(2, 2, 3, 1, 40), (7, 3, 3, 1, 40), (60, 12, 900, 3, 10)],
)
def test_the_page_is_well_formed_self_contained_and_small(
    lines: int, targets: int, evidence: int, parts: int, most: int
) -> None:
    text = label_html(page(lines, targets, evidence, parts))
    assert len(text.encode()) <= LIMIT_B
    root = Tree(text).root
    for node in root.walk():
        assert node.tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert "src" not in node.attributes and node.attributes.get("href", "#").startswith("#")
        assert node.tag != "script" or node.attributes["type"] == "application/json"
    assert "http:" not in text and "https:" not in text and "<i>" not in text and "few &lt;rows&gt;" in text
    (script,) = [node for node in root.walk() if node.tag == "script"]
    assert json.loads(script.text)[0]["tool"] == "tool </script>"
    grids = [node for node in root.walk() if node.has("matrix")]
    assert len(grids) == 3 * parts
    shown = [node for node in grids[0].walk() if node.tag == "tr"]
    assert len(shown) == 1 + min(lines, most)


def test_a_phone_sees_the_page_without_scrolling_sideways(chromium: str, tmp_path: Path) -> None:
    file = tmp_path / "label.html"
    file.write_text(label_html(page(7, 3)), encoding="utf-8")
    with Browser(chromium, tmp_path / "profile") as browser:
        browser.open(file, width=360)
        assert browser.run("document.documentElement.scrollWidth") <= 360
        assert browser.run("getComputedStyle(document.querySelector('.facts')).borderTopWidth") == "2px"
        assert not browser.complaints()
