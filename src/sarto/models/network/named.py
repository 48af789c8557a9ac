"""Small networks by name, cut to the shape of the data: architectures, without torch.

| name | on | what |
|---|---|---|
| `mlp` | any shape | hidden layers of `width` units, by default two of 64 |
| `lenet300` | any shape | LeNet-300-100: 300 and 100 hidden units (266,610 parameters on 28x28 images and 10 classes) |
| `lenet5` | (channel, row, column) | the LeNet-5 of Caffe: 20 and 50 channels of 5x5, 500 hidden units (431,080) |
| `cnn1d` | (channel, step) | blocks of convolution (7, 5, 3 ...), norm, ReLU, halved by pooling; mean over steps |
| `cnn2d` | (channel, row, column) | the same with 3x3 kernels |
| `separable` | both | depthwise-separable blocks in their place |
| `residual` | both | residual blocks; `depth` 3, `width` 16 and one block each is ResNet-8 (6n + 2 layers) |
| `ds_cnn`, `resnet8`, `autoencoder`, `mobilenet` | see `tiny` | the networks of MLPerf Tiny |

Source: LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 1998 (the sizes of 300-100
and 5 as Han et al., ICLR 2016, table 1 counts them); Howard et al., "MobileNets", arXiv:1704.04861, section 3.1; He
et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2.

>>> named("lenet300", (1, 28, 28), 10).size, named("lenet5", (1, 28, 28), 10).size
(266610, 431080)
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.operations import Shape
from sarto.models.network.sketch import Sketch, headed
from sarto.models.network.tiny import autoencoder, ds_cnn, mobilenet


def mlp(shape: Shape, outputs: int, width: int = 64, depth: int = 2) -> Architecture:
    """Return `depth` hidden layers of `width` units with ReLU."""
    return _layers(shape, outputs, (width,) * depth)


def lenet300(shape: Shape, outputs: int) -> Architecture:
    """Return LeNet-300-100."""
    return _layers(shape, outputs, (300, 100))


def _layers(shape: Shape, outputs: int, widths: tuple[int, ...]) -> Architecture:
    net = Sketch()
    if len(shape) > 1:
        net.put("flat", "flatten")
    for number, width in enumerate(widths, 1):
        net.put(f"fc{number}", "linear", features=width)
        net.put(f"fc{number}_relu", "relu")
    net.put(f"fc{len(widths) + 1}", "linear", features=outputs)
    return Architecture(shape, tuple(net.nodes))


def lenet5(shape: Shape, outputs: int) -> Architecture:
    """Return the LeNet-5 of Caffe: no activation after its convolutions."""
    net = Sketch()
    for number, channels in enumerate((20, 50), 1):
        net.put(f"conv{number}", "conv", channels=channels, kernel=(5, 5))
        net.put(f"pool{number}", "max_pool", kernel=(2, 2))
    net.put("flat", "flatten")
    net.put("fc1", "linear", features=500)
    net.put("fc1_relu", "relu")
    net.put("fc2", "linear", features=outputs)
    return Architecture(shape, tuple(net.nodes))


def cnn1d(shape: Shape, outputs: int, width: int = 32, depth: int = 3) -> Architecture:
    """Return `depth` blocks of convolution over steps, each but the last halved by pooling, and their mean."""
    return _blocks(shape, outputs, width, depth, 1, separable_blocks=False)


def cnn2d(shape: Shape, outputs: int, width: int = 16, depth: int = 3) -> Architecture:
    """Return `depth` blocks of convolution over rows and columns, each but the last halved by pooling, and the mean."""
    return _blocks(shape, outputs, width, depth, 2, separable_blocks=False)


def separable(shape: Shape, outputs: int, width: int = 16, depth: int = 3) -> Architecture:
    """Return depthwise-separable blocks after a convolution; channels double as the size halves."""
    return _blocks(shape, outputs, width, depth, len(shape) - 1, separable_blocks=True)


def _blocks(
    shape: Shape, outputs: int, width: int, depth: int, dimensions: int, *, separable_blocks: bool
) -> Architecture:
    net, channels = Sketch(), width
    first = (7, 5) if dimensions == 1 else (3, 3)
    size = min(shape[1:])
    for number in range(1, depth + 1):
        side = first[number - 1] if number <= 2 else 3
        kernel = (side,) * dimensions
        if separable_blocks and number > 1:
            net.convolve(f"depth{number}", channels, kernel, groups=channels)
            channels *= 2
            net.convolve(f"point{number}", channels, (1,) * dimensions)
        else:
            net.convolve(f"conv{number}", channels, kernel)
        if number < depth and size >= 4:
            net.put(f"pool{number}", "max_pool", kernel=(2,) * dimensions)
            size //= 2
    return headed(net, shape, outputs)


def residual(shape: Shape, outputs: int, width: int = 16, depth: int = 3, blocks: int = 1) -> Architecture:
    """Return `depth` stages of `blocks` residual blocks; from stage to stage channels double and the size halves."""
    net, channels = Sketch(), width
    kernel = (3,) * (len(shape) - 1)
    net.convolve("stem", channels, kernel)
    for stage in range(1, depth + 1):
        for block in range(1, blocks + 1):
            name, before = f"b{stage}_{block}", net.last
            stride = 2 if stage > 1 and block == 1 else 1
            net.convolve(f"{name}_conv1", channels, kernel, stride)
            long = net.unbent(f"{name}_conv2", channels, kernel)
            short = before
            if stride > 1:
                net.put(
                    f"{name}_skip",
                    "conv",
                    before,
                    channels=channels,
                    kernel=(1,) * len(kernel),
                    stride=stride,
                    bias=False,
                )
                short = net.put(f"{name}_skip_norm", "batch_norm")
            net.put(f"{name}_add", "add", long, short)
            net.put(f"{name}_relu", "relu")
        channels *= 2
    return headed(net, shape, outputs)


NAMED: dict[str, tuple[Callable[..., Architecture], tuple[int, ...]]] = {
    "mlp": (mlp, (1, 2, 3)),
    "lenet300": (lenet300, (1, 2, 3)),
    "lenet5": (lenet5, (3,)),
    "cnn1d": (cnn1d, (2,)),
    "cnn2d": (cnn2d, (3,)),
    "separable": (separable, (2, 3)),
    "residual": (residual, (2, 3)),
    "ds_cnn": (ds_cnn, (3,)),
    "resnet8": (residual, (3,)),
    "autoencoder": (autoencoder, (1,)),
    "mobilenet": (mobilenet, (3,)),
}
"""Name -> function, and the numbers of dimensions of an item that it takes."""


def named(name: str, shape: Shape, outputs: int, **settings: int) -> Architecture:
    """Return the named network on items of `shape` with `outputs` outputs.

    Raises:
        InputError: E121, when there is no such network, it does not take items of that shape, or a setting is unknown.
    """
    if name not in NAMED:
        near = difflib.get_close_matches(name, NAMED, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(NAMED)}"
        raise InputError("E121", f"there is no network '{name}'", hint=hint)
    make, dimensions = NAMED[name]
    if len(shape) not in dimensions:
        raise InputError(
            "E121",
            f"{name} on items of shape {shape}",
            cause=f"it takes items of {' or '.join(map(str, dimensions))} dimensions",
        )
    if bad := [f"{k}={v}" for k, v in settings.items() if v < 1]:
        raise InputError("E121", f"{name}: {', '.join(bad)}", cause="a setting is at least 1")
    try:
        return make(shape, outputs, **settings)
    except TypeError as error:
        raise InputError("E121", f"{name} has no such setting", cause=str(error)) from error
