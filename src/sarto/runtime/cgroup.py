"""Knobs of a control group: the share of the processors that its processes get, and the cores on which they may run.

| knob | file | value |
|---|---|---|
| `Quota` | `cpu.max` | cores, such as 1.5; or max |
| `Cpuset` | `cpuset.cpus`; empty, all that the group above has | 0,2-3 |

A quota is set in periods of 100 ms, and put back with the period that it had. Only version 2 is meant. A group may be
set by who owns its files, as in a unit with `Delegate=yes`; elsewhere the files are not there or refuse, and both say
so. `own` finds the group of this process.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     group = Path(folder)
...     _ = (group / "cpu.max").write_text("max 100000")
...     quota = Quota(group)
...     quota.write("1.5")
...     print(quota.read(), (group / "cpu.max").read_text())
1.5 150000 100000
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sarto.runtime.affinity import cores_of, normal

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
PERIOD_US = 100_000
"""The kernel's own."""
LEAST_US = 1000
"""The kernel takes no shorter quota."""


def own(root: Path = ROOT, proc: Path = PROC) -> Path:
    """Return the folder of this process's group.

    Raises:
        OSError: where there are no groups of version 2.
    """
    lines = (proc / "self/cgroup").read_text(encoding="utf-8").splitlines()
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if path is None:
        raise OSError("this system has no control groups of version 2")
    return root / path.lstrip("/")


@dataclass(frozen=True)
class Quota:
    """Cores that the processes of a group may use in the mean.

    Attributes:
        group: its folder.
    """

    group: Path
    name: str = "quota"

    def read(self) -> str:
        """Return the cores, or max."""
        quota, period = self._file.read_text(encoding="ascii").split()
        return quota if quota == "max" else f"{int(quota) / int(period):.15g}"

    def normal(self, value: str) -> str:
        """Return a number of cores in whole us of a period."""
        try:
            return f"{round(float(value) * PERIOD_US) / PERIOD_US:.15g}"
        except (ValueError, OverflowError):
            return value

    def write(self, value: str) -> None:
        """Set them.

        Raises:
            ValueError: when it is no number of cores.
        """
        if value == "max":
            self._file.write_text(f"max {PERIOD_US}", encoding="ascii")
            return
        quota = float(value) * PERIOD_US
        if not LEAST_US <= quota < 1e12:
            raise ValueError(f"'{value}' is no number of cores from {LEAST_US / PERIOD_US:g} on")
        self._file.write_text(f"{quota:.0f} {PERIOD_US}", encoding="ascii")

    def keep(self) -> str:
        """Return quota and period as they are."""
        return self._file.read_text(encoding="ascii").strip()

    def put_back(self, kept: str) -> None:
        """Set both.

        Raises:
            ValueError: when it is no quota and period.
            OSError: when something else is read back.
        """
        if not re.fullmatch(r"(max|\d+) \d+", kept):
            raise ValueError(f"'{kept}' is no quota with its period")
        self._file.write_text(f"{kept}\n", encoding="ascii")
        if (got := self.keep()) != kept:
            raise OSError(f"{got} was read back in place of {kept}")

    @property
    def _file(self) -> Path:
        return self.group / "cpu.max"


@dataclass(frozen=True)
class Cpuset:
    """Cores on which the processes of a group may run.

    Attributes:
        group: its folder.
    """

    group: Path
    name: str = "cpuset"

    def read(self) -> str:
        """Return the cores as the kernel writes them; empty where they are those of the group above."""
        return self._file.read_text(encoding="ascii").strip()

    def normal(self, value: str) -> str:
        """Return a list as the kernel writes it."""
        return normal(value.strip())

    def write(self, value: str) -> None:
        """Set them.

        Raises:
            ValueError: when it is no list of cores.
        """
        if value:
            cores_of(value)
        self._file.write_text(f"{value}\n", encoding="ascii")

    @property
    def _file(self) -> Path:
        return self.group / "cpuset.cpus"
