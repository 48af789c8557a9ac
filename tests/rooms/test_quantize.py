"""What every method of `sarto.compress.quantize` must do; a new method is judged by this suite without an edit here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.compress.quantize.ptq import output_error
from sarto.core.errors import SartoError
from sarto.core.rooms import load_method, methods

ROOM = "sarto.compress.quantize"
pytestmark = pytest.mark.parametrize("method", methods(ROOM))


def layer(
    seed: int = 0, rows: int = 3, columns: int = 12
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Weights and the second moment of strongly correlated inputs."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(200, 3)) @ rng.normal(size=(3, columns)) + 0.1 * rng.normal(size=(200, columns))
    return rng.normal(size=(rows, columns)) * rng.uniform(0.1, 10, (rows, 1)), inputs.T @ inputs


@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
def test_integers_fit_their_bits_and_stand_for_the_weights(method: str, bits: int) -> None:
    weights, gram = layer()
    for moment in (None, gram):
        small = load_method(ROOM, method).quantise(weights, bits, moment)
        assert np.issubdtype(small.values.dtype, np.integer)
        assert small.values.shape == weights.shape
        assert small.scale.shape == (3,)
        assert np.abs(small.values).max() <= 2 ** (bits - 1) - 1
        np.testing.assert_array_equal(small.real, small.values * small.scale[:, None])
        if moment is None:
            assert (np.abs(small.real - weights) <= 0.5001 * small.scale[:, None]).all()


def test_the_output_is_kept_at_least_as_well_as_by_rounding(method: str) -> None:
    quantise = load_method(ROOM, method).quantise
    for seed in range(5):
        weights, gram = layer(seed)
        aware = output_error(weights, quantise(weights, 4, gram), gram).sum()
        assert aware <= output_error(weights, quantise(weights, 4), gram).sum()


def test_more_bits_keep_more(method: str) -> None:
    weights, gram = layer()
    errors = [
        output_error(weights, load_method(ROOM, method).quantise(weights, b, gram), gram).sum()
        for b in (3, 5, 8, 12)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4 * errors[0]


@pytest.mark.parametrize("size", [1e-30, 1e-9, 1e9, 1e30])
def test_the_unit_of_weights_and_moments_does_not_matter(method: str, size: float) -> None:
    weights, gram = layer()
    quantise = load_method(ROOM, method).quantise
    one, weighed, moved = (
        quantise(weights, 8, gram),
        quantise(weights * size, 8, gram),
        quantise(weights, 8, gram * size),
    )
    np.testing.assert_array_equal(weighed.values, one.values)
    np.testing.assert_allclose(weighed.scale, one.scale * size, rtol=1e-12)
    np.testing.assert_array_equal(moved.values, one.values)


def test_rows_do_not_touch_each_other(method: str) -> None:
    weights, gram = layer(rows=4)
    quantise = load_method(ROOM, method).quantise
    np.testing.assert_array_equal(
        quantise(weights, 5, gram).values,
        np.concatenate([quantise(w[None], 5, gram).values for w in weights]),
    )


def test_zeros_stay_zeros(method: str) -> None:
    weights, gram = layer()
    weights[1] = 0
    gram[2], gram[:, 2] = 0, 0
    for moment in (None, gram, np.zeros_like(gram)):
        small = load_method(ROOM, method).quantise(weights, 8, moment)
        assert not small.values[1].any()
        assert small.values[0].any() and np.isfinite(small.scale).all() and (small.scale > 0).all()
    nothing = load_method(ROOM, method).quantise(np.zeros((2, 12)), 8, gram)
    assert not nothing.values.any()


@pytest.mark.parametrize(("bits", "value"), [(1, 0.0), (17, 0.0), (0, 0.0), (8, np.nan), (8, np.inf)])
def test_what_cannot_be_quantised_is_refused(method: str, bits: int, value: float) -> None:
    weights, gram = layer()
    weights[0, 0] = value
    for moment in (None, gram):
        with pytest.raises(SartoError) as caught:
            load_method(ROOM, method).quantise(weights, bits, moment)
        assert caught.value.code == "E116"


def test_the_inputs_of_the_call_stay_as_they_were(method: str) -> None:
    weights, gram = layer()
    before = weights.copy(), gram.copy()
    load_method(ROOM, method).quantise(weights, 4, gram)
    np.testing.assert_array_equal(weights, before[0])
    np.testing.assert_array_equal(gram, before[1])
