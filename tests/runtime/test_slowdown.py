"""What is learned of how much slower jobs run: steady load, changes, single jobs that were held up, other clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.runtime.slowdown import MEMORY, Slowdown

RNG = np.random.default_rng


def after(ratios: list[float], cluster: int = 0, slow: Slowdown | None = None) -> Slowdown:
    found = Slowdown(2) if slow is None else slow
    for ratio in ratios:
        found.heard(cluster, ratio)
    return found


def noisy(level: float, jobs: int, seed: int = 0, sd: float = 0.05) -> list[float]:
    return (level * np.exp(RNG(seed).normal(0, sd, jobs))).tolist()


def test_a_steady_load_is_found_and_noise_hardly_moves_it() -> None:
    slow = after(noisy(1.4, 300))
    assert slow.of()[0] == pytest.approx(1.4, rel=0.06)


def test_the_margin_leaves_the_wanted_share_late() -> None:
    for late in (0.02, 0.2):
        slow = after(noisy(1.0, 2000), slow=Slowdown(1, late))
        level, more = float(slow.of()[0]), noisy(1.0, 4000, seed=1)
        share = np.mean(np.array(more) > level * slow.margin)
        assert share == pytest.approx(late, abs=0.6 * late)


def test_a_change_is_believed_after_one_job() -> None:
    slow = after(noisy(1.0, 100))
    assert after([2.0], slow=slow).of()[0] == pytest.approx(2.0)
    assert after([2.02, 1.98], slow=slow).of()[0] == pytest.approx(2.0, rel=0.02)
    assert after([1.0], slow=slow).of()[0] == pytest.approx(1.0, rel=0.02)


def test_one_job_that_was_held_up_is_forgotten_after_the_next() -> None:
    slow = after(noisy(1.0, 100))
    before = float(slow.of()[0])
    assert after([5.0], slow=slow).of()[0] == pytest.approx(5.0)
    assert after([1.01], slow=slow).of()[0] == pytest.approx(before, rel=0.01)


def test_a_surprise_is_the_clusters_own_only_where_it_is_heard_first_after_another() -> None:
    slow = after(noisy(1.0, 100))
    slow.heard(0, 2.0)  # not after another cluster: common to all
    assert slow.of()[1] == pytest.approx(2.0, rel=0.02)
    slow = after(noisy(1.0, 100))
    slow.heard(1, 2.0)
    assert slow.of().tolist() == pytest.approx([1.0, 2.0], rel=0.05)


def test_what_lasts_on_the_cluster_in_use_becomes_common() -> None:
    slow = after(noisy(1.0, 100))
    slow.heard(1, 2.0)
    after(noisy(2.0, 300, seed=2), cluster=1, slow=slow)
    assert slow.of().tolist() == pytest.approx([2.0, 2.0], rel=0.05)


@pytest.mark.parametrize("odd", [math.nan, 0.0, -1.0, math.inf])
def test_a_clock_that_jumps_says_nothing(odd: float) -> None:
    slow = after(noisy(1.2, 50))
    level, margin = slow.of().tolist(), slow.margin
    slow.heard(0, odd)
    assert (slow.of().tolist(), slow.margin) == (level, margin)


def test_numbers_beyond_reason_stay_finite() -> None:
    slow = after([1e300, 1e-300, 1.0, 1e300])
    assert np.isfinite(slow.of()).all()


def test_memory_does_not_grow() -> None:
    slow = after(noisy(1.0, 3 * MEMORY))
    assert len(slow._errors) == MEMORY  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("odd", [{"clusters": 0}, {"late": 0.0}, {"late": 1.0}, {"rate": 0.0}, {"fade": 2.0}])
def test_settings_that_cannot_be_used(odd: dict[str, float]) -> None:
    with pytest.raises(SartoError, match="E116"):
        Slowdown(**{"clusters": 1, **odd})  # pyright: ignore[reportArgumentType]
