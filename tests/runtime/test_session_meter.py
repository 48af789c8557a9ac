"""A session with a meter: what jobs took is measured, outside of their time, and energy budgets go by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.measure.monitors import Reading
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points
from sarto.runtime.session import session
from tests.runtime.test_session import Machine


@dataclass
class Meter:
    """A counter of energy, as RAPL: each reading is the mean power since the one before, and takes a second."""

    machine: Machine
    spent_j: float = 0.0
    lost: bool = False
    before: tuple[float, float] | None = None

    def read(self) -> Reading:
        now, before = (self.machine.now, self.spent_j), self.before
        self.machine.now += 1.0
        self.before = (self.machine.now, self.spent_j)
        if self.lost:
            raise OSError("unplugged")
        if before is None or now[0] == before[0]:
            return Reading("power", None, "W", "unavailable", "read once")
        return Reading("power", (now[1] - before[1]) / (now[0] - before[0]), "W", "measured", "a counter")


def stated(name: str, accuracy: float, energy_j: float) -> OperatingPoint:
    figures = {"latency": 0.1, "power": energy_j / 0.1, "energy": energy_j, "accuracy": accuracy}
    told = tuple(Evidence(what, value, "1", "declared", "a test") for what, value in figures.items())
    return OperatingPoint(name, {"variant": name}, told)


@pytest.mark.parametrize("metered", [True, False])
def test_an_energy_budget_goes_by_what_a_meter_measures(metered: bool) -> None:
    """The large variant takes twice of what is stated; without a meter the budget is overdrawn."""
    machine = Machine()
    meter = Meter(machine)

    def variant(joules: float) -> Callable[[int], str]:
        def run(_x: int) -> str:
            machine.now += 0.1
            meter.spent_j += joules
            return ""

        return run

    known = Points.of([stated("small", 0.6, 0.1), stated("large", 0.7, 0.2)])
    run = {"small": variant(0.1), "large": variant(0.4)}
    with session(Manager(known, "energy_budget"), run, meter=meter if metered else None) as s:
        s.clock = lambda: machine.now
        s.require(energy="150mJ")
        for job in range(200):
            s.infer(job)
            assert s.seconds == pytest.approx(0.1)  # to read the meter takes a second, and none of the job's
            assert s.last is not None
            true = 0.1 if s.last.point.name == "small" else 0.4
            assert s.energy_j == (pytest.approx(true) if metered else None)
    assert meter.spent_j / 200 == pytest.approx(0.15 if metered else 0.25, rel=0.03)


def test_where_the_meter_says_nothing_the_stated_energy_counts() -> None:
    machine = Machine()
    meter = Meter(machine, lost=True)
    known = Points.of([stated("small", 0.6, 0.1), stated("large", 0.7, 0.2)])
    ran = {name: machine.variant(0.1) for name in ("small", "large")}
    with session(Manager(known, "energy_budget"), ran, meter=meter) as s:
        s.clock = lambda: machine.now
        s.require(energy="150mJ")
        chosen = [s.last.point.name for job in range(200) if s.infer(job) and s.last is not None]
        assert s.energy_j is None
        assert chosen.count("large") == pytest.approx(100, abs=2)
        # A counter that shows nothing says that nothing was spent, which is not the same.
        meter.lost = False
        chosen = [s.last.point.name for job in range(20) if s.infer(job) and s.last is not None]
        assert s.energy_j == 0.0
        assert chosen.count("large") > 15
