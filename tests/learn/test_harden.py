"""Hardened torch networks: what is within the bounds is as before, and what is not is cut off."""

# pyright: reportUnknownMemberType=false

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sarto.audit.faults.network import NetworkSpace
from sarto.core.errors import SartoError
from sarto.learn.harden import Bound, restrict_ranges, with_relu6

RNG = np.random.default_rng(0)


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
def test_calibration_items_keep_their_answers_and_bounds_are_what_they_gave(per: str) -> None:
    net, items = made()
    guarded = restrict_ranges(net, items, per=per)  # pyright: ignore[reportArgumentType]
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


def test_relu6_takes_the_place_of_every_relu_and_can_be_trained() -> None:
    net, items = made()
    x = 20 * torch.from_numpy(items)
    first, second, head = net.get_submodule("first"), net.get_submodule("second"), net.get_submodule("head")
    bent = with_relu6(net)
    y = functional.relu6(first(x))
    wanted = head(functional.relu6(second(y) + y).mean((2, 3)))
    assert torch.equal(bent(x), wanted) and not torch.equal(net(x), wanted)
    bent(x).sum().backward()
    assert all(p.grad is not None for p in bent.parameters()) and all(
        p.grad is None for p in net.parameters()
    )
    chain = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
    assert torch.equal(with_relu6(chain)(x), chain[3](functional.relu6(chain[1](x.flatten(1)))))


def test_what_cannot_be_hardened_is_refused() -> None:
    net, items = made()
    for work, text in (
        (lambda: restrict_ranges(Deciding(), items), "Deciding cannot be traced"),
        (lambda: restrict_ranges(net, items[:0]), "no items"),
        (lambda: restrict_ranges(net, items * np.float32(np.nan)), "has no bounds"),
        (lambda: with_relu6(nn.Linear(2, 2)), "no ReLU"),
    ):
        with pytest.raises(SartoError, match=text) as caught:
            work()
        assert caught.value.code == "E147"
