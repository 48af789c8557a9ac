"""Which networks are nested: their channels fall into G groups, and no group reads a later one.

A node's output is whole (the input, and what is pooled or bent of it), or grouped: G equal blocks of channels, of which
block g depends on the input and on nothing else that has blocks but block g before it.

    conv, linear  on the whole input    begins the groups: the outputs of group g are block g of its rows
    conv          on groups             has a multiple of G groups, so that block g reads block g
    norms, activations, pooling, add    act by channel, and keep the groups
    flatten, reshape, mean over places  keep them too: places of one channel lie one after the other
    linear        the last node         the head: z = b + sum over g of W_g f_g, W_g the columns of block g

So the network of the first k groups has of every parameter the first k of G equal parts, along its first dimension, of
the head's weight along its second; the bias of the head is whole. Its work is k / G of the full network's.

Source: Xun, Tran-Thanh, Al-Hashimi and Merrett, "Incremental training and group convolution pruning for runtime DNN
performance scaling on heterogeneous embedded platforms", MLCAD 2019 (arXiv:2105.03600), abstract; after Tann,
Hashemi, Bahar and Reda, "Runtime configurable deep neural networks for energy-accuracy trade-off", CODES 2016
(arXiv:1607.05418), whose convolutions are dense.

>>> from sarto.models.network.sketch import Sketch, headed
>>> net = Sketch()
>>> _ = net.convolve("conv1", 8, (3,)), net.convolve("conv2", 12, (3,), groups=4)
>>> nested = nesting(headed(net, (2, 10), 5), 4)
>>> nested.cut(1).parameters["conv2.weight"], nested.cut(3).parameters["head.weight"]
((3, 2, 3), (5, 9))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.operations import PIECEWISE_LINEAR, SATURATING, Value, ints, whole

_CONVOLUTIONS = ("conv", "mam_conv")
_STARTS = (*_CONVOLUTIONS, "linear", "mam_linear")
_WITH_PARAMETERS = ("batch_norm", "clip")
_BY_CHANNEL = (
    *PIECEWISE_LINEAR,
    *SATURATING,
    "batch_norm",
    "max_pool",
    "mean_pool",
    "global_mean_pool",
    "flatten",
)


@dataclass(frozen=True)
class Nesting:
    """An architecture that `nesting` has found to be nested.

    Attributes:
        architecture: at full width.
        groups: G.
        grouped: names of the nodes whose outputs have a block for each group.
    """

    architecture: Architecture
    groups: int
    grouped: frozenset[str]

    @property
    def head(self) -> Node:
        """The last node."""
        return self.architecture.nodes[-1]

    @property
    def features(self) -> int:
        """Numbers that the head reads of each group."""
        return self.architecture.shapes[self.head.inputs[0]][0] // self.groups

    @property
    def divided(self) -> dict[str, int | None]:
        """Dimension along which each parameter falls into its G parts, or None for the bias of the head."""
        head = self.head.name
        axes: dict[str, int | None] = dict.fromkeys(self.architecture.parameters, 0)
        axes |= {name: None for name in axes if name == f"{head}.bias"}
        return axes | {f"{head}.weight": 1}

    def cut(self, width: int) -> Architecture:
        """Return the architecture of the first `width` groups.

        Raises:
            InputError: E121, when there are not so many.
        """
        self.check_width(width)
        return Architecture(self.architecture.input_shape, self._nodes(width))

    def column(self) -> Architecture:
        """Return what one group computes of the input: what the head reads of it."""
        return Architecture(self.architecture.input_shape, self._nodes(1)[:-1])

    def check_width(self, width: int) -> None:
        """Refuse a width that is not there.

        Raises:
            InputError: E121.
        """
        if not 1 <= width <= self.groups:
            raise InputError(
                "E121",
                f"a width of {width} groups",
                cause=f"the network has {self.groups}",
                hint=f"take 1 to {self.groups}",
            )

    def _nodes(self, width: int) -> tuple[Node, ...]:
        nodes = self.architecture.nodes
        return tuple(
            Node(n.name, n.op, n.inputs, self._narrowed(n, width)) if n.name in self.grouped else n
            for n in nodes
        )

    def _narrowed(self, node: Node, width: int) -> Mapping[str, Value]:
        """Return the attributes of a grouped node with `width` groups."""
        a = dict(node.attributes)
        for name in ("channels", "features", "groups"):
            starts = name == "groups" and not set(node.inputs) & self.grouped
            if name in a and not starts:
                a[name] = whole(a, name) // self.groups * width
        if node.op == "reshape":
            first, *rest = ints(a, "shape")
            a["shape"] = (first // self.groups * width, *rest)
        return a


def nesting(architecture: Architecture, groups: int) -> Nesting:
    """Return how an architecture is nested in so many groups.

    Args:
        architecture: any.
        groups: G, at least 1. Every network that is a chain of such nodes is nested in 1 group.

    Raises:
        InputError: E121, when it is not nested; the message names the first node that breaks it.
    """
    if groups < 1:
        raise InputError("E121", f"{groups} groups", cause="a nested network has at least 1 group")
    grouped = set[str]()
    *body, head = architecture.nodes
    if body and body[-1].name not in head.inputs:
        raise _refused(groups, body[-1], "nothing reads it", "leave it out")
    for node in body:
        if _keeps_groups(node, architecture, groups, grouped):
            grouped.add(node.name)
    if head.op != "linear" or head.inputs[0] not in grouped:
        raise _refused(
            groups,
            head,
            f"it is {head.op}{'' if head.op != 'linear' else ' on the input, which has no groups'}",
            "end with a linear layer on the groups: what it adds up over them can be added up later",
        )
    return Nesting(architecture, groups, frozenset(grouped))


def _keeps_groups(node: Node, architecture: Architecture, groups: int, grouped: set[str]) -> bool:
    """Return whether what a node returns has groups; refuse it if some group would read another."""
    of_groups = [name in grouped for name in node.inputs]
    channels = architecture.shapes[node.name][0]
    if node.op in _STARTS and not of_groups[0]:
        if node.op in _CONVOLUTIONS and whole(node.attributes, "groups") != 1:
            raise _refused(
                groups, node, "it reads the input in parts", "the first convolution is to have groups=1"
            )
    elif node.op in _CONVOLUTIONS:
        if whole(node.attributes, "groups") % groups:
            raise _refused(
                groups,
                node,
                f"its {whole(node.attributes, 'groups')} groups are no multiple of {groups}: channels read "
                "those of other groups",
                f"give it groups={groups}",
            )
    elif node.op in _STARTS:
        raise _refused(
            groups,
            node,
            "every output reads all groups, and it is not the last node",
            "only the last layer may be dense",
        )
    elif not any(of_groups):
        if node.op in _WITH_PARAMETERS or not (node.op in _BY_CHANNEL or node.op in ("reshape", "add")):
            raise _refused(
                groups, node, f"{node.op} on the input belongs to no group", "put it after the first layer"
            )
        return False
    elif node.op not in (*_BY_CHANNEL, "add", "reshape") or not all(of_groups):
        raise _refused(
            groups, node, f"{node.op} of {', '.join(node.inputs)} does not keep the groups apart", ""
        )
    elif node.op == "clip" and not node.attributes["by_channel"]:
        raise _refused(groups, node, "its bounds are of all groups", "give it bounds by channel")
    if channels % groups:
        raise _refused(groups, node, f"{channels} channels cannot be cut into {groups} equal groups", "")
    return True


def _refused(groups: int, node: Node, cause: str, hint: str) -> InputError:
    return InputError(
        "E121", f"the network is not nested in {groups} groups: node '{node.name}'", cause=cause, hint=hint
    )
