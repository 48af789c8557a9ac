"""Importance, bits and what is kept for them: known answers, and the coder whose bits are counted."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sarto.compress.code import context
from sarto.compress.fisher import importance
from sarto.compress.quantize._example import trained
from sarto.compress.rate import Lattice, RateAware, bits
from sarto.compress.settle import Settling, settle_biases
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.named import named

torch.set_num_threads(1)


def test_the_importance_of_a_softmax_layer_is_its_fisher_information() -> None:
    """d log p_y / d W_oi = (1{y = o} - p_o) x_i, whose mean square under y ~ p is p_o (1 - p_o) x_i^2."""
    network = Network(Architecture((3,), (Node("out", "linear", ("input",), {"features": 4}),)), seed=1)
    x = torch.tensor([0.5, -2.0, 1.0])
    found = importance(network, x.repeat(20000, 1), seed=0)["out"]
    p = torch.softmax(network(x[None])[0], 0).detach()
    wanted = (p * (1 - p))[:, None] * x.square()
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=0.05)


def test_a_temperature_draws_answers_that_are_less_sure() -> None:
    network = Network(Architecture((1,), (Node("out", "linear", ("input",), {"features": 2}),)), seed=0)
    network.layer("out").weight.data = torch.tensor([[4.0], [-4.0]])
    x = torch.ones(20000, 1)
    p = 1 / (1 + math.exp(-8.0))
    for temperature in (1.0, 4.0):
        q = 1 / (1 + math.exp(-8.0 / temperature))
        wanted = q * (1 - p) ** 2 + (1 - q) * p**2
        assert importance(network, x, 0, temperature)["out"][0, 0].item() == pytest.approx(wanted, rel=0.2)


def test_a_convolution_over_one_position_is_as_important_as_the_linear_layer_that_it_is() -> None:
    conv = Network(
        Architecture(
            (2, 1, 1),
            (
                Node("out", "conv", ("input",), {"channels": 3, "kernel": (1, 1)}),
                Node("flat", "flatten", ("out",)),
            ),
        )
    )
    linear = Network(Architecture((2,), (Node("out", "linear", ("input",), {"features": 3}),)))
    linear.layer("out").weight.data = conv.layer("out").weight.data[:, :, 0, 0]
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    first, second = importance(conv, x[:, :, None, None], 7)["out"], importance(linear, x, 7)["out"]
    np.testing.assert_allclose(first[:, :, 0, 0].numpy(), second.numpy(), rtol=1e-5)


def test_importance_sums_gradients_over_positions_follows_groups_and_leaves_the_network_as_it_was() -> None:
    nodes = (
        Node("wide", "conv", ("input",), {"channels": 4, "kernel": (1,), "groups": 2, "bias": False}),
        Node("mean", "global_mean_pool", ("wide",)),
    )
    network = Network(Architecture((2, 5), nodes), seed=0).train()
    x = torch.ones(4000, 2, 5) * torch.tensor([1.0, 3.0])[None, :, None]
    network.layer("wide").weight.data.zero_()
    found = importance(network, x, 0)["wide"][:, :, 0]
    # p = 1/4 for all; the gradient at each of 5 positions is (p - 1{y}) / 5, its square is summed over them
    wanted = 0.25 * 0.75 / 5
    np.testing.assert_allclose(found[:, 0].numpy(), np.array([1, 1, 9, 9]) * wanted, rtol=0.1)
    assert network.training
    assert all(p.grad is None for p in network.parameters())


def test_a_value_costs_what_its_row_and_column_let_expect() -> None:
    even = torch.zeros(40, 50)
    even.view(-1)[::9] = 1.0  # a ninth of each row and column
    cost = bits(even, 2.0)
    assert cost[0, 3].item() == pytest.approx(3.0 + 2.0, abs=0.3)
    even[5] = 0.0
    even[:, 7] = 0.0
    emptied = bits(even, 2.0)
    assert emptied[5, 3] > emptied[6, 3] + 3
    assert emptied[6, 7] > emptied[6, 3] + 3
    conv = bits(even.reshape(40, 2, 5, 5), 2.0)
    assert torch.equal(conv.reshape(40, 50), emptied)


def test_the_bits_are_about_those_of_the_coder() -> None:
    rng = np.random.default_rng(0)
    density = np.outer(rng.uniform(0.01, 0.4, 60), np.linspace(0, 1, 300) ** 2)
    there = rng.random((60, 300)) < density
    symbols = np.where(there, rng.integers(1, 9, there.shape), 0)
    cost = bits(torch.as_tensor(there, dtype=torch.float32), 3.0).numpy()
    expected = 1 / (1 + 2 ** (cost - 3.0))
    total = cost[there].sum() - np.log2(1 - expected).sum()
    coded = 8 * len(context.encode(symbols, 9).data)
    assert 0.85 < total / coded < 1.15


def test_a_weight_is_kept_where_it_is_worth_its_bits() -> None:
    weight = torch.tensor([[0.5, -0.1, 0.0], [0.3, 0.2, -0.4]])
    form = Lattice(weight, 2)
    assert form(weight).tolist() == weight.tolist()
    cost, worth = bits(form.keep, 3.0), torch.tensor([[1.0, 1.0, 1.0], [4.0, 1.0, 0.1]])
    limit = 0.03 / cost.mean().item()
    form.worth = worth
    form.decide(weight, limit)
    expected = worth * weight**2 / 2 > limit * cost
    assert torch.equal(form.keep > 0, expected)
    assert expected.tolist() == [[True, False, False], [True, False, False]]
    wide = Lattice(weight, 3)
    wide.keep = form.keep
    with pytest.raises(InputError, match="layer 'fc' keeps 2 distinct weights for 3 shared") as caught:
        wide.share("fc", weight)
    assert caught.value.code == "E128"


def test_shared_values_are_the_nearest_and_learn_with_their_latent_weights() -> None:
    weight = torch.tensor([[1.0, 0.9, -1.1], [-0.9, 0.1, 1.1]], requires_grad=True)
    form = Lattice(weight.detach(), 2)
    form.keep[1, 1] = 0.0
    form.share("fc", weight.detach())
    form.worth = torch.ones(2, 3)
    form.decide(weight.detach(), 0.01)
    value = form(weight)
    g = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    (value * g).sum().backward()
    assert value.tolist() == [[1.0, 1.0, -1.0], [-1.0, 0.0, 1.0]]
    assert weight.grad is not None
    assert form.table.grad is not None
    assert weight.grad.tolist() == [[1.0, 2.0, 4.0], [8.0, 0.0, 32.0]]
    assert form.table.grad.tolist() == [4.0 + 8.0, 1.0 + 2.0 + 32.0]


def test_a_higher_price_buys_fewer_bits_and_the_state_is_left_alone() -> None:
    state, evaluation = trained()
    before = state.network.arrays()
    sizes: list[int] = []
    for price in (1e-6, 1e-3):
        small = RateAware(price, values=5)(state, evaluation)
        stored = small.stored()
        arrays = small.network.arrays()
        assert all(stored[name].restore().tobytes() == arrays[name].tobytes() for name in arrays)
        weight = stored["fc2.weight"]
        assert weight.alphabet <= 6
        assert weight.symbols is not None
        sizes.append(len(context.encode(weight.symbols.reshape(weight.shape), weight.alphabet).data))
        assert evaluation.accuracy(small.network) > 0.85
    assert sizes[1] < 0.7 * sizes[0]
    assert all(np.array_equal(before[name], value) for name, value in state.network.arrays().items())
    assert small.steps[-1].method == "rate"


def test_settled_biases_are_float16_numbers_of_few_values_and_learn_no_more() -> None:
    network = Network(named("mlp", (3,), 2, width=20, depth=1), seed=0)
    layer = network.layer("fc1")
    assert layer.bias is not None
    layer.bias.data = torch.cat([torch.zeros(4), torch.linspace(0.1, 1.7, 16)])
    settle_biases(network, 3)
    values = layer.bias.detach()
    assert (values[:4] == 0).all()
    assert len(values.unique()) == 4
    assert torch.equal(values.half().float(), values)
    assert not layer.bias.requires_grad
    for bad in (Settling(-1), Settling(bias_values=-1)):
        with pytest.raises(InputError, match="cannot be used"):
            bad(*trained())
    with pytest.raises(InputError, match="cannot be used"):
        RateAware(0.0)(*trained())


@pytest.mark.parametrize("epochs", [0, 1])
def test_after_few_steps_weights_still_are_the_values_that_they_are_nearest_to(epochs: int) -> None:
    state, evaluation = trained()
    short = replace(
        evaluation, training=replace(evaluation.training, epochs=epochs, batch=len(evaluation.train))
    )
    small = RateAware(1e-9, values=7)(state, short).network
    for name, layer in small.weighted():
        values = np.unique(layer.effective.detach().numpy())
        assert len(values) >= 6, name
        gap = float(np.diff(values).max() if epochs == 0 else np.abs(values).max())
        assert bool((layer.effective - state.network.layer(name).weight).abs().max() <= gap)


def test_a_price_that_leaves_nothing_is_refused_by_the_layer() -> None:
    state, evaluation = trained()
    with pytest.raises(InputError, match=r"layer 'fc\d' collapses: training for the rate") as caught:
        RateAware(1e3, shared_from=0.0, ramp=1.0)(state, evaluation)
    assert caught.value.code == "E124"
