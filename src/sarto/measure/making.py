"""What making a model took: time, energy by a counter of this machine or by a declared power, and carbon from that.

Energy is measured where the machine has a counter (`Rapl`) or sensors (`Hwmon`): their power times the time between two
readings, added up, of the whole machine and all that ran on it. Without one it is estimated if the power P of a core at
work is given with its source, and is not there otherwise. With the intensity I of the grid, given with its source too,

    E = sum P_i dt_i    or    E = P t_processor,        carbon = E I.

No power and no intensity is built in: both differ by more than ten times between machines and between grids.

>>> spent = Spent(3600.0, 7200.0, None, "no counter of energy")
>>> [str(e) for e in making_evidence(spent, Assumed.of("5W, its data sheet", "300g/kWh, the operator"))]
['training time 3600 s (measured)', 'training processor time 7200 s (measured)', 'training energy 36 kJ (estimated)', \
'training carbon 3 gCO2e (estimated)']
>>> [e.what for e in making_evidence(spent, Assumed())]
['training time', 'training processor time']
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.units import parse_intensity, parse_quantity
from sarto.measure.monitors import Hwmon, Monitor, Rapl

PERIOD_S = 10.0
"""Between two readings: a counter of 2^32 units of 15 uJ, as RAPL's are, starts again after 4 min at 250 W."""
J_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Spent:
    """What a piece of work took.

    Attributes:
        seconds: that passed.
        cpu_s: processor time.
        joules: by a counter of the machine, or None.
        source: of the energy, or why there is none.
    """

    seconds: float
    cpu_s: float
    joules: float | None
    source: str


@dataclass(frozen=True)
class Assumed:
    """What a user states, each with its source.

    Attributes:
        core_w: power of a core at work.
        core_source: of it.
        g_per_kwh: greenhouse gases of a kWh of the grid, in g of CO2 equivalent.
        grid_source: of it.
    """

    core_w: float | None = None
    core_source: str = ""
    g_per_kwh: float | None = None
    grid_source: str = ""

    @staticmethod
    def of(core_power: str | None, carbon: str | None) -> Assumed:
        """Return what `"15W, its data sheet"` and `"300g/kWh, Ember 2024"` say; either may be missing.

        Raises:
            SartoError: E110, when a quantity or its source is missing or not understood.
        """
        core_w = g_per_kwh = None
        core_source = grid_source = ""
        if core_power is not None:
            text, core_source = _parted(core_power, "15W, its data sheet")
            core_w = parse_quantity(text, "power").value
        if carbon is not None:
            text, grid_source = _parted(carbon, "300g/kWh, Ember 2024")
            g_per_kwh = parse_intensity(text)
        return Assumed(core_w, core_source, g_per_kwh, grid_source)


def _parted(text: str, example: str) -> tuple[str, str]:
    figure, _, source = (part.strip() for part in text.partition(","))
    if not source:
        raise SartoError(
            "E110",
            f"'{text}' has no source",
            cause="a figure that was not measured here is told with where it comes from",
            hint=f"say it behind a comma, as in '{example}'",
        )
    return figure, source


@dataclass
class _Record:
    """The energy that one monitor has seen, or why it has not."""

    monitor: Monitor
    joules: float = 0.0
    seen: int = 0
    missing: str = ""
    source: str = ""

    def sample(self, seconds: float, *, first: bool) -> None:
        """Add the energy since the sample before."""
        found = self.monitor.read()
        if found.value is not None and found.how != "measured":
            self.missing = self.missing or f"not measured: {found.source}"
        elif found.value is not None:
            self.joules, self.seen = self.joules + found.value * seconds, self.seen + (not first)
            self.source = found.source
        elif not first or "twice" not in found.source:
            self.missing = self.missing or found.source


@dataclass
class Meter:
    """Adds up energy from its creation on.

    Attributes:
        monitors: of power, the better ones first.
        period_s: between two readings.
        clock: in s.
    """

    monitors: Sequence[Monitor] = field(default_factory=lambda: (Rapl(), Hwmon()))
    period_s: float = PERIOD_S
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._records = [_Record(monitor) for monitor in self.monitors]
        self._last, self._lock, self._end = self.clock(), threading.Lock(), threading.Event()
        self.sample(first=True)
        if any(not record.missing for record in self._records):
            alive = weakref.ref(self)
            threading.Thread(target=_watch, args=(alive, self._end, self.period_s), daemon=True).start()

    def sample(self, *, first: bool = False) -> None:
        """Read every monitor."""
        with self._lock:
            now = self.clock()
            for record in self._records:
                record.sample(now - self._last, first=first)
            self._last = now

    def taken(self) -> tuple[float | None, str]:
        """Return the energy so far in J and its source, or None and why there is none."""
        if any(not record.missing for record in self._records):
            self.sample()
        self._end.set()
        for record in self._records:
            if record.seen and not record.missing:
                return record.joules, f"{record.source}, and all that ran on it"
        return None, next((record.missing for record in self._records if record.missing), "nothing was read")


def _watch(meter: weakref.ref[Meter], end: threading.Event, period_s: float) -> None:
    """Sample a meter while it is there."""
    while not end.wait(period_s):
        there = meter()
        if there is None:
            return
        there.sample()
        del there


def making_evidence(
    spent: Spent, assumed: Assumed, command: str = "", subject_sha256: str = ""
) -> list[Evidence]:
    """Return time, processor time, and energy and carbon as far as they were measured or can be estimated."""

    def found(what: str, value: float, unit: str, measured: bool, tool: str) -> Evidence:
        how = "measured" if measured else "estimated"
        return Evidence(what, value, unit, how, tool, command, subject_sha256=subject_sha256)

    rows = [
        found("training time", spent.seconds, "s", True, "clock of this machine, since the call began"),
        found("training processor time", spent.cpu_s, "s", True, "processor time of its processes"),
    ]
    joules, tool = spent.joules, spent.source
    if joules is None and assumed.core_w is not None:
        joules = assumed.core_w * spent.cpu_s
        tool = f"processor time x {assumed.core_w:g} W of a core ({assumed.core_source}), as {spent.source}"
    if joules is None:
        return rows
    rows.append(found("training energy", joules, "J", spent.joules is not None, tool))
    if assumed.g_per_kwh is not None:
        carbon = joules / J_PER_KWH * assumed.g_per_kwh
        by = f"training energy ({rows[-1].how}) x {assumed.g_per_kwh:g} g/kWh ({assumed.grid_source})"
        rows.append(found("training carbon", carbon, "gCO2e", False, by))
    return rows


def cost_rows(rows: Sequence[Evidence]) -> tuple[tuple[str, float, str, str], ...]:
    """Return energy and carbon as rows of the table of what making cost: what, value, unit, how."""
    return tuple((e.what, e.value, e.unit, e.how) for e in rows if e.unit in ("J", "gCO2e"))
