"""Rows as integers against the paper's algorithm, written slowly, against known answers, and as properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jaxtyping import Bool, Float, Int

from sarto.compress.rows import CLIPS, DAMPING, QuantisedRows, output_error, quantise
from sarto.core.errors import SartoError


def by_the_paper(
    weights: Float[np.ndarray, "row column"],
    gram: Float[np.ndarray, "column column"],
    scale: Float[np.ndarray, " row"],
    limit: int,
    kept: Bool[np.ndarray, "row column"],
) -> Int[np.ndarray, "row column"]:
    """Optimal brain quantisation in a fixed order, with the inverse of what is left computed afresh at every step.

    Frantar et al., section 3: rounding weight q moves the others by -(w_q - quant(w_q)) / [H_F^-1]_qq (H_F^-1)_:,q.
    """
    order = sorted(range(len(gram)), key=lambda j: -gram[j, j])
    values = np.zeros(weights.shape, np.int64)
    for row in range(len(weights)):
        w = weights[row].copy()
        for place, q in enumerate(order):
            values[row, q] = int(np.clip(np.rint(w[q] / scale[row]), -limit, limit)) * kept[row, q]
            left = order[place:]
            inverse = np.linalg.inv(gram[np.ix_(left, left)])
            w[left] -= (w[q] - values[row, q] * scale[row]) / inverse[0, 0] * inverse[:, 0]
    return values


def layer(
    seed: int, columns: int = 9
) -> tuple[Float[np.ndarray, "row column"], Float[np.ndarray, "column column"]]:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(60, columns)) @ rng.normal(size=(columns, columns))
    return rng.normal(size=(4, columns)), inputs.T @ inputs


@pytest.mark.parametrize("bits", [3, 4, 8])
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_slow_algorithm(bits: int, seed: int) -> None:
    weights, gram = layer(seed)
    damped = gram + DAMPING * np.trace(gram) / len(gram) * np.eye(len(gram))
    everything, some = np.ones(weights.shape, bool), np.random.default_rng(seed).random(weights.shape) < 0.6
    for kept, given in ((everything, None), (some, some)):
        small = quantise(weights * kept, bits, gram, given)
        slow = by_the_paper(weights * kept, damped, small.scale, 2 ** (bits - 1) - 1, kept)
        np.testing.assert_array_equal(small.values, slow)
        assert not small.values[~kept].any()


def test_plain_rounding_is_to_the_nearest_with_the_largest_weight_at_the_limit() -> None:
    small = quantise(np.array([[7.0, -3.4, 0.6, -0.4], [0.0, 0.07, -0.14, 0.035]]), 4)
    assert small.values.tolist() == [[7, -3, 1, 0], [0, 4, -7, 2]]
    assert small.scale == pytest.approx([1.0, 0.02])


def test_independent_inputs_leave_nothing_to_compensate() -> None:
    weights, _ = layer(0)
    gram = np.diag(np.linspace(1, 2, 9))
    small = quantise(weights, 8, gram)
    np.testing.assert_array_equal(small.values, np.rint(weights / small.scale[:, None]).clip(-127, 127))


def test_a_copied_input_takes_over_the_error_of_the_first() -> None:
    """Two inputs that are always equal: only the sum of their weights matters, so 0.5 + 0.5 becomes 1 + 0."""
    gram = np.array([[1.0, 1.0, 0], [1.0, 1.0, 0], [0, 0, 0.5]])
    weights = np.array([[0.5001, 0.5001, 3.0]])
    assert quantise(weights, 3).values.sum() == 1 + 1 + 3
    assert quantise(weights, 3, gram).values.tolist() == [[1, 0, 3]]


@pytest.mark.parametrize("seed", range(3))
def test_each_row_has_the_share_with_the_least_error_when_rounded(seed: int) -> None:
    weights, gram = layer(seed)
    damped = gram + DAMPING * np.trace(gram) / len(gram) * np.eye(len(gram))
    full = np.abs(weights).max(axis=1) / 7
    small = quantise(weights, 4, gram)
    for row in range(4):
        errors: dict[float, float] = {}
        for clip in CLIPS:
            scale = full[row] * clip
            d = weights[row] - np.rint(weights[row] / scale).clip(-7, 7) * scale
            errors[clip] = float(d @ damped @ d)
        assert small.scale[row] == pytest.approx(full[row] * min(errors, key=lambda c: errors[c]))
    assert len({round(c, 6) for c in small.scale / full}) > 1, "the search is no formality"


def test_output_error_is_the_squared_change_of_the_output() -> None:
    rng = np.random.default_rng(0)
    inputs, weights = rng.normal(size=(50, 4)), rng.normal(size=(2, 4))
    small = QuantisedRows(np.array([[1, 0, -1, 2], [0, 0, 1, 1]]), np.array([0.5, 2.0]))
    change = inputs @ (weights - small.real).T
    assert output_error(weights, small, inputs.T @ inputs) == pytest.approx((change**2).sum(axis=0))


def test_a_moment_that_is_none_is_refused() -> None:
    with pytest.raises(SartoError, match="not positive definite") as caught:
        quantise(np.ones((1, 2)), 8, np.array([[1.0, 5.0], [5.0, 1.0]]))
    assert caught.value.code == "E404"


def correlated(
    seed: int = 0, rows: int = 3, columns: int = 12
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Weights and the second moment of strongly correlated inputs."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(200, 3)) @ rng.normal(size=(3, columns)) + 0.1 * rng.normal(size=(200, columns))
    return rng.normal(size=(rows, columns)) * rng.uniform(0.1, 10, (rows, 1)), inputs.T @ inputs


@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
def test_integers_fit_their_bits_and_stand_for_the_weights(bits: int) -> None:
    weights, gram = correlated()
    for moment in (None, gram):
        small = quantise(weights, bits, moment)
        assert np.issubdtype(small.values.dtype, np.integer)
        assert small.values.shape == weights.shape
        assert small.scale.shape == (3,)
        assert np.abs(small.values).max() <= 2 ** (bits - 1) - 1
        np.testing.assert_array_equal(small.real, small.values * small.scale[:, None])
        if moment is None:
            assert (np.abs(small.real - weights) <= 0.5001 * small.scale[:, None]).all()


def test_the_output_is_kept_at_least_as_well_as_by_rounding() -> None:
    for seed in range(5):
        weights, gram = correlated(seed)
        aware = output_error(weights, quantise(weights, 4, gram), gram).sum()
        assert aware <= output_error(weights, quantise(weights, 4), gram).sum()


def test_more_bits_keep_more() -> None:
    weights, gram = correlated()
    errors = [output_error(weights, quantise(weights, b, gram), gram).sum() for b in (3, 5, 8, 12)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4 * errors[0]


@pytest.mark.parametrize("size", [1e-30, 1e-9, 1e9, 1e30])
def test_the_unit_of_weights_and_moments_does_not_matter(size: float) -> None:
    weights, gram = correlated()
    one, weighed, moved = (
        quantise(weights, 8, gram),
        quantise(weights * size, 8, gram),
        quantise(weights, 8, gram * size),
    )
    np.testing.assert_array_equal(weighed.values, one.values)
    np.testing.assert_allclose(weighed.scale, one.scale * size, rtol=1e-12)
    np.testing.assert_array_equal(moved.values, one.values)


def test_rows_do_not_touch_each_other() -> None:
    weights, gram = correlated(rows=4)
    np.testing.assert_array_equal(
        quantise(weights, 5, gram).values,
        np.concatenate([quantise(w[None], 5, gram).values for w in weights]),
    )


def test_zeros_stay_zeros() -> None:
    weights, gram = correlated()
    weights[1] = 0
    gram[2], gram[:, 2] = 0, 0
    for moment in (None, gram, np.zeros_like(gram)):
        small = quantise(weights, 8, moment)
        assert not small.values[1].any()
        assert small.values[0].any() and np.isfinite(small.scale).all() and (small.scale > 0).all()
    nothing = quantise(np.zeros((2, 12)), 8, gram)
    assert not nothing.values.any()


@pytest.mark.parametrize(("bits", "value"), [(1, 0.0), (17, 0.0), (0, 0.0), (8, np.nan), (8, np.inf)])
def test_what_cannot_be_quantised_is_refused(bits: int, value: float) -> None:
    weights, gram = correlated()
    weights[0, 0] = value
    for moment in (None, gram):
        with pytest.raises(SartoError) as caught:
            quantise(weights, bits, moment)
        assert caught.value.code == "E116"


def test_the_inputs_of_the_call_stay_as_they_were() -> None:
    weights, gram = correlated()
    before = weights.copy(), gram.copy()
    quantise(weights, 4, gram)
    np.testing.assert_array_equal(weights, before[0])
    np.testing.assert_array_equal(gram, before[1])
