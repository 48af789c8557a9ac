"""A problem with a planted answer: the class is the frequency of a noisy oscillation, in two channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from sarto.core.dataset import Dataset
from sarto.deploy.sensor import SensorFormat
from sarto.search.candidates import Overhead, Shape, searched_together, shape_of
from sarto.search.families import convolution, forest, network, random_features, reservoir, statistics
from sarto.search.families._candidate import Candidate, Streamed
from sarto.search.problem import Problem, prepare

STEPS = 16
RING = reservoir.Candidate(
    cell="ring",
    units=6,
    pooling="mean_square",
    segments=1,
    leak=0.5,
    radius=0.9,
    input_scaling=0.5,
    bias_scaling=0.1,
    state_bits=16,
    seed=3,
)
STATISTICS = statistics.Candidate(units=2, segments=1, seed=3, statistics="all")
FEATURES = random_features.Candidate(
    units=12, segments=2, seed=3, statistics="range", activation="cosine", input_scaling=0.8, bias_scaling=0.5
)
KERNELS = convolution.Candidate(units=30, segments=1, seed=3, dilations=2, reach=0.6)
FOREST = forest.Candidate(
    units=5, segments=1, seed=3, statistics="all", trees=7, share=0.5, random_thresholds=False, hard=False
)
NETWORK = network.Candidate(units=5, seed=3, rate=1e-2, name="cnn1d", depth=1)
EVERY: tuple[Streamed, ...] = (RING, STATISTICS, FEATURES, KERNELS, FOREST)
"""One small candidate of each family that takes a stream."""
TOGETHER = searched_together()


def made_up_overhead(candidate: Candidate) -> Overhead:
    """Made-up costs of every structure, for tests that build no image."""
    bits = candidate.state_bits if isinstance(candidate, reservoir.Candidate) else 16
    return Overhead(1500 + 10 * bits, 150)


def signals(
    items: int, seed: int = 0
) -> tuple[Float[np.ndarray, "item step channel"], Int[np.ndarray, " item"]]:
    """Sequences and their classes, 0 slow and 1 fast."""
    rng = np.random.default_rng(seed)
    target = np.arange(items) % 2
    phase = rng.uniform(0, 2 * np.pi, (items, 1))
    wave = np.sin(np.arange(STEPS) * np.where(target == 0, 0.5, 1.5)[:, None] + phase)
    x = np.stack([wave, 20 * np.roll(wave, 3, axis=1)], axis=2)
    return x + 0.05 * rng.normal(size=x.shape) * [1, 20], target


def dataset(items: int = 40, seed: int = 0, groups: int | None = None, shuffled: bool = False) -> Dataset:
    """Planted data; `shuffled` has classes that say nothing about the signals."""
    x, target = signals(items, seed)
    if shuffled:
        target = np.random.default_rng(seed + 1).permutation(target)
    metadata = {} if groups is None else {"who": np.arange(items) // 2 % groups}
    return Dataset(
        "planted",
        x.reshape(-1, 2),
        np.arange(items + 1) * STEPS,
        target,
        ("slow", "fast"),
        ("small", "large"),
        group_name=None if groups is None else "who",
        metadata=metadata,
    )


def problem(
    items: int = 40, *, hop: int | None = None, groups: int | None = None, shuffled: bool = False
) -> Problem:
    """The planted data as a problem of the search."""
    data = dataset(items, groups=groups, shuffled=shuffled)
    return prepare(data, SensorFormat.calibrate(data.values), hop, 0)


def shape(planted: Problem) -> Shape:
    """What costs depend on."""
    return shape_of(planted)


def save_npz(path: Path, *, test_flipped: bool = False, items: int = 36) -> str:
    """Write planted data with a split of their own; `test_flipped` has the classes of all test items wrong."""
    x, target = signals(items)
    split = np.array(["train", "train", "train", "train", "test", "test"])[np.arange(items) % 6]
    if test_flipped:
        target = np.where(split == "test", 1 - target, target)
    np.savez(
        path,
        x=x,
        y=target,
        split=split,
        label_names=np.array(["slow", "fast"]),
        channels=np.array(["a", "b"]),
    )
    return str(path)
