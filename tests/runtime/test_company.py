"""What is learned beside other programs: kept by their number, ready for the first job, and never more than so much."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sarto.measure.ladder import timed_points
from sarto.measure.monitors import Reading, Runnable
from sarto.runtime.advice import Advisor
from sarto.runtime.company import MOST, PARTS, Company
from sarto.runtime.goal import Goal
from sarto.runtime.knobs import Knobs
from sarto.runtime.log import Job, entry, sentence
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points
from sarto.runtime.session import session

CORES = 2


@dataclass
class Shared:
    """A machine whose processors are shared out among this program and others, which a monitor counts."""

    now: float = 0.0
    others: float = 0.0
    lost: bool = False

    def variant(self, seconds: float) -> Callable[[int], float]:
        def run(_x: int) -> float:
            self.now += seconds * max(1.0, (self.others + 1) / CORES)
            return seconds

        return run

    def read(self) -> Reading:
        if self.lost:
            raise OSError("gone")
        return Reading("runnable", self.others, "1", "measured", "a test")


def manager_of(machine: Shared) -> tuple[Manager, dict[str, Callable[[int], float]]]:
    ladder = {"small": machine.variant(0.1), "large": machine.variant(0.4)}
    known = timed_points(ladder, [1, 2], {"small": 0.8, "large": 0.9}, clock=lambda: machine.now)
    return Manager(Points.of(known), "max_accuracy", cores=CORES), ladder


@pytest.mark.parametrize(("counted", "least", "most"), [(True, 0, 0), (False, 3, 10)])
def test_no_job_is_late_where_others_are_counted(counted: bool, least: int, most: int) -> None:
    """Of each 40 jobs the second 20 run beside three others; where nobody counts them each change costs some jobs."""
    machine = Shared()
    manager, ladder = manager_of(machine)
    late, names = 0, list[str]()
    with session(manager, ladder, crowd=machine if counted else None) as s:
        s.clock = lambda: machine.now
        s.require(deadline="500ms")
        for job in range(120):
            machine.others = 3.0 if job % 40 >= 20 else 0.0
            s.infer(job)
            late += s.seconds > 0.5
            assert s.last is not None
            names.append(s.last.point.name)
    assert least <= late <= most
    if counted:
        assert names == (["large"] * 20 + ["small"] * 20) * 3


def test_a_monitor_that_vanishes_leaves_a_manager_that_learns_in_one_place() -> None:
    machine = Shared()
    manager, ladder = manager_of(machine)
    with session(manager, ladder, crowd=machine) as s:
        s.clock = lambda: machine.now
        s.require(deadline="500ms")
        for job in range(60):
            machine.others, machine.lost = 3.0, job >= 30
            s.infer(job)
        assert s.last is not None
        assert (s.last.point.name, s.last.others) == ("small", 0.0)
        assert manager.slowdown.of()[0] == pytest.approx(2.0, rel=0.05)


def test_what_was_learned_at_the_nearest_share_is_scaled_once() -> None:
    known = Company(2, cores=CORES)
    for _ in range(50):
        known.beside(3).slowdown.heard(0, 1.7)  # a share of 2, that costs 15 % less
    level = known.beside(3).slowdown.of()[0]
    assert known.beside(7).slowdown.of()[0] == pytest.approx(2 * level)
    for _ in range(50):
        known.beside(3).slowdown.heard(0, 1.0)
    assert known.beside(7).slowdown.of()[0] == pytest.approx(2 * level)


def test_tails_are_copied_and_then_of_their_own() -> None:
    known = Company(1, cores=CORES)
    expected, cluster = np.array([1.0]), np.array([0])

    def refused(others: float) -> dict[int, float]:
        return known.beside(others).tails.refused(expected, cluster, 1.2, target=0.02)

    for _ in range(20):
        known.beside(0).tails.heard(0, 3.0)
    assert refused(3) == {0: 1.0}
    for _ in range(2000):
        known.beside(3).tails.heard(0, 1.0)
    assert (refused(0), refused(3)) == ({0: 1.0}, {})


def test_its_memory_is_bounded_whatever_is_said() -> None:
    known = Company(1, cores=CORES)
    said = [*map(float, range(2000)), math.inf, math.nan, -5.0, 0.5, 1e300]
    found = {id(known.beside(others)) for others in said}
    assert len(found) <= PARTS * MOST
    assert known.beside(math.nan) is known.beside(-5.0) is known.beside(1) is known.beside()
    assert np.isfinite(known.beside(math.inf).slowdown.of()).all()


def test_a_ticket_is_learned_where_it_was_decided() -> None:
    machine = Shared()
    manager, _ = manager_of(machine)
    asked, machine.others = Advisor(manager, Knobs(()), crowd=machine), 3.0
    busy = asked.decide({"deadline": "500ms"})
    assert (busy["point"], busy["expected_s"]) == ("small", pytest.approx(0.2))
    machine.others = 0.0
    assert asked.decide({"deadline": "500ms"})["point"] == "large"
    asked.observe({"ticket": busy["ticket"], "latency_s": 0.3})
    assert manager.slowdown.of().tolist() == [1.0]
    machine.others = 3.0
    assert asked.decide({"deadline": "500ms"})["expected_s"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("others", "said"),
    [(3.0, "Beside it 3 others wanted a processor."), (1.0, "Beside it 1 other wanted"), (0.0, "")],
)
def test_the_log_tells_of_others(others: float, said: str) -> None:
    manager, _ = manager_of(Shared())
    text = sentence(entry(manager, manager.decide(Goal(), others=others), Job(1, 0.1)))
    assert said in text and (others > 0) == ("Beside it" in text)


def test_threads_that_run_are_counted_without_this_one(tmp_path: Path) -> None:
    (tmp_path / "loadavg").write_text("0.70 1.20 1.02 4/97 13062\n")
    found = Runnable(tmp_path).read()
    assert (found.value, found.unit, found.how) == (3.0, "1", "measured")
    (tmp_path / "loadavg").write_text("0.00 0.00 0.00 0/0 0\n")  # as some sandboxes say
    assert Runnable(tmp_path).read().value == 0.0
    (tmp_path / "loadavg").write_text("0.70 1.20\n")
    assert "is not understood" in Runnable(tmp_path).read().source
    assert Runnable(tmp_path / "none").read().source == "the kernel does not tell it"
