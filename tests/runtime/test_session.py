"""Sessions: variants of a user's own run under a manager, knobs are set for them, and what is lost is left out."""

from __future__ import annotations

import gc
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.devices.platforms import parse_platform
from sarto.measure.ladder import timed_points
from sarto.measure.monitors import monitors
from sarto.runtime.knobs import Call, Knobs
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.session import session
from sarto.runtime.watchdog import Watchdog
from tests.devices.test_places import PLACE
from tests.devices.test_platforms import GOOD


@dataclass
class Machine:
    """A clock that the variants move."""

    now: float = 0.0
    slow: float = 1.0

    def variant(self, seconds: float) -> Callable[[int], str]:
        def run(x: int) -> str:
            self.now += self.slow * seconds
            return f"{x} in {seconds:g}"

        return run


@pytest.fixture
def machine() -> Machine:
    """A machine whose time is made up."""
    return Machine()


def ladder(machine: Machine) -> dict[str, Callable[[int], str]]:
    return {"small": machine.variant(0.1), "large": machine.variant(0.4)}


def points(machine: Machine) -> list[OperatingPoint]:
    return timed_points(ladder(machine), [1, 2], {"small": 0.8, "large": 0.9}, clock=lambda: machine.now)


def test_variants_are_timed_in_turn(machine: Machine) -> None:
    small, large = points(machine)
    assert small["latency"] == pytest.approx(0.1)
    assert large.find("latency").interval == pytest.approx((0.4, 0.4))
    assert (large.find("latency").n, large.find("accuracy").how) == (14, "declared")
    for wrong in ({}, {"small": 0.8}):
        with pytest.raises(SartoError, match="E116"):
            timed_points(ladder(machine) if wrong else {}, [1], wrong)


def test_it_runs_what_the_deadline_allows_and_follows_the_machine(machine: Machine) -> None:
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with session(manager, ladder(machine)) as s:
        s.clock = lambda: machine.now
        s.require(deadline="500ms", accuracy=0.7)
        answers = [s.infer(i) for i in range(4)]
        machine.slow = 3.0
        answers += [s.infer(i) for i in range(4)]
        assert s.seconds == pytest.approx(0.3)
        machine.slow = 1.0
        answers += [s.infer(i) for i in range(3)]
    assert answers[:5] == ["0 in 0.4", "1 in 0.4", "2 in 0.4", "3 in 0.4", "0 in 0.4"]
    assert answers[5:9] == ["1 in 0.1", "2 in 0.1", "3 in 0.1", "0 in 0.1"]
    assert answers[-1] == "2 in 0.4"


def test_knobs_are_set_for_each_point_and_set_back(machine: Machine) -> None:
    level = ["before"]
    knobs = Knobs([Call("level", lambda: level[0], lambda text: level.__setitem__(0, text))], act=True)
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with session(manager, ladder(machine), knobs=knobs, wanted=lambda p: {"level": f"for {p.name}"}) as s:
        s.clock = lambda: machine.now
        s.infer(1)
        assert level == ["for large"]
        assert [one.state for one in s.applied] == ["set"]
    assert level == ["before"]


def test_a_point_whose_knob_is_refused_is_left_out(machine: Machine) -> None:
    def put(text: str) -> None:
        if text == "fast":
            raise PermissionError("only root may")
        level[0] = text

    level = ["slow"]
    knobs = Knobs([Call("level", lambda: level[0], put)], act=True)
    of = {"small": "slow", "large": "fast"}
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with session(manager, ladder(machine), knobs=knobs, wanted=lambda p: {"level": of[p.name]}) as s:
        s.clock = lambda: machine.now
        assert [s.infer(1), s.infer(2)] == ["1 in 0.1", "2 in 0.1"]
        (lost,) = s.lost.values()
        assert lost.why == "only root may"
        of["small"] = "fast"
        with pytest.raises(SartoError, match="no operating point is available"):
            s.infer(3)


def test_what_a_variant_raises_comes_through_and_is_not_learned(machine: Machine) -> None:
    def broken(_x: int) -> str:
        raise ZeroDivisionError

    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with pytest.raises(ZeroDivisionError), session(manager, {**ladder(machine), "large": broken}) as s:
        s.infer(1)
    assert manager.slowdown.of().tolist() == [1.0]


def test_every_variant_has_something_to_run(machine: Machine) -> None:
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with (
        pytest.raises(SartoError, match="nothing to run for variant 'large'"),
        session(manager, {"small": str}),
    ):
        pass
    nameless = Points.of([replace(point, settings={}) for point in points(machine)])
    with (
        pytest.raises(SartoError, match="variant 'None'"),
        session(Manager(nameless, "max_accuracy"), {"small": str}),
    ):
        pass


BOARD = parse_platform("mine", GOOD + PLACE)


def test_a_place_that_does_not_answer_is_left_alone_for_a_while(machine: Machine) -> None:
    manager = Manager(Points.of(grid([Variant("whole", 0.71, 1.0)], BOARD)), "min_energy")
    up = [True, False, True]

    def gateway(variant: str, x: int) -> str:
        machine.now += 0.02
        if not up[0]:
            raise TimeoutError
        return f"{variant} {x} there"

    with session(manager, {"whole": machine.variant(0.15)}, remote={"gateway": gateway}) as s:
        s.clock = lambda: machine.now
        s.require(deadline="500ms")
        assert s.infer(1) == "whole 1 there"
        up[0] = False
        assert (s.infer(2), s.unanswered, s.seconds) == ("2 in 0.15", ["gateway"], pytest.approx(0.17))
        assert s.last is not None
        assert s.last.goal.deadline_s == 0.5
        up[0] = True
        # 20 times .02 s later it is tried again.
        assert [s.infer(i) for i in range(3, 6)] == ["3 in 0.15", "4 in 0.15", "whole 5 there"]
        assert s.reach.lost == {}


def test_every_place_has_something_to_ask(machine: Machine) -> None:
    manager = Manager(Points.of(grid([Variant("whole", 0.71, 1.0)], BOARD)), "min_energy")
    with (
        pytest.raises(SartoError, match="nothing to ask at place 'gateway'"),
        session(manager, {"whole": machine.variant(0.2)}),
    ):
        pass


def test_a_knob_that_vanishes_mid_run_is_told_and_the_run_goes_on(machine: Machine) -> None:
    def get() -> str:
        if "gone" in level:
            raise FileNotFoundError("no such knob")
        return level[0]

    level = ["slow"]
    knobs = Knobs([Call("level", get, lambda text: level.__setitem__(0, text))], act=True)
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with session(manager, ladder(machine), knobs=knobs, wanted=lambda p: {"level": p.name}) as s:
        s.clock = lambda: machine.now
        assert (s.infer(1), s.gone) == ("1 in 0.4", {})
        level.append("gone")
        assert s.infer(2) == "2 in 0.4"
        assert "no such knob" in s.gone["level"].why
        assert s.lost == {}
        level.remove("gone")
        assert (s.infer(3), s.gone) == ("3 in 0.4", {})
        level.append("gone")
    assert knobs.failed == {"level": "no such knob"}


@pytest.mark.parametrize("leap", [-1000.0, math.nan])
def test_a_clock_that_jumps_back_or_is_no_number_teaches_nothing(machine: Machine, leap: float) -> None:
    manager = Manager(Points.of(points(machine)), "max_accuracy")

    def leaping(x: int) -> str:
        machine.now += leap
        return str(x)

    with session(manager, {**ladder(machine), "large": leaping}) as s:
        s.clock = lambda: machine.now
        assert (s.infer(1), s.odd_times) == ("1", 1)
    assert manager.slowdown.of().tolist() == [1.0]


def test_a_clock_that_leaps_ahead_costs_one_job(machine: Machine) -> None:
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with session(manager, ladder(machine)) as s:
        s.clock = lambda: machine.now
        s.require(deadline="1s")
        began = [s.infer(i) for i in range(20)]
        machine.slow = 1e6
        s.infer(20)
        machine.slow = 1.0
        after = [s.infer(i) for i in range(4)]
    assert began == [f"{i} in 0.4" for i in range(20)]
    assert after == ["0 in 0.1", "1 in 0.4", "2 in 0.4", "3 in 0.4"]


def test_after_a_job_that_hung_the_next_runs_at_the_fastest_point_and_then_as_before(
    machine: Machine,
) -> None:
    hangs, over = [True], threading.Event()

    def large(x: int) -> str:
        if hangs.pop():
            assert over.wait(30)
        machine.now += 0.4
        hangs.append(False)
        return f"large {x}"

    manager = Manager(Points.of(points(machine)), "max_accuracy")
    dog = Watchdog(0.3, lambda _overrun: over.set())
    with session(manager, {"small": machine.variant(0.1), "large": large}, watchdog=dog) as s:
        s.clock = lambda: machine.now
        assert [s.infer(i) for i in range(3)] == ["large 0", "1 in 0.1", "large 2"]
        assert dog.overruns == 1


def test_monitors_are_read_in_a_session(machine: Machine, tmp_path: Path) -> None:
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with session(manager, ladder(machine), monitors=monitors(tmp_path, tmp_path)) as s:
        assert {one.how for one in s.readings.values()} == {"unavailable"}
        assert set(s.readings) == set(monitors())


def test_what_a_session_keeps_does_not_grow(machine: Machine) -> None:
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with session(manager, ladder(machine)) as s:
        s.clock = lambda: machine.now
        s.require(deadline="450ms")
        sizes: list[int] = []
        for block in range(3):
            machine.slow = 1.0 + 0.5 * (block % 2)
            for i in range(100):
                s.infer(i)
            gc.collect()
            sizes.append(len(gc.get_objects()))
    assert sizes[2] - sizes[1] < 20
