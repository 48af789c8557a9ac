# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Monitors by libraries that may be there: psutil, Zeus and jtop. None is needed, or installed for this.

| monitor | library | reads | unit |
|---|---|---|---|
| `Psutil` | psutil | share of the time in which the processors were busy since the reading before | 1 |
| `Zeus` | zeus | power of all GPUs (NVML, ROCm), which it has in mW | W |
| `Jtop` | jetson-stats | power of the whole board, which it has in mW | W |

Where a library is missing, or says that the machine lacks what it reads, the reading is unavailable, with the reason.
What a library makes up for want of a counter (CodeCarbon's watts for a thread) is read by none of these.

Source: psutil, cpu_percent; zeus.device.get_gpus, getInstantPowerUsage; jtop.jtop.power["tot"]["power"].

>>> isinstance(Psutil().read().source, str)
True
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sarto.measure.monitors import Monitor, Reading


def _by(name: str, what: str, unit: str, read: Callable[[Any], float]) -> Reading:
    """Return what a library says, or why it says nothing."""
    try:
        library = importlib.import_module(name)
    except ImportError:
        return Reading(what, None, unit, "unavailable", f"{name.partition('.')[0]} is not installed")
    except Exception as error:  # a library that fails while it is imported must not end a run
        return Reading(what, None, unit, "unavailable", f"{name} cannot be imported: {error}")
    try:
        value = float(read(library))
    except Exception as error:  # each library has errors of its own
        return Reading(what, None, unit, "unavailable", f"{name}: {error or type(error).__name__}")
    if not (math.isfinite(value) and value >= 0):
        return Reading(what, None, unit, "unavailable", f"{name} says {value}")
    return Reading(what, value, unit, "measured", name)


@dataclass
class Psutil:
    """Load of the processors by psutil; the first reading only starts the count."""

    _begun: bool = field(default=False, init=False)

    def read(self) -> Reading:
        """Return the share since the reading before."""
        found = _by("psutil", "load", "1", lambda psutil: psutil.cpu_percent(interval=None) / 100)
        if found.value is not None and not self._begun:  # its first answer means nothing
            self._begun = True
            return Reading("load", None, "1", "unavailable", "processor time has to be read twice")
        return found


@dataclass(frozen=True)
class Zeus:
    """Power of the GPUs by Zeus."""

    def read(self) -> Reading:
        """Return the sum over all GPUs."""

        def power(device: Any) -> float:
            gpus = device.get_gpus()
            if not len(gpus):
                raise LookupError("no GPU")
            return sum(gpus.getInstantPowerUsage(i) for i in range(len(gpus))) / 1000

        return _by("zeus.device", "power", "W", power)


@dataclass
class Jtop:
    """Power of a Jetson board by the service of jetson-stats."""

    _client: Any = field(default=None, init=False)

    def read(self) -> Reading:
        """Return what it says now; the connection is kept, and made anew where it was lost."""

        def power(jtop: Any) -> float:
            if self._client is None:
                self._client = jtop.jtop()
                self._client.start()
            try:
                if not self._client.ok():
                    raise LookupError("its service does not answer")
                return float(self._client.power["tot"]["power"]) / 1000
            except Exception:
                client, self._client = self._client, None
                client.close()
                raise

        return _by("jtop", "power", "W", power)


def adapters() -> dict[str, Monitor]:
    """Return the monitors by name, also those whose libraries are missing."""
    return {"psutil": Psutil(), "zeus": Zeus(), "jtop": Jtop()}
