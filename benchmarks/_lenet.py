"""The pipelines behind `lenet300` and `lenet5`: a teacher, two ways from it to a small file, and how files are judged.

- `deep`: the teacher's weights are pruned by magnitude while they are tuned (sparsity rises with a cube), share values
  by k-means from a linear start, and are tuned once more: Deep Compression, with one stream of symbols in place of
  its relative index.
- `rate`: the teacher's strongest units are trained for the loss and the bits of the file together (`compress/rate`).

Both learn from the teacher's answers, lose their dead units, settle their biases, and are packed into one file, which
is decoded again to be tested. Every choice was made on 5,000 of the training images.
"""

from __future__ import annotations

import lzma
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, at_least, at_most, over_seeds
from benchmarks._units import strongest
from sarto.compress.dead_units import remove_dead_units
from sarto.compress.quantize import codebook
from sarto.compress.rate import RateAware
from sarto.compress.settle import Settling
from sarto.compress.state import Evaluation, State, masked, restored
from sarto.core.seed import generator
from sarto.data.examples import Examples, of_arrays
from sarto.learn.distill import Distillation
from sarto.learn.loop import Training, accuracy, train
from sarto.models.network.module import Network, predict
from sarto.models.network.named import named
from sarto.report.byte_table import by_tensor

VALIDATION = 1 / 12
"""Share of the training images that choices are made on: 5,000."""
TEACHER = Training(epochs=6, batch=256, rate=2e-3)
"""A pass has every image twice, once moved by up to one pixel."""


@dataclass(frozen=True)
class Data:
    """Images to learn from, to choose by, and to test."""

    train: Examples
    validation: Examples
    test: Examples


def data(seed: int, share: float = 1.0) -> Data:
    """Return MNIST, its training images cut for `seed`; only a `share` of those, for a quick look."""
    with np.load(f"{real_data('mnist')}/mnist.npz") as held:
        images = {name: held[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    whole = of_arrays(images["x_train"][:, None], images["y_train"])
    if share < 1:
        whole = whole.parts(share, seed)[1]
    learn, held_back = whole.parts(VALIDATION, seed)
    return Data(learn, held_back, of_arrays(images["x_test"][:, None], images["y_test"]))


def moved(examples: Examples, copies: int, seed: int) -> Examples:
    """Return each image as it is, and `copies` times moved by up to one pixel in both directions."""
    padded = np.pad(examples.x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    size, items = np.arange(examples.shape[-1]), np.arange(len(examples))[:, None, None]
    images = [examples.x]
    for copy in range(copies):
        draw = generator(seed, "moved", copy)
        rows, columns = (draw.integers(0, 3, len(examples))[:, None] + size for _ in range(2))
        images.append(padded[items, 0, rows[:, :, None], columns[:, None, :]][:, None])
    return replace(examples, x=np.concatenate(images), y=np.tile(examples.y, copies + 1))


def teacher(name: str, found: Data, seed: int, training: Training = TEACHER) -> Network:
    """Return the trained network `name`."""
    network = Network(named(name, found.train.shape, len(found.train.classes)), seed=seed)
    train(network, moved(found.train, 1, seed), replace(training, seed=seed))
    return network


def deep(
    model: Network,
    found: Data,
    training: Training,
    densities: Mapping[str, float],
    bits: int,
    conv_bits: int = 0,
) -> State:
    """Return the network by Deep Compression."""
    how = evaluation(model, found, training)
    network = State(model).copy()
    train(network, found.train, training, loss=how.loss, before_step=cutter(network, densities))
    tuned = replace(how, training=replace(training, epochs=3, rate=training.rate / 2))
    shared = codebook.quantise(State(network), tuned, bits=bits, conv_bits=conv_bits, tuned=False)
    return Settling(passes=3)(State(remove_dead_units(shared.network)), tuned)


def cutter(network: Network, densities: Mapping[str, float], ramp: float = 0.6) -> Callable[[int, int], None]:
    """Return what prunes each layer to its density over a share of the steps, `1 - (1 - t)^3` of the way at t."""

    def before_step(step: int, steps: int) -> None:
        t = step / (ramp * steps)
        if step % 16 or t > 1.05:
            return
        for name, layer in network.weighted():
            share = 1 - (1 - densities[name]) * (1 - (1 - min(t, 1.0)) ** 3)
            sizes = masked(layer.weight, layer.mask).abs()
            gone = sizes.numel() - round(share * sizes.numel())
            if gone:
                layer.prune(sizes > sizes.reshape(-1).kthvalue(gone).values)

    return before_step


def rate(
    model: Network, found: Data, training: Training, widths: dict[str, int], step: RateAware, biases: int
) -> State:
    """Return the network by training for the bits of the file, each image also moved in two ways."""
    more = replace(found, train=moved(found.train, 2, training.seed))
    how = evaluation(model, more, training)
    small = step(State(strongest(model, widths)), how)
    last = replace(how, training=replace(training, rate=training.rate / 2))
    return Settling(passes=2, bias_values=biases)(State(remove_dead_units(small.network)), last)


def dense(model: Network, found: Data, training: Training, target_b: int, bits: int) -> State:
    """Return a dense network of one hidden layer, of the first width whose file has `target_b` bytes or more.

    Inputs that are 0 in all training images have no weights; what remains shares 2^bits values.
    """
    seen = found.train.x.reshape(len(found.train), -1).any(0)
    width = 1 + int(target_b * 8 / (seen.sum() * bits))
    how = evaluation(model, found, training)
    network = Network(named("mlp", found.train.shape, 10, width=width, depth=1), seed=training.seed)
    first = network.layer("fc1")
    first.prune(torch.as_tensor(seen).expand_as(first.weight))
    train(network, found.train, training, loss=how.loss)
    shared = codebook.quantise(State(network), how, bits=bits, start="exact", tuned=False)
    return Settling(passes=5)(shared, replace(how, training=replace(training, rate=training.rate / 2)))


def evaluation(model: Network, found: Data, training: Training) -> Evaluation:
    """Return what the steps use: the loss is half the classes and half the teacher's answers at temperature 2."""
    loss = Distillation(model, temperature=2.0, share=0.5)
    return Evaluation(found.train, found.validation, training, loss=loss, seed=training.seed)


def judged(state: State, found: Data, begun: float) -> dict[str, Any]:
    """Return what is known of a network: its file is decoded, compared and tested."""
    seconds = time.process_time() - begun
    file, table = state.packed()
    sizes = by_tensor(table)
    back = restored(file)
    arrays, decoded = state.network.arrays(), back.arrays()
    same = all(arrays[name].tobytes() == decoded[name].tobytes() for name in arrays)
    stored = state.stored()
    symbols = [s.symbols.astype(np.uint8).tobytes() for s in stored.values() if s.symbols is not None]
    floats = sum(s.floats.nbytes for s in stored.values())
    wrong = predict(back, found.test.x).argmax(1) != found.test.y
    return {
        "bytes": len(file),
        "table": {row.tensor: dict(zip(sizes.parts, row.sizes_b, strict=True)) for row in sizes.rows},
        "error": int(np.count_nonzero(wrong)) / len(found.test),
        "validation error": 1 - accuracy(back, found.validation),
        "decoded is equal in every bit": bool(same),
        "weights": sum(int(np.count_nonzero(a)) for n, a in arrays.items() if n.endswith(".weight")),
        "parameters": back.architecture.size,
        "lzma of symbols": floats + sum(_lzma_b(s) for s in symbols),
        "lzma of float32": _lzma_b(b"".join(a.tobytes() for a in arrays.values())),
        "seconds": seconds,
    }


def _lzma_b(data: bytes) -> int:
    return len(lzma.compress(data, format=lzma.FORMAT_ALONE, preset=lzma.PRESET_EXTREME | 9))


def told(bench: Bench, seed: int, said: Mapping[str, Any], arms: Sequence[str], float_b: int) -> None:
    """Say what each arm of a seed came to."""
    for arm in arms:
        f = said[arm]
        bench.say(
            f"seed {seed}, {arm}: {float_b / f['bytes']:.1f}x, {f['bytes']} B, error "
            f"{100 * f['error']:.2f} % (validation {100 * f['validation error']:.2f} %), "
            f"{f['weights']} weights, {f['seconds']:.0f} s"
        )


def all_shown(found: list[dict[str, Any]], arms: Sequence[str], float_b: int) -> dict[str, Figure]:
    """Return the figures of the teacher and of every arm."""
    return {
        **over_seeds("teacher: test error", [f["teacher"]["error"] for f in found], "1", "measured"),
        **{k: v for arm in arms for k, v in shown(arm, [f[arm] for f in found], float_b).items()},
    }


def shown(arm: str, found: list[dict[str, Any]], float_b: int) -> dict[str, Figure]:
    """Return the figures of an arm."""
    figures = over_seeds(f"{arm}: ratio", [float_b / f["bytes"] for f in found], "1", "measured")
    for key, unit in (
        ("bytes", "B"),
        ("error", "1"),
        ("validation error", "1"),
        ("weights", "1"),
        ("parameters", "1"),
        ("lzma of symbols", "B"),
        ("lzma of float32", "B"),
        ("seconds", "s"),
    ):
        figures |= over_seeds(f"{arm}: {key}", [float(f[key]) for f in found], unit, "measured")
    for name, row in found[0]["table"].items():
        for part in row:
            sizes = [float(f["table"].get(name, {}).get(part, 0)) for f in found]
            if any(sizes):
                figures |= over_seeds(f"{arm}: bytes of {name.strip('()')}, {part}", sizes, "B", "measured")
    return figures


def bars(arm: str, found: list[dict[str, Any]], float_b: int, ratio: float, error: float) -> tuple[Bar, ...]:
    """Return the bars of an arm, in the mean over seeds."""
    ours = [f[arm] for f in found]
    return (
        at_least(f"{arm}: ratio, mean", statistics.fmean(float_b / f["bytes"] for f in ours), ratio),
        at_most(f"{arm}: test error, mean", statistics.fmean(f["error"] for f in ours), error),
        at_least(
            f"{arm}: files decoded equal in every bit",
            sum(f["decoded is equal in every bit"] for f in ours),
            len(ours),
        ),
    )
