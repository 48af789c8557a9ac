"""Codebooks, ternary and binary weights: their formulas, their gradients, and that what is stored is what is used."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from sarto.compress.quantize import binary, codebook, ternary
from sarto.compress.quantize._example import trained
from sarto.compress.quantize.binary import Binary
from sarto.compress.quantize.codebook import Codebook
from sarto.compress.quantize.ternary import Ternary
from sarto.compress.recipe import parse, run
from sarto.compress.state import Evaluation, State, form_of, masked
from sarto.data.examples import of_arrays
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.models.network.weights import LinearLayer, WeightedLayer

GIVEN: dict[str, Callable[[WeightedLayer], None]] = {
    "codebook": lambda layer: codebook.share("fc", layer, 4),
    "ternary": lambda layer: ternary.ternarise("fc", layer, 0.3),
    "binary": lambda layer: binary.binarise("fc", layer),
}


def pruned_layer(seed: int = 0) -> LinearLayer:
    layer = LinearLayer(6, 5)
    generator = torch.Generator().manual_seed(seed)
    layer.reset_parameters(generator)
    layer.prune(torch.rand(5, 6, generator=generator) > 0.3)
    return layer


@pytest.mark.parametrize("method", GIVEN)
def test_what_is_stored_is_what_is_used_in_every_bit(method: str) -> None:
    layer = pruned_layer()
    GIVEN[method](layer)
    for _ in range(2):
        assert layer.form is not None
        used = layer.effective.detach().numpy()
        stored = form_of(layer.form).stored(masked(layer.weight, layer.mask))
        assert stored.restore().tobytes() == used.tobytes()
        assert stored.floats.dtype == np.float16
        assert not np.signbit(used[used == 0]).any()
        assert layer.mask is not None
        assert (used[layer.mask.numpy() == 0] == 0).all()
        assert stored.alphabet <= 5
        keep = layer.mask.clone()
        keep[0, :3] = 0  # what is pruned later is 0 in every form, too
        layer.prune(keep > 0)


@pytest.mark.parametrize("method", GIVEN)
def test_forms_go_with_copies_and_states(method: str) -> None:
    layer = pruned_layer()
    GIVEN[method](layer)
    twin, other = copy.deepcopy(layer), pruned_layer(seed=1)
    GIVEN[method](other)
    assert not torch.equal(other.effective, layer.effective)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(twin.effective, layer.effective)
    assert torch.equal(other.effective, layer.effective)
    with torch.no_grad():
        for parameter in twin.form.parameters() if twin.form is not None else ():
            parameter.add_(0.25)
    assert not torch.equal(twin.effective, layer.effective)


def test_the_gradient_of_a_shared_value_is_the_sum_of_its_weights() -> None:
    form = Codebook(torch.tensor([-1.0, 0.5]), torch.tensor([[1, 2, 0], [2, 2, 1]], dtype=torch.int32))
    weight = torch.tensor(
        [[9.0, 9.0, 0.0], [9.0, 0.0, 9.0]]
    )  # the middle one of the last row was pruned since
    g = torch.tensor([[1.0, 10.0, 100.0], [1000.0, 1e4, 1e5]])
    (form(weight) * g).sum().backward()
    assert form.table.grad is not None
    assert form.table.grad.tolist() == [1.0 + 1e5, 10.0 + 1000.0]
    assert form(weight).tolist() == [[-1.0, 0.5, 0.0], [0.5, 0.0, -1.0]]


def test_ternary_has_the_values_and_gradients_of_the_published_program() -> None:
    weight = torch.tensor([1.0, 0.4, 0.04, 0.0, -0.04, -0.5, -0.06], requires_grad=True)
    form = Ternary(torch.tensor(2.0), torch.tensor(3.0), threshold=0.05)
    g = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
    value = form(weight)
    (value * g).sum().backward()
    assert value.tolist() == [2.0, 2.0, 0.0, 0.0, 0.0, -3.0, -3.0]
    assert weight.grad is not None
    assert weight.grad.tolist() == [2.0, 4.0, 4.0, 8.0, 16.0, 96.0, 192.0]  # W_p g, g, W_n g by region
    assert form.positive.grad is not None
    assert form.negative.grad is not None
    assert form.positive.grad.item() == 3.0
    assert form.negative.grad.item() == -96.0  # w^t = -W_n, so minus the sum


def test_a_constant_sparsity_is_met_and_counts_pruned_weights() -> None:
    weight = torch.arange(-10.25, 9.75)
    weight[:6] = 0.0
    form = Ternary(torch.tensor(1.0), torch.tensor(1.0), sparsity=0.5)
    assert int((form(weight) == 0).sum()) == 10


def test_ternary_latent_weights_are_divided_by_the_largest_and_sizes_are_means() -> None:
    layer = LinearLayer(4, 1, bias=False)
    layer.weight.data = torch.tensor([[4.0, 2.0, -3.0, 0.1]])
    ternary.ternarise("fc", layer)
    assert layer.weight.tolist() == [pytest.approx([1.0, 0.5, -0.75, 0.025])]
    assert layer.effective.tolist() == [[3.0, 3.0, -3.0, 0.0]]


def test_a_latent_weight_beyond_one_comes_back() -> None:
    """It is clipped before a step, and learns again; left beyond, its gradient would be 0 for good."""
    network = Network(
        Architecture((2,), (Node("fc", "linear", ("input",), {"features": 1, "bias": False}),)), seed=0
    )
    layer = network.layer("fc")
    layer.weight.data = torch.tensor([[1.2, -0.5]])
    layer.form = Binary(torch.tensor([0.5]))

    def gradient() -> torch.Tensor:
        return torch.autograd.grad(network(torch.ones(1, 2)).sum(), layer.weight)[0]

    assert gradient().tolist() == [[0.0, 0.5]]
    binary.clip(network)
    assert layer.weight.tolist() == [[1.0, -0.5]]
    assert gradient().tolist() == [[0.5, 0.5]]


def test_binary_tuning_clips_before_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    state, evaluation = trained()
    seen: list[float] = []

    def looked(network: Network) -> None:
        clip(network)
        seen.append(max(float(layer.weight.detach().abs().max()) for _, layer in network.weighted()))

    clip = binary.clip
    monkeypatch.setattr(binary, "clip", looked)
    binary.quantise(state, evaluation)
    assert len(seen) > 10
    assert max(seen) <= 1


def test_binary_has_a_size_for_each_channel_over_the_weights_that_are_kept() -> None:
    layer = LinearLayer(3, 2, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 3.0], [0.5, 8.0, -1.5]])
    layer.prune(torch.tensor([[1, 1, 1], [1, 0, 1]]) > 0)
    binary.binarise("fc", layer)
    assert layer.effective.tolist() == [[2.0, -2.0, 2.0], [1.0, 0.0, -1.0]]
    assert layer.weight.abs().max() <= 8 / 3  # of those kept the largest is 1


def test_the_gradient_of_a_sign_passes_within_one() -> None:
    weight = torch.tensor([[0.2, -1.0, 1.5, -2.0]], requires_grad=True)
    form = Binary(torch.tensor([0.5]))
    (form(weight) * torch.tensor([[1.0, 2.0, 4.0, 8.0]])).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [[0.5, 1.0, 0.0, 0.0]]
    assert form.size.grad is not None
    assert form.size.grad.tolist() == [1.0 - 2.0 + 4.0 - 8.0]


def test_fewer_weights_than_shared_values_keep_their_own() -> None:
    layer = LinearLayer(4, 1)
    layer.weight.data = torch.tensor([[1.0, 1.0, 2.0, 0.0]])
    codebook.share("head", layer, 4)
    assert layer.effective.tolist() == [[1.0, 1.0, 2.0, 0.0]]


def test_a_form_that_cannot_be_made_names_the_layer() -> None:
    layer = LinearLayer(3, 1)
    layer.weight.data = torch.zeros(1, 3)
    with pytest.raises(InputError, match="layer 'head' has no weights that could share values") as caught:
        codebook.share("head", layer, 4)
    assert caught.value.code == "E128"
    layer.weight.data = torch.tensor([[1.0, 1.0, 2.0]])
    with pytest.raises(InputError, match="layer 'head' cannot be ternary") as caught:
        ternary.ternarise("head", layer)
    assert "3 weights are above" in str(caught.value.cause)
    layer.prune(torch.zeros(1, 3) > 0)
    with pytest.raises(InputError, match="layer 'head' cannot be binary"):
        binary.binarise("head", layer)


def test_a_shared_value_beyond_float16_is_cut_off_and_learns_on() -> None:
    form = Codebook(torch.tensor([1e6]), torch.ones(1, 2, dtype=torch.int32))
    value = form(torch.ones(1, 2))
    value.sum().backward()
    assert value.tolist() == [[65504.0, 65504.0]]
    assert form.table.grad is not None
    assert form.table.grad.item() == 2.0


def test_convolutions_may_have_more_shared_values_than_linear_layers() -> None:
    state = State(Network(named("lenet5", (1, 16, 16), 3), seed=0))
    nothing = of_arrays(np.zeros((1, 1, 16, 16)), np.zeros(1))
    shared = codebook.quantise(state, Evaluation(nothing, nothing), bits=2, conv_bits=3, tuned=False)
    found = {name: len(layer.effective.unique()) for name, layer in shared.network.weighted()}
    assert found == {"conv1": 8, "conv2": 8, "fc1": 4, "fc2": 4}
    assert all(layer.form is None for _, layer in state.network.weighted())
    stored = shared.stored()
    arrays = shared.network.arrays()
    assert all(stored[name].restore().tobytes() == arrays[name].tobytes() for name in arrays)


@pytest.mark.parametrize(
    "text", ["codebook:3,ternary", "binary,codebook:3", "ternary,binary", "binary,rate:1e-5"]
)
def test_a_step_that_finds_every_layer_in_a_form_is_refused(text: str) -> None:
    state, evaluation = trained()
    method = text.partition(",")[2].partition(":")[0]
    with pytest.raises(InputError, match=f"{method} finds no layer to take") as caught:
        list(run(state, parse(text.replace("codebook:3", "codebook:3:tuned=false")), evaluation))
    assert caught.value.code == "E128"
    assert "'fc1' (" in caught.value.cause


def test_ends_that_are_all_there_is_are_no_layers_to_take() -> None:
    nothing = of_arrays(np.zeros((1, 2)), np.zeros(1))
    state = State(Network(named("mlp", (2,), 2, depth=1), seed=0))
    with pytest.raises(InputError, match="binary finds no layer to take") as caught:
        binary.quantise(state, Evaluation(nothing, nothing), ends=False, tuned=False)
    assert "left out" in caught.value.cause


@pytest.mark.parametrize("text", ["ptq:8,ptq:4", "ptq:8,qat:4"])
def test_integers_do_not_take_another_width(text: str) -> None:
    state, evaluation = trained()
    with pytest.raises(InputError, match="layer 'fc1' has integers of 8 bits, not 4") as caught:
        list(run(state, parse(text), evaluation))
    assert caught.value.code == "E128"
