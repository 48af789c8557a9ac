"""A problem with a planted answer: the class is the frequency of a noisy oscillation, in two channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from sarto.core.dataset import Dataset
from sarto.deploy.sensor import SensorFormat
from sarto.search.candidates import Candidate, Overhead, Shape
from sarto.search.problem import Problem, prepare

STEPS = 16
RING = Candidate("ring", 6, "mean_square", 1, 0.5, 0.9, 0.5, 0.1, 16, 3)
STRUCTURES = {
    f"{cell}-{kind}-{parts}-{bits}": Overhead(1500 + 10 * bits, 150)
    for cell in ("esn", "ring")
    for kind in ("last", "mean", "mean_square", "mean_square_last")
    for parts in ("whole", "segments")
    for bits in (8, 16)
}
"""Made-up costs of every structure, for tests that build no image."""


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
    return Shape.of(planted)


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
