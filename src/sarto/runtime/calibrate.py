"""A platform file for the machine that this runs on: every number measured here, and what cannot be measured left out.

One job, a fixed number of products of two matrices, is timed on 1, 2, 4, ... cores of each group that shares a clock:
as many threads as cores, bound to them, at several clocks where the kernel lets them be set. Settings take turns, round
after round, so that whatever else runs slows all of them down alike; the first job after a change of setting is kept
apart, and what it takes longer is the cost of a change. A time is the median over the rounds; least and most stand
beside it in the file.

Power is read over the same jobs if a counter (RAPL) or a sensor (hwmon) answers, and between jobs for `idle_w`. Both
see the package or the board, never the job alone, and the file says so. Where neither answers the file has no power:
policies that go by energy then refuse to work, and nothing is guessed.

Source: the numbers are measured; the form is that of `sarto.devices.platforms`.

>>> from sarto.devices.platforms import parse_platform
>>> text = toml("a machine", "a job", [Group("cpu", "a processor", (0, 1))], [Timed("cpu", 0.0, 1, (0.2, 0.1, 0.3))])
>>> parse_platform("mine", text).settings[0].latency_s
0.2
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from sarto.core.errors import SartoError
from sarto.core.units import format_quantity
from sarto.measure.monitors import SYS, Hwmon, Monitor, Rapl
from sarto.measure.processor import processor
from sarto.runtime.affinity import Affinity
from sarto.runtime.knobs import Frequency, Knobs
from sarto.runtime.threads import Threads

ROUNDS = 7
CLOCKS = 5
"""That are tried at most of those that a policy has."""
SIDE = 384
"""Of the matrices: three of them are 1.8 MB, which the second level of caches holds on most machines."""
JOB_S = 0.05
"""That the job should take on one core: thousands of times what a clock is read in."""
UNQUIET = 1.5
"""Factor between the least and the most time of one setting beyond which it is told."""
IDLE_S = 2.0
"""Over which idle power is read: counters of energy are renewed some ten times a second."""
CPUFREQ = "devices/system/cpu/cpufreq"


@dataclass(frozen=True)
class Group:
    """Cores that share a clock.

    Attributes:
        name: of it.
        title: for people.
        cores: their numbers.
        policy: of cpufreq that sets their clock, where the kernel lets it.
        clocks_hz: that are tried.
    """

    name: str
    title: str
    cores: tuple[int, ...]
    policy: str = ""
    clocks_hz: tuple[float, ...] = ()


@dataclass(frozen=True)
class Timed:
    """A setting and what was measured there: seconds of jobs, the first after the change, and power if it was read."""

    group: str
    clock_hz: float
    cores: int
    seconds: tuple[float, ...]
    first_s: tuple[float, ...] = ()
    power_w: tuple[float, ...] = ()


@runtime_checkable
class Job(Protocol):
    """The job; its threads are those of BLAS."""

    def __call__(self) -> object:
        """Run it once."""
        ...


@dataclass
class Products:
    """So many products of two matrices of `SIDE` rows and columns, of ordinary numbers."""

    count: int = 1
    _a: np.ndarray = field(default_factory=lambda: np.full((SIDE, SIDE), 1 / SIDE, np.float32), repr=False)

    def __call__(self) -> object:
        """Run it once."""
        product = self._a
        for _ in range(self.count):
            product = product @ self._a
        return product

    def sized(self, clock: Callable[[], float]) -> Products:
        """Return as many products as take `JOB_S` on the cores of now."""
        self()
        least = min(_once(self, clock) for _ in range(8))  # the least disturbed of them
        return Products(max(1, round(JOB_S / max(least, 1e-6))))

    @property
    def words(self) -> str:
        """What the job is."""
        return f"{self.count} products of matrices of {SIDE} x {SIDE} float32 (NumPy)"


def _once(job: Job, clock: Callable[[], float]) -> float:
    began = clock()
    job()
    return clock() - began


def groups(sys: Path = SYS) -> list[Group]:
    """Return the cores that this process may use, by the clocks that they share."""
    usable = os.sched_getaffinity(0)
    found: list[Group] = []
    for folder in sorted((sys / CPUFREQ).glob("policy[0-9]*"), key=lambda path: int(path.name[6:])):
        try:
            numbers = {int(one) for one in (folder / "related_cpus").read_text(encoding="ascii").split()}
            cores = tuple(sorted(numbers & usable))
            clocks = _clocks(folder)
        except (OSError, ValueError):
            continue
        if cores:
            found.append(
                Group(folder.name, f"{processor()}, cores of {folder.name}", cores, folder.name, clocks)
            )
    rest = tuple(sorted(usable - {core for group in found for core in group.cores}))
    return [*found, Group("cpu", processor(), rest)] if rest else found


def _clocks(folder: Path) -> tuple[float, ...]:
    """Return clocks to try: those that the policy names, or five from its least to its most."""
    try:
        words = (folder / "scaling_available_frequencies").read_text(encoding="ascii").split()
        named: list[float] = sorted({int(one) * 1000.0 for one in words})
    except OSError:
        least, most = (
            int((folder / f"cpuinfo_{which}_freq").read_text(encoding="ascii")) * 1000.0
            for which in ("min", "max")
        )
        steps = range(CLOCKS)
        named = sorted({float(round(least + (most - least) * k / (CLOCKS - 1), -6)) for k in steps})
    chosen = sorted({round(k * (len(named) - 1) / (CLOCKS - 1)) for k in range(CLOCKS)})
    return tuple(named[i] for i in chosen)


@dataclass
class Calibration:
    """Measures this machine.

    Attributes:
        sys: stands for /sys.
        rounds: over which settings take turns.
        job: to time; by default products of matrices, as many as take `JOB_S` on one core.
        power: monitors of power, the first of which that answers is read.
        clock: in s.
        say: takes a line for whoever waits.
    """

    sys: Path = SYS
    rounds: int = ROUNDS
    job: Job | None = None
    job_words: str = ""
    power: Sequence[Monitor] | None = None
    clock: Callable[[], float] = time.perf_counter
    say: Callable[[str], object] = lambda _line: None
    _source: str = field(default="", init=False)

    def run(self, journal: Path | None = None) -> str:
        """Return the text of a platform file; cores, threads and clocks are set back when it is there.

        Args:
            journal: for what knobs were, see `Knobs`.

        Raises:
            SartoError: E116, when nothing can be set, or the journal is in use.
        """
        known = groups(self.sys)
        knobs = [Affinity(), Threads(), *(Frequency(g.policy, self.sys / CPUFREQ) for g in known if g.policy)]
        with Knobs(knobs, act=True, journal=journal) as held:
            self._set(held, known[0], 0.0, 1)
            if self.job is None:
                self.job = sized = Products().sized(self.clock)
                self.job_words = sized.words
            meters, idle_w = self._meter()
            each = [
                (g, clock, count) for g in known for clock in self._clocks(held, g) for count in _counts(g)
            ]
            wanted = [setting for setting in each if self._set(held, *setting)]
            if not wanted:
                raise SartoError(
                    "E116",
                    "no setting of this machine can be measured",
                    cause="neither cores nor threads of this process can be set",
                    hint="run it where sched_setaffinity is allowed, and NumPy has a BLAS with threads",
                )
            found = [self._round(held, wanted, meters, number) for number in range(self.rounds)]
        merged = [_merged([one[i] for one in found]) for i in range(len(wanted))]
        widest = max(max(one.seconds) / min(one.seconds) for one in merged)
        if widest > UNQUIET:
            self.say(
                f"times of one setting differ by a factor of {widest:.2g}: something else ran; calibrate once more"
            )
        return toml(
            f"{processor()}, calibrated", self.job_words, known, merged, idle_w, self.rounds, self._source
        )

    def _meter(self) -> tuple[Monitor | None, tuple[float, ...]]:
        """Return the monitor of power that answers, and what it says while nothing runs."""
        for monitor in (Rapl(self.sys), Hwmon(self.sys)) if self.power is None else self.power:
            monitor.read()
            time.sleep(0.0 if self.power is not None else IDLE_S)
            reading = monitor.read()
            if reading.how == "measured" and reading.value is not None and reading.value > 0:
                self._source = reading.source
                return monitor, (reading.value,)
        self.say("power: unavailable, so that the file has none")
        return None, ()

    def _clocks(self, held: Knobs, group: Group) -> tuple[float, ...]:
        """Return the clocks that the kernel really lets be set; 0 alone where it lets none."""
        good = tuple(
            clock
            for clock in group.clocks_hz
            if held.set(group.policy, f"{clock:.0f}").state in ("set", "unchanged")
        )
        if not good and group.policy:
            self.say(f"{group.policy}: clocks cannot be set, so that jobs run at whatever the kernel chooses")
        return good or (0.0,)

    def _set(self, held: Knobs, group: Group, clock_hz: float, count: int) -> bool:
        """Set cores, threads and clock; return whether all of them are so, and say which is not."""
        asked = {"affinity": ",".join(map(str, group.cores[:count])), "threads": str(count)}
        asked |= {group.policy: f"{clock_hz:.0f}"} if clock_hz else {}
        applied = [held.set(name, value) for name, value in asked.items()]
        wrong = [one for one in applied if one.state not in ("set", "unchanged")]
        if wrong:
            self.say(
                f"{group.name}, {count} cores: left out, {wrong[0].knob} cannot be {wrong[0].wanted}: {wrong[0].why}"
            )
        return not wrong

    def _round(
        self, held: Knobs, wanted: Sequence[tuple[Group, float, int]], meter: Monitor | None, number: int
    ) -> list[Timed]:
        self.say(f"round {number + 1} of {self.rounds}: {len(wanted)} settings")
        return [self._timed(held, *setting, meter) for setting in wanted]

    def _timed(self, held: Knobs, group: Group, clock_hz: float, count: int, meter: Monitor | None) -> Timed:
        assert self.job is not None
        self._set(held, group, clock_hz, count)
        first = _once(self.job, self.clock)
        if meter is not None:
            meter.read()
        began = self.clock()
        self.job()
        took = self.clock() - began
        drawn: list[float] = []
        if meter is not None:
            until = began + 10 * JOB_S if self.power is None else began
            while self.clock() < until:
                self.job()
            reading = meter.read()
            drawn = [] if reading.value is None else [reading.value]
        return Timed(group.name, clock_hz, count, (took,), (first,), tuple(drawn))


def _counts(group: Group) -> list[int]:
    """Return numbers of cores: powers of two, and all."""
    most = len(group.cores)
    return sorted({most, *(2**k for k in range(most.bit_length()) if 2**k <= most)})


def _merged(each: Sequence[Timed]) -> Timed:
    parts = {
        name: tuple(value for one in each for value in getattr(one, name))
        for name in ("seconds", "first_s", "power_w")
    }
    return Timed(each[0].group, each[0].clock_hz, each[0].cores, **parts)


def toml(
    title: str,
    job: str,
    known: Sequence[Group],
    found: Sequence[Timed],
    idle_w: tuple[float, ...] = (),
    rounds: int = ROUNDS,
    power: str = "",
) -> str:
    """Return what was measured as the text of a platform file."""
    late = [statistics.median(one.first_s) - statistics.median(one.seconds) for one in found if one.first_s]
    change = max(0.0, statistics.median(late)) if late else 0.0
    how = f"measured here: the first job after a change of setting less the next, median over {len(late)} settings"
    clocked = any(one.clock_hz for one in found)
    lines = [
        f"title = {json.dumps(title)}",
        f"job = {json.dumps(job)}",
        "",
        f"move_s = {{ value = {change:.4g}, source = {json.dumps(how)} }}",
        "frequency_change_s = "
        + (
            f"{{ value = {change:.4g}, source = {json.dumps(how)} }}"
            if clocked
            else '{ value = 0, source = "no clock can be set on this machine" }'
        ),
    ]
    powered = bool(idle_w) and all(one.power_w for one in found)
    if powered:
        source = f"measured here while nothing ran, {power}"
        lines.append(f"idle_w = {{ value = {statistics.median(idle_w):.4g}, source = {json.dumps(source)} }}")
    else:
        lines.append(
            "# No power was measured: no monitor of it answered. Policies that go by energy refuse to work."
        )
    for group in known:
        lines += [
            "",
            *_cluster(group, [one for one in found if one.group == group.name], rounds, powered, power),
        ]
    return "\n".join(lines) + "\n"


def _cluster(group: Group, found: Sequence[Timed], rounds: int, powered: bool, power: str) -> list[str]:
    source = f"measured on this machine, median of {rounds} jobs, settings in turn, as many threads as cores"
    source += f"; power: {power}, with all that else draws" if powered else ""
    lines = [
        "[[cluster]]",
        f"name = {json.dumps(group.name)}",
        f"title = {json.dumps(group.title)}",
        f"cores = {len(group.cores)}",
        f"source = {json.dumps(source)}",
        *([f'policy = "{group.policy}"'] if group.policy and any(one.clock_hz for one in found) else []),
        "settings = [",
    ]
    for one in found:
        fields = [f"frequency_hz = {one.clock_hz:.10g}"] if one.clock_hz else []
        fields += [f"cores = {one.cores}", f"latency_s = {statistics.median(one.seconds):.4g}"]
        fields += [f"power_w = {statistics.median(one.power_w):.4g}"] if powered else []
        least, most = (format_quantity(end(one.seconds), "s") for end in (min, max))
        lines.append(f'  {{ {", ".join(fields)}, how = "measured" }},  # {least} to {most}')
    return [*lines, "]"]
