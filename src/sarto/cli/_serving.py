"""What `sarto adapt --serve` does: a manager on the points of a ladder and a platform, until a signal."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sarto.cli import _answer
from sarto.cli._asked import check, check_power
from sarto.cli._ladder import laid_out
from sarto.cli._policy import policy_of
from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.core.store import folder_for
from sarto.devices.platforms import Platform
from sarto.measure.adapters import adapters
from sarto.measure.monitors import PROC, SYS, Runnable, monitors
from sarto.runtime.advice import Advisor
from sarto.runtime.goal import Goal
from sarto.runtime.knobs import Frequency, Knobs
from sarto.runtime.log import Log
from sarto.runtime.manager import Changes, Manager
from sarto.runtime.points import Points
from sarto.runtime.readings import Readings
from sarto.runtime.serving import loopback, serve

LOG, JOURNAL = "decisions.jsonl", "knobs.json"
CPUFREQ = Path("devices/system/cpu/cpufreq")


@dataclass(frozen=True)
class Service:
    """The call."""

    ladder: Path
    platform: str | None
    policies: tuple[str, ...]
    late: float
    relax: tuple[str, ...]
    mean_energy: float | None
    work: float | None
    out: Path | None
    address: str
    socket: Path | None
    apply: bool
    crowd: bool
    sys: Path | None


def service(asked: Service) -> int:
    """Serve until a signal ends it, and return the exit code."""
    address = loopback(asked.address)
    check(asked.relax, asked.policies[:1], asked.mean_energy)
    if asked.apply and asked.out is None:
        raise SartoError(
            "E112",
            "--apply needs -o OUT",
            cause="what knobs were before is kept there, so that the next start sets them back after a kill",
            hint="as in -o /var/lib/sarto",
        )
    # A kernel has the clocks that are stated, and none in between.
    points, device, _ = laid_out(asked.ladder, asked.platform, None, asked.work)
    check_power(points, asked.platform is None, asked.mean_energy)
    with contextlib.nullcontext() if asked.out is None else folder_for(asked.out):
        advisor, names = _advisor(asked, points, device)
        serve(advisor, address, asked.socket, lambda at: _said(asked, at, len(points), names))
    if advisor.knobs.failed:
        told = "; ".join(f"{name}: {why}" for name, why in advisor.knobs.failed.items())
        raise SartoError(
            "E178",
            "not all knobs could be set back",
            cause=told,
            hint="the journal keeps what they were: the next start tries again",
        )
    return 0


def _advisor(asked: Service, points: Points, device: Platform) -> tuple[Advisor, list[str]]:
    """Return what answers, and the names of its knobs."""
    sys = asked.sys or SYS
    log = journal = None
    if asked.out is not None:
        log, journal = Log(asked.out / LOG), asked.out / JOURNAL
    names = sorted({cluster.policy for cluster in device.clusters if cluster.policy})
    advisor = Advisor(
        Manager(
            points, policy_of(asked.policies[0], asked.late), changes=Changes.of(device), late=asked.late
        ),
        Knobs([Frequency(name, sys / CPUFREQ) for name in names], asked.apply, journal),
        Wanted(device),
        Readings(monitors(sys, PROC) | adapters()),
        log,
        Runnable(PROC) if asked.crowd else None,
        goal=Goal(energy_j=math.inf if asked.mean_energy is None else asked.mean_energy, relax=asked.relax),
    )
    return advisor, names


@dataclass(frozen=True)
class Wanted:
    """A point -> the clock of the cpufreq policy of its cluster, where the platform file names one."""

    platform: Platform

    def __call__(self, point: OperatingPoint) -> Mapping[str, str]:
        """Return what knobs are to be at a point."""
        clock = float(point.settings.get("frequency_hz", 0))
        policies = {cluster.name: cluster.policy for cluster in self.platform.clusters}
        policy = policies.get(str(point.settings.get("cluster", "")), "")
        return {policy: f"{clock:.0f}"} if policy and clock > 0 else {}


def _said(asked: Service, at: tuple[str, int], points: int, names: list[str]) -> None:
    host = f"[{at[0]}]" if ":" in at[0] else at[0]
    _answer.line(f"{points} operating points, policy {asked.policies[0]}")
    _answer.line(f"metrics: http://{host}:{at[1]}/metrics")
    if asked.socket is not None:
        _answer.line(
            f'questions: curl --unix-socket {asked.socket} http://sarto/decide -d \'{{"deadline": "400ms"}}\''
        )
    mode = "really set, and set back at the end" if asked.apply else "a dry run; --apply sets them"
    _answer.line(
        f"knobs: {', '.join(names) or 'none (no cluster of the platform names a cpufreq policy)'}: {mode}"
    )
