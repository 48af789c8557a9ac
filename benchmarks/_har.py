"""What `har_network` learns from, and the networks that it trains: windows at any place of a run, learned statistics.

`cut` returns the windows of whole runs that start every `STEP` samples and have one activity for at least `PURITY` of
their time: the same kind as the windows that are tested, but at more places. `drawn` returns items of these with the
frequencies of the classes drawn together (each by its frequency to the power of `-BALANCE`), the axes of each of the
two bodies turned by a random angle (of the deviation `TURN`) about a random axis, the same for its accelerometer and
its gyroscope, and every sensor scaled.

`architecture` joins `members` networks that were trained apart by their last layer, which is the mean of theirs. Each
takes from every channel its mean, and mean and largest value of filters of that channel alone, fast ones and, over
means of `SLOW` steps, slow ones; and the same of one convolution over the fast ones of all channels.

>>> architecture(range(1), (12, 100), 5).shapes["m0_all"], architecture(range(3), (12, 100), 5).shapes["head"]
((236,), (5,))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.models.network.architecture import INPUT, Architecture
from sarto.models.network.module import Network
from sarto.models.network.operations import Shape
from sarto.models.network.sketch import Sketch

LENGTH, STEP, PURITY = 100, 10, 0.6
BALANCE, TURN, SCALE = 0.3, 0.15, 0.1
FILTERS, KERNEL, MIXED, SLOW, HIDDEN = 4, 9, 16, 10, 24
"""Filters a channel, their steps, channels of the convolution over all, steps of a slow mean, units before the head."""
AXES, SENSORS = 3, 2
"""Of a sensor; and sensors of a body, accelerometer and gyroscope, which turn together."""


def cut(path: Path, fold: int, folds: int, classes: tuple[str, ...]) -> Examples:
    """Return the windows of the runs of all subjects but those whose number leaves `fold`, divided by `folds`."""
    with np.load(path, allow_pickle=False) as file:
        x, y, offsets, subject = (file[name] for name in ("x", "y", "offsets", "subject"))
        names = tuple(str(name) for name in file["label_names"])
    index = np.array([classes.index(name) for name in names])
    items: list[Float[np.ndarray, "channel step"]] = []
    labels: list[int] = []
    for run in np.flatnonzero(subject % folds != fold):
        for start in range(int(offsets[run]), int(offsets[run + 1]) - LENGTH + 1, STEP):
            count = np.bincount(y[start : start + LENGTH], minlength=len(names))
            if count.max() >= PURITY * LENGTH:
                items.append(x[start : start + LENGTH].T)
                labels.append(int(index[count.argmax()]))
    return Examples(np.array(items, np.float32), np.array(labels, np.int64), classes)


def drawn(examples: Examples, count: int, seed: int) -> Examples:
    """Return `count` items, turned and scaled."""
    rng = generator(seed, "windows drawn")
    weight = np.bincount(examples.y, minlength=len(examples.classes))[examples.y] ** -BALANCE
    found = examples.select(rng.choice(len(examples), count, p=weight / weight.sum()))
    x = found.x.astype(np.float64)
    for body in range(0, x.shape[1], AXES * SENSORS):
        turn = _turns(rng, count)
        for first in range(body, body + AXES * SENSORS, AXES):
            sensor = slice(first, first + AXES)
            x[:, sensor] = np.exp(SCALE * rng.normal(size=(count, 1, 1))) * (turn @ x[:, sensor])
    return Examples(x.astype(np.float32), found.y, found.classes)


def _turns(rng: np.random.Generator, count: int) -> Float[np.ndarray, "item 3 3"]:
    """Return turns about a random axis u: I + sin(a) K + (1 - cos(a)) K^2, where K v = u x v (Rodrigues)."""
    axis = rng.normal(size=(count, AXES))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = TURN * rng.normal(size=(count, 1, 1))
    cross = np.zeros((count, AXES, AXES))
    cross[:, (2, 0, 1), (1, 2, 0)] = axis
    cross -= cross.swapaxes(1, 2).copy()
    return np.eye(AXES) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def architecture(members: Sequence[int], shape: Shape, outputs: int) -> Architecture:
    """Return the network of these `members`."""
    net, (channels, steps) = Sketch(), shape
    net.put("level", "global_mean_pool", INPUT)
    net.put("slow", "mean_pool", INPUT, kernel=(SLOW,))
    for name in (f"m{member}" for member in members):
        seen = ["level"]
        fast = _filtered(net, f"{name}_fast", INPUT, FILTERS * channels, KERNEL, 2, channels)
        seen += _pooled(net, fast, _half(steps))
        mixed = _filtered(net, f"{name}_mix", fast, MIXED, 5, 2, 1)
        seen += _pooled(net, mixed, _half(_half(steps)))
        low = _filtered(net, f"{name}_low", "slow", FILTERS * channels, 3, 1, channels)
        seen += _pooled(net, low, steps // SLOW)
        net.put(f"{name}_all", "concat", *seen)
        net.put(f"{name}_hidden", "linear", features=HIDDEN)
        net.put(f"{name}_hidden_relu", "relu")
    last = [f"m{member}_hidden_relu" for member in members]
    if len(last) > 1:
        net.put("hidden", "concat", *last)
    net.put("head", "linear", features=outputs)
    return Architecture(shape, tuple(net.nodes))


def _half(steps: int) -> int:
    return (steps + 1) // 2


def _filtered(
    net: Sketch, name: str, source: str, channels: int, kernel: int, stride: int, groups: int
) -> str:
    net.put(
        name,
        "conv",
        source,
        channels=channels,
        kernel=(kernel,),
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        bias=False,
    )
    net.put(f"{name}_norm", "batch_norm")
    return net.put(f"{name}_relu", "relu")


def _pooled(net: Sketch, name: str, steps: int) -> list[str]:
    """Return the names of mean and largest value over the steps of a node."""
    mean = net.put(f"{name}_mean", "global_mean_pool", name)
    net.put(f"{name}_most", "max_pool", name, kernel=(steps,))
    return [mean, net.put(f"{name}_largest", "flatten")]


def joined(networks: Sequence[Network], shape: Shape, outputs: int) -> Network:
    """Return the network whose scores are the mean of those of the members 0, 1 ... that were trained apart."""
    whole = Network(architecture(range(len(networks)), shape, outputs))
    states = [network.state_dict() for network in networks]
    weights = {name: value for state in states for name, value in state.items()}
    head = "layers.head."
    weights[f"{head}weight"] = torch.cat([s[f"{head}weight"] for s in states], dim=1) / len(states)
    weights[f"{head}bias"] = torch.stack([s[f"{head}bias"] for s in states]).mean(dim=0)
    whole.load_state_dict(weights)
    return whole.eval()
