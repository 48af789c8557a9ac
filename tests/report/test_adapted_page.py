"""The page of a run of jobs: what stands in it, what is escaped, how long it may be, and how a browser shows it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.seed import generator
from sarto.core.table import Table
from sarto.report.adapted import MORE, Adapted
from sarto.report.adapted_charts import MOST_JOBS, choices, drawn_jobs, front, strip, timeline
from sarto.report.adapted_page import adapted_html
from sarto.report.page import LIMIT_B
from tests.report.reader import check_readable

NASTY = "<b>&'\"</script>"
SECTIONS = ("policies", "timeline", "points", "findings", "provenance")
JOBS = (
    "job", "deadline_s", "floor", "cap_w", "slowdown", "point", "latency_s", "energy_j", "power_w", "accuracy", "late",
    "over", "below", "relaxed", "variant", "cluster", "cores", "clock_hz", "highest_hz", "second",
)  # fmt: skip
POLICIES = ("policy", "energy_j", "late", "over", "accuracy", "below", "changes", *MORE)
NAMES = ("policy", "point", "how", "variant", "cluster", "second")


def table(name: str, columns: tuple[str, ...], rows: list[tuple[float | int | str, ...]]) -> Table:
    units = tuple("" if c in NAMES else "1" for c in columns)
    return Table(name, columns, units, tuple(rows), tuple("estimated" if u else "" for u in units))


def sample(
    jobs: int = 60,
    points: int = 8,
    *,
    capped: bool = True,
    oracle: bool = True,
    clocks: bool = True,
    slowed: float = 1.0,
) -> Adapted:
    cap: float | str = 0.9 if capped else ""
    none = ("",) * len(MORE)
    rows: list[tuple[float | int | str, ...]] = [
        (
            "min_energy",
            0.08,
            0.01,
            0.0,
            0.66,
            0.05,
            0.06,
            *((0.1234, 0.01, 0.0, -0.02, 0.03) if oracle else none),
        ),
        (NASTY, 0.3, 0.08, 0.6, 0.71, 0.0, 0.0, *((2.5, 0.08, 0.6, 0.05, -0.02) if oracle else none)),
    ]
    if oracle:
        rows.append(("oracle of min_energy", 0.0712, 0.0, 0.0, 0.66, 0.02, 0.06, *none))
    tables = [
        table("policies", POLICIES, rows),
        table(
            "points",
            ("point", "latency_s", "power_w", "energy_j", "accuracy", "share", "how"),
            [
                (f"{NASTY}{i}", 0.2 + i, 0.3, 0.05 + i / 10, 0.5 + i / 99, float(i == 2), "declared")
                for i in range(points)
            ],
        ),
        table(
            "jobs",
            JOBS,
            [
                (
                    j + 1,
                    0.5,
                    0.6,
                    cap,
                    slowed,
                    "p",
                    0.4 + 0.2 * (j % 9 == 0),
                    0.1,
                    0.4,
                    0.65,
                    int(j % 9 == 0),
                    0,
                    0,
                    0,
                    "whole",
                    NASTY if j % 2 else "a7",
                    4,
                    (1.1e9 if j % 2 else 0.7e9) if clocks else "",
                    1e9 if clocks and 10 <= j < 20 else "",
                    "a15" if 30 <= j < 40 else "",
                )
                for j in range(jobs)
            ],
        ),
    ]
    evidence = (Evidence("energy of a job", 0.08, "J", "estimated", "simulated", n=jobs),)
    findings = (Finding("energy", "warning", f"320 mJ {NASTY}"),)
    return Adapted(
        NASTY, f"{NASTY} takes little", f"sarto adapt {NASTY}", evidence, findings, {t.name: t for t in tables},
        {"platform": NASTY, "late": 0.02},
    )  # fmt: skip


@pytest.fixture(scope="module")
def page() -> str:
    """The page of a run with everything there is to draw, but that nothing slowed jobs down."""
    return adapted_html(sample())


@pytest.fixture(scope="module")
def bare() -> str:
    """The page of a run without caps, an oracle and clocks, whose jobs were slowed down."""
    return adapted_html(sample(capped=False, oracle=False, clocks=False, slowed=1.5))


def test_every_section_is_there_and_what_comes_from_outside_is_escaped(page: str) -> None:
    assert all(f'id="{name}"' in page for name in SECTIONS)
    assert "<b>&'" not in page
    assert page == adapted_html(sample())
    for figure in ("80\u00a0mJ", "300\u00a0mJ", ">66.00<", ">60.00<", "n = 60"):
        assert figure in page, figure


@pytest.mark.parametrize(
    ("words", "there", "absent"),
    [
        ("Power while it ran", "page", "bare"),
        ("How many times as slow", "bare", "page"),
        ("oracle", "page", "bare"),
        (">Regret<", "page", "bare"),
        ('aria-label="clock by job"', "page", "bare"),
        ('aria-label="cores by job"', "bare", "page"),
        ("clocks that heat takes away", "page", "bare"),
        ("when a second model has a cluster to itself", "page", ""),
    ],
)
def test_what_there_is_nothing_of_is_not_drawn(
    words: str, there: str, absent: str, request: pytest.FixtureRequest
) -> None:
    assert words in str(request.getfixturevalue(there))
    assert not absent or words not in str(request.getfixturevalue(absent))


def test_regret_stands_beside_the_policies(page: str) -> None:
    regret = page[page.index(">Regret<") : page.index('id="timeline"')]
    for figure in ("+12.34", "+250.00", "+1.00", "+60.00", "-2.00", "+3.00"):
        assert f">{figure}<" in regret, figure
    assert regret.count('<th scope="row">') == 2
    assert "What each policy takes and misses over the oracle of min_energy" in regret


def marks(svg: str, role: str) -> int:
    """Return how many dots stand in groups of a role's colour."""
    groups = re.findall(r"<g[^>]*>\s*(?:<use [^>]*/>\s*)+</g>|<use [^>]*/>", svg)
    return sum(group.count("<use ") for group in groups if f"fill: var(--{role})" in group)


def test_the_strip_has_a_dot_for_each_job_in_the_colour_of_its_cluster() -> None:
    clocks, clusters = [1e9, 1e9, 0.5e9, math.nan], [0, 0, 1, 2]
    plain = strip(clocks, clusters, "Hz", "clock", [math.inf] * 4, [-1] * 4)
    assert [marks(plain, f"kind-{n}") for n in (1, 2, 3)] == [2, 1, 1]
    assert "not set" in plain and "1 GHz" in plain
    assert "var(--bad)" not in plain
    taken = strip(clocks, clusters, "Hz", "clock", [math.inf, 0.6e9, 0.6e9, math.inf], [-1, -1, 3, 3])
    assert "var(--bad)" in taken
    assert "var(--kind-4)" in taken and "var(--kind-4)" not in plain


def test_the_front_is_what_nothing_dominates() -> None:
    rng = generator(5, "front")
    for _ in range(20):
        costs, accuracies = rng.integers(1, 9, 30).tolist(), rng.integers(0, 9, 30).tolist()
        here = list(zip(costs, accuracies, strict=True))
        best = {(c, a) for c, a in here if not any(d <= c and b >= a and (d, b) != (c, a) for d, b in here)}
        found = [here[i] for i in front(costs, accuracies)]
        assert found == sorted(best)


def test_the_front_is_a_line_and_the_most_frequent_choices_say_their_share() -> None:
    svg = choices([1.0, 2.0, 3.0, 4.0], [0.5, 0.7, 0.6, 0.9], [0.25, 0.0, 0.75, 0.0], "J", "energy")
    assert marks(svg, "ink") == 3 and marks(svg, "kind-8") == 1
    assert "25 %" in svg and "75 %" in svg and ">0 %" not in svg


def test_limits_that_change_with_every_job_are_thinned() -> None:
    limits = [1.0 + j % 2 for j in range(20_000)]
    svg = timeline("deadline", limits, [0.5] * len(limits), [False] * len(limits), "s", "time")
    assert len(svg) < LIMIT_B / 6


def test_a_page_stays_small_however_many_jobs_and_points() -> None:
    page = adapted_html(sample(50_000, 4_000))
    assert len(page.encode()) < LIMIT_B
    assert "Of 50,000 jobs about 400 are drawn" in page
    assert "3,999 more are in adaptation.json" in page


@pytest.mark.parametrize("every", [1, 2, 50, 10**9])
def test_jobs_that_broke_a_limit_are_drawn_first(every: int) -> None:
    broken = [i % every == 7 % every for i in range(5000)]
    drawn = drawn_jobs(broken)
    assert drawn == sorted(set(drawn))
    assert len(drawn) <= MOST_JOBS + 1
    assert drawn[0] == 0
    if every == 50:
        assert sum(broken[i] for i in drawn) >= 100


def test_a_person_can_read_it_in_a_browser(chromium: str, tmp_path: Path) -> None:
    file = tmp_path / "adaptation.html"
    file.write_text(adapted_html(replace(sample(3000, 40), name="n" * 90)), encoding="utf-8")
    check_readable(chromium, tmp_path / "profile", file, 60)
