"""The page of a run of jobs: what stands in it, what is escaped, how long it may be, and how a browser shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.report.adapted import Adapted
from sarto.report.adapted_charts import MOST_JOBS, drawn_jobs
from sarto.report.adapted_page import adapted_html
from sarto.report.page import LIMIT_B
from tests.report.reader import check_readable

NASTY = "<b>&'\"</script>"
SECTIONS = ("policies", "timeline", "points", "findings", "provenance")
JOBS = (
    "job", "deadline_s", "floor", "cap_w", "slowdown", "point", "latency_s", "energy_j", "power_w", "accuracy", "late",
    "over", "below", "relaxed",
)  # fmt: skip


def table(name: str, columns: tuple[str, ...], rows: list[tuple[float | int | str, ...]]) -> Table:
    units = tuple("" if c in ("policy", "point", "how") else "1" for c in columns)
    return Table(name, columns, units, tuple(rows), tuple("estimated" if u else "" for u in units))


def sample(jobs: int = 60, points: int = 8, *, capped: bool = True) -> Adapted:
    cap: float | str = 0.9 if capped else ""
    tables = [
        table(
            "policies",
            ("policy", "energy_j", "late", "over", "accuracy", "below", "changes"),
            [("min_energy", 0.08, 0.01, 0.0, 0.66, 0.05, 0.06), (NASTY, 0.3, 0.08, 0.6, 0.71, 0.0, 0.0)],
        ),
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
                    1.0,
                    "p",
                    0.4 + 0.2 * (j % 9 == 0),
                    0.1,
                    0.4,
                    0.65,
                    int(j % 9 == 0),
                    0,
                    0,
                    0,
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


def test_every_section_is_there_and_what_comes_from_outside_is_escaped() -> None:
    page = adapted_html(sample())
    assert all(f'id="{name}"' in page for name in SECTIONS)
    assert "<b>&'" not in page
    assert page == adapted_html(sample())
    for figure in ("80\u00a0mJ", "300\u00a0mJ", ">66.00<", ">60.00<", "n = 60"):
        assert figure in page, figure


def test_a_limit_that_nobody_set_has_no_chart() -> None:
    captions = {
        capped: "Power while it ran" in adapted_html(sample(capped=capped)) for capped in (True, False)
    }
    assert captions == {True: True, False: False}


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
