"""Which reservoirs a search tries: as many trials with one cell more than `esn` and `ring`, on two data sets.

JapaneseVowels in 8 KiB of flash and 2 KiB of RAM, and a set whose class is the sign of an input that came 25 steps
before the end, which only memory tells. Code is taken as 2.6 kB of flash and 350 B of RAM for every cell, tables and
arena as they are. Told of each: validation loss and test error of the model that `fit` would choose, mean over 3
seeds, 48 trials each, and how often each lies below that of `esn` and `ring` alone. Nothing is judged; the cells of a
default search are in `sarto.search.families.reservoir`.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Figure, Outcome
from sarto.core.budget import Budget
from sarto.core.executors import SerialExecutor, open_executor
from sarto.core.graph import interpret
from sarto.core.progress import Silent
from sarto.core.rooms import methods
from sarto.core.store import Store, package_sha256
from sarto.core.threads import one_blas_thread
from sarto.data.load import load
from sarto.data.splits import split
from sarto.deploy.sensor import SensorFormat
from sarto.search.candidates import Candidate, Overhead, shape_of
from sarto.search.families.reservoir import ROOM
from sarto.search.loop import Scorer, search
from sarto.search.problem import prepare
from sarto.search.trial import final

MINUTES = 25
SEEDS, TRIALS, QUICK_TRIALS = 3, 48, 16
BUDGET = Budget(flash_b=8192, ram_b=2048)
USUAL = ("esn", "ring")
DELAY = 25


def recall(path: Path) -> str:
    """Write sequences of 40 to 60 steps of noise, whose class is the sign of the step `DELAY` before the last."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(40, 61, 300)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    x = rng.uniform(-1, 1, (offsets[-1], 1)).astype(np.float32)
    y = np.where(x[offsets[1:] - 1 - DELAY, 0] > 0, "above", "below")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, x=x, offsets=offsets, y=y)
    return str(path)


def code(candidate: Candidate) -> Overhead:
    """What an image costs beside its tables and arena, the same for every cell."""
    del candidate
    return Overhead(2600, 350)


def run(bench: Bench) -> Outcome:
    """Return loss and error of a search with each further cell."""
    sources = {
        "recall": recall(bench.folder / "recall.npz"),
        "JapaneseVowels": real_data("japanese_vowels/japanese_vowels.npz"),
    }
    further = [cell for cell in methods(ROOM) if cell not in (*USUAL, "paralesn")]
    variants: dict[str, list[str]] = {"esn, ring": [*USUAL]} | {
        f"with {cell}": [*USUAL, cell] for cell in further
    }
    seeds = range(1 if bench.quick else SEEDS)
    trials = QUICK_TRIALS if bench.quick else TRIALS
    figures: dict[str, Figure] = {}
    with open_executor(bench.workers) as executor:
        for name, source in sources.items():
            found: dict[tuple[str, int], dict[str, float]] = {}
            for seed in seeds:

                def work(
                    source: str = source, name: str = name, seed: int = seed
                ) -> dict[str, dict[str, float]]:
                    folder = bench.folder / "work" / name
                    running = {
                        v: executor.submit(searched, source, folder / v, seed, trials, cells)
                        for v, cells in variants.items()
                    }
                    return {v: future.result() for v, future in running.items()}

                settings = {"set": name, "seed": seed, "trials": trials, "cells": variants}
                for variant, got in bench.once(settings, work).items():
                    bench.say(f"{name}, seed {seed}, {variant}: {got}")
                    found[variant, seed] = got
            for variant in variants:
                for what in ("validation loss", "test error"):
                    values = [found[variant, seed][what] for seed in seeds]
                    usual = [found["esn, ring", seed][what] for seed in seeds]
                    spread = min(values), max(values)
                    key = f"{name}, {variant}, {what}"
                    figures[f"{key}, mean"] = Figure(
                        statistics.fmean(values), "1", "measured", len(values), spread
                    )
                    below = sum(v < u for v, u in zip(values, usual, strict=True))
                    figures[f"{key}, times below"] = Figure(below, "1", "measured", len(values))
    return Outcome(figures)


def searched(source: str, folder: Path, seed: int, trials: int, cells: list[str]) -> dict[str, float]:
    """Return what the best finalist of a search over `cells` reached."""
    with one_blas_thread():
        data = load(source)
        parts = split(data, seed)
        train, test = data.select(parts.train), data.select(parts.test)
        sensor = SensorFormat.calibrate(train.values, 16)
        problem = prepare(train, sensor, None, seed)
        path = folder / f"problem-{problem.sha256}.npz"
        problem.save(path)
        score = Scorer(path, problem.sha256, package_sha256(), Store(folder / "trials"), SerialExecutor())
        found = search(
            shape_of(problem),
            code,
            BUDGET,
            score,
            families=["reservoir"],
            cells=cells,
            trials=trials,
            seed=seed,
            talk=Silent(),
        )
        best = found.finalists[0]
        graph = final(problem, best.candidate, best.score.ridge)
        said = interpret(graph, sensor.encode(test.values), test.offsets.astype(np.int64))
        wrong = np.count_nonzero(said.classes != test.target)
        return {"validation loss": float(best.score.loss), "test error": float(wrong / len(test.target))}
