"""The first groups of a network as a network of its own, on the same memory: no weight is there twice.

It is an ordinary `Network`: it is quantised, lowered and deployed as any other. Whoever changes a weight of one changes
it in the other.

>>> from sarto.models.dynamic.named import grouped
>>> from sarto.models.dynamic.nesting import nesting
>>> full = Network(grouped("cnn1d", (2, 16), 3, groups=4, width=8), seed=0)
>>> narrow = prefix(full, nesting(full.architecture, 4), 1)
>>> narrow.architecture.size, narrow.layer("conv2").weight.data_ptr() == full.layer("conv2").weight.data_ptr()
(93, True)
"""

from __future__ import annotations

from torch import Tensor, nn

from sarto.models.dynamic.nesting import Nesting
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.weights import WeightedLayer


def prefix(network: Network, nested: Nesting, width: int) -> Network:
    """Return the network of the first `width` groups, whose weights, masks and statistics are views of `network`'s.

    Args:
        network: at full width, of the architecture of `nested`.
        nested: its groups.
        width: groups.

    Returns:
        a network, ready to be used (`eval`).

    Raises:
        InputError: E121, when there are not so many groups; E122, when the network has another architecture, or forms
            or quantisers, whose numbers are of the full width.
    """
    if network.architecture != nested.architecture:
        raise InputError(
            "E122", "groups of another network", cause="the architecture is not that of the nesting"
        )
    if len(network.quantisers) or any(layer.form is not None for _, layer in network.weighted()):
        raise InputError(
            "E122",
            "a network whose numbers have forms cannot be cut",
            cause="a quantiser is of the full width",
            hint="cut first, then quantise each width",
        )
    narrow = Network(nested.cut(width)).to(network.device)
    for name, layer in network.layers.items():
        axis = 1 if name == nested.head.name else 0
        own = narrow.layers[name]
        for key, value in layer.named_parameters(recurse=False):
            part = (
                value.detach() if (axis, key) == (1, "bias") else first(value.detach(), nested, width, axis)
            )
            own.register_parameter(key, nn.Parameter(part, requires_grad=value.requires_grad))
        for key, value in layer.named_buffers(recurse=False):
            part = value if value.ndim == 0 else first(value, nested, width, axis)
            own.register_buffer(key, part)
    return narrow.eval()


def first(value: Tensor, nested: Nesting, width: int, axis: int) -> Tensor:
    """Return the first `width` of the equal parts of a tensor, as a view."""
    return value.narrow(axis, 0, value.shape[axis] // nested.groups * width)


def part(value: Tensor, nested: Nesting, group: int, axis: int) -> Tensor:
    """Return part `group`, from 0, of the equal parts of a tensor, as a view."""
    size = value.shape[axis] // nested.groups
    return value.narrow(axis, group * size, size)


def head_by_feature(network: Network, nested: Nesting) -> None:
    """Lay the weight of the head out by feature, so that in memory, too, the columns of the first groups come first."""
    layer = network.layers[nested.head.name]
    assert isinstance(layer, WeightedLayer)
    layer.weight = nn.Parameter(layer.weight.detach().t().contiguous().t())
