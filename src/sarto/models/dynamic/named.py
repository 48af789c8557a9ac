"""Nested networks by name, as architectures of full width, without torch.

| name | on | what |
|---|---|---|
| `cnn1d` | (channel, step) | `depth` convolutions of 7, 5, 3 ... steps with norm, ReLU and pooling; mean over steps |
| `cnn2d` | (channel, row, column) | the same of 3x3 |
| `alexnet` | (channel, row, column) | AlexNet's five convolutions for images of 32 x 32, without hidden dense layers |

Every convolution but the first has `groups` groups. `cnn1d` and `cnn2d` have as many channels in every layer: the first
layer reads the input only once for them all, so it is the only one whose weights do not grow with the square of what a
group has.

`alexnet` of 4 groups on (3, 32, 32) and 10 classes has 78,154 parameters, 313 kB in float32. It keeps AlexNet's stride
in the first convolution (2 in place of 4, a kernel of 5 in place of 11), its other kernels of 3 and its three poolings
(of 2), and leaves out its hidden dense layers, which read all groups. The numbers of channels are ours: 64, 96, 96, 96
and 64.

Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012,
section 3.5: five convolutions, pooling after the first, the second and the fifth.

>>> grouped("alexnet", (3, 32, 32), 10, groups=4).size
78154
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from sarto.models.dynamic.nesting import nesting
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.operations import Shape
from sarto.models.network.sketch import Sketch, headed

ALEXNET = ((64, 5), (96, 3), (96, 3), (96, 3), (64, 3))
"""Channels at a width of 64, and kernel, of each convolution."""
POOLED = (1, 2, 5)
"""Convolutions of AlexNet that are followed by pooling, from 1."""
KERNELS = (7, 5)
"""Steps of the first convolutions over steps; of the others 3."""


def cnn(shape: Shape, outputs: int, groups: int, width: int = 32, depth: int = 3) -> Architecture:
    """Return `depth` convolutions of `width` channels, each but the last halved by pooling, and the mean."""
    net, dimensions, size = Sketch(), len(shape) - 1, min(shape[1:])
    for number in range(1, depth + 1):
        side = KERNELS[number - 1] if dimensions == 1 and number <= len(KERNELS) else 3
        net.convolve(f"conv{number}", width, (side,) * dimensions, groups=1 if number == 1 else groups)
        if number < depth and size >= 4:
            net.put(f"pool{number}", "max_pool", kernel=(2,) * dimensions)
            size //= 2
    return headed(net, shape, outputs)


def alexnet(shape: Shape, outputs: int, groups: int, width: int = 64) -> Architecture:
    """Return the five convolutions, the first of `width` channels and the others in proportion, and the head."""
    net = Sketch()
    for number, (channels, side) in enumerate(ALEXNET, 1):
        wide = channels * width // ALEXNET[0][0]
        first = number == 1
        net.convolve(f"conv{number}", wide, (side, side), 2 if first else 1, groups=1 if first else groups)
        if number in POOLED:
            net.put(f"pool{number}", "max_pool", kernel=(2, 2))
    net.put("flat", "flatten")
    net.put("head", "linear", features=outputs)
    return Architecture(shape, tuple(net.nodes))


GROUPED: dict[str, tuple[Callable[..., Architecture], int]] = {
    "cnn1d": (cnn, 2),
    "cnn2d": (cnn, 3),
    "alexnet": (alexnet, 3),
}
"""Name -> function, and the number of dimensions of an item that it takes."""


def grouped(name: str, shape: Shape, outputs: int, groups: int = 4, **settings: int) -> Architecture:
    """Return the named network on items of `shape` with `outputs` outputs, nested in `groups` groups.

    Raises:
        InputError: E121, when there is no such network, it does not take items of that shape, a setting is unknown, or
            its channels cannot be cut into so many groups.
    """
    if name not in GROUPED:
        near = difflib.get_close_matches(name, GROUPED, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(GROUPED)}"
        raise InputError("E121", f"there is no nested network '{name}'", hint=hint)
    make, dimensions = GROUPED[name]
    if len(shape) != dimensions:
        raise InputError(
            "E121", f"{name} on items of shape {shape}", cause=f"it takes items of {dimensions} dimensions"
        )
    if bad := [f"{k}={v}" for k, v in {"groups": groups, **settings}.items() if v < 1]:
        raise InputError("E121", f"{name}: {', '.join(bad)}", cause="a setting is at least 1")
    try:
        found = make(shape, outputs, groups, **settings)
    except TypeError as error:
        raise InputError("E121", f"{name} has no such setting", cause=str(error)) from error
    return nesting(found, groups).architecture
