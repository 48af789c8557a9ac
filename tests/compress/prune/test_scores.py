"""Known answers of the methods that score weights: finite differences, a conservation law, the same draws by hand."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import pytest
import torch
from torch.nn import functional

from sarto.compress.prune import grasp, ntk_sap, snip, synflow
from sarto.compress.prune._masks import select
from sarto.compress.prune._schedule import cubic, exponential
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named
from tests.compress.prune.networks import MAKERS, drawn, items

CLASSES = torch.tensor([0, 1, 1, 0, 1, 0])


def batches(network: Network) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Two batches of unequal size."""
    x = items(network, 6, 4)
    return [(x[:4], CLASSES[:4]), (x[4:], CLASSES[4:])]


def loss(
    network: Network, parts: list[tuple[torch.Tensor, torch.Tensor]], temperature: float
) -> torch.Tensor:
    """The cross-entropy, summed over the means of the batches, in training."""
    network.train()
    return torch.stack([functional.cross_entropy(network(x) / temperature, y) for x, y in parts]).sum()


@pytest.mark.parametrize("name", MAKERS)
def test_snip_is_the_change_of_the_loss_with_the_mask(name: str) -> None:
    network, step = drawn(name, 1), 1e-5
    parts = batches(network)
    found = snip.score(network, parts, 0)
    wanted: dict[str, torch.Tensor] = {}
    for layer_name, layer in network.weighted():
        assert layer.mask is not None
        wanted[layer_name] = torch.zeros_like(layer.mask)
        for place in range(layer.mask.numel()):
            kept, sides = float(layer.mask.view(-1)[place]), []
            for sign in (1, -1):
                layer.mask.view(-1)[place] = kept * (1 + sign * step)
                sides.append(loss(network, parts, 1.0).item())
            layer.mask.view(-1)[place] = kept
            wanted[layer_name].view(-1)[place] = abs(sides[0] - sides[1]) / (2 * step)
    total = sum(float(value.sum()) for value in wanted.values())
    for layer_name, value in found.items():
        torch.testing.assert_close(value, wanted[layer_name] / total, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", MAKERS)
def test_grasp_is_the_weight_times_the_change_of_the_gradient_along_itself(name: str) -> None:
    """(H g) by central differences of the gradient: (grad(theta + e g) - grad(theta - e g)) / 2e."""
    network, step = drawn(name, 1), 1e-3
    parts = batches(network)
    found = grasp.score(network, parts, 0)
    layers = dict(network.weighted())
    weights = [layer.weight for layer in layers.values()]
    start = [weight.detach().clone() for weight in weights]

    def gradient() -> list[torch.Tensor]:
        return list(torch.autograd.grad(loss(network, parts, 200.0), weights))

    along = gradient()
    sides: list[list[torch.Tensor]] = []
    for sign in (1, -1):
        with torch.no_grad():
            for weight, first, direction in zip(weights, start, along, strict=True):
                weight.copy_(first + sign * step * direction)
        sides.append(gradient())
    for layer_name, first, up, down in zip(layers, start, *sides, strict=True):
        wanted = first * (up - down) / (2 * step)
        torch.testing.assert_close(found[layer_name], wanted, rtol=1e-3, atol=1e-9)
    signs = torch.cat([value.flatten().sign() for value in found.values()])
    assert -1 in signs and 1 in signs


@pytest.mark.parametrize("seed", range(3))
def test_synaptic_flow_is_conserved_in_every_unit_and_from_layer_to_layer(seed: int) -> None:
    network = Network(named("mlp", (5,), 3, width=7, depth=3), seed=seed)
    network.layer("fc2").prune(torch.rand(7, 7, generator=torch.Generator().manual_seed(seed)) > 0.5)
    found = synflow.score(network, [], 0)
    for number in range(1, 4):
        into, out_of = found[f"fc{number}"].sum(1), found[f"fc{number + 1}"].sum(0)
        torch.testing.assert_close(into, out_of, rtol=1e-12, atol=1e-12)


def test_synaptic_flow_of_an_image_network() -> None:
    """R by the network itself with absolute weights; every path crosses the head, and c1 or nothing."""
    network = drawn("image", 3, biased=False, pruned=False)
    found = synflow.score(network, [], 0)
    variance = {n: m.running_var for n, m in network.layers.items() if isinstance(m, torch.nn.BatchNorm2d)}
    variance = {n: v.clone() for n, v in variance.items() if v is not None}
    with torch.no_grad():
        for name, layer in network.layers.items():
            for tensor in layer.parameters():
                tensor.abs_()
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.reset_running_stats()
                assert layer.running_var is not None
                layer.running_var.copy_(variance[name])
    total = network(torch.ones(1, 1, 4, 4, dtype=torch.float64)).sum().item()
    for name in ("head", "c1"):
        assert float(found[name].sum()) == pytest.approx(total, rel=1e-10)
    assert float(found["c2"].sum() + found["skip"].sum()) == pytest.approx(total, rel=1e-10)


def test_ntk_sap_with_the_same_draws_by_hand() -> None:
    """A linear layer: d/dm_i of sum ||x'(m eps delta)||^2 is 2 eps^2 sum_x (sum_j m_j d_j x_j) d_i x_i."""
    network = Network(named("mlp", (3,), 2, depth=1, width=4), seed=0)
    network.layer("fc1").prune(torch.arange(12).reshape(4, 3) % 3 != 0)
    found = ntk_sap.score(network, [(torch.zeros(5, 3), torch.zeros(5))], 7)
    generator = torch.Generator().manual_seed(7)
    theta = [
        torch.randn(4, 3, generator=generator) * (2 / 3) ** 0.5,
        torch.randn(2, 4, generator=generator) * 0.5**0.5,
    ]
    x = torch.randn(5, 3, generator=generator)
    moved = [t + 0.01 * torch.randn(t.shape, generator=generator) for t in theta]
    masks = [(torch.arange(12).reshape(4, 3) % 3 != 0).float(), torch.ones(2, 4)]
    x, theta, moved, masks = x.double(), *([t.double() for t in ts] for ts in (theta, moved, masks))

    def distance(at: list[torch.Tensor]) -> float:
        sides = [(x @ (at[0] * w[0]).T).relu() @ (at[1] * w[1]).T for w in (theta, moved)]
        return float((sides[0] - sides[1]).square().sum())

    for layer, name in enumerate(("fc1", "fc2")):
        for place in range(masks[layer].numel()):
            sides: list[float] = []
            for sign in (1, -1):
                at = [m.clone() for m in masks]
                at[layer].view(-1)[place] *= 1 + sign * 1e-5
                sides.append(distance(at))
            wanted = abs(sides[0] - sides[1]) / 2e-5
            assert float(found[name].flatten()[place]) == pytest.approx(wanted, rel=2e-3, abs=1e-7)


def test_ntk_sap_scores_an_architecture_and_not_its_weights_or_statistics() -> None:
    first, other = drawn("image", 0, pruned=False), drawn("image", 5, pruned=False)
    scores = [
        ntk_sap.score(n.float(), [(torch.zeros(9, 1, 4, 4), torch.zeros(9))], 3) for n in (first, other)
    ]
    for name, value in scores[0].items():
        torch.testing.assert_close(value, scores[1][name])


def test_ties_go_to_the_larger_weight_and_then_to_the_first() -> None:
    network = Network(named("mlp", (2,), 1, width=2, depth=1), seed=0)
    with torch.no_grad():
        network.layer("fc1").weight.copy_(torch.tensor([[1.0, -3.0], [1.0, 1.0]]))
        network.layer("fc2").weight.copy_(torch.tensor([[2.0, 0.5]]))
    flat = {"fc1": torch.zeros(2, 2), "fc2": torch.zeros(1, 2)}
    keep = select(network, flat, 4 / 6, "global", 0)
    assert keep["fc1"].tolist() == [[True, True], [True, False]] and keep["fc2"].tolist() == [[True, False]]
    flat["fc2"][0, 1] = 1e-9
    assert select(network, flat, 1 / 6, "global", 0)["fc2"].tolist() == [[False, True]]


def test_scores_that_are_no_numbers_and_weights_that_are_gone_name_the_layer() -> None:
    network = Network(named("mlp", (2,), 1, width=2, depth=1), seed=0)
    flat = {"fc1": torch.zeros(2, 2), "fc2": torch.tensor([[0.0, float("nan")]])}
    with pytest.raises(InputError, match="layer 'fc2': the scores are not finite"):
        select(network, flat, 0.5, "global", 0)
    network.layer("fc1").prune(torch.tensor([[True, False], [False, False]]))
    flat["fc2"].zero_()
    with pytest.raises(InputError, match=r"layer 'fc1' cannot keep 2 of 4 weights \(density 0.5\)"):
        select(network, flat, 0.5, "local", 0)
    with pytest.raises(InputError, match="a floor of 2 weights in every layer keeps 3"):
        select(network, flat, 2 / 6, "global", 2)


def test_schedules() -> None:
    assert exponential(0.001, 3) == pytest.approx([0.1, 0.01, 0.001])
    assert [cubic(0.8, t, 10) for t in (0, 5, 10, 12)] == pytest.approx([0, 0.8 * 0.875, 0.8, 0.8])
