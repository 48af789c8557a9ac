"""What a call of `sarto adapt` asks for: it is checked before anything is written, and its jobs are read or drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sarto.core.errors import SartoError
from sarto.devices.platforms import Platform
from sarto.runtime.files import MOST_JOBS, read_trace
from sarto.runtime.goal import LIMITS
from sarto.runtime.points import Points
from sarto.runtime.scenarios import Limits, Scenario, drawn

MOST_IN_ALL = 10 * MOST_JOBS
"""Jobs of all scenarios that are drawn."""
MOST_SCENARIOS = 10_000


@dataclass(frozen=True)
class Asked:
    """The call."""

    ladder: Path
    platform: str | None
    trace: Path | None
    policies: tuple[str, ...]
    late: float
    relax: tuple[str, ...]
    mean_energy: float | None
    work: float | None
    idle: float | None
    step: float
    jobs: int
    scenarios: int
    seed: int
    second: str | None


def check(relax: tuple[str, ...], policies: tuple[str, ...], mean_energy: float | None) -> None:
    """Refuse what can be seen before anything is read."""
    if wrong := [name for name in relax if name not in LIMITS or relax.count(name) > 1]:
        raise SartoError(
            "E112",
            f"--relax: '{wrong[0]}' is {'no limit' if wrong[0] not in LIMITS else 'named twice'}",
            cause="what may give way is a limit, and each is named once",
            hint=", ".join(LIMITS),
        )
    if "energy_budget" in policies and mean_energy is None:
        raise SartoError(
            "E112",
            "--mean-energy is missing",
            cause="the policy energy_budget keeps it",
            hint="as in --mean-energy 60mJ",
        )


def check_drawn(jobs: int, scenarios: int) -> None:
    """Refuse more jobs than are ever drawn: a scenario has no more than a trace, and all together ten times as many."""
    if scenarios > MOST_SCENARIOS:
        raise SartoError(
            "E112",
            f"--scenarios {scenarios} are too many",
            cause=f"at most {MOST_SCENARIOS:,} are drawn",
            hint="10 show how much draws differ",
        )
    for what, count, most, where in (
        (f"--jobs {jobs}", jobs, MOST_JOBS, "for a scenario"),
        (f"--jobs {jobs} in --scenarios {scenarios}", jobs * scenarios, MOST_IN_ALL, "in all"),
    ):
        if count > most:
            raise SartoError(
                "E112",
                f"{what}: {count:,} jobs are too many",
                cause=f"at most {most:,} are drawn {where}",
                hint="--jobs 2000 --scenarios 10 shows how much draws differ",
            )


def check_power(
    points: Points, here: bool, mean_energy: float | None, scenarios: Sequence[Scenario] = ()
) -> None:
    """Refuse limits of power and energy where those of no point are known; else they leave out what is not known.

    Args:
        points: to choose from.
        here: whether they were timed on this computer.
        mean_energy: that jobs may take, in J.
        scenarios: whose jobs may limit power.
    """
    if points.some_power:
        return
    cause = "the power of no point is known"
    hint = "leave it out, or state the power of each setting (power_w) in the platform file"
    if here:
        hint = "leave it out: of files that are timed here no power is measured"
    if mean_energy is not None:
        raise SartoError("E112", "--mean-energy cannot be kept", cause=cause, hint=hint)
    limited = [one.name for one in scenarios if bool(np.isfinite(one.power_w).any())]
    if limited:
        raise SartoError("E116", f"'{limited[0]}' limits power_w", cause=cause, hint=hint)


def scenarios_of(asked: Asked, points: Points, stated: Platform) -> list[Scenario]:
    """Return the jobs: those of the trace, or as many as are drawn."""
    if asked.trace is not None:
        return [read_trace(asked.trace, points.clusters, tuple(points.places.values()))]
    second = -1 if asked.second is None else _apart(points, asked.second)
    limits = Limits.of(points, second)
    seeds = range(asked.seed, asked.seed + asked.scenarios)
    works = {place.name: place.availability for place in stated.places}
    elsewhere = {number: works[name] for number, name in points.places.items()}
    clusters = len(points.clusters)
    common: dict[str, Any] = {"clusters": clusters, "second": second, "elsewhere": elsewhere}
    return [drawn(asked.jobs, limits, seed=seed, **common) for seed in seeds]


def _apart(points: Points, name: str) -> int:
    """Return the number of the cluster that a second model may have to itself."""
    here = [cluster for number, cluster in enumerate(points.clusters) if number not in points.places]
    if name not in here or len(points.clusters) == 1:
        raise SartoError(
            "E112",
            f"--second: a second model cannot have '{name}' to itself",
            cause="it is no cluster of the platform" if name not in here else "jobs could run nowhere else",
            hint=f"clusters are {', '.join(here)}",
        )
    return points.clusters.index(name)
