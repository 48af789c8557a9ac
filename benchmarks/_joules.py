"""The joules that the processor's own counters tell (RAPL, as Linux shows it), or that there are none to be read.

A counter of a package counts all that runs on it, ours or not, in microjoules, and begins anew at its range.

>>> counters(Path("/nowhere")) is None
True
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_PACKAGE = re.compile(r"intel-rapl:\d+$")


@dataclass(frozen=True)
class Counters:
    """The counters of all packages, each a folder with `energy_uj` and `max_energy_range_uj`."""

    packages: tuple[Path, ...]

    def read(self) -> tuple[int, ...]:
        """Return where each counter stands, in microjoules."""
        return tuple(_number(package / "energy_uj") for package in self.packages)

    def joules(self, before: tuple[int, ...], after: tuple[int, ...]) -> float:
        """Return what was spent between two readings, less than one range apart."""
        ranges = [_number(package / "max_energy_range_uj") for package in self.packages]
        # A counter has its range's number of values and one more: it begins anew after the last.
        return sum((b - a) % (r + 1) for a, b, r in zip(before, after, ranges, strict=True)) / 1e6


def counters(folder: Path = POWERCAP) -> Counters | None:
    """Return the counters that can be read, or None where there is none."""
    found = Counters(tuple(sorted(p for p in folder.glob("intel-rapl:*") if _PACKAGE.search(p.name))))
    try:
        found.read()
    except OSError:
        return None
    return found if found.packages else None


def _number(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))
