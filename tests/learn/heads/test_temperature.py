from __future__ import annotations

import numpy as np
import pytest

from sarto.learn.heads.temperature import RANGE, best, log_loss, softmax
from sarto.models.input_error import InputError
from tests.learn.heads.oracles import log_softmax, minimize_scalar

RANDOM = np.random.default_rng(0)
TARGET = RANDOM.integers(0, 4, 300)
SCORES = 3 * np.eye(4)[TARGET] + 2 * RANDOM.normal(size=(300, 4))


def test_the_log_loss_is_that_of_the_softmax() -> None:
    expected = -log_softmax(1e3 * SCORES, axis=1)[np.arange(300), TARGET].mean()
    assert log_loss(1e3 * SCORES, TARGET) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(np.log(softmax(SCORES)), log_softmax(SCORES, axis=1), rtol=1e-12)


def test_the_temperature_has_the_least_log_loss() -> None:
    def loss(logarithm: float) -> float:
        return log_loss(SCORES / np.exp(logarithm), TARGET)

    found = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-9})
    assert best(SCORES, TARGET) == pytest.approx(float(np.exp(found.x)), rel=1e-5)
    assert best(7 * SCORES, TARGET) == pytest.approx(7 * best(SCORES, TARGET), rel=1e-9)


def test_probabilities_drawn_at_a_temperature_give_it_back() -> None:
    scores = RANDOM.normal(size=(20_000, 3))
    sums = softmax(scores / 0.4).cumsum(axis=1)
    target = (RANDOM.random((20_000, 1)) > sums).sum(axis=1)
    assert best(scores, target) == pytest.approx(0.4, rel=0.05)


def test_scores_that_never_err_are_as_cold_as_can_be_and_wrong_ones_as_warm() -> None:
    sure = np.eye(4)[TARGET]
    assert best(sure, TARGET) == pytest.approx(RANGE[0] * sure.std(), rel=1e-6)
    assert best(-sure, TARGET) == pytest.approx(RANGE[1] * sure.std(), rel=1e-6)


def test_no_temperature_of_nothing() -> None:
    for scores, code in (
        (np.zeros((0, 2)), "E104"),
        (np.ones((3, 2)), "E168"),
        (np.full((3, 2), np.nan), "E168"),
    ):
        with pytest.raises(InputError) as caught:
            best(scores, np.zeros(len(scores), np.int64))
        assert caught.value.code == code
