"""Bounded networks: what is within the bounds is as before, and what is not is cut off."""

# pyright: reportUnknownMemberType=false

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sarto.audit.faults.network import NetworkSpace
from sarto.compress.dead_units import remove_dead_units
from sarto.compress.groups import cut
from sarto.compress.state import State, restored
from sarto.core.errors import SartoError
from sarto.learn.harden import Bound, restrict_ranges, with_relu6
from sarto.learn.harden._seen import Per
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network, laid_out, predict
from sarto.models.network.operations import PIECEWISE_LINEAR, SATURATING
from tests.deploy.random_networks import items as items_of
from tests.deploy.random_networks import mixed, quantised, shaken

RNG = np.random.default_rng(0)
SMALL = Architecture((2,), (Node("l", "linear", ("input",), {"features": 2}),))
SMALL_CONV = Architecture(
    (2, 4),
    (
        Node("conv", "conv", ("input",), {"channels": 3, "kernel": (3,), "padding": 1}),
        Node("bend", "relu", ("conv",)),
        Node("flat", "flatten", ("bend",)),
        Node("out", "linear", ("flat",), {"features": 3}),
    ),
)


class Skipping(nn.Module):
    """Functions and methods, a skip connection, and an activation that is the answer of a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = (
            nn.Conv2d(1, 4, 3, padding=1),
            nn.Conv2d(4, 4, 1),
            nn.Linear(4, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x))
        y = (self.second(y) + y).relu()
        return self.head(y.mean((2, 3)))


class Deciding(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def made() -> tuple[nn.Module, np.ndarray]:
    torch.manual_seed(0)
    return Skipping().eval(), RNG.normal(size=(30, 1, 4, 4)).astype(np.float32)


@pytest.mark.parametrize("per", ["layer", "channel"])
def test_calibration_items_keep_their_answers_and_bounds_are_what_they_gave(per: Per) -> None:
    net, items = made()
    guarded = restrict_ranges(net, items, per=per)
    x = torch.from_numpy(items)
    with torch.no_grad():
        assert torch.equal(guarded(x), net(x))
        first = torch.relu(net.get_submodule("first")(x))
        scores = net(x)
        far = guarded(1000 * x)
    bounds = [m for m in guarded.modules() if isinstance(m, Bound)]
    assert len(bounds) == 3
    axes = (0, 2, 3) if per == "channel" else (0, 1, 2, 3)
    assert torch.equal(bounds[0].high.flatten(), first.amax(axes).flatten())
    assert torch.equal(bounds[0].low.flatten(), first.amin(axes).flatten())
    assert far.max() == scores.max() if per == "layer" else torch.all(far.amax(0) <= scores.amax(0))
    assert list(net.children()), "the given network is left alone"
    assert not any(isinstance(m, Bound) for m in net.modules())


def test_nan_becomes_0_and_infinities_the_bounds() -> None:
    bound = Bound(torch.tensor(-1.0), torch.tensor(2.0))
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.5, -0.0])
    assert bound(x).tolist() == [0.0, 2.0, -1.0, 0.5, 0.0]


def test_behind_bounds_every_answer_is_a_number_and_bounds_are_exposed_themselves() -> None:
    net, items = made()
    plain, guarded = NetworkSpace(net, items), NetworkSpace(restrict_ranges(net, items, per="layer"), items)
    assert guarded.bits == plain.bits + 6 * 32
    guards = [i for i, c in enumerate(guarded.cells) if c.part == "guards"]
    assert len(guards) == 6 * 32
    places = np.array([[i, n] for i, c in enumerate(plain.cells) if c.bit == 30 for n in range(0, c.size, 3)])
    same = np.array([[guarded.cells.index(plain.cells[c]), n] for c, n in places.tolist()])
    assert guarded.cut
    assert plain.judge(places).failed.sum() > 0 and guarded.judge(same).failed.sum() == 0
    dead = guarded.judge(np.array([[i, 0] for i in guards]))
    assert dead.changed.sum() > 0


@pytest.mark.parametrize("per", ["layer", "channel"])
@pytest.mark.parametrize("seed", [0, 2])
def test_a_network_with_an_architecture_keeps_it_and_comes_back_from_its_file(seed: int, per: Per) -> None:
    """Whatever activations it has: each ends in bounds, and so does what it answers."""
    torch.set_num_threads(1)
    net = shaken(mixed(seed), seed)
    x = items_of(net.architecture, seed).x
    before = copy.deepcopy(net.state_dict())
    seen: dict[str, Tensor] = {}
    net.run(
        laid_out(torch.as_tensor(x, dtype=torch.float32)), lambda name, y: seen.update({name: y.detach()})
    )
    guarded = restrict_ranges(net, x, per=per)
    nodes = guarded.architecture.by_name
    np.testing.assert_array_equal(predict(guarded, x), predict(net, x))
    for node in net.architecture.nodes:
        if node.op not in (*PIECEWISE_LINEAR, *SATURATING) and node.name != net.architecture.output:
            continue
        bound = nodes[node.name if node.op in ("relu", "relu6") else f"{node.name}_clip"]
        assert bound.op == "clip" and bound.attributes["signed"] == (node.op not in ("relu", "relu6"))
        axes = [a for a in range(seen[node.name].ndim) if a != 1 or per == "layer"]
        arrays = guarded.arrays()
        np.testing.assert_array_equal(arrays[f"{bound.name}.low"], seen[node.name].amin(axes))
        np.testing.assert_array_equal(arrays[f"{bound.name}.high"], seen[node.name].amax(axes))
    assert guarded.architecture.nodes[-1].op == "clip"
    back = restored(State(guarded).packed()[0])
    assert back.architecture == guarded.architecture
    np.testing.assert_array_equal(predict(back, 50 * x), predict(guarded, 50 * x))
    assert np.isfinite(predict(back, np.full_like(x, np.nan))).all()
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in before.items())


def test_bounds_of_the_answer_stand_where_its_numbers_are_made() -> None:
    flat = Node("flat", "flatten", ("conv",))
    conv = Node("conv", "conv", ("input",), {"channels": 2, "kernel": (2,)})
    net = Network(Architecture((1, 3), (conv, flat)), 0).eval()
    x = RNG.normal(size=(9, 1, 3)).astype(np.float32)
    guarded = restrict_ranges(net, x)
    assert [(n.name, n.inputs) for n in guarded.architecture.nodes] == [
        ("conv", ("input",)), ("conv_clip", ("conv",)), ("flat", ("conv_clip",)),
    ]  # fmt: skip


@pytest.mark.parametrize("per", ["layer", "channel"])
def test_faults_in_a_network_with_bounds_are_judged_as_by_whole_runs(per: Per) -> None:
    net = shaken(SMALL_CONV, 0)
    x = RNG.normal(size=(20, *SMALL_CONV.input_shape)).astype(np.float32)
    guarded = restrict_ranges(net, x, per=per)
    space = NetworkSpace(guarded, x, ("weights", "guards"))
    bounds = sum(m.low.numel() + m.high.numel() for m in guarded.modules() if isinstance(m, Bound))
    assert sum(c.size for c in space.cells if c.part == "guards") == 32 * bounds
    assert {c.layer for c in space.cells if c.part == "guards"} == {"bend", "out_clip"}
    whole = [(i, n) for i, c in enumerate(space.cells) if c.bit in (22, 30, 31) for n in range(0, c.size, 5)]
    found = space.judge(np.array(whole))
    for number, place in enumerate(whole):
        plain = space.plainly(*place)
        assert (found.changed[number], found.wrong[number]) == (plain.changed[0], plain.wrong[0])
    far = [i for i, c in enumerate(space.cells) if c.bit == 30 and c.part == "weights"]
    assert not space.judge(np.array([[i, n] for i in far for n in range(9)])).failed.any()


def test_channels_that_go_take_their_bounds_along() -> None:
    net = shaken(SMALL_CONV, 0)
    x = RNG.normal(size=(20, *SMALL_CONV.input_shape)).astype(np.float32)
    guarded = restrict_ranges(net, x)
    kept = {n: np.ones(s[0], bool) for n, s in guarded.architecture.shapes.items()}
    kept["conv"][1] = kept["bend"][1] = kept["flat"][4:8] = False
    smaller = cut(guarded, kept)
    np.testing.assert_array_equal(smaller.arrays()["bend.high"], guarded.arrays()["bend.high"][[0, 2]])
    with torch.no_grad():
        guarded.layer("conv").weight[1] = 0
        guarded.layer("conv").prune(guarded.layer("conv").weight != 0)
    removed = remove_dead_units(guarded)
    assert removed.architecture.shapes["conv"][0] == 2
    np.testing.assert_allclose(predict(removed, x), predict(guarded, x), atol=1e-5)


def test_what_cannot_be_hardened_is_refused() -> None:
    net, items = made()
    for work, text in (
        (lambda: restrict_ranges(Deciding(), items), "Deciding cannot be traced"),
        (lambda: restrict_ranges(net, items[:0]), "no items"),
        (lambda: restrict_ranges(net, items * np.float32(np.nan)), "has no bounds"),
        (lambda: restrict_ranges(quantised(0)[1], items), "computes in integers"),
        (lambda: with_relu6(nn.Linear(2, 2)), "no ReLU"),
        (lambda: with_relu6(Network(SMALL)), "no ReLU"),
    ):
        with pytest.raises(SartoError, match=text) as caught:
            work()
        assert caught.value.code == "E147"
