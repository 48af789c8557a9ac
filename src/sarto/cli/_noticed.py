"""What `sarto adapt` notices beside the figures: what they rest on, and what must not be overlooked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sarto.cli._asked import Asked
from sarto.core.finding import Finding
from sarto.core.units import format_quantity
from sarto.devices.platforms import Platform
from sarto.report.adapted import ORACLE
from sarto.runtime.points import Points
from sarto.runtime.scenarios import Scenario
from sarto.runtime.simulate import Run, Summary


def noticed(
    asked: Asked,
    stated: Platform,
    runs: Sequence[Sequence[Run]],
    means: dict[str, Summary],
    scenarios: Sequence[Scenario],
) -> tuple[Finding, ...]:
    """Return what there is to say of the runs of each policy, whose means are given, on a platform."""
    return (
        *_work(asked, stated),
        *stated.findings,
        *_notes(asked, stated, means, asked.policies[0]),
        *_places(stated, runs[0]),
        *_heat(runs[0][0].points, scenarios),
        *_busy(runs),
        *_overspent(asked, means),
    )


def joules(value: float) -> str:
    """Return an energy in words."""
    return format_quantity(value, "J") if math.isfinite(value) else "an energy that was not measured"


def _work(asked: Asked, stated: Platform) -> list[Finding]:
    """Return what the work of a folder's models is taken for."""
    if not asked.ladder.is_dir():
        return []
    if asked.work is not None:
        text = (
            f"the model with most instructions is taken to be {asked.work:g} of the platform's job (--work)"
        )
        return [Finding("work", "note", f"{text}, others in proportion to theirs")]
    text = (
        f"the model with most instructions is taken to be as much work as the platform's job, {stated.job}; shares "
        "between points hold, absolute times and energies do not: say with --work what share of that job it is"
    )
    return [Finding("work", "warning", text)]


def _notes(asked: Asked, stated: Platform, means: dict[str, Summary], first: str) -> list[Finding]:
    text = f"nothing ran: times and powers are those of {stated.title}, for {stated.job}"
    if asked.platform is None:
        text = f"the files were timed on {stated.title}; jobs are simulated by these times"
    notes = [Finding("simulated", "note", text)]
    if asked.trace is None and asked.scenarios > 1:
        text = f"shares and energies are means over {asked.scenarios} scenarios; jobs one by one are those of the first"
        notes.append(Finding("scenarios", "note", text))
    idle = stated.idle_w.value if asked.idle is None else asked.idle
    source = stated.idle_w.source if asked.idle is None else "given"
    drawn_w = format_quantity(idle, "W") if math.isfinite(idle) else "an unknown power"
    notes.append(
        Finding("idle power", "note", f"{drawn_w} between jobs ({source}); try --idle with another value")
    )
    mine, best = means[first], means.get(f"{ORACLE}{first}")
    if best is not None and best.late + best.below + best.over_power > 0:
        text = (
            f"not all limits could be met: told beforehand how slow each job runs, {first} would have {best.late:.1%} "
            f"late, {best.below:.1%} below accuracy and {best.over_power:.1%} over power"
        )
        notes.append(Finding("limits", "note", text.replace("%", " %")))
    if best is not None and mine.over_power > best.over_power:
        notes.append(
            Finding(
                "power", "warning", "more power was drawn than was allowed; relax deadlines or accuracy first"
            )
        )
    return notes


def _places(stated: Platform, runs: Sequence[Run]) -> list[Finding]:
    """Return for each place how often jobs ran there, and how the manager met links that were down."""
    found: list[Finding] = []
    jobs = sum(len(run.index) for run in runs)
    for number, name in runs[0].points.places.items():
        place = next(one for one in stated.places if one.name == name)
        there = sum(int((run.points.cluster[run.index] == number).sum()) for run in runs)
        down = sum(0 if run.scenario.up is None else int((~run.scenario.up[:, number]).sum()) for run in runs)
        over = " and ".join(link.name for link in place.links)
        text = (
            f"{there} of {jobs} jobs ran at {name} over {over} ({place.title}); its link was down in {down}"
        )
        found.append(Finding("place", "note", text))
    if found:
        tries = sum(int(run.unanswered.sum()) for run in runs)
        text = f"{tries} jobs met a link that was down: after the time that the platform states they ran elsewhere"
        found.append(Finding("links", "note", text))
    return found


def _heat(points: Points, scenarios: Sequence[Scenario]) -> list[Finding]:
    """Return a warning where heat allows less than the lowest clock that there is."""
    lowest = float(points.frequency_hz[points.frequency_hz > 0].min(initial=math.inf))
    hot = np.concatenate([one.highest_hz for one in scenarios])
    below = hot[hot < lowest]
    if not len(below) or math.isinf(lowest):
        return []
    text = (
        f"no clock is as low as the {format_quantity(float(below.min()), 'Hz')} that heat allows: {len(below)} of "
        f"{len(hot)} jobs may use none, and the lowest of each cluster is taken all the same"
    )
    return [Finding("heat", "warning", text)]


def _busy(runs: Sequence[Sequence[Run]]) -> list[Finding]:
    """Return a warning for each policy whose jobs take more time than there is."""
    busy = {each[0].policy: max(run.busy for run in each) for each in runs}
    text = "jobs of {} take {:.2f} times the time that there is: on a real machine they would pile up, and more be late"
    return [Finding("time", "warning", text.format(name, share)) for name, share in busy.items() if share > 1]


def _overspent(asked: Asked, means: dict[str, Summary]) -> list[Finding]:
    """Return a warning where a policy that goes by a mean energy took more."""
    text = (
        "{} took {} a job in the mean, where {} was allowed: firmer limits, or the cheapest point, take more"
    )
    return [
        Finding("energy", "warning", text.format(name, joules(s.energy_j), joules(asked.mean_energy)))
        for name, s in means.items()
        if asked.mean_energy is not None
        and name == "energy_budget"
        and s.energy_j > asked.mean_energy * 1.005
    ]
