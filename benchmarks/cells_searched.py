"""Which reservoirs a search tries: the same number of trials with one cell more than `esn` and `ring`, on two data sets.

JapaneseVowels in 8 KiB of flash and 2 KiB of RAM, and a set whose class is the sign of an input that came 25 steps
before the end, which only memory tells. Told of each: validation loss and test error of the model that `fit` would
choose, mean over 3 seeds, 48 trials each, and how often each lies below that of `esn` and `ring` alone. Nothing is
judged: a cell is in the default search only if it makes neither set worse, see `sarto.search.families.reservoir`.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np

from benchmarks._bench import Bench, real_data
from benchmarks._fitted import DEVICE
from benchmarks._outcome import Figure, Outcome
from benchmarks._rivals import arena
from sarto.core.budget import Budget
from sarto.core.executors import SerialExecutor, open_executor
from sarto.core.graph import interpret
from sarto.core.progress import Silent
from sarto.core.rooms import methods
from sarto.core.threads import one_blas_thread
from sarto.search.families.reservoir import ROOM
from sarto.search.loop import search
from sarto.search.trial import final

MINUTES = 25
SEEDS, TRIALS, QUICK_TRIALS = 3, 48, 16
BUDGET = Budget(flash_b=8192, ram_b=2048)
USUAL = ("esn", "ring")
DELAY = 25


def recall(path: Path) -> str:
    """Write sequences of 40 to 60 steps of noise, whose class is the sign of the step `DELAY` before the last."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(40, 61, 480)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    x = rng.uniform(-1, 1, (offsets[-1], 1)).astype(np.float32)
    y = np.where(x[offsets[1:] - 1 - DELAY, 0] > 0, "above", "below")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, x=x, offsets=offsets, y=y)
    return str(path)


def run(bench: Bench) -> Outcome:
    """Return loss and error of a search with each further cell."""
    sources = {
        "JapaneseVowels": real_data("japanese_vowels/japanese_vowels.npz"),
        "recall": recall(bench.folder / "recall.npz"),
    }
    variants = {"esn, ring": USUAL} | {
        f"with {cell}": (*USUAL, cell) for cell in methods(ROOM) if cell not in USUAL
    }
    seeds, figures = range(1 if bench.quick else SEEDS), dict[str, Figure]()
    with open_executor(bench.workers) as executor:
        for name, source in sources.items():
            running = {
                (variant, seed): executor.submit(_searched, bench, source, name, seed, cells)
                for seed in seeds
                for variant, cells in variants.items()
            }
            found = {key: future.result() for key, future in running.items()}
            for variant in variants:
                for what in ("validation loss", "test error"):
                    values = [found[variant, seed][what] for seed in seeds]
                    usual = [found["esn, ring", seed][what] for seed in seeds]
                    bench.say(f"{name}, {variant}, {what}: {statistics.fmean(values):.4f} {values}")
                    key = f"{name}, {variant}, {what}"
                    figures[f"{key}, mean"] = Figure(
                        statistics.fmean(values), "1", "measured", len(values), (min(values), max(values))
                    )
                    below = sum(v < u for v, u in zip(values, usual, strict=True))
                    figures[f"{key}, times below"] = Figure(below, "1", "measured", len(values))
    return Outcome(figures)


def _searched(bench: Bench, source: str, name: str, seed: int, cells: Sequence[str]) -> dict[str, float]:
    trials = QUICK_TRIALS if bench.quick else TRIALS
    settings = {"set": name, "seed": seed, "trials": trials, "cells": list(cells)}
    return bench.once(settings, _search, source, bench.folder / "work" / name, seed, trials, list(cells))


def _search(source: str, folder: Path, seed: int, trials: int, cells: list[str]) -> dict[str, float]:
    with one_blas_thread():
        ground = arena(
            source, BUDGET, seed, folder / "-".join(cells), SerialExecutor(), DEVICE, images=folder / "images"
        )
        found = search(
            ground.shape,
            ground.overheads,
            ground.budget,
            ground.score,
            families=["reservoir"],
            cells=cells,
            trials=trials,
            seed=seed,
            talk=Silent(),
        )
        best = found.finalists[0]
        graph = final(ground.problem, best.candidate, best.score.ridge)
        classes = interpret(graph, ground.tested.raw, ground.tested.offsets).classes
        wrong = np.count_nonzero(classes != np.array(ground.target))
        return {"validation loss": best.score.loss, "test error": wrong / len(ground.target)}
