"""What is kept of a stream: sums that forget, windows, buffers, and sums that forget nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.learn.continual.decay import Decay
from sarto.learn.continual.rehearsal import Rehearsal
from sarto.learn.continual.window import Window
from sarto.learn.recursive import RLS
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4)) + 2
Y = RANDOM.normal(size=(60, 2))
PARTS = np.array_split(np.arange(60), 9)


def of(items: Any) -> RidgeStatistics:
    return RidgeStatistics.of(X[items], Y[items])


def test_a_sum_that_forgets_is_that_of_rows_weighted_by_their_age() -> None:
    forgetting = Decay(0.7)
    for part in PARTS:
        forgetting.add(of(part))
    age = np.concatenate([np.full(len(part), 8 - t) for t, part in enumerate(PARTS)])
    weighted = RidgeStatistics.of(X, Y, 0.7**age)
    found = forgetting.statistics
    found.validate()
    for name in ("weight", "mean_x", "mean_y", "C_xx", "C_xy", "C_yy"):
        np.testing.assert_allclose(getattr(found, name), getattr(weighted, name), rtol=1e-11, atol=1e-12)
    assert found.count == 60


def test_row_by_row_it_is_recursive_least_squares() -> None:
    readout, forgetting = RLS(ridge=3.0, forgetting=0.9, limit=np.inf), Decay(0.9)
    for f, y in zip(X, Y, strict=True):
        readout.update(f, y)
        forgetting.add(RidgeStatistics.of(f[None], y[None]))
    solution = forgetting.statistics.solve(3.0 * 0.9**60)
    np.testing.assert_allclose(readout.weights, solution.weights, rtol=1e-8)
    np.testing.assert_allclose(readout.intercept, solution.intercept, rtol=1e-8)


@given(st.permutations(range(9)))
@settings(max_examples=15, deadline=None)
def test_without_forgetting_the_last_readout_is_the_joint_one_in_any_order(order: list[int]) -> None:
    """Exact statistics forget nothing, whatever the order of experiences."""
    forgetting = Decay(1.0)
    for part in order:
        forgetting.add(of(PARTS[part]))
    joint, found = of(np.arange(60)), forgetting.statistics
    ridge = joint.ridge_from_relative(1e-6)
    expected = joint.solve(ridge).weights
    assert np.abs(found.solve(ridge).weights - expected).max() <= 1e-9 * np.abs(expected).max()


def test_a_window_has_the_bits_of_its_parts_alone() -> None:
    """Rows of a million times the size that came and left leave no trace."""
    long, fresh = Window(3), Window(3)
    for part in PARTS[:6]:
        long.add(RidgeStatistics.of(1e3 * X[part], 1e3 * Y[part]))
    for part in PARTS[6:]:
        long.add(of(part))
        fresh.add(of(part))
    assert long.statistics.pack() == fresh.statistics.pack()
    expected = of(np.concatenate(PARTS[6:]))
    np.testing.assert_allclose(long.statistics.C_xx, expected.C_xx, rtol=1e-10)
    assert long.statistics.count == expected.count


def test_joint_keeps_all_and_naive_nothing() -> None:
    joint, naive = Rehearsal("joint"), Rehearsal("naive")
    for t, part in enumerate(PARTS):
        assert joint.take(part).tolist() == np.concatenate(PARTS[: t + 1]).tolist()
        assert naive.take(part).tolist() == part.tolist()
    assert not len(naive.kept)


def test_a_buffer_holds_each_item_equally_often_and_never_more_than_its_size() -> None:
    """With 60 items and room for 10 each is kept in a sixth of the runs: 4 standard errors of 1,200 runs."""
    counts = np.zeros(60)
    for seed in range(1200):
        buffer = Rehearsal("replay", size=10, seed=seed)
        for part in PARTS:
            buffer.take(part)
        assert len(set(buffer.kept.tolist())) == 10
        counts[buffer.kept] += 1
    assert np.abs(counts / 1200 - 1 / 6).max() < 4 * np.sqrt((1 / 6) * (5 / 6) / 1200)


def test_replay_hands_out_what_it_had_and_what_arrives() -> None:
    buffer = Rehearsal("replay", size=10)
    assert buffer.take(PARTS[0]).tolist() == PARTS[0].tolist()
    had = buffer.kept
    assert buffer.take(PARTS[1]).tolist() == [*had.tolist(), *PARTS[1].tolist()]
    assert buffer.seen == len(PARTS[0]) + len(PARTS[1])


def test_what_keeps_nothing_or_has_nothing_is_refused() -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: Decay(0.0), "E168"),
        (lambda: Decay(1.1), "E168"),
        (lambda: Decay(0.5).statistics, "E104"),
        (lambda: Window(0), "E168"),
        (lambda: Window(1).statistics, "E104"),
        (lambda: Rehearsal("replay"), "E168"),
        (lambda: Rehearsal("generative"), "E168"),
        (lambda: Rehearsal("joint").take(np.zeros(0, np.int64)), "E104"),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
