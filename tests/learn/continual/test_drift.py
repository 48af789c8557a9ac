"""Alarms: their run length without a change, how soon they come with one, and the tests below them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.core.errors import SartoError
from sarto.learn.continual.alarm import Alarm, ShiryaevRoberts
from sarto.learn.continual.error_drift import ODDS, ErrorDrift, accepted_rate
from sarto.learn.continual.feature_drift import FeatureDrift, e_of
from sarto.learn.statistics import RidgeStatistics
from tests.learn.continual.oracles import binom, kstest, quad, ttest_ind
from tests.learn.oracles import fisher, pinv

RUNS = 150


def statistics(x: NDArray[np.float64]) -> RidgeStatistics:
    return RidgeStatistics.of(x, np.zeros(len(x)))


def length(test: Any, draw: Any) -> int:
    """Return when the first alarm comes."""
    while True:
        if alarm := test.add(draw()):
            return alarm.when


def test_the_statistic_is_the_recursion_of_shiryaev_and_roberts() -> None:
    test = ShiryaevRoberts("x", 100.0)
    assert [test.add(e) for e in (2.0, 0.5, 3.0)] == [None] * 3
    assert test.statistic == 3 * (0.5 * (2 + 1) + 1)
    two = ShiryaevRoberts("x", 100.0)
    two.add(np.array([2.0, 0.0]))
    two.add(np.array([2.0, 3.0]))
    assert two.statistic == (2 * 3 + 3 * 1) / 2
    assert test.add(20.0) == Alarm(4, "x", 20 * 8.5, 100.0)
    assert test.statistic == 0 and test.add(1.0) is None


def test_without_a_change_alarms_come_as_rarely_as_promised() -> None:
    """The mean of 150 run lengths is below A by chance less than 4 standard errors; the bound is near at fair bets."""
    random = np.random.default_rng(0)
    for e, below in ((lambda: 2.0 * (random.random() < 0.5), 3.0), (lambda: e_of(random.random()), 10.0)):
        lengths = np.array([length(ShiryaevRoberts("x", 30.0), e) for _ in range(RUNS)])
        assert 30 - 4 * lengths.std() / np.sqrt(RUNS) < lengths.mean() < below * 30


def test_errors_at_the_accepted_rate_raise_few_alarms_and_more_of_them_a_fast_one() -> None:
    random = np.random.default_rng(1)
    still, moved = list[int](), list[int]()
    for _ in range(RUNS):
        still.append(length(ErrorDrift(0.2, 60), lambda: float(random.random() < 0.2)))
        moved.append(length(ErrorDrift(0.2, 60), lambda: float(random.random() < 0.6)))
    assert np.mean(still) > 60
    assert np.mean(moved) < 12


def test_each_bet_is_a_likelihood_ratio_of_its_rate_and_the_accepted_one() -> None:
    watch = ErrorDrift(0.2, 1e9)
    rates = np.array([odds * 0.25 / (1 + odds * 0.25) for odds in ODDS])
    watch.add(1.0)
    assert watch.statistic == pytest.approx(np.mean(rates / 0.2))
    watch.add(0.0)
    assert watch.statistic == pytest.approx(np.mean((1 - rates) / 0.8 * (rates / 0.2 + 1)))


def test_the_accepted_rate_is_one_at_which_so_few_errors_are_unlikely() -> None:
    rate = accepted_rate(wrong=8, of=100)
    assert binom.cdf(8, 100, rate) == pytest.approx(0.05, rel=1e-9)
    assert accepted_rate(wrong=0, of=100) == pytest.approx(1 - 0.05 ** (1 / 100), rel=1e-9)


def test_an_e_value_of_a_uniform_p_is_1_on_average() -> None:
    """Over p = exp(-t): near p = 0 the integrand is 1 / (p log^2 p), whose integral from 0 to q is -1 / log q."""

    def integrand(t: float) -> float:
        return e_of(float(np.exp(-t))) * float(np.exp(-t))

    area, _ = quad(integrand, 0, 600)
    assert area + 1 / 600 == pytest.approx(1.0, abs=1e-3)
    assert e_of(1.0) == 0.5
    assert e_of(1 - 0.99e-4) == pytest.approx(e_of(1 - 1.01e-4), abs=1e-6)
    assert e_of(0.0) < np.inf


def test_one_feature_is_the_two_sample_t_test() -> None:
    random = np.random.default_rng(2)
    before, batch = random.normal(size=(30, 1)), random.normal(size=(12, 1)) + 0.5
    watch = FeatureDrift(statistics(before), 100)
    assert watch.p_of(statistics(batch)) == pytest.approx(
        ttest_ind(before[:, 0], batch[:, 0]).pvalue, rel=1e-9
    )


def test_several_features_are_a_regression_of_which_batch_a_row_is_of() -> None:
    """T^2 tests whether a linear function of the features tells the batches apart: F of the regression on all."""
    random = np.random.default_rng(6)
    before, batch = random.normal(size=(9, 4)), random.normal(size=(5, 4)) + 0.3
    z = np.c_[np.ones(14), np.r_[before, batch]]
    which = np.r_[np.zeros(9), np.ones(5)]
    left = float(np.sum((which - z @ (pinv(z) @ which)) ** 2))
    total = float(np.sum((which - which.mean()) ** 2))
    F = ((total - left) / 4) / (left / (14 - 5))
    watch = FeatureDrift(statistics(before), 100)
    assert watch.p_of(statistics(batch)) == pytest.approx(fisher.sf(F, 4, 9), rel=1e-9)


def test_p_of_batches_is_uniform_independent_and_the_same_in_other_units() -> None:
    random = np.random.default_rng(3)
    mixed = random.normal(size=(3, 3))
    plain = FeatureDrift(statistics(random.normal(size=(8, 3))), 1e12)
    other = FeatureDrift(statistics(np.zeros((5, 3)) + random.normal(size=(5, 3))), 1e12)
    other.reference = statistics(np.random.default_rng(3).normal(size=(11, 3))[3:] @ mixed + 9)
    found: list[float] = []
    for number in range(300):
        x = random.normal(size=(10, 3))
        found.append(plain.p_of(statistics(x)))
        if number < 5:
            assert other.p_of(statistics(x @ mixed + 9)) == pytest.approx(found[-1], rel=1e-6)
            other.add(statistics(x @ mixed + 9))
        plain.add(statistics(x))
    assert kstest(found, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 4 / np.sqrt(300)


def test_a_moved_mean_is_seen_in_the_directions_watched_and_not_in_others() -> None:
    random = np.random.default_rng(4)
    watched, aside = np.array([[1.0, 0, 0, 0], [1.0, 1, 0, 0], [2.0, 1, 0, 0]]), np.array([[0, 0, 0, 1.0]])
    alarms: dict[str, Alarm | None] = {}
    for name, directions in (("all", None), ("watched", watched), ("aside", aside)):
        watch = FeatureDrift(statistics(random.normal(size=(100, 4))), 1000, directions)
        for _ in range(20):
            assert watch.add(statistics(random.normal(size=(15, 4)))) is None
        moved = (
            watch.add(statistics(random.normal(size=(15, 4)) + np.array([0, 1, 0, 0]))) for _ in range(5)
        )
        alarms[name] = next((alarm for alarm in moved if alarm), None)
    assert alarms["aside"] is None
    assert alarms["all"] is not None and alarms["watched"] is not None
    assert 20 < alarms["watched"].when <= 23


def test_what_cannot_be_watched_is_refused() -> None:
    x = np.random.default_rng(5).normal(size=(20, 3))
    flat = np.c_[x, x[:, 0] + x[:, 1]]
    calls: list[tuple[Any, str]] = [
        (lambda: ShiryaevRoberts("x", 1.0), "E168"),
        (lambda: ShiryaevRoberts("x", 9.0).add(-1.0), "E105"),
        (lambda: ErrorDrift(0.0, 9.0), "E168"),
        (lambda: ErrorDrift(0.1, 9.0).add(1.5), "E168"),
        (lambda: accepted_rate(5, 5), "E168"),
        (lambda: FeatureDrift(statistics(x[:4]), 9.0), "E168"),
        (lambda: FeatureDrift(statistics(x), 9.0, np.zeros((1, 3))), "E168"),
        (lambda: FeatureDrift(statistics(x), 9.0).add(RidgeStatistics.empty(3, 1)), "E168"),
        (lambda: FeatureDrift(RidgeStatistics.of(x, x[:, 0], np.full(20, 0.5)), 9.0), "E168"),
        (lambda: FeatureDrift(statistics(flat), 9.0).add(statistics(flat)), "E404"),
    ]
    for call, code in calls:
        with pytest.raises(SartoError) as caught:
            call()
        assert caught.value.code == code
