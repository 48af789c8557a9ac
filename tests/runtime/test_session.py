"""Sessions: variants of a user's own run under a manager, knobs are set for them, and what is lost is left out."""

from __future__ import annotations

import gc
import json
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.devices.platforms import parse_platform, platform
from sarto.measure.ladder import timed_points
from sarto.measure.monitors import monitors
from sarto.runtime.knobs import Call, Knobs
from sarto.runtime.log import Log, sentences
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.scenarios import Scenario
from sarto.runtime.session import session
from sarto.runtime.simulate import simulate
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


def test_where_all_points_are_refused_jobs_run_with_the_knobs_as_they_are(
    machine: Machine, tmp_path: Path
) -> None:
    def put(text: str) -> None:
        if text in refused:
            raise PermissionError("only root may")
        level[0] = text

    level, refused = ["slow"], ["fast"]
    knobs = Knobs([Call("level", lambda: level[0], put)], act=True)
    of = {"small": "medium", "large": "fast"}
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    log = Log(tmp_path / "log.jsonl")
    with session(manager, ladder(machine), knobs=knobs, wanted=lambda p: {"level": of[p.name]}, log=log) as s:
        s.clock = lambda: machine.now
        assert [s.infer(1), s.infer(2), s.kept, level] == ["1 in 0.1", "2 in 0.1", {}, ["medium"]]
        (lost,) = s.lost.values()
        assert lost.why == "only root may"
        level[0] = "slow"
        refused.append("medium")
        assert [s.infer(3), s.infer(4), level] == ["3 in 0.4", "4 in 0.4", ["slow"]]
        assert (s.kept["level"].why, len(s.lost)) == ("only root may", 2)
        refused.remove("medium")
        machine.now += 10
        assert [s.infer(5), s.kept] == ["5 in 0.1", {}]
    told = list(sentences(log.path))
    assert "Points that need level at fast were left out: it was refused." in told[0]
    assert [text.count("they stayed as they were") for text in told] == [0, 1, 0]


def test_a_point_is_taken_again_when_a_hot_clock_has_cooled_down(machine: Machine) -> None:
    def put(text: str) -> None:
        level[0] = "low" if hot[0] else text
        if text == "high":
            tries.append(machine.now)

    level, hot, tries = ["low"], [False], [0.0]
    knobs = Knobs([Call("clock", lambda: level[0], put)], act=True)
    of = {"small": "low", "large": "high"}
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    ran = ladder(machine) | {"small": machine.variant(0.001)}
    with session(manager, ran, knobs=knobs, wanted=lambda p: {"clock": of[p.name]}) as s:
        s.clock = lambda: machine.now
        assert s.infer(1) == "1 in 0.4"
        level[0], hot[0] = "low", True
        tries.clear()
        assert [s.infer(i) for i in range(2000)] == [f"{i} in 0.001" for i in range(2000)]
        assert 20 < len(tries) < 30  # of a clock that takes no time: after 20, 40, and then every 80 ms
        hot[0] = False
        assert "9 in 0.4" in [s.infer(9) for _ in range(81)]
        assert (s.lost, s.refusals.lost) == ({}, {})


def test_the_knobs_of_the_fastest_point_may_be_refused_after_a_job_that_hung(machine: Machine) -> None:
    dog = Watchdog(60.0)
    three = {**ladder(machine), "middle": machine.variant(0.2)}
    timed = timed_points(three, [1], {"small": 0.7, "middle": 0.8, "large": 0.9}, clock=lambda: machine.now)
    level = ["slow"]

    def put(text: str) -> None:
        if text == "small":
            raise PermissionError
        level[0] = text

    knobs = Knobs([Call("level", lambda: level[0], put)], act=True)
    manager = Manager(Points.of(timed), "max_accuracy")
    with session(manager, three, knobs=knobs, wanted=lambda p: {"level": p.name}, watchdog=dog) as s:
        s.clock = lambda: machine.now
        assert s.infer(1) == "1 in 0.4"
        dog.overruns += 1
        assert [s.infer(2), s.infer(3)] == ["2 in 0.2", "3 in 0.4"]


@pytest.mark.parametrize("policy", ["schedutil", "energy_aware"])
def test_governors_see_the_load_of_a_session_as_that_of_a_simulation(machine: Machine, policy: str) -> None:
    board = platform("odroid_xu3")
    known = Points.of(grid([Variant("whole", 0.71, 1.0)], board))
    took = {point.name: point["latency"] for point in known.points}
    jobs, at = 12, [""]
    ones = np.ones(jobs)
    scenario = Scenario(
        "plain", 2 * ones, 0 * ones, np.inf * ones, np.ones((jobs, 2)), ones, np.inf * ones, np.full(jobs, -1), 0 * ones
    )  # fmt: skip
    simulated = simulate(known, board, scenario, policy)

    def whole(_x: int) -> str:
        machine.now += took[at[0]]
        return at[0]

    knobs = Knobs([Call("at", lambda: at[0], lambda text: at.__setitem__(0, text))], act=True)
    with session(Manager(known, policy), {"whole": whole}, knobs=knobs, wanted=lambda p: {"at": p.name}) as s:
        s.clock = lambda: machine.now
        ran: list[str] = []
        for job in range(jobs):
            machine.now = 2.0 * job
            ran.append(s.infer(job))
    order: list[int] = simulated.index.tolist()
    assert ran == [known.points[i].name for i in order]
    assert ran[0] != ran[-1]


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


def test_a_line_of_the_log_says_what_was_known_before_its_job(machine: Machine, tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    manager = Manager(Points.of(points(machine)), "max_accuracy")
    with session(manager, ladder(machine), log=log) as s:
        s.clock = lambda: machine.now
        s.require(deadline="500ms")
        machine.slow = 3.0
        s.infer(1)
        s.infer(2)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [round(line["slowdown"], 6) for line in lines] == [1.0, 3.0]


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
