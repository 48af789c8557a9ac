"""What `har_network` learns from, and its network: windows at any place of a run, statistics, a discriminant of them.

`cut` returns the windows of whole runs that start every `STEP` samples and have one activity for at least `PURITY` of
their time: the same kind as the windows that are tested, but at more places. `drawn` returns items of these as other
people might have worn the two bodies: the phone the other way round or up (a half turn about one of its axes, `WAYS`),
the axes of both turned by a random angle (of the deviation `TURN`) about a random axis, the same for accelerometer and
gyroscope, and every sensor scaled.

`fitted_network` returns a network that only convolves, pools, bends and adds. Its first layers are written down, not
learned:

    stages    the mean of every channel over each quarter of the window
    bent      tanh(s / l) for each level l of `LEVELS`, where s is the mean of relu(filter * channel) in units of its
              median: three filters (`filters`), without offset, for movement that is slow, middling and fast
    turned    of each body relu(mean y) and relu(mean -y), mean and largest relu(y) and relu(-y) over the quarters,
              y = w . a / g: how fast the body turns about the vertical, whichever way it lies

with rates of turn w and accelerations a, both means of a quarter. A product is made of what there is:

    silu(u) + silu(-u) = u tanh(u / 2) ~ u^2 / 2,   u, v = A a / g +- B w,   (u^2 - v^2) / 2 = 2 A B a w / g

The last layer is Fisher's discriminant of these numbers (`_discriminant`), the one thing that is learned but for means,
deviations and medians. It is linear, and its covariance within classes makes little of what differs from one person to
the next.

>>> architecture((12, 100), 5).shapes["all"], architecture((12, 100), 5).shapes["head"]
((132,), (5,))
>>> np.rint(FULL * filters()).sum(axis=1).tolist(), filters().shape
([0.0, 0.0, 0.0], (3, 25))
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from benchmarks._discriminant import discriminant
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.learn.distill import watched
from sarto.models.network.architecture import INPUT, Architecture
from sarto.models.network.module import Network
from sarto.models.network.operations import Shape
from sarto.models.network.sketch import Sketch

LENGTH, STEP, PURITY = 100, 10, 0.6
TURN, SCALE = 0.15, 0.1
WAYS = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)], float)
"""The axes of the phone as it may lie in a pocket: front or back to the body, upside down or not."""
AXES, SENSORS = 3, 2
"""Of a sensor; and sensors of a body, accelerometer and gyroscope, which turn together."""
TAPS, STRIDE, QUARTERS = 25, 2, 4
LEVELS = (0.5, 2.0)
GRAVITY, OF_GRAVITY, OF_TURN = 9.81, 0.5, 0.25
"""g in m/s^2; A, and B in s/rad, which keep u within about 1."""
FULL = 127
BATCH = 512


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
    """Return `count` items, each body turned and each sensor scaled."""
    rng = generator(seed, "windows drawn")
    found = examples.select(rng.choice(len(examples), count))
    x = found.x.astype(np.float64)
    for body in range(0, x.shape[1], AXES * SENSORS):
        turn = _turns(rng, count)
        if body == 0:
            turn = turn * WAYS[rng.integers(len(WAYS), size=count), None]
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


def architecture(shape: Shape, outputs: int) -> Architecture:
    """Return the operations of the network."""
    net, (channels, steps) = Sketch(), shape
    bodies, kinds = channels // (AXES * SENSORS), channels * len(filters())
    net.put("fast", "conv", INPUT, channels=kinds, kernel=TAPS, stride=STRIDE, groups=channels, bias=False)
    net.put("fast_relu", "relu")
    net.put("moved", "mean_pool", kernel=(steps - TAPS) // STRIDE + 1)
    net.put("levels", "conv", channels=kinds * len(LEVELS), kernel=1, groups=kinds, bias=False)
    net.put("levels_tanh", "tanh")
    seen = [net.put("bent", "flatten")]
    net.put("quarters", "mean_pool", INPUT, kernel=steps // QUARTERS)
    seen.append(net.put("stages", "flatten"))
    net.put("pairs", "conv", "quarters", channels=4 * AXES * bodies, kernel=1)
    net.put("pairs_silu", "silu")
    net.put("upright", "conv", channels=2 * bodies, kernel=1, bias=False)
    net.put("turned", "global_mean_pool")
    seen.append(net.put("turned_relu", "relu"))
    net.put("upright_relu", "relu", "upright")
    seen.append(net.put("turning", "global_mean_pool"))
    net.put("most", "max_pool", "upright_relu", kernel=QUARTERS)
    seen.append(net.put("fastest", "flatten"))
    net.put("all", "concat", *seen)
    net.put("head", "linear", features=outputs)
    return Architecture(shape, tuple(net.nodes))


def filters() -> Float[np.ndarray, "filter tap"]:
    """Return the filters: a step, five steps, each less the mean of all; a step less the one before.

    Taps are whole numbers of 1 / 127 that sum to 0, so that they are the same in 8 bits.
    """
    from_middle = np.abs(np.arange(TAPS) - TAPS // 2)
    rows = [_less_the_rest(from_middle <= width) for width in (0, 2)]
    change = np.zeros(TAPS)
    change[TAPS // 2], change[TAPS // 2 + 1] = -FULL, FULL
    return np.array([*rows, change]) / FULL


def _less_the_rest(middle: np.ndarray) -> Float[np.ndarray, " tap"]:
    """Return the largest number in the middle, and as much in all, below 0, spread over the rest."""
    rest = np.count_nonzero(~middle)
    row = np.where(middle, float(FULL), 0.0)
    row[~middle] = -np.diff(np.arange(rest + 1) * (FULL * np.count_nonzero(middle)) // rest)
    return row


def fitted_network(
    scaled: Examples,
    mean: Float[np.ndarray, " channel"],
    deviation: Float[np.ndarray, " channel"],
    medians_of: Examples,
) -> Network:
    """Return the network of examples that are scaled by `mean` and `deviation`.

    Args:
        scaled: what the last layer learns from.
        mean: of each channel, in m/s^2 and rad/s.
        deviation: of each channel.
        medians_of: examples, scaled too, in whose medians movement is measured.
    """
    channels = len(mean)
    network = Network(architecture(scaled.x.shape[1:], len(scaled.classes)))
    _put(network, "fast", np.tile(filters(), (channels, 1)))
    medians = np.median(numbers_of(network, medians_of, "moved"), axis=0)
    _put(network, "fast", np.tile(filters(), (channels, 1)) / medians[:, None])
    _put(network, "levels", np.tile(1 / np.array(LEVELS), channels * len(filters())))
    pairs, offset, upright = _products(mean, deviation)
    _put(network, "pairs", pairs, offset)
    _put(network, "upright", upright)
    _put(network, "head", *discriminant(numbers_of(network, scaled, "all"), scaled.y))
    return network.eval()


def _products(
    mean: Float[np.ndarray, " channel"], deviation: Float[np.ndarray, " channel"]
) -> tuple[
    Float[np.ndarray, "pair channel"], Float[np.ndarray, " pair"], Float[np.ndarray, "sign_body pair"]
]:
    """Return what makes u, -u, v and -v of each axis of each body, and what makes y and -y of their SiLU."""
    rows: list[Float[np.ndarray, " channel"]] = []
    bodies = len(mean) // (AXES * SENSORS)
    upright = np.zeros((2 * bodies, 4 * AXES * bodies))
    for body in range(bodies):
        for axis in range(AXES):
            first = AXES * SENSORS * body + axis
            for of_product in (1, -1):
                for sign in (1, -1):
                    row = np.zeros(len(mean))
                    row[first], row[first + AXES] = sign * OF_GRAVITY / GRAVITY, sign * of_product * OF_TURN
                    upright[2 * body : 2 * body + 2, len(rows)] = np.array([1, -1]) * of_product
                    rows.append(row)
    weights = np.array(rows)
    return weights * deviation, weights @ mean, upright / (2 * OF_GRAVITY * OF_TURN)


def numbers_of(network: Network, examples: Examples, node: str) -> Float[np.ndarray, "item number"]:
    """Return what a node returns for every item."""
    found: list[Float[np.ndarray, "item number"]] = []
    with torch.no_grad():
        for first in range(0, len(examples), BATCH):
            seen, _ = watched(network.eval(), torch.as_tensor(examples.x[first : first + BATCH]), [node])
            found.append(seen[node].flatten(1).numpy())
    return np.concatenate(found)


def _put(
    network: Network, name: str, weight: Float[np.ndarray, "..."], bias: Float[np.ndarray, " c"] | None = None
) -> None:
    layer = network.layer(name)
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weight).reshape(layer.weight.shape))
        if layer.bias is not None and bias is not None:
            layer.bias.copy_(torch.as_tensor(bias))
