"""The sum vanishes as the schedules say, and what is left keeps its size."""

# pyright: reportUnknownMemberType=false

import pytest
import torch

from sarto.learn.vanish import mam_layers, measured_gains, settle, vanishing
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.named import named

torch.set_num_threads(1)


def network(inputs: int = 64) -> Network:
    """Two MAM layers."""
    nodes = (
        Node("a", "mam_linear", ("input",), {"features": 16, "splits": 2}),
        Node("r", "relu", ("a",)),
        Node("b", "mam_linear", ("r",), {"features": 8}),
    )
    return Network(Architecture((inputs,), nodes), seed=0)


@pytest.mark.parametrize(
    ("kind", "half"), [("linear", 0.5), ("exponential", 1e-3**0.5), ("convex", 0.25), ("concave", 0.75)]
)
def test_schedules(kind: str, half: float) -> None:
    net = network()
    step = vanishing(net, kind=kind, share=0.5, gain="count")  # pyright: ignore[reportArgumentType]
    for number, wanted in ((0, 1.0), (5, half), (10, 0.0), (19, 0.0)):
        step(number, 20)
        for _, layer in mam_layers(net):
            assert float(layer.beta) == pytest.approx(wanted)
    assert {name: float(layer.gain) for name, layer in mam_layers(net)} == {"a": 16.0, "b": 8.0}


def test_the_measured_gain_keeps_the_spread_and_settling_the_outputs() -> None:
    net = network()
    x = torch.randn(500, 64, generator=torch.Generator().manual_seed(0))
    gains = measured_gains(net, x)
    step = vanishing(net, share=0.5, gain="measured", x=x)
    step(0, 10)
    first = dict(mam_layers(net))["a"]
    before = first(x).detach().std()
    step(9, 10)
    assert float(first.gain) == gains["a"] > 1
    assert 2**-0.6 < float(first(x).detach().std() / before) < 2**0.6
    outputs = net(x)
    settle(net)
    assert torch.equal(net(x), outputs)
    assert len(net.arrays()) == 4


def test_what_cannot_vanish_is_refused() -> None:
    with pytest.raises(InputError, match="for 0 MAM layers") as caught:
        vanishing(Network(named("mlp", (4,), 2)), gain="one")
    assert caught.value.code == "E129"
    with pytest.raises(InputError, match="gain measured for 2 MAM layers"):
        vanishing(network(), gain="measured")
