from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.models.reservoir import es2n, esn, eusn, paralesn, ring, rmn, seeded
from sarto.models.reservoir._cell import Activation, Reservoir
from sarto.models.reservoir._stack import stacked
from sarto.models.reservoir._weights import spectral_radius
from sarto.models.sequences import read_sequences
from sarto.models.states import states

USUAL: dict[str, Any] = dict(seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.3)
RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(length, 2)) for length in (120, 40, 80, 80)]
FAST = IntrinsicPlasticity(sigma=0.3, learning_rate=0.01, epochs=4)
FORMS = pytest.mark.parametrize(
    ("activation", "leaks"),
    [("tanh", "state"), ("tanh", "drive"), ("sigmoid", "state"), ("sigmoid", "drive")],
)


def deep(**changes: Any) -> Any:
    return stacked(esn.build, 12, 2, layers=2, **(USUAL | changes))


def cell(units: int = 12, **changes: Any) -> Reservoir:
    return esn.build(units, 2, **(USUAL | changes))


@FORMS
def test_outputs_come_closer_to_their_target(activation: Activation, leaks: Any) -> None:
    adapted = FAST.adapt(cell(activation=activation, leaks=leaks), X)
    far = adapted.table.column("KL, mean")
    assert len(far) == 5 and float(far[-1]) < 0.6 * float(far[0])
    columns = (adapted.table.column(f"KL, {name}") for name in ("least", "mean", "largest"))
    for least, mean, largest in zip(*columns, strict=True):
        assert 0 <= float(least) <= float(mean) <= float(largest)


@FORMS
def test_without_a_record_the_reservoir_is_the_same_to_the_bit(activation: Activation, leaks: Any) -> None:
    for given in (cell(activation=activation, leaks=leaks), deep(activation=activation, leaks=leaks)):
        recorded = FAST.adapt(given, X, washout=5)
        assert FAST.adapted(given, X, washout=5).reservoir_id == recorded.reservoir.reservoir_id


@pytest.mark.parametrize("schedule", ["constant", "linear"])
@FORMS
def test_changes_are_those_of_the_published_rule(activation: Activation, leaks: Any, schedule: Any) -> None:
    """By hand, for one sequence of two steps, in both conventions; the second has half the rate where it falls."""
    before = cell(activation=activation, leaks=leaks)
    x = RANDOM.normal(size=(2, 2))
    a, b = np.ones(12), np.zeros(12)
    h, r = np.zeros(12), np.zeros(12)
    for rate, u in zip((0.01, 0.005 if schedule == "linear" else 0.01), x, strict=True):
        drive = before.recurrent @ h + before.inputs @ u + before.bias
        r = 0.5 * r + 0.5 * drive
        z = r if leaks == "drive" else drive
        y = np.tanh(a * z + b) if activation == "tanh" else 1 / (1 + np.exp(-(a * z + b)))
        h = y if leaks == "drive" else 0.5 * h + 0.5 * y
        if activation == "tanh":  # N(0, 0.3^2)
            db = -rate * ((y / 0.09) * (2 * 0.09 + 1 - y**2))
        else:  # exponential of mean 0.3
            db = rate * (1 - (2 + 1 / 0.3) * y + y**2 / 0.3)
        a, b = a + rate / a + db * z, b + db
    found = replace(FAST, epochs=1, schedule=schedule).adapt(before, [x]).layers[0]
    if leaks == "drive":
        assert found.gain is not None and found.shift is not None
        np.testing.assert_allclose(found.gain, a, atol=1e-14)
        np.testing.assert_allclose(found.shift, b, atol=1e-14)
        np.testing.assert_array_equal(found.recurrent, before.recurrent)
    else:
        np.testing.assert_allclose(found.recurrent, a[:, None] * before.recurrent, atol=1e-14)
        np.testing.assert_allclose(found.inputs, a[:, None] * before.inputs, atol=1e-14)
        np.testing.assert_allclose(found.bias, a * before.bias + b, atol=1e-14)


def test_a_rate_that_falls_comes_to_rest_at_the_target_where_a_held_one_does_not() -> None:
    """The rate is large: sigma^2 / eta is 20 steps, and the reservoir remembers longer."""
    x = [RANDOM.uniform(0, 1, size=(600, 2))]
    slow = cell(units=40, radius=0.95, input_scaling=0.1, bias_scaling=0.1)
    rule = IntrinsicPlasticity(sigma=0.1, learning_rate=5e-4, epochs=40)
    held, falling = (
        replace(rule, schedule=schedule).adapt(slow, x, washout=100) for schedule in ("constant", "linear")
    )
    before = float(held.table.column("KL, mean")[0])
    assert float(held.table.column("KL, mean")[-1]) > 0.5 * before
    assert float(falling.table.column("KL, mean")[-1]) < 0.25 * before


@pytest.mark.parametrize(("batch", "rates"), [(1, (6, 5, 4, 3, 2, 1)), (2, (4, 3, 2, 1))])
def test_the_rate_falls_over_all_changes(batch: int, rates: tuple[int, ...]) -> None:
    """As by default. Two epochs of two and one steps after the washout; without a drive every y is tanh(b) by hand."""
    before = cell(leaks="drive", bias_scaling=0.0)
    x = [np.zeros((3, 2)), np.zeros((2, 2))]
    rule = IntrinsicPlasticity(mu=0.2, sigma=0.3, learning_rate=0.01, epochs=2, batch=batch)
    found = rule.adapt(replace(before, recurrent=0 * before.recurrent), x, washout=1).layers[0]
    a, b = 1.0, 0.0
    for part in rates:
        rate = 0.01 * part / len(rates)
        y = np.tanh(b)
        a, b = a + rate / a, b + rate * (0.2 / 0.09 - y / 0.09 * (2 * 0.09 + 1 - y**2 + 0.2 * y))
    assert found.gain is not None and found.shift is not None
    np.testing.assert_allclose(found.gain, a, atol=1e-14)
    np.testing.assert_allclose(found.shift, b, atol=1e-14)


def test_the_conventions_agree_without_a_leak_and_differ_with_one() -> None:
    def made(leak: float, leaks: str) -> Any:
        adapted = FAST.adapt(cell(leak=leak, leaks=leaks), X).reservoir
        return states(adapted, read_sequences(X), dtype="float64")

    np.testing.assert_allclose(made(1.0, "state"), made(1.0, "drive"), atol=1e-10)
    assert np.abs(made(0.5, "state") - made(0.5, "drive")).max() > 0.01


@pytest.mark.parametrize("build", [ring.build, es2n.build, rmn.build, eusn.build])
def test_every_cell_whose_state_leaks_keeps_its_equation(build: Any) -> None:
    """Gain and shift act on all that the activation sees, a memory among it."""
    settings = {**USUAL, "leak": 0.1} if build is eusn.build else USUAL
    before = build(8, 2, **settings)
    adapted = FAST.adapt(before, X)
    after = adapted.layers[0]
    gain = after.inputs[:, 0] / before.inputs[:, 0]
    assert np.ptp(gain) > 1e-3
    a = gain[:, None]
    np.testing.assert_allclose(after.recurrent_matrix(), a * before.recurrent_matrix(), atol=1e-12)
    if before.memory is not None:
        assert after.memory is not None
        np.testing.assert_allclose(after.memory.outputs, a * before.memory.outputs, atol=1e-12)
        np.testing.assert_array_equal(after.memory.inputs, before.memory.inputs)
    if before.rotation is not None:
        np.testing.assert_array_equal(after.rotation_matrix(), before.rotation_matrix())
    rest = before.alpha * before.rotation_matrix() + before.beta * a * before.recurrent_matrix()
    assert adapted.radius_after == pytest.approx(spectral_radius(rest))
    assert adapted.radius_after != adapted.radius_before


def test_layers_adapt_one_after_the_other() -> None:
    deep = stacked(esn.build, 12, 2, layers=2, **USUAL)
    adapted = FAST.adapt(deep, X)
    first = FAST.adapt(deep.layers[0], X).reservoir
    np.testing.assert_array_equal(adapted.layers[0].bias, first.layers[0].bias)
    below = states(first, read_sequences(X), dtype="float64")
    inputs = np.split(below, np.cumsum([len(x) for x in X])[:-1])
    second = FAST.adapt(deep.layers[1], inputs).reservoir
    np.testing.assert_allclose(adapted.layers[1].bias, second.layers[0].bias, atol=1e-12)
    assert adapted.table.column("layer") == (1,) * 5 + (2,) * 5


def test_sequences_of_a_batch_share_the_mean_change() -> None:
    together = replace(FAST, epochs=1, batch=2)
    twice = together.adapt(cell(), [X[0], X[0]]).layers[0]
    once = replace(FAST, epochs=1).adapt(cell(), [X[0]]).layers[0]
    np.testing.assert_allclose(twice.bias, once.bias, atol=1e-12)
    apart = replace(FAST, epochs=1).adapt(cell(), [X[0], X[0]]).layers[0]
    assert np.abs(apart.bias - once.bias).max() > 1e-3


def test_the_washout_teaches_nothing_and_moves_the_state() -> None:
    long = [np.concatenate([np.full((5, 2), 30.0), x]) for x in X]
    washed = FAST.adapt(cell(), long, washout=5).layers[0]
    cut = FAST.adapt(cell(), X).layers[0]
    all_of_it = FAST.adapt(cell(), long).layers[0]
    near, far = (np.abs(other.bias - washed.bias).max() for other in (cut, all_of_it))
    assert 0 < near < far
    with pytest.raises(SartoError, match="E115"):
        FAST.adapt(cell(), X, washout=40)


def test_the_same_data_give_the_same_bits_and_another_id() -> None:
    one, two = (FAST.adapt(cell(), X).reservoir for _ in range(2))
    assert one.reservoir_id == two.reservoir_id != cell().reservoir_id
    assert FAST.adapt(cell(), X[::-1]).reservoir.reservoir_id != one.reservoir_id


def test_gains_stay_above_their_bound_and_it_is_said() -> None:
    """A drive far larger than the target asks for a tiny gain."""
    wild = replace(FAST, sigma=0.05, learning_rate=0.09, schedule="constant")
    adapted = wild.adapt(cell(leaks="drive", input_scaling=200.0), X)
    gain = adapted.layers[0].gain
    assert gain is not None
    assert gain.min() == pytest.approx(0.3)
    assert any("end at their bound of 0.3" in text for text in adapted.warnings)


def test_a_radius_past_one_is_said() -> None:
    quiet = [0.01 * x for x in X]
    adapted = replace(FAST, epochs=10).adapt(cell(bias_scaling=0.0), quiet)
    assert adapted.radius_before < 1 < adapted.radius_after
    assert adapted.warnings[0].startswith("the effective radius went from 0.9")


def test_a_rise_of_the_divergence_is_said_where_the_histogram_can_show_it() -> None:
    """In 60 steps it cannot: 63 / 120 nat are open."""
    noise = np.random.default_rng(0).normal(size=(60, 2))
    small = replace(FAST, learning_rate=1e-4, epochs=1).adapt(cell(), [noise])
    first, last = (float(value) for value in small.table.column("KL, mean"))
    assert first < last < first + 63 / 120 and not small.warnings
    wild = replace(FAST, learning_rate=0.2, schedule="constant").adapt(cell(), X)
    assert any(text.startswith("the mean KL divergence of layer 1 rose") for text in wild.warnings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sigma": 0.0}, "sigma = 0.0"),
        ({"learning_rate": -1.0}, "learning_rate = -1.0"),
        ({"epochs": 0}, "epochs = 0"),
        ({"batch": 0}, "batch = 0"),
        ({"schedule": "cosine"}, "schedule = cosine"),
    ],
)
def test_bad_parameters_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SartoError, match=words):
        replace(FAST, **changes).adapt(cell(), X)


def test_what_cannot_adapt_is_refused() -> None:
    with pytest.raises(SartoError, match="neurons with identity"):
        FAST.adapt(cell(activation="identity"), X)
    with pytest.raises(SartoError, match="drawn on the device"):
        FAST.adapt(seeded.build(12, 2, **USUAL), X)
    with pytest.raises(SartoError, match="linear"):
        FAST.adapt(paralesn.build(12, 2, **USUAL), X)
    with pytest.raises(SartoError, match="mu = -0"):
        replace(FAST, mu=-0.1).adapt(cell(activation="sigmoid"), X)
    with pytest.raises(SartoError, match=r"mu = 1\.5"):
        replace(FAST, mu=1.5).adapt(cell(), X)
    with pytest.raises(SartoError, match="3 channels"):
        FAST.adapt(cell(), [np.zeros((5, 3))])
    with pytest.raises(SartoError, match="became infinite in epoch 1"):
        replace(FAST, learning_rate=1e308).adapt(cell(), X)
