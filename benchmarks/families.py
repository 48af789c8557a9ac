"""Each family of models alone, against the search over all of them: five data sets, 4, 16 and 64 KiB of flash.

For every data set, budget and seed, `fit`'s search runs six times with equal trials, folds and budget: once for each
family alone, and once over all. Of each search the model that `fit` would choose (the best finalist whose image fits)
is trained on all training items, built and scored once on the test items. "Best single family" is chosen with
hindsight, by the test items, separately for every seed; the search over all families chooses by cross-validation on the
training items only. The bar is on the means over the seeds.

Sets: the watch of sp_sw_har, all windows, subjects of fold 0 tested; JapaneseVowels; BasicMotions; ECG200; and static
data, the statistics of 3,000 spoken digits (log energy in 12 bands: mean and deviation over time, and the mean of each
third), split as the recordings' authors do. RAM is limited by the device alone. Networks, whose trials take longer and
are fewer, are not among the families here.
"""

from __future__ import annotations

import io
import statistics
from concurrent.futures import Executor
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int16

from benchmarks._bench import Bench, real_data
from benchmarks._fitted import DEVICE
from benchmarks._outcome import Bar, Figure, Outcome, at_least
from benchmarks._rivals import Arena, arena
from benchmarks.har_reservoir import DATA as HAR
from benchmarks.har_reservoir import fold_file
from sarto.core.budget import Budget
from sarto.core.executors import open_executor
from sarto.core.store import write_atomic
from sarto.data.source import source_sha256
from sarto.devices import device
from sarto.search.candidates import searched_together
from sarto.search.fit import TRIALS

MINUTES = 60
SEEDS = 2
QUICK_TRIALS = 24
FLASH_KIB = (4, 16, 64)
ALLOWED = 0.01
"""What the choice of the search may cost against the best single family, in accuracy."""
ALL = "all families"
FSDD = "fsdd/fsdd.npz"
DATA: dict[str, tuple[str, dict[str, Any]]] = {
    "sp_sw_har": (HAR, {"group": "subject", "channels": ("watch*",)}),
    "JapaneseVowels": ("japanese_vowels/JapaneseVowels_TRAIN.ts", {}),
    "BasicMotions": ("", {}),
    "ECG200": ("ecg/ucr_ecg.npz#ecg200", {}),
    "fsdd statistics": (FSDD, {}),
}
"""Name -> file among the real data (none for what aeon bundles), and what is chosen of it."""
RATE_HZ, FRAME, HOP = 8000, 256, 128
BANDS = 12
LEAST_HZ = 100.0
TESTED = 5
"""Recordings of each speaker and digit that the authors' split tests."""


def run(bench: Bench) -> Outcome:
    """Return accuracy, flash, RAM of the choice of every search, and what choosing without hindsight costs."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    names = [*searched_together(), ALL]
    sets = ["JapaneseVowels"] if bench.quick else list(DATA)
    sizes = FLASH_KIB[1:2] if bench.quick else FLASH_KIB
    seeds = range(1 if bench.quick else SEEDS)
    found: dict[tuple[str, int, int], dict[str, dict[str, float]]] = {}
    with open_executor(bench.workers) as executor:
        for seed in seeds:
            for name in sets:
                for size in sizes:
                    found[name, size, seed] = _compete(bench, executor, name, size, seed, names)
    for name in sets:
        for size in sizes:
            each = [found[name, size, seed] for seed in seeds]
            where = f"{name}, {size} KiB"
            for family in names:
                for what, unit in (("test accuracy", "1"), ("flash", "B"), ("ram", "B")):
                    values = [e[family][what] for e in each if e[family]]
                    if values:
                        how = "emulated" if what == "ram" else "measured"
                        figures[f"{where}, {family}: {what}"] = Figure(
                            statistics.fmean(values), unit, how, len(values), (min(values), max(values))
                        )
            best = [max(e[f]["test accuracy"] for f in names[:-1] if e[f]) for e in each]
            got = [e[ALL]["test accuracy"] for e in each]
            lost = round(statistics.fmean(got) - statistics.fmean(best), 9)
            figures[f"{where}: over the best single family"] = Figure(
                lost,
                "1",
                "measured",
                len(each),
                (min(g - b for g, b in zip(got, best, strict=True)),
                 max(g - b for g, b in zip(got, best, strict=True))),
            )  # fmt: skip
            bars.append(at_least(f"{where}: accuracy over that of the best single family", lost, -ALLOWED))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _compete(
    bench: Bench, executor: Executor, name: str, size: int, seed: int, names: list[str]
) -> dict[str, dict[str, float]]:
    """Return test accuracy, flash and RAM of the choice of every search; nothing where nothing of a family fits."""
    path, choice = DATA[name]
    trials = QUICK_TRIALS if bench.quick else TRIALS
    source = _source(bench, path) if path else name
    settings = {"source": source_sha256(source), "trials": trials, "name": name, "flash KiB": size, **choice}

    def work() -> dict[str, dict[str, float]]:
        budget = Budget(size * 1024, device(DEVICE).ram.size_b)
        ground = arena(source, budget, seed, bench.folder / "work" / name, executor, DEVICE, **choice)
        return {family: _chosen(ground, trials, () if family == ALL else (family,)) for family in names}

    kept = bench.once({"seed": seed, **settings}, work)
    said = ", ".join(f"{f} {k['test accuracy']:.4f} ({k['flash']:.0f} B)" for f, k in kept.items() if k)
    bench.say(f"{name}, {size} KiB, seed {seed}: {said}")
    return kept


def _chosen(ground: Arena, trials: int, families: tuple[str, ...]) -> dict[str, float]:
    """Return what the best finalist that fits reached, if any does."""
    for trial in ground.searched(trials, "search", families).finalists:
        ((error, flash_b, ram_b),) = ground.on_test([trial])
        if flash_b <= (ground.budget.flash_b or flash_b):
            return {"test accuracy": 1 - error, "flash": flash_b, "ram": ram_b}
    return {}


def _source(bench: Bench, path: str) -> str:
    if path == HAR:
        return fold_file(bench, 0)
    if path == FSDD:
        return _digits(bench)
    return real_data(path)


def _digits(bench: Bench) -> str:
    """Write the statistics of the spoken digits, one step of many channels each, and return where."""
    path = bench.folder / "digits.npz"
    if path.exists():
        return str(path)
    with np.load(real_data(FSDD), allow_pickle=False) as file:
        audio, offsets, label, index = (file[name] for name in ("audio", "offsets", "label", "index"))
    x = np.stack([_bands(audio[a:b]) for a, b in pairwise(offsets)])
    buffer = io.BytesIO()
    np.savez(
        buffer,
        x=x[:, None, :].astype(np.float32),
        y=label.astype(np.int64),
        split=np.where(index < TESTED, "test", "train"),
        label_names=np.array([str(digit) for digit in range(10)]),
    )
    write_atomic(path, buffer.getvalue())
    return str(path)


def _bands(signal: Int16[np.ndarray, " sample"]) -> Float[np.ndarray, " statistic"]:
    """Return mean and deviation of the log energy in each band, and its mean in each third of the recording."""
    padded = np.pad(signal.astype(np.float64), (0, max(0, 3 * FRAME - len(signal))))
    starts = np.arange(0, len(padded) - FRAME + 1, HOP)
    frames = padded[starts[:, None] + np.arange(FRAME)] * np.hanning(FRAME)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    edges = np.geomspace(LEAST_HZ, RATE_HZ / 2, BANDS + 1) / (RATE_HZ / FRAME)
    bins = np.arange(FRAME // 2 + 1)
    inside = np.stack([(bins >= a) & (bins < max(b, a + 1)) for a, b in pairwise(edges)])
    energy = np.log10(power @ inside.T + 1.0)
    thirds = [part.mean(axis=0) for part in np.array_split(energy, 3)]
    return np.concatenate([energy.mean(axis=0), energy.std(axis=0), *thirds])
