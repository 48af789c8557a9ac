"""A nested network that is run at any of its widths; switching is one number.

Each group is a column: a small network from the input to the features that the head reads of it. Its parameters are
views of the arrays of one ordinary `Network` of full width (`whole`), of which the network of each width (`network`) is
views as well: there is one copy of all weights, and of each width they are the first in memory. Columns do not read one
another, so that what they compute, norms included, does not depend on the width. Outputs are added up group by group
(`heads`): a wider run is the narrower one and what it adds, to the bit.

>>> from sarto.models.dynamic.named import grouped
>>> net = DynamicNetwork(grouped("cnn1d", (2, 16), 3, groups=4, width=8), 4).eval()
>>> x, net.width = torch.ones(5, 2, 16), 1
>>> tuple(net(x).shape), net.network(1).architecture.size, net.network(4).architecture.size
((5, 3), 93, 363)
>>> torch.equal(net(x), net.every_width(x)[0])
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarto.models.dynamic.heads import Head, OwnHeads, SharedHead, shared_head
from sarto.models.dynamic.nesting import nesting
from sarto.models.dynamic.prefix import head_by_feature, part, prefix
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.operations import Shape
from sarto.models.network.weights import WeightedLayer
from sarto.models.trainable import Trainable


class DynamicNetwork(Trainable):
    """See the module.

    Args:
        architecture: nested in `groups` groups.
        groups: G.
        seed: of the weights, which are those of `Network(architecture, seed)`.

    Attributes:
        nested: how the architecture is nested.
        width: groups that are run; it may be set at any time.
        columns: of each group.
        head: what adds them up.
        whole: the ordinary network on the same memory; of own heads it has that of the full width.

    Raises:
        InputError: E121, when the architecture is not nested.
    """

    def __init__(self, architecture: Architecture, groups: int, seed: int = 0) -> None:
        super().__init__()
        self.nested = nesting(architecture, groups)
        whole = Network(architecture, seed)
        head_by_feature(whole, self.nested)
        self._kept = (whole,)  # in a tuple, so that its parameters are not there a second time
        self.columns = nn.ModuleList([Network(self.nested.column()) for _ in range(groups)])
        last = self._last
        self.head: Head = shared_head(last.weight, last.bias, self.nested)
        self._width = groups
        self._tie()

    @property
    def whole(self) -> Network:
        """The ordinary network of full width."""
        return self._kept[0]

    @property
    def groups(self) -> int:
        """G."""
        return self.nested.groups

    @property
    def has_own_heads(self) -> bool:
        """Whether there is a head for each width."""
        return isinstance(self.head, OwnHeads)

    @property
    def width(self) -> int:
        """Groups that are run."""
        return self._width

    @width.setter
    def width(self, groups: int) -> None:
        self.nested.check_width(groups)
        self._width = groups

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (item, output) of a batch at the width that is set."""
        return self.head.outputs(self.features(x, self.width))

    def features(self, x: Tensor, width: int) -> list[Tensor]:
        """Return the features (item, feature) of each of the first `width` groups."""
        return [self.column(x, group) for group in range(width)]

    def column(self, x: Tensor, group: int) -> Tensor:
        """Return the features of one group, from 0."""
        return self.columns[group](x)

    def every_width(self, x: Tensor) -> list[Tensor]:
        """Return the outputs of every width up to the one that is set."""
        return self.head.every(self.features(x, self.width))

    def network(self, width: int) -> Network:
        """Return the ordinary network of the first `width` groups, on the same memory.

        Its head adds up in one product, and so in another order than here: outputs may differ in the last bits.

        Raises:
            InputError: E121, when there are not so many groups.
        """
        found = prefix(self.whole, self.nested, width)
        if isinstance(self.head, OwnHeads):
            weight, bias = self.head.of_width(width)
            last = found.layer(self.nested.head.name)
            last.weight, last.bias = nn.Parameter(weight), nn.Parameter(cast(Tensor, bias))
        return found

    def take_heads(
        self, heads: Sequence[tuple[Float[np.ndarray, "output _"], Float[np.ndarray, " output"]]]
    ) -> None:
        """Take a head for each width in place of the head that is there.

        Raises:
            InputError: E122, when they are not as many as groups, or one has another shape than its width asks for.
        """
        outputs, features = self.output_shape[0], self.nested.features
        for width, (weight, bias) in enumerate(heads, 1):
            if weight.shape != (outputs, width * features) or bias.shape != (outputs,):
                raise InputError(
                    "E122",
                    f"a head of {weight.shape} for the width of {width} groups",
                    cause=f"it has {outputs} outputs and reads {features} features of each group",
                )
        if len(heads) != self.groups:
            raise InputError(
                "E122", f"{len(heads)} heads", cause=f"there is one for each of {self.groups} widths"
            )
        arrays = [[torch.as_tensor(np.array(a, np.float32)) for a in head] for head in heads]
        self.head = OwnHeads([w for w, _ in arrays], [b for _, b in arrays], features).to(self.device)
        self._tie()

    def share(self, other: DynamicNetwork) -> None:
        """Put the layers of `other` in place of those of the same name, weights, norms and all.

        Raises:
            InputError: E121, when the groups differ in number.
        """
        if other.groups != self.groups:
            raise InputError(
                "E121", f"layers of {other.groups} groups", cause=f"this network has {self.groups}"
            )
        own, theirs = self.whole.layers, other.whole.layers
        for name in own.keys() & theirs.keys() - {self.nested.head.name}:
            own[name] = theirs[name]
        self._tie()

    def arrays(self) -> dict[str, Float[np.ndarray, "..."]]:
        """Return every parameter at full width, by the architecture's names; see `Network.arrays`."""
        return self.whole.arrays()

    def load_arrays(self, arrays: Mapping[str, Float[np.ndarray, "..."]]) -> None:
        """Take over every parameter of a network of full width; the head is a shared one then.

        Raises:
            InputError: E122, as `Network.load_arrays`.
        """
        self.whole.load_arrays(arrays)
        head_by_feature(self.whole, self.nested)
        self.head = shared_head(self._last.weight, self._last.bias, self.nested)

    def description(self) -> dict[str, Any]:
        """Return what this is; see `Trainable`."""
        kind = "own" if self.has_own_heads else "shared"
        return {
            "architecture": self.nested.architecture.to_json(),
            "groups": self.groups,
            "width": self.width,
            "head": kind,
        }

    @property
    def output_shape(self) -> Shape:
        """Shape of the answer to one item."""
        return self.whole.output_shape

    @property
    def _last(self) -> WeightedLayer:
        return self.whole.layer(self.nested.head.name)

    def _tie(self) -> None:
        """Let every parameter and statistic of the columns and the head be a view of `whole`."""
        for group, column in enumerate(cast("list[Network]", list(self.columns))):
            for name, layer in column.layers.items():
                of_all = self.whole.layers[name]
                for key, value in layer.named_parameters(recurse=False):
                    value.data = part(of_all.get_parameter(key).detach(), self.nested, group, 0)
                for key, value in layer.named_buffers(recurse=False):
                    if value.ndim:
                        layer.register_buffer(key, part(of_all.get_buffer(key), self.nested, group, 0))
        last = self._last
        if isinstance(self.head, SharedHead):
            for group, block in enumerate(self.head.blocks):
                block.data = part(last.weight.detach(), self.nested, group, 1)
            if self.head.bias is not None and last.bias is not None:
                self.head.bias.data = last.bias.detach()
        else:
            weight, bias = self.head.of_width(self.groups)
            last.weight.data = weight
            if last.bias is not None and bias is not None:
                last.bias.data = bias

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or convert everything, and keep one copy of it."""
        super()._apply(fn, recurse)  # pyright: ignore[reportUnknownMemberType]
        self.whole._apply(fn)  # pyright: ignore[reportUnknownMemberType]
        self._tie()
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> DynamicNetwork:
        """Return a network with the same numbers on memory of its own."""
        copy = DynamicNetwork(self.nested.architecture, self.groups)
        memo[id(self)] = copy
        if isinstance(self.head, OwnHeads):
            heads = [self.head.of_width(width) for width in range(1, self.groups + 1)]
            copy.take_heads([(w.cpu().numpy(), cast(Tensor, b).cpu().numpy()) for w, b in heads])
        copy.to(self.device).load_state_dict(self.state_dict())
        copy.width = self.width
        return copy.train(self.training)
