"""Power by a model: of jobs and of the time between them, and what it does not know."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, replace

import pytest

from sarto.core.points import OperatingPoint
from sarto.devices.platforms import parse_platform
from sarto.measure.operating import point_evidence
from sarto.measure.power_model import ModelPower
from tests.devices.test_platforms import GOOD

GIVEN = parse_platform("m", GOOD)
IDLE_W = 0.25
BOARD = replace(GIVEN, title="A board", idle_w=replace(GIVEN.idle_w, value=IDLE_W))


@dataclass
class Clock:
    """A clock that jobs move."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def point(watts: float | None) -> OperatingPoint:
    parts = point_evidence(0.1, watts, "estimated", "declared", "table", 0.7, "measured", "given")
    return OperatingPoint(f"at {watts} W", {}, parts)


def test_power_rises_with_the_share_of_the_time_in_which_jobs_run() -> None:
    """Fan, Weber and Barroso, 2007: P = P_idle + (P_busy - P_idle) u."""
    clock = Clock()
    model = ModelPower(BOARD, clock)
    job = model.over(clock.pass_)
    for busy in (0.0, 0.2, 0.7, 1.0):
        assert model.at(point(2.0)) == {}
        job(4 * busy)
        clock.pass_(4 * (1 - busy))
        found = model.read()
        assert found.value == pytest.approx(IDLE_W + (2.0 - IDLE_W) * busy)
        assert (found.what, found.unit, found.how) == ("power", "W", "estimated")
    assert found.source.startswith("power model of A board: stated powers of points, ")
    assert found.source.endswith("250 mW between jobs (not measured)")


def test_power_times_time_is_the_energy_of_all_jobs_however_often_it_is_read() -> None:
    draw, clock = random.Random(3), Clock()
    model = ModelPower(BOARD, clock)
    wanted = joules = last = 0.0

    def read() -> None:
        nonlocal joules, last
        watts = model.read().value
        assert watts is not None
        joules, last = joules + watts * (clock.now - last), clock.now

    def work(seconds: float) -> None:
        clock.pass_(seconds / 2)
        if draw.random() < 0.5:
            read()  # as by somebody else, in the middle of a job
        clock.pass_(seconds / 2)

    for _ in range(200):
        watts, busy, idle = draw.uniform(0.5, 5), draw.uniform(0.01, 2), draw.choice([0.0, draw.random()])
        model.at(point(watts))
        model.over(work)(busy)
        clock.pass_(idle)
        wanted += watts * busy + IDLE_W * idle
        if draw.random() < 0.3:
            read()
    read()
    assert joules == pytest.approx(wanted)


def test_where_no_time_has_passed_it_is_the_power_of_now() -> None:
    clock = Clock(5.0)
    model = ModelPower(BOARD, clock)
    model.at(point(3.0))
    assert model.read().value == IDLE_W
    assert model.over(model.read)().value == 3.0
    clock.now = 1.0  # it was set back
    assert model.read().value == IDLE_W
    clock.pass_(1.0)
    assert model.read().value == pytest.approx(IDLE_W)


def test_a_job_that_raises_has_ended() -> None:
    clock = Clock()
    model = ModelPower(BOARD, clock)

    def broken() -> None:
        clock.pass_(1.0)
        raise ZeroDivisionError

    model.at(point(3.0))
    with pytest.raises(ZeroDivisionError):
        model.over(broken)()
    clock.pass_(1.0)
    assert model.read().value == pytest.approx((3.0 + IDLE_W) / 2)


def test_what_is_not_known_is_no_number_and_does_not_stay() -> None:
    clock = Clock()
    model = ModelPower(BOARD, clock)
    job = model.over(clock.pass_)
    job(1.0)
    assert str(model.read()) == "power unavailable: nobody said at which point the job runs"
    model.at(point(None))
    job(1.0)
    assert model.read().source == "the power of at None W is not known"
    model.at(point(2.0))
    job(1.0)
    assert model.read().value == pytest.approx(2.0)
    dark = ModelPower(replace(BOARD, idle_w=replace(BOARD.idle_w, value=float("nan"))), clock)
    clock.pass_(1.0)
    assert dark.read().source == "A board states no idle power"
    dark.at(point(2.0))
    dark.over(clock.pass_)(1.0)
    assert dark.read().value == pytest.approx(2.0)


def test_another_thread_may_read() -> None:
    model = ModelPower(BOARD)
    model.at(point(2.0))
    begun, over = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        over.wait()

    running = threading.Thread(target=model.over(work))
    model.read()
    running.start()
    begun.wait()
    model.read()
    found = model.read().value
    over.set()
    running.join()
    assert found == pytest.approx(2.0)
