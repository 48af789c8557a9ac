"""The networks of the four tasks of MLPerf Tiny, as architectures.

| name | task | on | what |
|---|---|---|---|
| `ds_cnn` | keywords | (1, 49, 10), 12 classes | a 10x4 convolution, 4 separable blocks of 64 channels |
| `resnet8` | images | (3, 32, 32), 10 classes | `residual` of width 16, one block in each of 3 stages |
| `autoencoder` | anomalies | (640), 640 outputs | 4 layers of 128, one of 8, 4 of 128 |
| `mobilenet` | visual wake words | (3, 96, 96), 2 classes | MobileNet with a quarter of its channels |

Norms follow each layer, which has no bias of its own then. Padding is the same on both sides, where the reference pads
one row more at the end.

Source: Banbury et al., "MLPerf Tiny Benchmark", NeurIPS Datasets and Benchmarks 2021, section 4; Zhang et al., "Hello
Edge", arXiv:1711.07128 (DS-CNN); Howard et al., "MobileNets", arXiv:1704.04861, table 1.

>>> macs(ds_cnn((1, 49, 10), 12)), macs(autoencoder((640,), 640)), macs(mobilenet((3, 96, 96), 2))
(2656768, 264192, 7489664)
"""

from __future__ import annotations

import math

from sarto.models.network.architecture import Architecture
from sarto.models.network.operations import WEIGHTED, Shape
from sarto.models.network.sketch import Sketch, headed

FULL_WIDTH = 32
FULL_CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
"""Of the pointwise convolutions of a MobileNet of full width."""
HALVED = (1, 3, 5, 11)
"""The blocks of a MobileNet whose depthwise convolutions go two places at a time, from 0."""


def ds_cnn(shape: Shape, outputs: int, width: int = 64, depth: int = 4) -> Architecture:
    """Return a convolution of 10x4 with stride 2 and `depth` depthwise-separable blocks of `width` channels."""
    net = Sketch()
    kernel = min(10, shape[1]), min(4, shape[2])
    halves = [-(-size // 2) for size in shape[1:]]
    padding = tuple(
        max(0, (2 * (h - 1) + k - n + 1) // 2) for h, k, n in zip(halves, kernel, shape[1:], strict=True)
    )
    net.put("conv1", "conv", channels=width, kernel=kernel, stride=2, padding=padding, bias=False)
    net.put("conv1_norm", "batch_norm")
    net.put("conv1_relu", "relu")
    for number in range(1, depth + 1):
        net.convolve(f"depth{number}", width, (3, 3), groups=width)
        net.convolve(f"point{number}", width, (1, 1))
    return headed(net, shape, outputs)


def mobilenet(shape: Shape, outputs: int, width: int = 8) -> Architecture:
    """Return MobileNet whose first convolution has `width` of 32 channels, and all others the same share."""
    net = Sketch()
    channels = width
    net.convolve("conv1", channels, (3, 3), 2)
    for number, full in enumerate(FULL_CHANNELS):
        net.convolve(f"depth{number + 1}", channels, (3, 3), 2 if number in HALVED else 1, groups=channels)
        channels = max(1, full * width // FULL_WIDTH)
        net.convolve(f"point{number + 1}", channels, (1, 1))
    return headed(net, shape, outputs)


def autoencoder(shape: Shape, outputs: int, width: int = 128, code: int = 8) -> Architecture:
    """Return four layers, the code, four layers, and the outputs: of an autoencoder as many as it reads."""
    net = Sketch()
    for number, features in enumerate((*(width,) * 4, code, *(width,) * 4), 1):
        net.put(f"fc{number}", "linear", features=features, bias=False)
        net.put(f"fc{number}_norm", "batch_norm")
        net.put(f"fc{number}_relu", "relu")
    net.put("fc10", "linear", features=outputs)
    return Architecture(shape, tuple(net.nodes))


def macs(architecture: Architecture) -> int:
    """Return the multiplications and additions of one item, those with zeros of the padding included."""
    total = 0
    for node in architecture.nodes:
        if node.op in WEIGHTED:
            weight = architecture.parameters[f"{node.name}.weight"]
            total += math.prod(weight) * math.prod(architecture.shapes[node.name][1:])
    return total
