"""The page of an audit: what stands in it, what is escaped, how long it may be; and the gates as JUnit XML."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.report.audit_page import audit_html, fault_map, groups
from sarto.report.audited import Audited, GateRow
from sarto.report.headings import headings
from sarto.report.junit import junit
from sarto.report.page import LIMIT_B

NASTY = "<b>&'\"</script>"


def gain_table(rows: int) -> Table:
    columns = ("subgroup", "rows", "support", "original", "small", "gain", "lower", "upper", "p", "q")
    body = tuple(
        (f"{NASTY} = {i}", 100 + i, 0.1, 0.9, 0.8, -0.1 + 0.001 * i, -0.2, 0.05, 0.001 * i, 0.01 * i)
        for i in range(rows)
    )
    return Table("gain", columns, ("",) * 10, body, ("", *["measured"] * 9))


def divergence_table() -> Table:
    columns = ("subgroup", "rows", "support", "rate", "divergence", "lower", "upper", "t", "p", "q")
    return Table(
        "subgroups",
        columns,
        ("",) * 10,
        (("sex = f", 50, 0.5, 0.8, 0.25, 0.1, 0.3, 2.0, 0.04, 0.04),),
        ("",) * 10,
    )


FAULTS = Table(
    "faults",
    ("outcome", "faults", "share"),
    ("", "", "1"),
    (("critical", 3, 0.003),),
    ("", "measured", "measured"),
)
MAP = Table(
    "fault map",
    ("place", "0", "31"),
    ("", "1", "1"),
    (("conv1", 0.0, 0.75), ("head", float("nan"), 0.25)),
    ("", "m", "m"),
)
FORMATS = Table(
    "formats",
    ("format", "bits", "accuracy", "BER 1e-05", "BER 0.001"),
    ("", "bits", "1", "1", "1"),
    (("int8", 8, 0.98, 0.97, 0.9), ("posit(8,0)", 8, 0.97, 0.95, 0.2)),
    ("", "", "measured", "measured", "measured"),
)


def sample(**tables: Table) -> Audited:
    gate = GateRow(
        f"gain >= 0pp {NASTY}", False, "1 of 3 fail", tuple((f"g{i}", "-1 points") for i in range(7))
    )
    evidence = (
        Evidence("overall_gain", -0.05, "1", "measured", "t", n=10, interval=(-0.07, -0.03)),
        Evidence("critical", 0.003, "1", "measured", "t", n=1000, interval=(0.001, 0.01)),
    )
    provenance = {
        "rows": 10,
        "metric": "accuracy",
        "of": "the model 'm'",
        "null": "zero",
        "columns": {"target": NASTY},
    }
    return Audited(
        f"net {NASTY}", "summary", "sarto audit x", (gate, GateRow("b", True, "holds", ())), evidence,
        (Finding("what", "warning", NASTY),), tables, provenance,
    )  # fmt: skip


FULL = sample(
    **{
        "gain": gain_table(60),
        "subgroups": divergence_table(),
        "faults": FAULTS,
        "fault map": MAP,
        "formats": FORMATS,
    }
)


def test_everything_stands_in_the_page_once_and_escaped() -> None:
    page = audit_html(FULL)
    assert NASTY not in page.replace("\\u003c", "<")
    assert "1 of 2 gates fail." in page
    assert "and 2 more, in audit.json" in page
    assert "-5.00\u00a0points" in page
    assert "20 more are in audit.json" in page
    assert page.count('<svg class="chart"') == 3
    for section in ("gain", "subgroups", "faults", "formats", "findings", "headings", "provenance"):
        assert page.count(f'<section id="{section}"') == 1
    assert "claims compliance with neither" in page
    assert "http://" not in page
    assert "https://" not in page
    assert len(page.encode()) < LIMIT_B
    assert audit_html(FULL) == page


def test_a_page_has_only_what_was_audited() -> None:
    page = audit_html(replace(FULL, tables={"subgroups": divergence_table()}, gates=(), findings=()))
    assert 'id="subgroups"' in page
    assert "No gate was set" in page
    for section in ("gain", "faults", "formats", "findings"):
        assert f'<section id="{section}"' not in page


def test_the_document_and_back() -> None:
    assert Audited.from_json(FULL.to_json()) == replace(FULL, tables=FULL.tables)
    assert FULL.to_json()["passed"] is False


def test_rows_lie_on_an_axis_that_holds_zero_and_every_interval() -> None:
    shown = groups(gain_table(60), ("original", "small", "gain"))
    assert (len(shown.rows), shown.left_out) == (40, 20)
    assert 0 < shown.place(-0.2) < shown.place(0.0) < shown.place(0.05) < 100


def test_the_fault_map_shades_by_share_and_leaves_out_what_nobody_tried() -> None:
    conv, head = fault_map(MAP)
    assert conv.cells[0] == (0.0, 0.1)
    assert conv.cells[1] is not None
    assert head.cells[1] is not None
    assert conv.cells[1][1] > head.cells[1][1]
    assert head.cells[0] is None


def test_findings_stand_under_headings() -> None:
    rows = headings(FULL)
    assert [h.found.partition(":")[0] for h in rows[:2]] == [
        "The smaller model gains least in",
        "The subgroup that differs most from all rows",
    ]
    assert "-10.00 points" in rows[0].found
    assert rows[2].found == "Of 1,000 injected faults 0.3 % were critical."
    assert rows[4].found == "1 of 2 criteria that were set beforehand hold."


def test_gates_are_test_cases() -> None:
    root = ET.fromstring(junit("net", FULL.gates, 1.0))
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failed, passed = suite.findall("testcase")
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == "1 of 3 fail"
    assert (failure.text or "").splitlines()[0] == "g0: -1 points"
    assert passed.find("failure") is None


@pytest.mark.parametrize("text", ["\x00", "\x0b", "\ud800"])
def test_what_xml_cannot_hold_is_replaced(text: str) -> None:
    root = ET.fromstring(junit(text, (GateRow(text, False, text, ((text, text),)),), 0.0))
    assert root.find("testsuite/testcase/failure") is not None
