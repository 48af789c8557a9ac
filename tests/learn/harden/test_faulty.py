"""Errors in layers while a network learns: how many, where, how large, and nothing of them afterwards."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sarto.core.errors import SartoError
from sarto.learn.harden import Faulty, Injection
from sarto.learn.harden.faulty import mask


def masks(pattern: str, shape: tuple[int, ...], count: int) -> Any:
    rng = np.random.default_rng(0)
    return np.array([mask(pattern, shape, rng) for _ in range(count)])


@pytest.mark.parametrize(("pattern", "share"), [("line", 0.75), ("square", 0.30), ("all", 0.10)])
def test_each_channel_has_the_error_with_the_published_probability(pattern: str, share: float) -> None:
    found = masks(pattern, (50, 3, 5), 400)
    hit = found.any((2, 3))
    assert hit.mean() == pytest.approx(share, abs=0.01)
    first = found[np.arange(400), hit.argmax(1)]
    assert all((found[i, c] == first[i]).all() for i in range(400) for c in np.flatnonzero(hit[i]))


def test_what_of_a_map_each_pattern_takes() -> None:
    lines = masks("line", (50, 3, 5), 400).any(1)
    rows = (lines.sum((1, 2)) == 5) & lines.all(2).any(1)
    columns = (lines.sum((1, 2)) == 3) & lines.all(1).any(1)
    assert (rows ^ columns).all() and rows.mean() == pytest.approx(0.5, abs=0.08)
    assert set(lines[rows].any(2).argmax(1)) == {0, 1, 2} and set(lines[columns].any(1).argmax(1)) == {
        0,
        1,
        2,
        3,
        4,
    }
    squares = masks("square", (50, 3, 5), 400).any(1)
    tall, wide = squares.any(2), squares.any(1)
    assert (squares == tall[:, :, None] & wide[:, None]).all() and squares.any((1, 2)).all()
    assert (np.abs(np.diff(np.pad(tall, ((0, 0), (1, 1))).astype(int))).sum(1) == 2).all()
    assert tall.sum(1).max() == 3 and wide.sum(1).max() == 5 and squares.sum((1, 2)).min() == 1
    whole = masks("all", (50, 3, 5), 50)
    assert (whole.all((2, 3)) == whole.any((2, 3))).all()
    single = masks("single", (4, 3, 5), 400)
    assert (single.sum((1, 2, 3)) == 1).all() and single.any(0).all()
    assert masks("line", (50, 7), 400).any(1).sum(1).tolist() == [1] * 400


@pytest.mark.parametrize("pattern", ["line", "square", "all"])
def test_a_layer_without_a_map_has_it_in_3_of_10_features(pattern: str) -> None:
    assert masks(pattern, (60,), 300).mean() == pytest.approx(0.30, abs=0.01)


@pytest.mark.parametrize(("epoch", "most"), [(0, 1), (1, 1), (6, 6)])
def test_errors_are_a_factor_of_either_sign_that_grows_with_the_epochs(epoch: int, most: int) -> None:
    faulty = Faulty(nn.Linear(2, 2), Injection(share=0.6, patterns=("single",)))
    faulty.at(0, epoch)
    y, rng = torch.full((40, 8), 3.0), np.random.default_rng(1)
    factors, share = list[float](), list[float]()
    for _ in range(600):
        found = (faulty.disturbed(y, rng) / y).numpy()
        there = found != 1
        assert (there.sum(1) <= 1).all() and len(np.unique(found[there])) == 1
        factors.append(float(found[there][0]))
        share.append(there.any(1).mean())
    sizes = np.abs(factors)
    assert np.mean(np.array(factors) < 0) == pytest.approx(0.5, abs=0.06)
    assert sizes.max() <= most and sizes.mean() == pytest.approx(most / 2, rel=0.07)
    assert np.mean(share) == pytest.approx(0.6, abs=0.02)


class Chain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(9, 5), nn.Linear(5, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def test_one_layer_of_a_pass_has_them_only_while_it_learns() -> None:
    net, x = Chain(), torch.ones(6, 1, 4)
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(0.5)
    layers = [m for m in net.modules() if isinstance(m, nn.Conv1d | nn.Linear)]
    plain, seen = net(x).detach(), list[list[bool]]()
    with Faulty(net, Injection(share=1.0, patterns=("single",), from_epoch=1)) as faulty:
        hooks = [
            m.register_forward_hook(lambda m, i, y: seen[-1].append(bool((m.forward(i[0]) != y).any())))
            for m in layers
        ]
        for step in range(60):
            seen.append([])
            faulty.at(step, 1)
            net(x).sum().backward()
        for hook in hooks:
            hook.remove()
        assert [sum(each) for each in seen] == [1] * 60 == [1] * faulty.drawn
        assert np.sum(seen, axis=0).min() >= 10
        faulty.at(0, 0)
        assert torch.equal(net(x), plain), "before the first epoch with errors"
        faulty.at(0, 1)
        with torch.no_grad():
            assert torch.equal(net(x), plain)
        net.eval()
        assert torch.equal(net(x), plain)
        net.train()
    assert torch.equal(net(x), plain) and faulty.drawn == 60


def test_what_is_drawn_depends_on_the_step_alone_so_that_training_can_be_taken_up_again() -> None:
    torch.manual_seed(0)
    net, x = Chain(), torch.ones(6, 1, 4)
    with Faulty(net, Injection(seed=5)) as faulty:
        before = faulty.before_step(epochs=4)
        found: list[Tensor] = []
        for step in range(12):
            before(step, 12)
            found += [net(x).detach(), net(x).detach()]
    assert not torch.equal(found[0], found[1]), "another pass in the same step has another error"
    with Faulty(net, Injection(seed=5)) as again:
        for step in (7, 11):
            again.at(step, step // 3)
            assert torch.equal(net(x), found[2 * step]) and torch.equal(net(x), found[2 * step + 1])
    with Faulty(net, Injection(seed=6)) as other:
        other.at(7, 2)
        assert not torch.equal(net(x), found[14])


def test_what_cannot_be_injected_is_refused() -> None:
    with pytest.raises(SartoError, match=r"E147.*ReLU has no layer"):
        Faulty(nn.ReLU(), Injection())
    strange: tuple[dict[str, Any], ...] = (
        {"share": 0.0},
        {"share": 1.5},
        {"patterns": ("row",)},
        {"patterns": ()},
        {"from_epoch": -1},
    )
    for bad in strange:
        with pytest.raises(SartoError, match="E116"):
            Injection(**bad)
