"""Faults in torch networks: the verdicts are those of plain runs, written here once more, one fault at a time."""

# pyright: reportUnknownMemberType=false

import copy
import pickle
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sarto.audit.faults._program import settled
from sarto.audit.faults.model import Fault, Pattern
from sarto.audit.faults.network import NetworkSpace
from sarto.audit.faults.verdicts import CRITICAL, judged
from sarto.core.bits import Kind, number_format
from sarto.core.errors import SartoError
from sarto.models.network.module import Network
from sarto.models.network.named import named

ITEMS = 24


class Residual(nn.Module):
    """A skip connection, norms, a depthwise convolution, functions, and an addition in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.deep, self.point = nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.first(x)))
        z = self.point(nn.functional.relu(self.deep(y), inplace=True))
        z += y
        return self.head(nn.functional.max_pool2d(z, 2).mean((2, 3)))


class Scaled(nn.Module):
    """A parameter that is used without a module, and a layer that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.twice = nn.Parameter(torch.linspace(0.5, 1.5, 6)), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.twice(torch.tanh(self.twice(x.view(x.size(0), -1))))
        return x * self.scale


class Written(nn.Module):
    """What would be cut wrongly: it writes into what it has read."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        y.view(-1, 2, 3).mul_(y.relu().view(-1, 2, 3))
        return self.head(y)


class Recurrent(nn.Module):
    """What cannot be cut: its values have no row for each item."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTM(2, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x.transpose(0, 1))[0][-1])


def plain_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 6),
        nn.ReLU(),
        nn.Linear(6, 3),
    )


def sarto_net() -> nn.Module:
    net = Network(named("residual", (2, 6, 6), 3, width=2, depth=2), seed=0)
    name, layer = next(net.weighted())
    assert name
    mask = torch.ones_like(layer.weight, dtype=torch.bool)
    mask[0] = False
    layer.prune(mask)
    return net


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], bool]] = {
    "plain": (plain_cnn, (2, 6, 6), True),
    "residual": (Residual, (2, 6, 6), True),
    "scaled": (Scaled, (2, 3), True),
    "written": (Written, (6,), False),
    "recurrent": (Recurrent, (5, 2), False),
    "sarto": (sarto_net, (2, 6, 6), True),
}


def made(name: str) -> tuple[nn.Module, np.ndarray]:
    torch.manual_seed(3)
    net = CASES[name][0]()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)  # pyright: ignore[reportArgumentType]
    return net.eval(), np.random.default_rng(1).normal(size=(ITEMS, *CASES[name][1])).astype(np.float32)


def drawn(space: NetworkSpace, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cell = rng.integers(0, len(space.cells), count)
    element = [int(rng.integers(space.cells[int(c)].size)) for c in cell]
    return np.stack([cell, np.array(element)], axis=1)


def by_hand(net: nn.Module, items: np.ndarray, space: NetworkSpace, cell: int, element: int) -> np.ndarray:
    """The answers of the whole network with one bit of one float32 parameter the other way round."""
    own = copy.deepcopy(net)
    layer = "" if space.cells[cell].layer == "network" else space.cells[cell].layer + "."
    names = [f"{p}{layer}" for p in ("", "layers.")]
    # the cells of a tensor follow each other, 32 of them, in the order of its layer's parameters
    tensors = [t for n, t in _tensors(own) if n.rpartition(".")[0] + "." * ("." in n) in names]
    before = [c for c in space.cells[:cell] if c.layer == space.cells[cell].layer]
    tensor = tensors[len(before) // 32]
    pattern = tensor.detach().numpy().reshape(-1).view(np.uint32)
    pattern[element] ^= np.uint32(1) << np.uint32(space.cells[cell].bit)
    with torch.no_grad():
        return own(torch.from_numpy(items)).numpy()


def _tensors(net: nn.Module) -> list[tuple[str, Tensor]]:
    buffers = [(n, b) for n, b in net.named_buffers() if "running" in n]
    return [*net.named_parameters(), *buffers]


@pytest.mark.parametrize("name", CASES)
def test_flips_of_parameters_do_what_a_plain_run_says(name: str) -> None:
    net, items = made(name)
    space = NetworkSpace(net, items)
    assert space.cut == CASES[name][2]
    places = np.concatenate([drawn(space, 40), [[i, 0] for i, c in enumerate(space.cells) if c.bit == 30]])
    if name == "sarto":
        net = settled(net)
    with torch.no_grad():
        golden = net(torch.from_numpy(items)).numpy()
    assert np.allclose(space.golden, golden, rtol=1e-5, atol=1e-6)
    found = space.judge(places)
    wanted = judged(golden, np.stack([by_hand(net, items, space, *p) for p in places.tolist()]))
    assert np.array_equal(found.kinds == CRITICAL, wanted.kinds == CRITICAL)
    # torch adds up the small layers of one of them in an order that depends on the place of a row
    fields = ("wrong", "failed", "wrong_by_input", "changed")
    for field in fields[: 3 if name == "scaled" else 4]:
        assert np.array_equal(getattr(found, field), getattr(wanted, field)), field
    assert set(found.kinds.tolist()) >= {1, 2}
    assert sum(c.size for c in space.cells) == 32 * sum(t.numel() for _, t in _tensors(net))


@pytest.mark.parametrize("pattern", get_args(Pattern))
def test_every_pattern_and_part_and_format_equals_the_plain_run(pattern: Pattern) -> None:
    parts = ("weights", "bias", "norms", "activations", "input")
    cases: list[tuple[str, str, Kind]] = [
        ("residual", "fp32", "stuck1"),
        ("plain", "posit(8,1)", "stuck0"),
        ("scaled", "int8", "flip"),
    ]
    for name, form, kind in cases:
        net, items = made(name)
        space = NetworkSpace(net, items, parts, Fault(kind, pattern, 2), form)
        places = drawn(space, 9, seed=2)
        found = space.judge(places)
        for i, (cell, element) in enumerate(places.tolist()):
            alone = space.plainly(cell, element)
            assert (found.changed[i], found.wrong[i], found.failed[i]) == (
                alone.changed[0],
                alone.wrong[0],
                alone.failed[0],
            )


def test_stored_formats_round_the_network_and_change_what_a_flip_does() -> None:
    net, items = made("plain")
    for form in ("bf16", "posit(8,0)", "int8"):
        space = NetworkSpace(net, items, ("weights",), format=form)
        rounded = copy.deepcopy(net)
        for parameter in rounded.parameters():
            values = parameter.detach().numpy()
            parameter.data = torch.from_numpy(
                number_format(form).fitted(values).rounded(values).astype(np.float32)
            )
        with torch.no_grad():
            assert np.array_equal(space.golden, rounded(torch.from_numpy(items)).numpy())
        assert max(c.bit for c in space.cells) == number_format(form).width - 1
        head = rounded.get_parameter("6.weight")
        own = number_format(form).fitted(net.get_parameter("6.weight").detach().numpy())
        last = [i for i, c in enumerate(space.cells) if c.layer == "6"][own.width - 1]
        pattern = own.encode(head.detach().numpy().reshape(-1)[:1])
        head.data.view(-1)[0] = float(own.decode(pattern ^ pattern.dtype.type(1 << (own.width - 1)))[0])
        with torch.no_grad():
            wanted = judged(space.golden, rounded(torch.from_numpy(items)).numpy()[None])
        assert np.array_equal(space.judge(np.array([[last, 0]])).changed, wanted.changed)


def test_a_neuron_is_hit_in_every_item() -> None:
    net, items = made("plain")
    space = NetworkSpace(net, items, ("activations",))
    cell = next(i for i, c in enumerate(space.cells) if c.layer == "_5" and c.bit == 30)
    seen: list[Tensor] = []

    def hook(_: nn.Module, __: Any, y: Tensor) -> Tensor:
        seen.append(y)
        own = y.clone().numpy()
        own[:, 2:3].view(np.uint32)[:] ^= np.uint32(1 << 30)
        return torch.from_numpy(own)

    net[5].register_forward_hook(hook)  # pyright: ignore
    with torch.no_grad():
        faulty = net(torch.from_numpy(items)).numpy()
    assert seen
    wanted = judged(space.golden, faulty[None])
    found = space.judge(np.array([[cell, 2]]))
    assert (found.changed[0], found.wrong[0], found.failed[0]) == (
        wanted.changed[0],
        wanted.wrong[0],
        wanted.failed[0],
    )
    assert wanted.changed[0] + wanted.failed[0] > 0


def test_order_and_portions_do_not_matter_and_it_goes_to_another_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, items = made("plain")
    space = NetworkSpace(net, items)
    places = drawn(space, 30)
    whole = space.judge(places)
    monkeypatch.setattr("sarto.audit.faults.network.AT_ONCE", 7)
    monkeypatch.setattr("sarto.audit.faults._cut.MOST", 64)
    again = pickle.loads(pickle.dumps(space))
    assert again.sha256 == space.sha256
    order = np.random.default_rng(0).permutation(30)
    turned = again.judge(places[order])
    assert np.array_equal(turned.wrong, whole.wrong[order]) and np.array_equal(
        turned.changed, whole.changed[order]
    )
    assert len(space.judge(places[:0])) == 0
    assert NetworkSpace(net, items, format="bf16").sha256 != space.sha256


def test_more_items_than_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net, items = made("residual")
    wanted = NetworkSpace(net, items)
    places = drawn(wanted, 20)
    monkeypatch.setattr("sarto.audit.faults._cut.ROWS", 10)
    found = NetworkSpace(net, items)
    assert found.cut
    assert np.array_equal(found.judge(places).wrong, wanted.judge(places).wrong)


def test_what_cannot_be_is_refused() -> None:
    net, items = made("plain")
    for given, text in (
        (lambda: NetworkSpace(net, items, ("code",)), "'code' is no part"),
        (lambda: NetworkSpace(copy.deepcopy(net).half(), items), "is not float32"),
        (lambda: NetworkSpace(net, items[:0]), "no items"),
        (lambda: NetworkSpace(net, items * np.inf).golden, "answers that are no numbers"),
    ):
        with pytest.raises(SartoError, match=text) as caught:
            given()
        assert caught.value.code == "E145"
