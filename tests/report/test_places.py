"""The newest comparison of places, on the page and on the card."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sarto.core.evidence import Evidence, Ledger
from sarto.report import card, html, read_run
from sarto.report.places import newest
from tests.report.sample import Sample
from tests.report.test_page import Tree, how_of, says_how


def comparison(links: str) -> list[Evidence]:
    """What `sarto measure --placement` adds, with figures that are lower bounds."""

    def row(what: str, value: float, unit: str) -> Evidence:
        return Evidence(
            f"placement over {links}{what}", value, unit, "estimated", "link file <x>", "sarto <b>"
        )

    return [
        row(": break-even of computing, J", 0.00041, "J"),
        row(": break-even of computing, cycles, at least", 12500.0, "cycles"),
        *(row(f", on the {place}: packets over {links}", 3, "packets") for place in ("sensor", "gateway")),
        row(f", on the sensor: air time over {links}, at least", 0.00052, "s"),
        row(f", on the gateway: air time over {links}", 0.0117, "s"),
        row(", on the gateway: energy of the sensor", 0.00047, "J"),
    ]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = Sample().write(tmp_path / "out")
    Ledger(folder / "evidence.jsonl").append(*comparison("nb_iot"), *comparison("a <b> and ble_1m"))
    return folder


def test_only_the_newest_comparison_counts_and_later_rows_replace_earlier_ones() -> None:
    later = Evidence(
        "placement over ble_1m, on the sensor: packets over ble_1m", 5, "packets", "estimated", ""
    )
    found = newest([*comparison("nb_iot"), *comparison("ble_1m"), later])
    assert found is not None
    assert (found.links, found.places) == ("ble_1m", ["sensor", "gateway"])
    cells = {what: [None if e is None else e.value for e in row] for what, row in found.rows}
    assert cells == {
        "packets over ble_1m": [5, 3],
        "air time over ble_1m": [0.00052, 0.0117],
        "energy of the sensor": [None, 0.00047],
    }
    assert [e.value for e in found.break_even] == [0.00041, 12500.0]
    assert newest(Sample().evidence()) is None


def test_the_page_has_a_table_of_it_and_its_ledger_has_not(out: Path) -> None:
    root = Tree(html(read_run(out))).root
    (section,) = [n for n in root.walk() if n.attributes.get("id") == "placement"]
    rows = [[c.text for c in n.walk() if c.tag in ("th", "td")] for n in section.walk() if n.tag == "tr"]
    assert rows[:4] == [
        ["model on the", "sensor", "gateway", "how"],
        ["Packets over a <b> and ble_1m", "3", "3", "estimated"],
        ["Air time over a <b> and ble_1m", "at least 520\u00a0µs", "11.7\u00a0ms", "estimated"],
        ["Energy of the sensor", "–", "470\u00a0µJ", "estimated"],
    ]
    assert rows[5] == [
        "Break-even of computing, cycles", "at least 12,500", "–", "estimated",
    ]  # fmt: skip
    for figure in (n for n in section.walk() if n.has("fig")):
        assert how_of(figure) == "estimated"
        assert "estimated" in says_how(figure)
    (ledger,) = [n for n in root.walk() if n.has("ledger")]
    assert "Flash" in ledger.text
    assert "placement" not in ledger.text.lower()
    assert [n.text for n in root.walk() if n.attributes.get("href") == "#placement"] == ["Placement"]


def test_a_run_without_a_comparison_has_no_such_section(tmp_path: Path) -> None:
    run = read_run(Sample().write(tmp_path / "out"))
    assert 'id="placement"' not in html(run)
    assert "Where to compute" not in card(run)


def test_the_card_has_a_table_of_it(out: Path) -> None:
    text = card(read_run(out))
    (table,) = re.findall(r"### Where to compute\n\n[^|]*\n\n((?:\|.*\n)+)", text)
    assert table.splitlines() == [
        "| model on the | sensor | gateway |",
        "| --- | ---: | ---: |",
        r"| packets over a \<b\> and ble_1m | 3 | 3 |",
        "| air time over a \\<b\\> and ble_1m | at least 520 µs | 11.7 ms |",
        "| energy of the sensor | – | 470 µJ |",
    ]
    assert "Break-even of computing, cycles: at least 12,500." in text
    assert "placement over" not in text
    assert "\n\n\n\n" not in text
