"""Linear memory capacity: of delay lines it is the number of neurons, of linear reservoirs at most."""

from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.memory import memory_capacity, recall
from sarto.models.reservoir import es2n, esn, ring
from sarto.models.reservoir._cell import Reservoir


def delay_line(units: int, channels: int = 1) -> Reservoir:
    """Return a shift register for each channel: h_t = (u_t, u_{t-1}, ..., u_{t-N+1})."""
    shift = np.ones(units * channels)
    shift[::units] = 0
    inputs = np.zeros((units * channels, channels))
    inputs[::units] = np.eye(channels)
    return Reservoir("ring", shift, inputs, np.zeros(units * channels), 0.0, 1.0, activation="identity")


@pytest.mark.parametrize("streams", [1, 5])
def test_a_delay_line_remembers_as_many_lags_as_it_has_neurons(streams: int) -> None:
    found = memory_capacity(delay_line(12), lags=20, train=1000, test=4000, streams=streams, ridge=0.0)
    assert found.curve.shape == (21, 1) and found.test_steps == pytest.approx(4000, abs=streams)
    np.testing.assert_allclose(found.curve[:12, 0], 1 - found.floor, atol=1e-9)
    np.testing.assert_allclose(found.curve[12:, 0], 0, atol=0.005)
    assert found.curve.sum() == pytest.approx(12, abs=0.02)
    assert found.total == pytest.approx(11, abs=0.02)


def test_every_channel_has_its_own_capacity() -> None:
    line = delay_line(4, channels=3)
    slow = Reservoir("ring", line.recurrent, line.inputs[:, ::-1], line.bias, 0.0, 1.0, activation="identity")
    for cell in (line, slow):
        found = memory_capacity(cell, lags=6, train=1000, test=2000, ridge=0.0)
        assert found.curve.shape == (7, 3)
        np.testing.assert_allclose(found.curve[:4], 1 - found.floor, atol=1e-9)
        assert found.total == pytest.approx(9, abs=0.05)


def test_the_floor_is_what_chance_correlates() -> None:
    """Of independent numbers r^2 is 1 / (n - 1) in the mean."""
    found = memory_capacity(delay_line(3), lags=300, train=500, test=4000, ridge=0.0)
    assert found.floor == pytest.approx(1 / 3999, rel=0.25)
    assert abs(found.curve[3:].mean()) < 1.5e-4


def test_a_linear_reservoir_remembers_as_much_as_it_has_neurons_and_a_driven_one_less() -> None:
    """Proposition 2 of Jaeger (2001): the sum over lags is at most N, and N where W and W_x are in general position."""
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(15, 15)))
    kwargs: dict[str, Any] = dict(lags=120, train=3000, test=5000, ridge=0.0)
    linear = Reservoir(
        "esn", 0.9 * turn, rng.normal(size=(15, 1)), np.zeros(15), 0.0, 1.0, activation="identity"
    )
    whole = memory_capacity(linear, **kwargs)
    assert whole.curve.sum() == pytest.approx(15, abs=0.15)
    bent = Reservoir("esn", linear.recurrent, linear.inputs, linear.bias, 0.0, 1.0)
    assert memory_capacity(bent, **kwargs).curve.sum() < 0.8 * whole.curve.sum()


def test_a_rotation_remembers_more_than_a_leak() -> None:
    usual: dict[str, Any] = dict(seed=0, leak=0.05, radius=0.9, input_scaling=0.1, bias_scaling=0.0)
    kwargs: dict[str, Any] = dict(lags=60, train=1500, test=3000, amplitude=0.8)
    found = {cell: memory_capacity(cell.build(30, 1, **usual), **kwargs).total for cell in (es2n, esn)}
    assert found[es2n] > 24 > 12 > found[esn]


def test_past_inputs_are_those_before() -> None:
    drawn = recall(delay_line(5), lags=3, train=40, test=20, amplitude=0.5, streams=2, seed=4)
    assert drawn.train_states.shape == (40, 5) and drawn.test_past.shape == (20, 4)
    np.testing.assert_array_equal(drawn.train_states[:, :4], drawn.train_past)
    assert np.abs(drawn.test_past).max() <= 0.5
    other = drawn.shuffled(0)
    assert sorted(other.test_past[:, 2]) == sorted(drawn.test_past[:, 2])
    assert (other.test_past != drawn.test_past).mean() > 0.5


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again, other = (
        memory_capacity(delay_line(5), lags=8, train=300, test=300, seed=seed).curve for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"lags": -1}, "lags = -1"), ({"test": 0}, "test = 0"), ({"streams": 26}, "streams = 26 for 50 steps")],
)
def test_counts_that_leave_nothing_to_measure_are_refused(changes: dict[str, int], words: str) -> None:
    cell = ring.build(5, 1, seed=0, leak=1.0, radius=0.9, input_scaling=0.1, bias_scaling=0.0)
    with pytest.raises(SartoError, match=words):
        memory_capacity(cell, **({"lags": 3, "train": 25, "test": 25} | changes))
