"""What `sarto adapt` does: runs every policy through the same jobs, and gathers what the page and JSON show."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import sarto
from sarto.cli import _answer
from sarto.cli._asked import Asked, check, check_drawn, check_power, scenarios_of
from sarto.cli._ladder import laid_out
from sarto.cli._noticed import joules, noticed
from sarto.cli._policy import policy_of
from sarto.cli._regret import GOVERNORS, in_words, over
from sarto.core.evidence import Evidence
from sarto.core.store import file_sha256, write_atomic
from sarto.core.table import Table
from sarto.devices.platforms import Platform
from sarto.measure.operating import ACCURACY, simulated_evidence
from sarto.report.adapted import MORE, ORACLE, Adapted
from sarto.report.adapted_page import adapted_html
from sarto.runtime.files import write_trace
from sarto.runtime.log import Log
from sarto.runtime.points import Points
from sarto.runtime.scenarios import Scenario
from sarto.runtime.simulate import Run, Summary, simulate

PAGE, DOCUMENT, LOG, TRACE = "adaptation.html", "adaptation.json", "decisions.jsonl", "trace.csv"
HERE = "measured here"
"""Source of the figures of a call without a platform."""
COLUMNS = ("policy", "energy_j", "late", "over", "accuracy", "below", "changes", *MORE)
UNITS = ("", "J", *("1" for _ in COLUMNS[2:]))
JOB_COLUMNS = (
    "job", "deadline_s", "floor", "cap_w", "slowdown", "point", "latency_s", "energy_j", "power_w", "accuracy",
    "late", "over", "below", "relaxed", "variant", "cluster", "cores", "clock_hz", "highest_hz", "second",
)  # fmt: skip
_JOB_UNITS = (
    "1", "s", "1", "W", "1", "", "s", "J", "W", "1", "1", "1", "1", "1", "", "", "1", "Hz", "Hz", "",
)  # fmt: skip


def adapted(asked: Asked, command: str, folder: Path | None) -> Adapted:
    """Run every policy, and the oracle of the first, through the same jobs.

    Where there is a folder, the first one's decisions, and the jobs if they were drawn, are written there.
    """
    check(asked.relax, asked.policies, asked.mean_energy)
    check_drawn(asked.jobs, asked.scenarios)
    points, stated, device = laid_out(asked.ladder, asked.platform, asked.step, asked.work)
    scenarios = scenarios_of(asked, points, stated)
    check_power(points, asked.platform is None, asked.mean_energy, scenarios)
    rest: dict[str, Any] = {
        "late": asked.late,
        "idle_w": asked.idle,
        "relax": asked.relax,
        "energy_j": math.inf if asked.mean_energy is None else asked.mean_energy,
    }
    first = asked.policies[0]
    oracles = [] if first in GOVERNORS else [(first, True)]
    asks = [(first, False), *oracles, *((name, False) for name in asked.policies[1:])]
    log = None
    if folder is not None:
        log = Log(folder / LOG)
        if asked.trace is None:
            write_trace(folder / TRACE, scenarios[0], points.clusters)
    runs = [
        [
            simulate(
                points,
                device,
                scenario,
                policy_of(name, asked.late),
                oracle=oracle,
                log=log if (name, oracle) == asks[0] and number == 0 else None,
                **rest,
            )
            for number, scenario in enumerate(scenarios)
        ]
        for name, oracle in asks
    ]
    means = {each[0].policy: mean_of([run.summary() for run in each]) for each in runs}
    tables = {
        "policies": _policies(means),
        "points": _points(points, runs[0]),
        "jobs": _jobs(runs[0][0]),
    }
    return Adapted(
        f"{asked.ladder.stem} on {stated.title}",
        _summary(means, first),
        command,
        _evidence(runs[0], stated, command),
        noticed(asked, stated, runs, means, scenarios),
        tables,
        _provenance(asked, stated, scenarios),
    )


def known(value: float) -> float | str:
    """Return a figure for a table: an empty cell where it is not known."""
    return float(value) if math.isfinite(value) else ""


def mean_of(summaries: Sequence[Summary]) -> Summary:
    """Return the mean over scenarios of as many jobs each."""
    names = ("energy_j", "late", "over_power", "accuracy", "below", "changes")
    means = {name: float(np.mean([getattr(one, name) for one in summaries])) for name in names}
    return Summary(sum(one.jobs for one in summaries), **means)


def _policies(means: dict[str, Summary]) -> Table:
    best = next((s for name, s in means.items() if name.startswith(ORACLE)), None)
    rows: list[tuple[float | int | str, ...]] = []
    for name, s in means.items():
        more = ("",) * len(MORE) if best is None or s is best else tuple(known(v) for v in over(s, best))
        rows.append((name, known(s.energy_j), s.late, s.over_power, s.accuracy, s.below, s.changes, *more))
    return Table("policies", COLUMNS, UNITS, tuple(rows), ("", *("estimated" for _ in UNITS[1:])))


def _points(points: Points, runs: Sequence[Run]) -> Table:
    counts = sum(np.bincount(run.index, minlength=len(points)) for run in runs)
    shares = np.asarray(counts) / sum(len(run.index) for run in runs)
    rows = tuple(
        (
            point.name,
            float(points.latency_s[i]),
            known(points.power_w[i]),
            known(points.energy_j[i]),
            float(points.accuracy[i]),
            float(shares[i]),
            point.find("latency").how,
        )
        for i, point in enumerate(points.points)
    )
    columns = ("point", "latency_s", "power_w", "energy_j", "accuracy", "share", "how")
    how = points.points[0].find(ACCURACY).how
    hows = ("", "estimated", "estimated", "estimated", how, "estimated", "")
    return Table("points", columns, ("", "s", "W", "J", "1", "1", ""), rows, hows)


def _jobs(run: Run) -> Table:
    scenario, points = run.scenario, run.points
    rows: list[tuple[float | int | str, ...]] = []
    for j in range(len(run.index)):
        i = int(run.index[j])
        cap, heat = float(scenario.power_w[j]), float(scenario.highest_hz[j])
        clock, second = float(points.frequency_hz[i]), int(scenario.second[j])
        settings = points.points[i].settings
        rows.append(
            (
                j + 1,
                float(scenario.deadline_s[j]),
                float(scenario.accuracy[j]),
                known(cap),
                float(scenario.slowdown[j, points.cluster[i]] * scenario.noise[j]),
                points.points[i].name,
                float(run.latency_s[j]),
                known(run.energy_j[j]),
                known(run.power_w[j]),
                float(points.accuracy[i]),
                int(run.late[j]),
                int(run.over_power[j]),
                int(run.below[j]),
                int(run.relaxed[j]),
                str(settings.get("variant", "")),
                points.clusters[int(points.cluster[i])],
                int(settings.get("cores", 0)) or "",
                clock or "",
                known(heat) or "",
                points.clusters[second] if second >= 0 else "",
            )
        )
    hows = ("", *("" if unit == "" else "estimated" for unit in _JOB_UNITS[1:]))
    return Table("jobs", JOB_COLUMNS, _JOB_UNITS, tuple(rows), hows)


def _summary(means: dict[str, Summary], first: str) -> str:
    mine, best = means[first], means.get(f"{ORACLE}{first}")
    text = f"{first} takes {joules(mine.energy_j)} a job at an accuracy of {100 * mine.accuracy:.2f} %, "
    text += f"{100 * mine.late:.2f} % late and {100 * mine.below:.2f} % below what was asked for"
    if best is None:
        return f"{text}."
    least = f"take {joules(best.energy_j)} at" if math.isfinite(best.energy_j) else "reach"
    text += f". Told beforehand how slow each job runs, it would {least} {100 * best.accuracy:.2f} %, "
    text += f"{100 * best.late:.2f} % late and {100 * best.below:.2f} % below"
    return f"{text}. Its regret is {in_words(mine, best)}."


def _evidence(runs: Sequence[Run], stated: Platform, command: str) -> tuple[Evidence, ...]:
    each = [run.summary() for run in runs]
    energy = {"energy of a job": ("J", [one.energy_j for one in each])}
    figures = {
        **(energy if math.isfinite(sum(one.energy_j for one in each)) else {}),
        "share late": ("1", [one.late for one in each]),
        "share over power": ("1", [one.over_power for one in each]),
        "accuracy": ("1", [one.accuracy for one in each]),
        "share below accuracy": ("1", [one.below for one in each]),
    }
    return simulated_evidence(figures, sum(one.jobs for one in each), stated.name, command)


def _provenance(asked: Asked, stated: Platform, scenarios: Sequence[Scenario]) -> dict[str, Any]:
    found: dict[str, Any] = {"sarto": sarto.__version__, "platform": stated.title, "job": stated.job}
    files = {
        "ladder": asked.ladder / "front.json" if asked.ladder.is_dir() else asked.ladder,
        "trace": asked.trace,
    }
    for what, path in files.items():
        if path is not None:
            found[what] = f"{path.name}, SHA-256 {file_sha256(path)[:16]}"
    if asked.trace is None:
        found["scenarios"] = f"{len(scenarios)} of {asked.jobs} jobs, drawn from seed {asked.seed} on"
    if beside := sum(int((one.second >= 0).sum()) for one in scenarios):
        found["second model"] = (
            f"beside {beside} of {sum(map(len, scenarios))} jobs, with a cluster to itself"
        )
    sources = {one.source for one in (*stated.clusters, *stated.places)}
    if asked.work is not None:
        found["work"] = f"the largest model is {asked.work:g} of the platform's job"
    return found | {
        "late": asked.late,
        "relax": ", ".join(asked.relax),
        "source": "; ".join(sorted(sources)) or HERE,
    }


def write(found: Adapted, folder: Path, made: Path, trace: Path | None) -> None:
    """Write page and document, and the files that were made on the way; what an earlier call left there goes.

    Args:
        found: what is shown.
        folder: for it.
        made: where the decisions lie, and the jobs if they were drawn.
        trace: of the jobs if they were not, which stays where it is.
    """
    texts: dict[str, str | bytes] = {
        DOCUMENT: json.dumps(found.to_json(), indent=1, allow_nan=False) + "\n",
        PAGE: adapted_html(found),
    }
    names = (LOG, f"{LOG}.1", TRACE)
    texts |= {name: (made / name).read_bytes() for name in names if (made / name).exists()}
    for name, text in texts.items():
        write_atomic(folder / name, text)
    for name in names:
        path = folder / name
        if name not in texts and path.exists() and not (trace is not None and path.samefile(trace)):
            path.unlink()


def as_text(found: Adapted, folder: Path | None) -> None:
    """Print what the policies came to."""
    table = found.tables["policies"]
    rows: list[tuple[str, ...]] = []
    for name, energy, *shares in table.rows:
        figures = [f"{100 * float(share):.2f}" for share in shares[: -len(MORE)]]
        rows.append((str(name), "not measured" if energy == "" else joules(float(energy)), *figures))
    _answer.line(found.summary)
    _answer.line()
    names = ("policy", "energy/job", "late %", "over power %", "accuracy %", "below %", "changes %")
    _answer.table(names, rows, right=(1, 2, 3, 4, 5, 6))
    _regret(table)
    _answer.line()
    on = "the times measured here" if found.provenance["source"] == HERE else "the platform's figures"
    _answer.line(f"All figures are estimated: simulated on {on}.")
    for finding in found.findings:
        _answer.remark(str(finding))
    if folder is not None:
        _answer.line(
            f"Page, figures and decisions: {folder / PAGE}, {DOCUMENT}, {LOG} (sarto explain {folder / LOG})"
        )


def _regret(table: Table) -> None:
    """Print what several policies take and miss over the oracle, if there is one; the summary says it of the first."""
    oracle = next((str(name) for name in table.column("policy") if str(name).startswith(ORACLE)), "")
    if not oracle or len(table.rows) < 3:
        return
    _answer.line()
    _answer.line(f"Regret against the {oracle}, energy in %, else in points; others for comparison:")
    _answer.line()
    rows: list[tuple[str, ...]] = []
    for row in table.records():
        if row["policy"] != oracle:
            energy, *others = (row[name] for name in MORE)
            figures = [f"{100 * float(value):+.2f}" for value in others]
            rows.append((row["policy"], "not known" if energy == "" else f"{100 * energy:+.1f}", *figures))
    names = ("policy", "energy %", "late", "over power", "accuracy", "below")
    _answer.table(names, rows, right=(1, 2, 3, 4, 5))
