"""Post-training quantisation of networks: what is chosen, and what stays."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sarto.compress.fold import fold
from sarto.compress.quantize import ptq
from sarto.compress.quantize._calibration import activations, chosen_items, output_means, second_moments
from sarto.compress.quantize._weights import nearest, output_aware
from sarto.compress.state import Evaluation, State
from sarto.compress.uniform import Uniform
from sarto.data.examples import Examples, of_arrays
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named
from tests.deploy.random_networks import shaken


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def problem(name: str = "cnn1d", shape: tuple[int, ...] = (2, 16)) -> tuple[State, Evaluation]:
    net = shaken(named(name, shape, 3, width=4), 1)
    x = np.random.default_rng(0).normal(size=(60, *shape))
    data = of_arrays(x, np.arange(60) % 3)
    return State(net), Evaluation(data, data)


def integers(net: Network, name: str) -> np.ndarray[Any, Any]:
    layer = net.layer(name)
    assert isinstance(layer.form, Uniform)
    return layer.form.integers(layer.weight if layer.mask is None else layer.weight * layer.mask)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_largest_weight_of_each_channel_is_at_the_limit(bits: int) -> None:
    state, evaluation = problem()
    net = ptq.quantise(state, evaluation, bits=bits).network
    for name, layer in net.weighted():
        q = integers(net, name).reshape(len(layer.weight), -1)
        assert (np.abs(q).max(axis=1) == 2 ** (bits - 1) - 1).all()
        assert isinstance(layer.form, Uniform) and len(layer.form.scale) == len(q)
        half = layer.form.scale.detach().numpy() * 0.5001
        weight = layer.weight.detach().numpy().reshape(len(q), -1)
        assert (np.abs(layer.effective.detach().numpy().reshape(len(q), -1) - weight) <= half[:, None]).all()


def test_a_scale_for_the_tensor() -> None:
    state, evaluation = problem()
    net = ptq.quantise(state, evaluation, per="tensor").network
    for name, layer in net.weighted():
        assert isinstance(layer.form, Uniform) and len(layer.form.scale) == 1
        assert np.abs(integers(net, name)).max() == 127


def test_the_mean_of_every_channel_is_that_of_the_floats_after_correction() -> None:
    state, evaluation = problem()
    x = chosen_items(evaluation.train, 256, 0)
    small, left = (ptq.quantise(state, evaluation, bits=3, correct_bias=on).network for on in (True, False))
    wanted = output_means(fold(state.network), x)
    for net, limit in ((small, 1e-4), (left, np.inf)):
        for name, mean in output_means(net, x).items():
            gap = (mean - wanted[name]).abs().max().item()
            assert gap < limit
            assert net is small or gap > 1e-3, "without correction there is something to correct"


def test_masks_stay_and_pruned_weights_stay_0() -> None:
    state, evaluation = problem()
    draw = torch.Generator().manual_seed(0)
    for _, layer in state.network.weighted():
        layer.prune(torch.rand(layer.weight.shape, generator=draw) < 0.6)
    for rounding in ("nearest", "optq"):
        net = ptq.quantise(state, evaluation, bits=4, rounding=rounding).network
        for name, layer in net.weighted():
            mask = state.network.layer(name).mask
            assert mask is not None
            assert not layer.effective[mask == 0].any()
            assert layer.effective[mask == 1].count_nonzero() > 0.5 * mask.sum()


class Halves(nn.Module):
    """A form of another method."""

    def forward(self, weight: Tensor) -> Tensor:
        return torch.round(weight * 2) / 2


def test_weights_in_a_form_stay_in_it() -> None:
    state, evaluation = problem()
    state.network.layer("head").form = Halves()
    net = ptq.quantise(state, evaluation, bits=4).network
    assert isinstance(net.layer("head").form, Halves)
    torch.testing.assert_close(net.layer("head").effective, state.network.layer("head").effective)


def test_an_input_that_is_rarely_negative_keeps_its_sign() -> None:
    state, evaluation = problem()
    x = np.abs(evaluation.train.x)
    chosen = chosen_items(replace(evaluation.train, x=x), 8, 0)
    rare = next(i for i, item in enumerate(x) if not any(np.array_equal(item, other) for other in chosen))
    x[rare] *= -1
    small = ptq.quantise(state, replace(evaluation, train=replace(evaluation.train, x=x), seed=0), items=8)
    assert small.quantization.tensors["input"].signed


def test_bytes_keep_their_values() -> None:
    net = Network(named("cnn2d", (1, 8, 8), 3, width=4), 0)
    x = np.random.default_rng(0).integers(0, 200, (30, 8, 8)).astype(np.uint8)
    data = of_arrays(x[:, None], np.arange(30) % 3)
    for observer in ("min_max", "mse", "percentile", "entropy"):
        small = ptq.quantise(State(net.eval()), Evaluation(data, data), observer=observer)
        numbers = small.quantization.tensors["input"]
        assert numbers.scale == pytest.approx((1 / 255,)) and not numbers.signed


def _kept(seen: list[Tensor], _layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    seen.append(inputs[0])


@pytest.mark.parametrize(("name", "shape"), [("cnn1d", (3, 12)), ("separable", (2, 8, 8)), ("mlp", (5,))])
def test_second_moments_are_those_of_what_each_row_sees(name: str, shape: tuple[int, ...]) -> None:
    """With them the mean squared change of a layer's output is known: sum over places of (d . x)^2 = d' G d."""
    net = fold(shaken(named(name, shape, 3, width=4), 2))
    x = np.random.default_rng(0).normal(size=(7, *shape)).astype(np.float32)
    moments = second_moments(net, x)
    for layer_name, layer in net.weighted():
        grams = moments[layer_name]
        seen: list[Tensor] = []
        hook = layer.register_forward_pre_hook(partial(_kept, seen))
        net(torch.as_tensor(x))
        hook.remove()
        bias = layer.bias
        with torch.no_grad():
            found = layer(seen[0])
            found = found if bias is None else found - bias.reshape(-1, *(1,) * (found.ndim - 2))
        flat = layer.weight.detach().flatten(1).double().numpy()
        each = len(flat) // len(grams)
        quadratic = [flat[c] @ grams[c // each] @ flat[c] for c in range(len(flat))]
        np.testing.assert_allclose(
            (found.double() ** 2).transpose(0, 1).flatten(1).sum(1), quadratic, rtol=1e-4
        )


def test_output_aware_rounding_keeps_the_output_better() -> None:
    state, evaluation = problem("separable", (2, 8, 8))
    net = fold(state.network)
    moments = second_moments(net, evaluation.train.x)
    errors: list[float] = []
    for rounding in ("nearest", "optq"):
        total = 0.0
        for name, layer in fold(state.network).weighted():
            before = layer.weight.detach().clone()
            if rounding == "nearest":
                nearest(layer, 3, "channel")
            else:
                output_aware(layer, 3, moments[name])
            change = (layer.effective.detach() - before).flatten(1).double().numpy()
            each = len(change) // len(moments[name])
            scale = sum(
                w @ moments[name][c // each] @ w for c, w in enumerate(before.flatten(1).double().numpy())
            )
            total += sum(d @ moments[name][c // each] @ d for c, d in enumerate(change)) / scale
        errors.append(total)
    assert errors[1] < 0.6 * errors[0]


def test_what_cannot_be_used_is_refused() -> None:
    state, evaluation = problem()
    for settings in ({"bits": 1}, {"bits": 9}, {"per": "tensor", "rounding": "optq"}):
        with pytest.raises(InputError, match="cannot be used") as caught:
            ptq.quantise(state, evaluation, **settings)  # pyright: ignore[reportArgumentType]
        assert caught.value.code == "E116"
    with pytest.raises(InputError, match="no observer 'best'"):
        ptq.quantise(state, evaluation, observer="best")


def test_what_cannot_be_calibrated_is_refused_by_name() -> None:
    state, evaluation = problem()
    with pytest.raises(InputError, match="no items to calibrate on") as caught:
        ptq.quantise(state, evaluation, items=0)
    assert caught.value.code == "E127"
    net = state.copy()
    net.layer("head").prune(torch.zeros(3, 4))
    arrays = net.arrays()
    arrays["conv2_norm.weight"][:], arrays["conv2_norm.bias"][:] = 0, -1
    dead = Network(net.architecture)
    dead.load_arrays(arrays)
    with pytest.raises(InputError, match="no scale for 'conv2_relu'") as caught:
        ptq.quantise(State(dead.eval()), evaluation)
    assert (caught.value.code, "dead" in caught.value.hint) == ("E127", True)


def test_items_are_drawn_with_the_seed() -> None:
    data = Examples(np.arange(50, dtype=np.float32)[:, None], np.zeros(50, np.int64), ("a",))
    first, again, other = (chosen_items(data, 9, seed) for seed in (0, 0, 1))
    assert len(np.unique(first)) == 9
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len(chosen_items(data, 99, 0)) == 50


def test_zeros_do_not_change_a_scale() -> None:
    net = Network(named("mlp", (1,), 2, width=3), 0)
    x = np.random.default_rng(0).normal(size=(90, 1)).astype(np.float32)
    more = np.concatenate([x, np.zeros((500, 1), np.float32)])
    for observer in ("percentile", "mse", "entropy"):
        scales = [activations(net, given, observer)["input"].scale.item() for given in (x, more)]
        assert scales[0] == scales[1]
