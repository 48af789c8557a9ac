"""Sarto's own tracer cuts dead channels exactly in all of 110 networks, also where torch-pruning's graph does not.

Networks of eleven kinds with random widths and weights: plain, residual (with and without a projection), separable,
blocks that concatenate, depthwise convolutions with a multiplier, a flattening before a linear layer, and mixtures of
them. Half of the tied channels of each kind are dead: their rows, norms and the columns that read them are 0. A cut of
half of the channels must take those and no others, so that the outputs stay; L2 on both sides. A network is `exact`
when it runs, answers as before, and has no more parameters than it must; `larger` when it has; `other` when it answers
otherwise; and `refused` when an error is raised. Convolutions in several groups are left out: of those Sarto lets whole
groups go, and torch-pruning the same places of every group.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_least
from benchmarks._peer_networks import Plain, missing, without_channels
from sarto.compress.groups import Ties, all_kept, cut_architecture, ties
from sarto.compress.prune.channels import shrink
from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import Value, whole

MINUTES = 2
DRAWS, QUICK_DRAWS = 10, 1
OWN, PEER = "sarto", "torch-pruning"
SHAPE, CLASSES = (4, 8, 8), 3


class Chain:
    """Nodes, one after the other."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random, self.nodes = random, list[Node]()

    def width(self) -> int:
        """Return an even number of channels."""
        return int(self.random.choice([8, 12, 16]))

    def put(self, op: str, *inputs: str, **attributes: Value) -> str:
        """Add a node and return its name."""
        name = f"{op}{len(self.nodes)}"
        self.nodes.append(Node(name, op, inputs, attributes))
        return name

    def conv(self, last: str, channels: int, kernel: int = 3, groups: int = 1, stride: int = 1) -> str:
        """Add a convolution, a norm and a ReLU."""
        last = self.bare(last, channels, kernel, groups, stride)
        return self.put("relu", last)

    def bare(self, last: str, channels: int, kernel: int = 3, groups: int = 1, stride: int = 1) -> str:
        """Add a convolution and a norm."""
        last = self.put(
            "conv", last, channels=channels, kernel=(kernel, kernel), groups=groups, stride=stride,
            padding=kernel // 2, bias=False,
        )  # fmt: skip
        return self.put("batch_norm", last)

    def ended(self, last: str, flat: bool = False) -> Architecture:
        """Add the end, over places or over all of them, and return the network."""
        last = self.put("flatten" if flat else "global_mean_pool", last)
        self.put("linear", last, features=CLASSES)
        return Architecture(SHAPE, tuple(self.nodes))


def plain(c: Chain) -> Architecture:
    """Convolutions, a pool, a mean."""
    last = c.put("max_pool", c.conv("input", c.width()), kernel=(2, 2), stride=2)
    return c.ended(c.conv(last, c.width()))


def flattened(c: Chain) -> Architecture:
    """Places of every channel are read by a linear layer of their own weights."""
    return c.ended(c.put("mean_pool", c.conv("input", c.width()), kernel=(2, 2), stride=2), flat=True)


def two_linear(c: Chain) -> Architecture:
    """The same before a hidden layer."""
    last = c.put("flatten", c.conv("input", c.width(), stride=2))
    last = c.put("relu", c.put("linear", last, features=c.width()))
    c.put("linear", last, features=CLASSES)
    return Architecture(SHAPE, tuple(c.nodes))


def residual(c: Chain) -> Architecture:
    """Two residual blocks on one stem."""
    width = c.width()
    last = c.conv("input", width)
    for _ in range(2):
        branch = c.bare(c.conv(last, c.width()), width)
        last = c.put("relu", c.put("add", last, branch))
    return c.ended(last)


def projected(c: Chain) -> Architecture:
    """A block whose shortcut is a convolution."""
    last, width = c.conv("input", c.width()), c.width()
    branch = c.bare(c.conv(last, c.width(), stride=2), width)
    side = c.bare(last, width, kernel=1, stride=2)
    return c.ended(c.put("relu", c.put("add", branch, side)), flat=True)


def separable(c: Chain) -> Architecture:
    """Depthwise and pointwise convolutions."""
    width = c.width()
    last = c.conv(c.conv("input", width), width, groups=width)
    other = c.width()
    last = c.conv(last, other, kernel=1)
    return c.ended(c.conv(c.conv(last, other, groups=other), c.width(), kernel=1))


def multiplied(c: Chain) -> Architecture:
    """A depthwise convolution that makes two channels of each."""
    width = c.width()
    last = c.conv(c.conv("input", width), 2 * width, groups=width)
    return c.ended(c.conv(last, c.width(), kernel=1))


def inverted(c: Chain) -> Architecture:
    """A residual block with a depthwise middle."""
    width = c.width()
    last, wide = c.conv("input", width), 2 * width
    branch = c.conv(c.conv(last, wide, kernel=1), wide, groups=wide)
    return c.ended(c.put("add", last, c.bare(branch, width, kernel=1)))


def concatenated(c: Chain) -> Architecture:
    """Every block reads all that was before it."""
    last = c.conv("input", c.width())
    for _ in range(2):
        last = c.put("concat", last, c.conv(last, c.width()))
    return c.ended(last, flat=True)


def joined(c: Chain) -> Architecture:
    """A concatenation that is added to a convolution."""
    stem = c.conv("input", c.width())
    one, other = c.width(), c.width()
    both = c.put("concat", c.conv(stem, one), c.conv(stem, other, kernel=1))
    return c.ended(c.put("add", both, c.bare(stem, one + other)))


def shared(c: Chain) -> Architecture:
    """One stem that is read by a depthwise convolution, a sum and a concatenation."""
    width = c.width()
    stem = c.conv("input", width)
    deep = c.conv(stem, width, groups=width)
    return c.ended(c.put("concat", c.put("add", stem, deep), c.conv(deep, c.width(), kernel=1)))


KINDS: dict[str, Callable[[Chain], Architecture]] = {
    made.__name__: made
    for made in (
        plain, flattened, two_linear, residual, projected, separable,
        multiplied, inverted, concatenated, joined, shared,
    )
}  # fmt: skip


def run(bench: Bench) -> Outcome:
    """Return by kind of network how often each tracer is exact."""
    tracers = [OWN, *([] if PEER in missing() else [PEER])]
    draws = range(QUICK_DRAWS if bench.quick else DRAWS)
    found = {
        kind: [bench.once({"kind": kind, "draw": d}, one, kind, d, tracers) for d in draws] for kind in KINDS
    }
    figures: dict[str, Figure] = {}
    for tracer in tracers:
        whole_count = Counter(cell[tracer]["what"] for cells in found.values() for cell in cells)
        for what, count in sorted(whole_count.items()):
            figures[f"{tracer}: {what}"] = Figure(count, "networks", "measured", len(KINDS) * len(draws))
        for kind, cells in found.items():
            count = Counter(cell[tracer]["what"] for cell in cells)
            bench.say(f"{tracer}, {kind}: {dict(count)}")
            figures[f"{tracer}, {kind}: exact"] = Figure(count["exact"], "networks", "measured", len(cells))
    exact = sum(cell[OWN]["what"] == "exact" for cells in found.values() for cell in cells)
    bars = (at_least("networks that Sarto's own tracer cuts exactly", exact, len(KINDS) * len(draws)),)
    return Outcome(figures, () if bench.quick else bars)


def one(kind: str, draw: int, tracers: list[str]) -> dict[str, Any]:
    """Return what each tracer made of a network."""
    random = generator(draw, "channel ties", kind)
    architecture = KINDS[kind](Chain(random))
    network = _random(architecture, random)
    tied = ties(architecture)
    dead = _half(tied, random)
    kept = all_kept(architecture)
    for number in dead:
        for name, place in tied.sets[number]:
            kept[name][place] = False
    _kill(network, kept)
    x = torch.as_tensor(random.normal(size=(16, *architecture.input_shape)).astype(np.float32))
    goal = cut_architecture(architecture, kept).size
    found: dict[str, Any] = {}
    for tracer in tracers:
        try:
            if tracer == OWN:
                small: Network = shrink(network, goal / architecture.size, floor=0.0)
            else:
                small = without_channels(Plain(network), 0.5)
            with torch.no_grad():
                before, after = network(x), small.eval()(x)
        except (SartoError, RuntimeError, ValueError, IndexError, AssertionError, AttributeError) as error:
            found[tracer] = {"what": "refused", "why": f"{type(error).__name__}: {str(error)[:200]}"}
            continue
        size = sum(p.numel() for p in small.parameters())
        alike = before.shape == after.shape and torch.allclose(before, after, rtol=1e-4, atol=1e-4)
        what = "exact" if alike and size <= 1.01 * goal else "larger" if alike else "other"
        found[tracer] = {"what": what, "parameters": size, "asked": goal, "of": architecture.size}
    return found


def _random(architecture: Architecture, random: np.random.Generator) -> Network:
    """Return a network with weights and norms of a trained one's size."""
    network = Network(architecture, seed=int(random.integers(1 << 30))).eval()
    arrays = network.arrays()
    for name, array in arrays.items():
        if name.rpartition(".")[2] in ("bias", "mean"):
            arrays[name] = random.normal(0, 0.3, array.shape).astype(np.float32)
        elif array.ndim == 1:
            arrays[name] = random.uniform(0.5, 2, array.shape).astype(np.float32)
    network.load_arrays(arrays)
    return network


def _half(tied: Ties, random: np.random.Generator) -> list[int]:
    """Return half of the sets of each kind: those that tie channels of the same nodes."""
    alike: dict[frozenset[str], list[int]] = {}
    for number in tied.free:
        alike.setdefault(frozenset(name for name, _ in tied.sets[number]), []).append(number)
    return [int(n) for numbers in alike.values() for n in random.permutation(numbers)[: len(numbers) // 2]]


def _kill(network: Network, kept: dict[str, Any]) -> None:
    """Set rows, norms and columns of the channels that are not kept to 0."""
    architecture, arrays = network.architecture, network.arrays()
    for node in architecture.nodes:
        gone = np.flatnonzero(~kept[node.name])
        for part in ("weight", "bias", "mean"):
            if f"{node.name}.{part}" in arrays:
                arrays[f"{node.name}.{part}"][gone] = 0
        if node.op in ("conv", "linear"):
            weight = arrays[f"{node.name}.weight"]
            groups = whole(node.attributes, "groups") if node.op == "conv" else 1
            rows = len(weight) // groups
            for place in np.flatnonzero(~kept[node.inputs[0]]):
                group, column = divmod(int(place), weight.shape[1])
                weight[group * rows : (group + 1) * rows, column] = 0
    network.load_arrays(arrays)
