"""The strongest attack on the noise of a promise stays within it, and a tenth of the noise does not."""

from __future__ import annotations

import numpy as np
import pytest

from sarto.audit.leaks import membership
from sarto.audit.leaks.membership import scores, shown_epsilon
from sarto.learn import gaussian_mechanism
from sarto.learn.gaussian_mechanism import Promise
from sarto.learn.perturbation import Perturbed

DRAWS = 2000


def attacked(promise: Promise, seed: int = 0) -> float:
    rng = np.random.default_rng(seed)
    rows = Perturbed.of_rows(rng.normal(size=(40, 3)), rng.integers(0, 2, 40), (0, 1))
    row = Perturbed.of_rows(np.array([[0.0, 3.0, 4.0]]), np.array([1]), (0, 1))
    there, absent = scores(rows, row, promise, DRAWS, rng)
    # What the scores differ by is the distance, in noise of sigma: nothing is wasted, nothing is more.
    apart = (there.mean() - absent.mean()) / promise.sigma
    assert apart == pytest.approx(promise.distance / promise.sigma, abs=5 * np.sqrt(2 / DRAWS))
    assert absent.std() == pytest.approx(promise.sigma, rel=0.06)
    return shown_epsilon(there, absent, promise.delta)


@pytest.mark.parametrize(("epsilon", "least"), [(3.0, 0.5), (10.0, 2.5)])
def test_the_attack_shows_no_more_than_is_promised_and_a_good_part_of_it(
    epsilon: float, least: float
) -> None:
    assert least < attacked(Promise(epsilon, 1e-5)) <= epsilon


def test_a_tenth_of_the_noise_breaks_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    enough = gaussian_mechanism.noise_multiplier(1.0, 1e-5)

    def tenth(epsilon: float, delta: float) -> float:
        del epsilon, delta
        return enough / 10

    monkeypatch.setattr(gaussian_mechanism, "noise_multiplier", tenth)
    assert attacked(Promise(1.0, 1e-5)) > 2.0


def test_scores_that_tell_nothing_show_nothing() -> None:
    rng = np.random.default_rng(1)
    assert shown_epsilon(rng.normal(size=5000), rng.normal(size=5000), 1e-5) < 0.05


def test_bounds_of_rates_are_those_of_clopper_and_pearson() -> None:
    # Of 10 in 100 the interval of 95 % is .0490 to .1762; of n in n its lower end is .025^(1 / n).
    assert membership._lower(10, 100) == pytest.approx(0.04900, abs=5e-6)  # pyright: ignore[reportPrivateUsage]
    assert 1 - membership._lower(90, 100) == pytest.approx(0.17622, abs=5e-6)  # pyright: ignore[reportPrivateUsage]
    assert membership._lower(7, 7) == pytest.approx(0.025 ** (1 / 7))  # pyright: ignore[reportPrivateUsage]
    assert membership._lower(0, 7) == 0  # pyright: ignore[reportPrivateUsage]
    # The same threshold in 500 and 500 judged scores: TPR 1, FPR 0, each at the end of its interval.
    end = 0.025 ** (1 / 500)
    found = shown_epsilon(np.ones(1000) + np.arange(1000) / 1e4, np.arange(1000) / 1e4, 0.0)
    assert found == pytest.approx(np.log(end / (1 - end)))
