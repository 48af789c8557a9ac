"""The noise budget on functions whose answer is known, monotone and not, noisy and not."""

import math
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from sarto.core.seed import generator
from sarto.learn.noise_budget import NoiseBudget, noise_budget
from sarto.models.input_error import InputError

SEEDS = range(6)


def smooth(level: float, seed: int) -> float:
    return 0.9 - level**2 + 0.01 * seed


def shaken(level: float, seed: int) -> float:
    return 0.9 - level**2 + 0.02 * float(generator(seed, "shaken", f"{level:.9g}").standard_normal())


def test_the_edge_is_found_to_the_halvings() -> None:
    """Loss level^2 = .0101 at level .1005."""
    found = noise_budget(smooth, [0.04, 0.08, 0.16], clean=0.0, loss=0.0101, seeds=SEEDS, refinements=8)
    assert found.value is not None
    assert found.interval[0] == found.value < 0.0101**0.5 < found.interval[1]
    assert found.interval[1] - found.interval[0] == pytest.approx(0.08 / 2**8)
    in_ratios = noise_budget(smooth, [0.04, 0.16], clean=0.0, loss=0.01, seeds=SEEDS, refinements=1, log=True)
    assert in_ratios.table.column("level")[-1] == pytest.approx(0.08)


def test_levels_may_fall() -> None:
    """Bits: a loss of 2^-b may be 1/16 at most, so 4 bits hold and 3 fail."""
    found = noise_budget(
        lambda b, s: 1 - 2.0**-b + s, [8, 7, 6, 5, 4, 3, 2], clean=math.inf, loss=1 / 16, seeds=SEEDS
    )
    assert (found.value, found.interval) == (4.0, (4.0, 3.0))
    assert found.table.column("level") == (8.0, 7.0, 6.0, 5.0, 4.0, 3.0)


def test_what_lies_beyond_a_failing_level_is_never_trusted() -> None:
    def dip(level: float, seed: int) -> float:
        return 0.5 if 0.25 <= level <= 0.35 else 1.0

    found = noise_budget(dip, [0.1, 0.2, 0.3, 0.4], clean=0.0, loss=0.1, seeds=SEEDS, refinements=3)
    assert found.value is not None
    assert 0.2 <= found.value < 0.25
    late = noise_budget(dip, [0.1, 0.28, 0.4], clean=0.0, loss=0.1, seeds=SEEDS)
    assert (late.value, late.interval) == (0.1, (0.1, 0.28))


def test_noise_of_the_estimate_makes_the_answer_careful() -> None:
    """The true edge is .2; what holds holds at 95 %, so the value lies below, and the interval contains the edge."""
    levels = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]
    wrong = 0
    for start in range(0, 300, 6):
        seeds = range(start, start + 6)
        found = noise_budget(shaken, levels, clean=0.0, loss=0.04, seeds=seeds)
        wrong += not found.interval[0] <= 0.2 <= found.interval[1]
    assert wrong < 10  # of 50, and 5 in each tail of the levels next to the edge were promised


def test_halvings_look_before_the_first_level_that_does_not_hold() -> None:
    """Level .2 is undecided, .3 holds and .5 fails: the gap to be halved is .1 to .2."""

    def loss(level: float, seed: int) -> float:
        if level == 0.2:
            return -0.2 * (seed % 2)
        return -0.3 if level > 0.4 else 0.0

    found = noise_budget(loss, [0.1, 0.2, 0.3, 0.5], clean=0.0, loss=0.1, seeds=SEEDS, refinements=1)
    assert found.table.column("verdict") == ("holds", "undecided", "holds", "fails", "holds")
    assert found.value == found.table.column("level")[-1] == pytest.approx(0.15)
    assert found.interval == (found.value, 0.5)


def test_undecided_is_neither() -> None:
    found = noise_budget(shaken, [0.19, 0.5], clean=0.0, loss=0.04, seeds=range(2))
    assert found.table.column("verdict") == ("undecided", "fails")
    assert found.value is None
    assert found.interval == (0.0, 0.5)


def test_bounds_are_those_of_student() -> None:
    """Losses 0 and .2: mean .1, deviation .1414, t_{.95, 1} = 6.3138, so .1 +- .63138."""
    found = noise_budget(lambda level, s: -0.2 * level * s, [1.0], clean=0.0, loss=0.5, seeds=[0, 1])
    _, loss, low, high, verdict = found.table.rows[0]
    assert (loss, low, high) == pytest.approx((0.1, 0.1 - 0.63138, 0.1 + 0.63138), abs=1e-4)
    assert verdict == "undecided"


def test_nothing_fails_or_nothing_holds() -> None:
    fine = noise_budget(smooth, [0.01, 0.02], clean=0.0, loss=0.5, seeds=SEEDS, refinements=3)
    assert (fine.value, fine.interval) == (0.02, (0.02, math.inf))
    assert len(fine.table.rows) == 2
    none = noise_budget(smooth, [0.5, 0.6], clean=0.0, loss=0.01, seeds=SEEDS, refinements=3)
    assert (none.value, none.interval) == (None, (0.0, 0.5))


def test_the_workers_do_not_matter() -> None:
    def both(executor: Executor | None) -> NoiseBudget:
        levels = [0.1, 0.3]
        return noise_budget(
            shaken, levels, clean=0.0, loss=0.04, seeds=SEEDS, refinements=2, executor=executor
        )

    with ThreadPoolExecutor(3) as executor:
        assert both(executor) == both(None)


def test_what_cannot_be_asked() -> None:
    for levels, words in (([], "levels"), ([0.1, 0.1], "levels"), ([0.1, 0.3, 0.2], "levels")):
        with pytest.raises(InputError, match=words):
            noise_budget(smooth, levels, clean=0.0, loss=0.1, seeds=SEEDS)
    with pytest.raises(InputError, match="1 seed"):
        noise_budget(smooth, [0.1], clean=0.0, loss=0.1, seeds=[0])
    with pytest.raises(InputError, match=r"loss = -0\.1"):
        noise_budget(smooth, [0.1], clean=0.0, loss=-0.1, seeds=SEEDS)
    with pytest.raises(InputError, match="in ratios"):
        noise_budget(smooth, [0.0, 0.1], clean=0.0, loss=0.1, seeds=SEEDS, log=True)
    with pytest.raises(InputError, match=r"the quality at level 0\.1 is nan"):
        noise_budget(lambda level, s: math.nan if level else 1.0, [0.1], clean=0.0, loss=0.1, seeds=SEEDS)
