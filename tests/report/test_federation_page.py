"""The page of a federation: what stands in it, what is escaped, how long it may be, and how a browser shows it."""

from dataclasses import replace
from pathlib import Path

import pytest

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.report.federated import Federated
from sarto.report.federation_charts import course, spread
from sarto.report.federation_page import federation_html, verdict
from sarto.report.federation_views import answers, picture, spreads, worst
from sarto.report.page import LIMIT_B
from tests.report.reader import check_readable

NASTY = "<b>&'\"</script>"
SECTIONS = ("methods", "course", "clients", "holders", "drift", "answers", "leaks", "findings", "provenance")
ROUND = (
    "method", "round", "phase", "asked", "answered", "folded", "late", "twice", "refused", "up", "down", "macs",
    "cosine", "ratio",
)  # fmt: skip
LEAKS = (
    "client", "form", "size", "rows", "classes", "classes of one row", "known rows", "span", "determined",
    "masked size",
)  # fmt: skip


def table(name: str, columns: tuple[str, ...], rows: list[tuple[float | int | str, ...]]) -> Table:
    units = tuple("" if c in ("method", "client", "form") else "1" for c in columns)
    return Table(name, columns, units, tuple(rows), tuple("measured" if u else "" for u in units))


def sample(
    methods: int = 3, clients: int = 8, classes: int = 4, rounds: int = 30, long: str = ""
) -> Federated:
    names = [f"m{i}" for i in range(methods)]
    kinds = tuple(f"{NASTY}{long}{i}" for i in range(classes))
    held = [tuple((7 * i + 3 * j) % 5 for j in range(classes)) for i in range(clients)]
    tables = [
        table(
            "methods",
            ("method", "accuracy", "rounds", "up", "down", "macs", "rounds to first", "bytes to first"),
            [
                (n, 0.9 - i / 50, 2, 22320, 0, 42477952, "" if i else 2, "" if i else 22320)
                for i, n in enumerate(names)
            ],
        ),
        table(
            "rounds",
            ROUND,
            [
                (n, r, "rounds", 8, 7, 6, 1, 1, 1, 100, 0, 99, 0.5 if i else "", 1.5 if i else "")
                for i, n in enumerate(names)
                for r in range(1, rounds + 1)
            ],
        ),
        table(
            "accuracy",
            ("method", "round", "bytes", "accuracy"),
            [(n, r, 1000 * r, r / rounds) for n in names for r in range(1, rounds + 1)],
        ),
        table(
            "clients",
            ("client", "items", "test items", *names),
            [
                (f"c{i}{NASTY}{long}", 9, i, *((i / clients if i else "") for _ in names))
                for i in range(clients)
            ],
        ),
        table("classes", ("client", *kinds), [(f"c{i}", *row) for i, row in enumerate(held)]),
        table(
            "drift",
            ("alpha", "method", "cosine", "ratio", "accuracy"),
            [
                (a, n, 0.3 if i else "", 1.2 if i else "", 0.5)
                for a in (0.05, 100.0)
                for i, n in enumerate(names)
            ],
        ),
        table(
            "leaks of clients",
            LEAKS,
            [(f"c{i}", "factor-f32", 1896, 4, 3, 1, i % 5, 0, 1.0, 44496) for i in range(clients)],
        ),
    ]
    evidence = (
        Evidence("test accuracy", 0.9, "1", "measured", "t", n=40, interval=(0.77, 0.96)),
        Evidence("client_macs", 42477952, "1", "estimated", "t"),
    )
    found = (Finding("leaks", "warning", NASTY),)
    return Federated(
        f"river {NASTY}{long}", f"summary {long}", "sarto federate simulate x.toml", evidence, found,
        {t.name: t for t in tables}, {"seed": 0, "chains": [[["m0", 5, {"rate": 0.5}]]], "participation": {"late": 0}},
    )  # fmt: skip


def test_everything_stands_in_the_page_once_and_escaped() -> None:
    page = federation_html(sample())
    assert NASTY not in page
    for section in SECTIONS:
        assert page.count(f'<section id="{section}"') == 1
    assert page.count('<svg class="chart"') == 6
    assert "m0 gets 90.00 % of the test items right, with 22.32 kB on the air in 2 rounds." in page
    assert "No other method does get there." in page
    assert "m0 (rate 0.5; at most 5 rounds)" in page
    assert "http://" not in page and "https://" not in page


def test_one_method_and_empty_tables_leave_their_sections_out() -> None:
    one = sample(methods=1)
    tables = {n: t for n, t in one.tables.items() if n != "leaks of clients"}
    for name in ("rounds", "accuracy", "drift", "classes", "clients"):
        tables[name] = replace(tables[name], rows=())
    page = federation_html(replace(one, tables=tables, findings=()))
    for section in SECTIONS:
        assert (f'<section id="{section}"' in page) == (section in ("methods", "provenance"))
    assert "rounds to first" not in page and 'class="legend"' not in page


def test_a_page_stays_small_and_says_what_is_left_out() -> None:
    page = federation_html(sample(methods=12, clients=600, classes=60, rounds=200, long="n" * 300))
    assert len(page.encode()) < LIMIT_B
    assert "4 more are not drawn." in page
    assert "60 clients are drawn, chosen evenly by size; " in page
    assert "The 37 smallest classes are in one row." in page
    assert page.count("<circle") <= 60 * 24


def test_what_is_summed_and_sorted_over_clients() -> None:
    tables = sample(clients=4).tables
    assert answers(tables["rounds"])[0] == {
        "method": "m0", "asked": 240, "answered": 210, "late": 30, "twice": 30, "refused": 30, "folded": 180
    }  # fmt: skip
    first = spreads(tables["clients"])[0]
    assert (first.clients, first.lowest, first.median, first.mean) == (3, 0.25, 0.5, 0.5)
    assert [i for i, bar in enumerate(first.bars) if bar] == [5, 10, 15]
    assert [row[2] for row in worst(tables["clients"], 2)[0]] == [1, 2] and worst(tables["clients"], 2)[
        1
    ] == 1


def test_the_area_of_a_disc_is_the_number_of_items() -> None:
    shown = picture(
        table("classes", ("client", "a", "b"), [("small", 1, 0), ("none", 0, 0), ("large", 4, 16)])
    )
    assert shown is not None and (shown.clients, shown.largest, shown.most) == (2, 20, 16)
    assert [name for name, *_ in shown.bars] == ["large", "small"]
    radii = {name: [float(r) for _, r in discs] for name, _, discs in shown.rows}
    assert radii["b"][0] / radii["a"][0] == pytest.approx(2)
    assert len(radii["a"]) == 2 and len(radii["b"]) == 1


def test_others_that_get_there_are_told_with_what_it_took() -> None:
    rows: list[tuple[float | int | str, ...]] = [
        ("a", 0.9, 1, 500, 500, 9, 1, 1000), ("b", 0.9, 5, 9, 9, 9, 2, 3000), ("c", 0.9, 5, 9, 9, 9, 2, 2000)
    ]  # fmt: skip
    columns = sample().tables["methods"].columns
    assert verdict(table("methods", columns, rows)).endswith("Of 2 others 2 get there, c after 2 kB.")
    assert verdict(table("methods", columns, rows[:2])).endswith("in 1 round. b gets there after 3 kB.")


def test_numbers_at_the_edge_keep_apart_and_in_order() -> None:
    placed = spread([0.9, 0.9, 0.9, 0.1, 0.5], 0.1)
    assert placed == pytest.approx([1.0, 0.9, 0.8, 0.1, 0.5])
    svg = course("x", [[(5, 0.9)], [(1, 0.2), (9, 0.8)]], "round", log=False)
    assert svg.count("<text") > 2 and "var(--kind-2)" in svg


def test_a_person_can_read_it_in_a_browser(chromium: str, tmp_path: Path) -> None:
    file = tmp_path / "federation.html"
    file.write_text(federation_html(sample(clients=30, classes=30, long="n" * 200)), encoding="utf-8")
    check_readable(chromium, tmp_path / "profile", file, 100)
