"""What every method of `sarto.compress.quantize` must do; a new method is judged by this suite without an edit here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sarto.compress.quantize._example import trained
from sarto.compress.state import State
from sarto.core.rooms import load_method, methods

ROOM = "sarto.compress.quantize"
pytestmark = pytest.mark.parametrize("method", methods(ROOM))


def quantised(method: str) -> tuple[State, State]:
    torch.set_num_threads(1)
    state, evaluation = trained()
    return state, load_method(ROOM, method).quantise(state, evaluation)


def test_a_network_comes_back_that_is_stored_as_it_is_used(method: str) -> None:
    _, small = quantised(method)
    used = small.network.arrays()
    for name, stored in small.stored().items():
        assert stored.restore().tobytes() == used[name].tobytes(), name
    formed = [name for name, layer in small.network.weighted() if layer.form is not None]
    assert formed
    for name in formed:
        assert small.stored()[f"{name}.weight"].symbols is not None
        assert f"{name}.weight" in small.quantization.tensors


def test_the_state_that_was_given_stays_and_the_step_is_told(method: str) -> None:
    state, evaluation = trained()
    before = state.network.arrays()
    small = load_method(ROOM, method).quantise(state, evaluation)
    assert small.network is not state.network
    assert not state.quantization.tensors and not state.steps
    for name, array in state.network.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    (step,) = small.steps
    assert step.method == method


def test_pruned_weights_stay_pruned(method: str) -> None:
    torch.set_num_threads(1)
    state, evaluation = trained()
    layer = state.network.layer("fc2")
    mask = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    layer.prune(mask)
    small = load_method(ROOM, method).quantise(state, evaluation)
    assert not small.network.layer("fc2").effective[~mask].any()


def test_the_accuracy_is_kept(method: str) -> None:
    state, small = quantised(method)
    _, evaluation = trained()
    assert evaluation.accuracy(small.network) > evaluation.accuracy(state.network) - 0.1
