"""Faults within a process: each function injects one, and says whether it was handled and the clocks are as found.

>>> import random, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     FAULTS["variant raises"](Path(folder), random.Random(0))
(True, True)
"""

from __future__ import annotations

import contextlib
import math
import random
import re
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._manager_signals import as_found, clocks, tree
from sarto.core.errors import SartoError
from sarto.devices.platforms import parse_platform
from sarto.measure.ladder import timed_points
from sarto.measure.monitors import Thermal
from sarto.runtime.knobs import Frequency, Knobs
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.session import Session, session
from sarto.runtime.watchdog import Watchdog

KNOBLESS = {"platform file with an absurd number"}
CLOCKS = {"small": "700000000", "large": "900000000"}
BOARD = """
title = "A board"
job = "one inference"
idle_w = { value = 0.01, source = "made up" }
frequency_change_s = { value = 0.001, source = "made up" }
move_s = { value = 0.002, source = "made up" }
[[cluster]]
name = "board"
title = "A core"
cores = 2
source = "made up"
settings = [
  { frequency_hz = 9e8, latency_s = 0.4, power_w = 0.5, energy_j = 0.2 },
  { frequency_hz = 7e8, latency_s = 0.5, power_w = 0.3 },
]
[[places]]
name = "gateway"
title = "A gateway"
links = ["ble_1m"]
send_b = 100
answer_b = 1
latency_s = 0.01
delay_s = 0.01
timeout_s = 0.5
availability = 0.9
source = "made up"
"""
ABSURD = ("nan", "-1", "1e300")


@dataclass
class Device:
    """A clock that the variants move."""

    now: float = 0.0
    slow: float = 1.0

    def variant(self, name: str, seconds: float) -> Callable[[int], str]:
        """Return a variant that takes so long."""

        def work(x: int) -> str:
            self.now += self.slow * seconds
            return f"{name} {x}"

        return work


Running = Session[int, str]


@contextlib.contextmanager
def running(root: Path, device: Device, **more: Any) -> Generator[Running]:
    """Open a session on a made-up tree that has run some jobs; `large` is what it should run."""
    tree(root)
    ladder: dict[str, Callable[[int], str]] = {
        "small": device.variant("small", 0.1),
        "large": device.variant("large", 0.4),
    }
    points = Points.of(
        timed_points(ladder, [1], {"small": 0.8, "large": 0.9}, repeats=1, clock=lambda: device.now)
    )
    ladder |= more.pop("variants", {})
    knobs = Knobs([Frequency(root=root)], True, root / "journal.json")
    manager = Manager(points, "max_accuracy")
    with session(manager, ladder, knobs=knobs, wanted=lambda p: {"policy0": CLOCKS[p.name]}, **more) as s:
        s.clock = lambda: device.now
        s.require(deadline="600ms")
        yield s


def _monitor(root: Path, draw: random.Random, broken: Callable[[Path], object]) -> tuple[bool, bool]:
    zone = root / "class/thermal/thermal_zone0/temp"
    zone.parent.mkdir(parents=True)
    zone.write_text("50000")
    device = Device()
    with running(root, device, monitors={"thermal": Thermal(root)}) as s:
        told: list[bool] = [s.readings["thermal"].value == 50]
        for job in range(draw.randint(1, 9)):
            told.append(s.infer(job) == f"large {job}")
        broken(zone)
        device.now += 1.5
        told += [s.readings["thermal"].how == "unavailable", s.infer(1) == "large 1"]
        zone.write_text("51000")
        device.now += 1.5
        told.append(s.readings["thermal"].value == 51)
    return all(told), as_found(root)


def monitor_vanishes(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """A sensor's file is removed and comes back."""
    return _monitor(root, draw, lambda zone: zone.unlink())


def monitor_nan(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """A sensor's file says nan."""
    return _monitor(root, draw, lambda zone: zone.write_text("nan"))


def knob_vanishes(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """A file of cpufreq is removed and comes back."""
    file = root / "policy0" / draw.choice(["scaling_min_freq", "scaling_max_freq"])
    with running(root, Device()) as s:
        told = [s.infer(1) == "large 1", s.gone == {}]
        text = file.read_text()
        file.unlink()
        told += [s.infer(2) == "large 2", "policy0" in s.gone]
        file.write_text(text)
        s.require(deadline="300ms")
        told += [s.infer(3) == "small 3", s.gone == {}, clocks(root) == (700000, 700000)]
    return all(told), as_found(root)


def knob_refuses(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """Something else sets the clock back to what it was, whenever one is written."""
    write = Frequency.write

    def overruled(self: Frequency, value: str) -> None:
        write(self, "300000000-1400000000" if value == CLOCKS["large"] else value)

    Frequency.write = overruled
    try:
        with running(root, Device()) as s:
            told = [s.infer(job) == f"small {job}" for job in range(draw.randint(2, 9))]
            told.append([one.state for one in s.lost.values()] == ["refused"])
    finally:
        Frequency.write = write
    return all(told), as_found(root)


def _clock(root: Path, draw: random.Random, leap: float) -> tuple[bool, bool]:
    device = Device()
    leaps: list[float] = []

    def large(x: int) -> str:
        device.now += leaps.pop() if leaps else 0.4
        return f"large {x}"

    with running(root, device, variants={"large": large}) as s:
        told = [s.infer(job) == f"large {job}" for job in range(draw.randint(1, 30))]
        before = s.manager.slowdown.of().tolist()
        leaps.append(leap)
        told.append(s.infer(7) == "large 7")
        if not leap > 0:
            told += [s.odd_times == 1, s.manager.slowdown.of().tolist() == before]
            device.now = draw.uniform(0, 1e6)
        others = [s.infer(job) != f"large {job}" for job in range(9)]
        told.append(sum(others) <= int(leap > 0))
    return all(told), as_found(root)


def clock_back(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """The clock goes back during a job."""
    return _clock(root, draw, -draw.uniform(1, 1e6))


def clock_nan(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """The clock says nan."""
    return _clock(root, draw, math.nan)


def clock_ahead(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """The clock leaps ahead during a job."""
    return _clock(root, draw, draw.uniform(10, 1e6))


def hangs(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """A variant does not end until the watchdog lets it go."""
    device, over, hang = Device(), threading.Event(), [False]

    def large(x: int) -> str:
        if hang[0]:
            hang[0] = False
            assert over.wait(60)
        device.now += 0.4
        return f"large {x}"

    dog = Watchdog(0.25, lambda _overrun: over.set())
    with running(root, device, variants={"large": large}, watchdog=dog) as s:
        for job in range(draw.randint(1, 9)):
            s.infer(job)
        before, hang[0] = dog.overruns, True
        told = [s.infer(1) == "large 1", dog.overruns > before]
        told += [s.infer(2) == "small 2", s.infer(3) == "large 3"]
    return all(told), as_found(root)


def raises(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """A variant raises."""

    def large(_x: int) -> str:
        raise ZeroDivisionError

    with running(root, Device(), variants={"large": large}) as s:
        try:
            s.infer(draw.randint(0, 9))
        except ZeroDivisionError:
            return s.manager.slowdown.of().tolist() == [1.0] and s.jobs == 0, as_found_after(root, s)
    return False, as_found(root)


def as_found_after(root: Path, s: Running) -> bool:
    """Return whether clocks are as found when the session's knobs are left now."""
    return s.knobs.restore() == {} and as_found(root)


def link_lost(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """A place stops to answer, and answers again."""
    device, up, tries = Device(), [True], [0]

    def gateway(variant: str, x: int) -> str:
        if not up[0]:
            device.now += 0.25
            tries[0] += 1
            raise draw.choice([ConnectionResetError, TimeoutError])
        device.now += 0.03
        return f"gateway {x}"

    tree(root)
    manager = Manager(
        Points.of(grid([Variant("whole", 0.9, 1.0)], parse_platform("board", BOARD))), "min_energy"
    )
    knobs = Knobs([Frequency(root=root)], True, root / "journal.json")
    with session(
        manager,
        {"whole": device.variant("here", 0.4)},
        knobs=knobs,
        wanted=lambda p: {} if "place" in p.settings else {"policy0": f"{p.settings['frequency_hz']:.0f}"},
        remote={"gateway": gateway},
    ) as s:
        s.clock = lambda: device.now
        s.require(deadline="1s")
        told = [s.infer(job) == f"gateway {job}" for job in range(draw.randint(1, 9))]
        up[0], began = False, device.now
        told += [s.infer(job) == f"here {job}" for job in range(draw.randint(40, 90))]
        told.append(0.25 * (tries[0] - 1) <= (device.now - began) / 20)
        up[0] = True
        device.now += 32 * 20 * 0.25
        told.append(s.infer(1) == "gateway 1")
    return all(told), as_found(root)


def absurd(root: Path, draw: random.Random) -> tuple[bool, bool]:
    """A number of a platform file is turned into one that cannot be."""
    numbers = list(re.finditer(r"(?<== )[0-9][0-9.e]*", BOARD))
    chosen = draw.choice(numbers)
    text = BOARD[: chosen.start()] + draw.choice(ABSURD) + BOARD[chosen.end() :]
    field = re.findall(r"(\w+) = $", BOARD[: chosen.start()])[0]
    try:
        parse_platform("board", text)
    except SartoError as error:
        return error.code == "E112" and field in error.cause, True
    return False, True


FAULTS: dict[str, Callable[[Path, random.Random], tuple[bool, bool]]] = {
    "monitor vanishes": monitor_vanishes,
    "monitor says NaN": monitor_nan,
    "knob vanishes": knob_vanishes,
    "knob refuses": knob_refuses,
    "clock goes back": clock_back,
    "clock is NaN": clock_nan,
    "clock leaps ahead": clock_ahead,
    "variant hangs": hangs,
    "variant raises": raises,
    "link lost": link_lost,
    "platform file with an absurd number": absurd,
}
