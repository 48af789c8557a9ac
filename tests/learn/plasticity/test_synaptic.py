from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.plasticity.adapted import plastic_layers
from sarto.learn.plasticity.synaptic import Rule, SynapticPlasticity
from sarto.models.reservoir import esn, ring
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import stacked
from sarto.models.sequences import read_sequences
from sarto.models.states import states

USUAL: dict[str, Any] = dict(seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.3)
RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(length, 2)) for length in (40, 20, 30)]
SIGN = {"oja": 1, "anti-oja": -1, "hebbian": 1, "anti-hebbian": -1, "bcm": 1}


def cell(**changes: Any) -> Reservoir:
    settings: dict[str, Any] = {**USUAL, "connectivity": 0.5, **changes}
    return esn.build(12, 2, **settings)


@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("shape", ["dense", "ring"])
def test_weights_follow_the_rule_neuron_by_neuron(rule: Rule, shape: str) -> None:
    before = cell() if shape == "dense" else ring.build(12, 2, **USUAL)
    w = before.recurrent_matrix().copy()
    joins = np.argwhere(w)
    h = np.zeros(12)
    for u in X[0]:
        y = 0.5 * h + 0.5 * np.tanh(w @ h + before.inputs @ u + before.bias)
        for i, j in joins:
            hebb = y[i] * h[j]
            change = {"o": y[i] * (h[j] - y[i] * w[i, j]), "h": hebb, "b": hebb * (y[i] - 0.2)}
            w[i, j] += 0.01 * SIGN[rule] * change[rule.removeprefix("anti-")[0]]
        h = y
    found = SynapticPlasticity(rule, learning_rate=0.01, threshold=0.2).adapt(before, [X[0]])
    np.testing.assert_allclose(found.layers[0].recurrent_matrix(), w, atol=1e-13)
    assert np.abs(w - before.recurrent_matrix()).max() > 0.001
    assert found.table.rows[-1][2] == pytest.approx(np.abs(np.linalg.eigvals(w)).max())


def test_the_threshold_of_bcm_is_the_mean_square_of_the_epoch_before() -> None:
    square = np.square(states(cell(), read_sequences(X), dtype="float64")).mean(axis=0)
    sliding = SynapticPlasticity("bcm", learning_rate=0.01)
    by_itself = sliding.adapt(cell(), X).layers[0].recurrent
    low, high = (
        replace(sliding, threshold=float(t)).adapt(cell(), X).layers[0].recurrent
        for t in (square.min(), square.max())
    )
    first = int(square.argmin())
    np.testing.assert_allclose(by_itself[first], low[first], atol=1e-3)
    assert np.abs(by_itself - high).max() > 1e-3


def test_connections_that_are_not_there_do_not_grow() -> None:
    before = cell()
    after = SynapticPlasticity(learning_rate=0.01).adapt(before, X).layers[0]
    np.testing.assert_array_equal(after.recurrent == 0, before.recurrent == 0)
    np.testing.assert_array_equal(after.inputs, before.inputs)


def test_normalised_weights_into_a_neuron_have_norm_1() -> None:
    found = SynapticPlasticity("oja", learning_rate=0.01, normalise=True).adapt(cell(), X)
    norms = np.linalg.norm(found.layers[0].recurrent_matrix(), axis=1)
    np.testing.assert_allclose(norms, 1)


def test_sequences_of_a_batch_share_the_mean_change() -> None:
    rule = SynapticPlasticity(learning_rate=0.01, batch=2)
    twice = rule.adapt(cell(), [X[0], X[0]]).layers[0].recurrent
    once = replace(rule, batch=1).adapt(cell(), [X[0]]).layers[0].recurrent
    np.testing.assert_allclose(twice, once, atol=1e-13)


def test_correlation_is_that_of_the_states() -> None:
    h = states(cell(), read_sequences(X), dtype="float64")
    pairs = np.abs(np.corrcoef(h.T)[np.triu_indices(12, 1)])
    assert SynapticPlasticity().adapt(cell(), X).table.rows[0][4] == pytest.approx(pairs.mean())


def test_each_layer_of_a_stack_adapts_and_a_radius_past_one_is_said() -> None:
    deep = stacked(esn.build, 12, 2, layers=2, **USUAL)
    adapted = SynapticPlasticity("oja", learning_rate=0.02, epochs=2).adapt(deep, X)
    for before, after in zip(plastic_layers(deep), adapted.layers, strict=True):
        assert np.abs(after.recurrent - before.recurrent).max() > 1e-3
    assert adapted.radius_after > 1 and "no longer forgets" in adapted.warnings[0]


def test_bad_parameters_are_refused(unchecked_types: None) -> None:
    wrong: Any = "stdp"
    with pytest.raises(SartoError, match="rule = 'stdp'"):
        SynapticPlasticity(wrong).adapt(cell(), X)
    with pytest.raises(SartoError, match="threshold = nan"):
        SynapticPlasticity("bcm", threshold=float("nan")).adapt(cell(), X)
    with pytest.raises(SartoError, match="became infinite in epoch"):
        SynapticPlasticity(learning_rate=1e3, epochs=3).adapt(cell(activation="tanh"), X * 20)
