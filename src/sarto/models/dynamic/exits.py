"""Early exits of a nested network: a second axis beside the width, answers after fewer layers.

An exit at a node is a nested network of its own: the nodes up to there, the mean over places of what that node
returns, and a head z_e = b_e + sum over groups g of V_eg f_eg. Its layers are those of the network it leaves, on the
same memory; only V and b are added. So an exit has every width, and each pair of width and exit is an ordinary network
(`DynamicNetwork.network`) of a share of the work.

`answers` runs a batch from exit to exit at the width that is set: an answer costs the layers since the one before, and
is to the bit what the exit returns when it is run alone.

Source: Teerapittayanon, McDanel and Kung, "BranchyNet: fast inference via early exiting from deep neural networks",
ICPR 2016 (arXiv:1709.01686), section III. Heads of a mean over places: Kaya, Hong and Dumitras, "Shallow-deep
networks", ICML 2019 (arXiv:1810.07052), which reduces what its internal classifiers read as well.

>>> import torch
>>> from sarto.models.dynamic.named import grouped
>>> net = DynamicNetwork(grouped("cnn1d", (2, 16), 3, groups=4, width=8), 4)
>>> early = EarlyExits(net, ["conv1_relu"]).eval()
>>> x = torch.ones(5, 2, 16)
>>> [tuple(z.shape) for z in early.answers(x)], early.exits[0].network(1).architecture.size
([(5, 3), (5, 3)], 45)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Self, cast

from torch import Tensor, nn

from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.nesting import Nesting
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import Value, whole


class EarlyExits(nn.Module):
    """A nested network, and exits that leave it early; see the module.

    Args:
        network: whose layers they share. Move and convert it by moving this.
        nodes: where there is an exit, each after the one before: nodes that keep the groups apart.
        seed: of the heads' weights.

    Attributes:
        exits: as networks of their own, from the first to the last, which is `network`; heads may be trained by
            `width_heads`, the rest is shared.

    Raises:
        InputError: E121, when there is no such node, it keeps no groups, or the order is another.
    """

    def __init__(self, network: DynamicNetwork, nodes: Sequence[str], seed: int = 0) -> None:
        super().__init__()
        order = [node.name for node in network.nested.architecture.nodes[:-1]]
        for name in nodes:
            _check(name, network.nested)
        places = [order.index(name) for name in nodes]
        if places != sorted(set(places)):
            raise InputError(
                "E121",
                f"exits at {', '.join(nodes)}",
                cause="each comes after the one before",
                hint=f"the order is {', '.join(order)}",
            )
        early = [_sharing(network, exit_at(network.nested, name), seed) for name in nodes]
        self.exits = nn.ModuleList([*early, network])
        self.nodes = tuple(nodes)

    @property
    def network(self) -> DynamicNetwork:
        """The network that is left early."""
        return self.exit(len(self.nodes))

    @property
    def width(self) -> int:
        """Groups that are run."""
        return self.network.width

    @width.setter
    def width(self, groups: int) -> None:
        for number in range(len(self.exits)):
            self.exit(number).width = groups

    def exit(self, number: int) -> DynamicNetwork:
        """Return an exit, from 0."""
        return cast(DynamicNetwork, self.exits[number])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the outputs (item, output) of every exit at the width that is set."""
        return list(self.answers(x))

    def answers(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the outputs (item, output) of one exit after the other; each runs the layers since the one before."""
        walks = [_Walk(self.network.columns[group], x) for group in range(self.width)]
        for number, name in enumerate((*self.nodes, walks[0].last)):
            leaving = self.exit(number)
            values = [walk.to(name) for walk in walks]
            own = leaving.nested.column().nodes
            features = [_tail(leaving.columns[g], own, name, value) for g, value in enumerate(values)]
            yield leaving.head.outputs(features)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or convert everything, and keep one copy of it."""
        super()._apply(fn, recurse)  # pyright: ignore[reportUnknownMemberType]
        for number in range(len(self.nodes)):
            self.exit(number).share(self.network)
        return self


def exit_at(nested: Nesting, node: str) -> Architecture:
    """Return the nested architecture that leaves at a node: mean over places, if there are any, and a head.

    Raises:
        InputError: E121, when there is no such node, or it keeps no groups.
    """
    _check(node, nested)
    body, architecture = list[Node](), nested.architecture
    needed = {node}
    for one in reversed(architecture.nodes):
        if one.name in needed:
            body.insert(0, one)
            needed.update(one.inputs)
    last = node
    if len(architecture.shapes[node]) > 1:
        last = f"{node}_mean"
        body.append(Node(last, "global_mean_pool", (node,), {}))
    outputs: dict[str, Value] = {"features": whole(nested.head.attributes, "features")}
    body.append(Node(f"{node}_exit", "linear", (last,), outputs))
    return Architecture(architecture.input_shape, tuple(body))


def _check(node: str, nested: Nesting) -> None:
    known = [one.name for one in nested.architecture.nodes if one.name in nested.grouped]
    if node not in known:
        raise InputError(
            "E121",
            f"there can be no exit at '{node}'",
            cause="an exit reads a node whose channels fall into the groups",
            hint=f"such as {', '.join(known[-4:])}",
        )


def _sharing(network: DynamicNetwork, architecture: Architecture, seed: int) -> DynamicNetwork:
    found = DynamicNetwork(architecture, network.groups, seed).to(network.device)
    found.share(network)
    return found.train(network.training)


class _Walk:
    """A column on its way through its nodes."""

    def __init__(self, column: nn.Module, x: Tensor) -> None:
        self.column = cast(Network, column)
        self.values, self.done = {INPUT: x}, 0

    @property
    def last(self) -> str:
        return self.column.architecture.output

    def to(self, name: str) -> Tensor:
        """Run up to a node, and return what it returns."""
        nodes = self.column.architecture.nodes
        while name not in self.values:
            node = nodes[self.done]
            self.values[node.name] = self.column.apply_node(node, [self.values[one] for one in node.inputs])
            self.done += 1
        return self.values[name]


def _tail(column: nn.Module, nodes: Sequence[Node], name: str, value: Tensor) -> Tensor:
    """Return the features that an exit's column makes of the node it leaves at."""
    after = nodes[[node.name for node in nodes].index(name) + 1 :]
    for node in after:
        value = cast(Network, column).apply_node(node, [value])
    return value


def work(network: EarlyExits, macs: Callable[[Architecture], int]) -> dict[tuple[int, int], float]:
    """Return the share of the whole network's work that each (width, exit) needs, alone.

    Args:
        network: with its exits.
        macs: of an architecture, such as `tiny.macs`.
    """
    whole_work = macs(network.network.nested.architecture)
    return {
        (width, number): macs(network.exit(number).nested.cut(width)) / whole_work
        for width in range(1, network.network.groups + 1)
        for number in range(len(network.exits))
    }
