"""Post-training quantisation against the paper's algorithm, written slowly, and against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import Float, Int

from sarto.compress.quantize.ptq import CLIPS, DAMPING, QuantisedRows, output_error, quantise
from sarto.core.errors import SartoError


def by_the_paper(
    weights: Float[np.ndarray, "row column"],
    gram: Float[np.ndarray, "column column"],
    scale: Float[np.ndarray, " row"],
    limit: int,
) -> Int[np.ndarray, "row column"]:
    """Optimal brain quantisation in a fixed order, with the inverse of what is left computed afresh at every step.

    Frantar et al., section 3: rounding weight q moves the others by -(w_q - quant(w_q)) / [H_F^-1]_qq (H_F^-1)_:,q.
    """
    order = sorted(range(len(gram)), key=lambda j: -gram[j, j])
    values = np.zeros(weights.shape, np.int64)
    for row in range(len(weights)):
        w = weights[row].copy()
        for place, q in enumerate(order):
            values[row, q] = int(np.clip(np.rint(w[q] / scale[row]), -limit, limit))
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
    small = quantise(weights, bits, gram)
    np.testing.assert_array_equal(
        small.values, by_the_paper(weights, damped, small.scale, 2 ** (bits - 1) - 1)
    )


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
