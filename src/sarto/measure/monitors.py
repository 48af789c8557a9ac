"""What this machine says of its power, heat, charge and load: readings, each with how it was come by.

A monitor that cannot be read gives a reading without a value and says why: what nobody measured is a state, not a
number. Nothing is guessed here; what a model says instead is `sarto.measure.power_model`. All paths lie under a root,
so that a folder with files of the same names stands in for the kernel's.

| monitor | reads | unit |
|---|---|---|
| `Rapl` | `class/powercap/intel-rapl:*/energy_uj`, which starts again from 0 at `max_energy_range_uj` | W |
| `Hwmon` | `class/hwmon/hwmon*/powerN_input` (uW) | W |
| | of an INA3221 there `inN_input` times `currN_input` (mV, mA) of its three channels | W |
| | `bus/i2c/drivers/ina3221x/*/iio:device*/in_powerN_input` (mW), by NVIDIA's driver of JetPack 4 | W |
| `Thermal` | the hottest of `class/thermal/thermal_zone*/temp` | degC |
| `Battery` | the lowest of `class/power_supply/*/capacity`, but for those of devices such as a mouse | % |
| `Pressure` | `proc/pressure/cpu`: share of the last 10 s in which something waited for a processor | 1 |
| `Runnable` | `proc/loadavg`: threads that run or want to, on the whole machine, this one left out | 1 |
| `ProcessTime` | processor time of this process over the time that passed: cores in use | 1 |

No power is counted twice. Of the zones of RAPL the packages are added up, and `psys`, which holds them, is read only
where there is none. Where a sensor is on the supply of a whole Jetson (VDD_IN, or POM_5V_IN), it is read alone: the
other rails are parts of it.

Source: Linux, Documentation/power/powercap/powercap.rst, hwmon/sysfs-interface.rst, hwmon/ina3221.rst,
ABI/testing/sysfs-class-thermal, sysfs-class-power, accounting/psi.rst, filesystems/proc.rst; NVIDIA Jetson Linux
Developer Guide 32.6, Clock Frequency and Power Management.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     zone = Path(folder) / "class/thermal/thermal_zone0"
...     zone.mkdir(parents=True)
...     _ = (zone / "temp").write_text("48500")
...     print(Thermal(Path(folder)).read(), Battery(Path(folder)).read())
temperature 48.5 degC (measured) charge unavailable: no battery
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from sarto.core.units import format_quantity

SYS, PROC = Path("/sys"), Path("/proc")
TOTALS = ("VDD_IN", "POM_5V_IN")
"""Rails that supply a whole Jetson."""
FIXED = "PMIC-Die"
"""Thermal zone of a Jetson that says 100 degC whatever its temperature."""
UNUSED = "NC"
"""Label of a channel that is not connected."""


@dataclass(frozen=True)
class Reading:
    """What a monitor says.

    Attributes:
        what: is read.
        value: in `unit`; None where it is unavailable.
        unit: of it.
        how: `measured`; `estimated`, by a model that the source names; or `unavailable`.
        source: file or model, or why there is none.
    """

    what: str
    value: float | None
    unit: str
    how: Literal["measured", "estimated", "unavailable"]
    source: str

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.what} unavailable: {self.source}"
        return f"{self.what} {format_quantity(self.value, self.unit)} ({self.how})"


@runtime_checkable
class Monitor(Protocol):
    """Something that can be read at any time."""

    def read(self) -> Reading:
        """Return what it says now; never raises for what the machine lacks."""
        ...


def _unavailable(what: str, unit: str, why: str) -> Reading:
    return Reading(what, None, unit, "unavailable", why)


def _number(path: Path) -> float | None:
    """Return the number in a file, or None where there is none."""
    try:
        value = float(path.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return value if math.isfinite(value) else None


def _text(path: Path) -> str:
    """Return the text in a file, or nothing where there is none."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _why(paths: Iterable[Path], none: str) -> str:
    """Return why nothing could be read of files that are there, or that there are none."""
    for path in paths:
        try:
            path.read_text(encoding="ascii")
        except PermissionError:
            return f"{path} may not be read by this user"
        except (OSError, ValueError):
            pass
        return f"{path} holds no number"
    return none


@dataclass
class Rapl:
    """Power of the processor packages, from counters of energy; the first reading only starts the count."""

    root: Path = SYS
    clock: Callable[[], float] = time.monotonic
    _before: tuple[float, dict[Path, float]] | None = field(default=None, init=False)

    def read(self) -> Reading:
        """Return the mean power since the reading before."""
        zones, source = self._zones()
        known = {zone: value for zone in zones if (value := _number(zone / "energy_uj")) is not None}
        now, before = self.clock(), self._before
        self._before = (now, known)
        if not known:
            self._before = None
            return _unavailable("power", "W", _why([z / "energy_uj" for z in zones], "no counter of energy"))
        if before is None or before[1].keys() != known.keys() or now <= before[0]:
            return _unavailable("power", "W", "a counter of energy has to be read twice")
        spent = 0.0
        for zone, value in known.items():
            more = value - before[1][zone]
            if more < 0:  # it began again from 0
                more += _number(zone / "max_energy_range_uj") or math.nan
            spent += more
        watts = spent / 1e6 / (now - before[0])
        if not watts >= 0:
            return _unavailable("power", "W", "a counter of energy went back")
        return Reading("power", watts, "W", "measured", source)

    def _zones(self) -> tuple[list[Path], str]:
        """Return what to add up, and what it is."""
        # Parts of a zone have two colons in their names: they would be counted twice.
        zones = [z for z in sorted(self.root.glob("class/powercap/intel-rapl:*")) if z.name.count(":") == 1]
        named = [(zone, _text(zone / "name")) for zone in zones]
        packages = [zone for zone, name in named if name.startswith("package") or not name]
        if packages:
            return packages, "intel-rapl, the whole package"
        return [zone for zone, name in named if name == "psys"][:1], "intel-rapl psys, the whole platform"


@dataclass(frozen=True)
class Hwmon:
    """Power by the sensors of a board, such as an INA3221 on its supply rails."""

    root: Path = SYS

    def read(self) -> Reading:
        """Return that of the supply of the whole board where there is a sensor on it, else the sum over all."""
        found = [*self._hwmon(), *self._iio()]
        if total := [one for one in found if one[0] in TOTALS]:
            name, watts = total[0]
            if watts is None:  # the others alone would be too little
                return _unavailable("power", "W", f"the sensor of {name} holds no number")
            return Reading("power", watts, "W", "measured", f"hwmon, {name}")
        known = [(name, watts) for name, watts in found if watts is not None and name != UNUSED]
        if not known:
            return _unavailable("power", "W", "no sensor of power")
        names = " + ".join(name for name, _ in known)
        return Reading("power", sum(watts for _, watts in known), "W", "measured", f"hwmon, {names}")

    def _hwmon(self) -> Iterator[tuple[str, float | None]]:
        """Yield the sensors of hwmon: name and power."""
        for folder in sorted(self.root.glob("class/hwmon/hwmon*")):
            chip = _text(folder / "name")
            for path in sorted(folder.glob("power*_input")):
                which, value = path.name.removesuffix("_input"), _number(path)
                label = _text(folder / f"{which}_label") or f"{chip} {which}".strip()
                yield f"{label} ({folder.name})", None if value is None else value / 1e6
            # in4 to in7 are voltages of shunts, in uV, and curr4 is the sum of the others.
            for n in (1, 2, 3) if chip == "ina3221" else ():
                volts, amperes = _number(folder / f"in{n}_input"), _number(folder / f"curr{n}_input")
                label = _text(folder / f"in{n}_label") or f"{chip} {n} ({folder.name})"
                yield label, None if volts is None or amperes is None else volts * amperes / 1e6

    def _iio(self) -> Iterator[tuple[str, float | None]]:
        """Yield the sensors of NVIDIA's driver of before hwmon: name and power."""
        for path in sorted(self.root.glob("bus/i2c/drivers/ina3221x/*/iio:device*/in_power*_input")):
            which, value = path.name.removeprefix("in_power").removesuffix("_input"), _number(path)
            name = _text(path.parent / f"rail_name_{which}") or f"{path.parent.parent.name} {which}"
            yield name, None if value is None else value / 1e3


@dataclass(frozen=True)
class Thermal:
    """The hottest thermal zone."""

    root: Path = SYS

    def read(self) -> Reading:
        """Return its temperature."""
        files = sorted(self.root.glob("class/thermal/thermal_zone*/temp"))
        files = [path for path in files if _text(path.parent / "type") != FIXED]
        known = {path: value for path in files if (value := _number(path)) is not None}
        if not known:
            return _unavailable("temperature", "degC", _why(files, "no thermal zone"))
        hottest = max(known, key=known.__getitem__)
        return Reading("temperature", known[hottest] / 1000, "degC", "measured", hottest.parent.name)


@dataclass(frozen=True)
class Battery:
    """The emptiest battery of the machine itself."""

    root: Path = SYS

    def read(self) -> Reading:
        """Return its charge."""
        files = sorted(self.root.glob("class/power_supply/*/capacity"))
        files = [path for path in files if _text(path.parent / "scope") != "Device"]
        known = {path: value for path in files if (value := _number(path)) is not None and 0 <= value <= 100}
        if not known:
            return _unavailable("charge", "%", _why(files, "no battery"))
        emptiest = min(known, key=known.__getitem__)
        return Reading("charge", known[emptiest], "%", "measured", emptiest.parent.name)


@dataclass(frozen=True)
class Pressure:
    """How much waits for a processor."""

    root: Path = PROC

    def read(self) -> Reading:
        """Return the share of the last 10 s in which something waited."""
        path = self.root / "pressure/cpu"
        try:
            fields = path.read_text(encoding="ascii").split()
            some = next(part for part in fields[fields.index("some") :] if part.startswith("avg10="))
            value = float(some.removeprefix("avg10=")) / 100
        except (OSError, ValueError, StopIteration) as error:
            why = "the kernel does not tell it" if isinstance(error, OSError) else f"{path} is not understood"
            return _unavailable("pressure", "1", why)
        return Reading("pressure", value, "1", "measured", "avg10 of some, pressure/cpu")


@dataclass(frozen=True)
class Runnable:
    """How many other threads want a processor right now."""

    root: Path = PROC

    def read(self) -> Reading:
        """Return how many run or could, without the one that asks."""
        path = self.root / "loadavg"
        try:
            value = int(path.read_text(encoding="ascii").split()[3].partition("/")[0])
        except (OSError, ValueError, IndexError) as error:
            why = "the kernel does not tell it" if isinstance(error, OSError) else f"{path} is not understood"
            return _unavailable("runnable", "1", why)
        return Reading("runnable", max(value - 1.0, 0.0), "1", "measured", "running threads, loadavg")


@dataclass
class ProcessTime:
    """Cores that this process uses; the first reading only starts the count."""

    clock: Callable[[], float] = time.monotonic
    used: Callable[[], float] = time.process_time
    _before: tuple[float, float] | None = field(default=None, init=False)

    def read(self) -> Reading:
        """Return processor time over the time since the reading before."""
        now, before = (self.clock(), self.used()), self._before
        self._before = now
        if before is None or now[0] <= before[0]:
            return _unavailable("cores", "1", "processor time has to be read twice")
        return Reading("cores", (now[1] - before[1]) / (now[0] - before[0]), "1", "measured", "this process")


def monitors(sys: Path = SYS, proc: Path = PROC) -> dict[str, Monitor]:
    """Return every monitor by name, also those that this machine does not have."""
    return {
        "rapl": Rapl(sys),
        "hwmon": Hwmon(sys),
        "thermal": Thermal(sys),
        "battery": Battery(sys),
        "pressure": Pressure(proc),
        "runnable": Runnable(proc),
        "process_time": ProcessTime(),
    }
