"""Quantisation-aware training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sarto.compress.quantize import ptq, qat
from sarto.compress.quantize._example import trained
from sarto.compress.uniform import Uniform, quantiser
from sarto.models.input_error import InputError


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_training_wins_back_what_two_bits_lose() -> None:
    state, evaluation = trained()
    before = evaluation.accuracy(state.network)
    lost = evaluation.accuracy(ptq.quantise(state, evaluation, bits=2).network)
    small = qat.quantise(state, evaluation, bits=2, epochs=4)
    won = evaluation.accuracy(small.network)
    assert before - won < 0.5 * (before - lost)
    for name, layer in small.network.weighted():
        assert isinstance(layer.form, Uniform)
        assert set(np.unique(layer.form.integers(layer.weight))) <= {-1, 0, 1}, name
        assert not layer.form.ratio.requires_grad


@pytest.mark.parametrize(("frozen", "moves"), [(1.0, False), (0.0, True)])
def test_scales_learn_until_they_are_frozen(frozen: float, moves: bool) -> None:
    state, evaluation = trained()
    net = qat.quantise(state, evaluation, bits=4, epochs=1, frozen=frozen).network
    ratios = [form.ratio for _, layer in net.weighted() if isinstance(form := layer.form, Uniform)]
    ratios += [form.ratio for name in net.quantisers if (form := quantiser(net, name)) is not None]
    assert len(ratios) == 6
    assert all(bool((ratio != 1).any()) == moves for ratio in ratios)


def test_the_same_seed_gives_the_same_network() -> None:
    state, evaluation = trained()
    first, again = (qat.quantise(state, evaluation, epochs=1).network for _ in range(2))
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


def test_what_cannot_be_used_is_refused() -> None:
    state, evaluation = trained()
    for settings in ({"bits": 1}, {"frozen": 1.5}):
        with pytest.raises(InputError, match="cannot be used") as caught:
            qat.quantise(state, evaluation, **settings)  # pyright: ignore[reportArgumentType]
        assert caught.value.code == "E116"
