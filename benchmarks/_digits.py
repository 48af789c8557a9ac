"""Networks on scikit-learn's digits that faults are put into: a CNN of 38,282 parameters, and a residual one.

1,200 digits are learned from, the other 597 are those that verdicts are about. The CNN is two convolutions of 16 and 32
channels, pooling, 64 hidden units: 38,160 weights.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from sarto.core.seed import generator
from sarto.learn.harden import Faulty

LEARNED, BATCH, PASSES, RATE = 1200, 32, 10, 2e-3


@dataclass(frozen=True)
class Digits:
    """Images in 0..1 and their classes; `test` is what verdicts are about."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


def digits(seed: int = 0) -> Digits:
    """Return the digits, cut by `seed`."""
    found = cast("Any", load_digits())
    x = (found.images / 16).astype(np.float32)[:, None]
    order = generator(seed, "digits").permutation(len(x))
    x, y = x[order], np.asarray(found.target)[order]
    return Digits(x[:LEARNED], y[:LEARNED], x[LEARNED:], y[LEARNED:])


def cnn(bend: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return the CNN; `bend` makes its activations."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        bend(),
        nn.Conv2d(16, 32, 3, padding=1),
        bend(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 64),
        bend(),
        nn.Linear(64, 10),
    )


class Block(nn.Module):
    """Two convolutions with norms beside what they are added to."""

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.skip = (
            nn.Identity() if stride == 1 else nn.Conv2d(inputs, channels, 1, stride=stride, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return what the block makes of images."""
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.skip(x))


def residual() -> nn.Sequential:
    """Return a residual network of three blocks."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Block(16, 16, 1),
        Block(16, 32, 2),
        Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def trained(
    make: Callable[[], nn.Module],
    data: Digits,
    seed: int = 0,
    passes: int = PASSES,
    faulty: Callable[[nn.Module], Faulty] | None = None,
    clip: float = 0.0,
) -> nn.Module:
    """Return a network that has learned the digits, by Adam.

    Args:
        make: gives the network.
        data: to learn.
        seed: of weights and order.
        passes: over the digits.
        faulty: errors in its layers meanwhile.
        clip: largest norm of a gradient, or 0 for any.
    """
    torch.manual_seed(seed)
    net = make().train()
    x, y = torch.from_numpy(data.train_x), torch.from_numpy(data.train_y)
    steps, number = torch.optim.Adam(net.parameters(), RATE), 0
    with faulty(net) if faulty else nullcontext() as errors:
        for epoch in range(passes):
            order = torch.randperm(len(x))
            for first in range(0, len(x), BATCH):
                if errors is not None:
                    errors.at(number, epoch)
                chosen = order[first : first + BATCH]
                steps.zero_grad()
                nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
                if clip:
                    nn.utils.clip_grad_norm_(net.parameters(), clip)
                steps.step()
                number += 1
    return net.eval().requires_grad_(False)


def accuracy(net: nn.Module, data: Digits) -> float:
    """Return the share of the test images whose class is found."""
    with torch.no_grad():
        found = net(torch.from_numpy(data.test_x)).argmax(1).numpy()
    return float(np.mean(found == data.test_y))
