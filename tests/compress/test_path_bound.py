"""The exact kernel, and the bound on it by paths, on a hundred networks."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import math

import pytest
import torch

from sarto.compress.path_bound import path_bound
from sarto.learn.tangent_kernel import jacobian, tangent_kernel
from tests.compress.prune.networks import MAKERS, drawn, items
from tests.compress.prune.paths import paths


@pytest.mark.parametrize("name", ["image", "vector"])
def test_the_jacobian_is_that_of_central_differences(name: str) -> None:
    network, x = drawn(name, 3), items(drawn(name, 3), 2, 0)
    found, step = jacobian(network, x), 1e-6
    columns: list[torch.Tensor] = []
    with torch.no_grad():
        for _, layer in network.weighted():
            flat = layer.weight.view(-1)
            for place in range(len(flat)):
                sides: list[torch.Tensor] = []
                for sign in (1, -1):
                    flat[place] += sign * step
                    sides.append(network(x).flatten())
                    flat[place] -= sign * step
                columns.append((sides[0] - sides[1]) / (2 * step))
    torch.testing.assert_close(found, torch.stack(columns, 1), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(tangent_kernel(network, x), found @ found.T)


def test_the_bound_holds_on_a_hundred_networks() -> None:
    tight = 0
    for seed in range(100):
        name = sorted(MAKERS)[seed % 3]
        network = drawn(name, seed, biased=seed % 2 == 0)
        x = items(network, 2, seed)
        kernel, bound = tangent_kernel(network, x), path_bound(network, x)
        norm, trace = float(torch.linalg.norm(kernel)), float(kernel.trace())
        assert norm <= trace * (1 + 1e-9) <= bound.by_output * (1 + 1e-6) <= bound.whole * (1 + 1e-5)
        tight += trace > 1e-6 * bound.by_output
    assert tight > 50


def test_the_square_on_the_left_breaks_the_bound_for_large_inputs() -> None:
    network = drawn("vector", 0)
    x = items(network, 3, 0)
    for factor, holds in ((0.01, True), (1e4, False)):
        kernel, bound = tangent_kernel(network, factor * x), path_bound(network, factor * x)
        assert (float(torch.linalg.norm(kernel) ** 2) <= bound.whole) == holds
        assert float(torch.linalg.norm(kernel)) <= bound.whole


def test_the_bound_is_the_sum_over_every_single_path() -> None:
    network = drawn("image", 2)
    (x,) = items(network, 1, 0)
    found = paths(network, x)
    activity, change = [0.0, 0.0], [0.0, 0.0]
    for path in found:
        activity[path.output] += (path.g * path.x) ** 2
        values = [float(network.layer(n).weight.detach().flatten()[at]) for n, at in path.weights]
        for place in range(len(values)):
            change[path.output] += (path.c * math.prod(values[:place] + values[place + 1 :])) ** 2
    bound = path_bound(network, x[None])
    assert bound.by_output == pytest.approx(
        sum(a * c for a, c in zip(activity, change, strict=True)), rel=1e-9
    )
    assert bound.whole == pytest.approx(sum(activity) * sum(change), rel=1e-9)
