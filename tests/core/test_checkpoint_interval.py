"""The interval of checkpoints: the published formula, and jobs that fail at random."""

import math

import numpy as np
import pytest

from sarto.core.checkpoint_interval import Failures, overhead, young
from sarto.core.errors import SartoError


def daly(interval_s: float, cost_s: float, mttf_s: float) -> float:
    """Return the time that a job takes with exponential failures, over its work (Daly 2006, equation 20, R = 0)."""
    return mttf_s * math.expm1((interval_s + cost_s) / mttf_s) / interval_s


@pytest.mark.parametrize("cost_s", [1e-3, 0.1, 5.0])
def test_the_interval_is_the_best_of_the_first_order_and_close_to_the_best_of_all(cost_s: float) -> None:
    mttf_s = 1000.0
    tau = young(cost_s, mttf_s)
    tried = [float(s) for s in np.geomspace(1e-3, 1e3, 30_001)]
    first = min(tried, key=lambda s: overhead(s, cost_s, mttf_s))
    assert tau == pytest.approx(first, rel=1e-3)
    assert overhead(tau, cost_s, mttf_s) == pytest.approx(math.sqrt(2 * cost_s / mttf_s))
    exact = min(tried, key=lambda s: daly(s, cost_s, mttf_s))
    assert tau == pytest.approx(exact, rel=math.sqrt(cost_s / mttf_s))
    assert daly(tau, cost_s, mttf_s) < daly(exact, cost_s, mttf_s) + cost_s / mttf_s


def lost(interval_s: float, cost_s: float, mttf_s: float, seed: int) -> float:
    """Return the share of the time of a job of 3000 intervals that was no work, under exponential failures."""
    rng, spent = np.random.default_rng(seed), 0.0
    for _ in range(3000):
        while (fails := rng.exponential(mttf_s)) < interval_s + cost_s:
            spent += fails
        spent += interval_s + cost_s
    return 1 - 3000 * interval_s / spent


def test_jobs_that_fail_at_random_lose_what_the_formula_says_and_more_at_other_intervals() -> None:
    cost_s, mttf_s = 1.0, 400.0
    tau = young(cost_s, mttf_s)
    at = {
        factor: float(np.mean([lost(factor * tau, cost_s, mttf_s, seed) for seed in range(3)]))
        for factor in (0.3, 1.0, 3.0)
    }
    assert at[1.0] == pytest.approx(overhead(tau, cost_s, mttf_s), rel=0.1)
    assert at[0.3] > 1.5 * at[1.0] and at[3.0] > 1.5 * at[1.0]


def test_two_kinds_of_failures_come_together_as_rates_do() -> None:
    assert Failures(100.0, 300.0).together_s == pytest.approx(75.0)
    assert Failures(100.0).together_s == 100.0


@pytest.mark.parametrize("times", [(0.0, None), (-1.0, None), (math.inf, None), (1.0, 0.0), (1.0, math.nan)])
def test_times_between_failures_that_make_no_sense(times: tuple[float, float | None]) -> None:
    with pytest.raises(SartoError, match="mean time between failures") as caught:
        Failures(*times)
    assert caught.value.code == "E182"
