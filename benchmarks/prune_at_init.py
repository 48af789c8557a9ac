"""Pruning at initialisation, each method beside its controls, and PX against SNIP and SynFlow at 2 % of the weights.

ResNet-8 of width 16 on 10,000 images of MNIST and of CIFAR-10 at half size (14 x 14, 16 x 16), densities 10 % and 2 %,
three seeds; every arm trains with the same passes, rate and batches, none was tuned, and no choice sees the test
images, which are all judged once. Controls: the masks shuffled within their layers, random masks of equal density in
every layer, and magnitude after training (twice the passes). A residual branch may lose all its weights, which is
counted; a cell without a path from the input to the output has collapsed and is counted as what guessing scores.
Differences of PX are paired over data and seeds, with their interval, whichever way they fall.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import product
from typing import Any

import torch

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_most, over_seeds
from benchmarks._paired import paired
from benchmarks._pictures import pictures
from sarto.compress.connected import connected_density, density
from sarto.compress.controls import equal_random, magnitude_after_training, shuffled
from sarto.compress.pruning import prune, scoring_batches
from sarto.core.errors import SartoError
from sarto.core.executors import open_executor
from sarto.data.examples import Examples
from sarto.learn.loop import Training, accuracy, train
from sarto.models.network.module import Network
from sarto.models.network.named import named

MINUTES = 80
Cell = tuple[str, str, float, int]
"""Data, arm, density and seed."""
DATA = ("mnist", "cifar10")
DENSITIES = (0.1, 0.02)
METHODS = ("magnitude", "snip", "grasp", "synflow", "ntk_sap", "px")
ARMS = (*METHODS, "equal random", "magnitude after training")
SEEDS, IMAGES, EPOCHS = 3, 10_000, 3
ROUNDS = {"synflow": 100, "ntk_sap": 100, "px": 100}
GUESS = 0.1
WEIGHTS, LAYERS = {"mnist": 77_072, "cifar10": 77_360}, 10
"""Weights and layers of the network. What cannot be had is a part of a weight."""
LIMIT_MINUTES = 90


def run(bench: Bench) -> Outcome:
    """Return accuracies and connected densities by arm, and the paired differences of PX."""
    seeds = range(1 if bench.quick else SEEDS)
    densities = DENSITIES[1:] if bench.quick else DENSITIES
    cells: list[Cell] = [(data, "dense", 1.0, seed) for data, seed in product(DATA, seeds)]
    cells += list(product(DATA, ARMS, densities, seeds))
    with open_executor(bench.workers) as executor, ThreadPoolExecutor(bench.workers) as waiting:
        running = [waiting.submit(_kept, bench, executor, *one) for one in cells]
        judged = dict(zip(cells, (future.result() for future in running), strict=True))
    found = {
        (d, arm, share, s): one for (d, _, share, s), arms in judged.items() for arm, one in arms.items()
    }
    figures: dict[str, Figure] = {}
    for data, arm, share in dict.fromkeys((d, a, s) for d, a, s, _ in found):
        own = [found[data, arm, share, seed] for seed in seeds]
        title = f"{data}, density {share:g}, {arm}"
        figures |= over_seeds(f"{title}: test accuracy", [c["accuracy"] for c in own], "1", "measured")
        figures |= over_seeds(f"{title}: connected density", [c["connected"] for c in own], "1", "measured")
        figures |= over_seeds(
            f"{title}: layers without weights", [c["emptied"] for c in own], "1", "measured"
        )
    collapsed = [cell for cell, c in found.items() if c["collapse"]]
    figures["cells that collapse"] = Figure(len(collapsed), "1", "measured", len(found))
    for other in ("snip", "synflow", "px, shuffled", "equal random", "magnitude after training"):
        first, second = (
            {f"{d} {s}": found[d, a, 0.02, s]["accuracy"] for d in DATA for s in seeds} for a in ("px", other)
        )
        gap = paired(first, second)
        key = f"density 0.02: accuracy of px less {other}, interval of 95 % over data and seeds"
        figures[key] = Figure(gap.mean, "1", "measured", gap.groups, gap.interval)
    minutes = sum(c["seconds"] for c in found.values()) / 60 / bench.workers
    figures["minutes, all cells over the workers"] = Figure(minutes, "min", "measured", len(found))
    wrong = max(
        abs(c["density"] - c["asked"]) * WEIGHTS[d] / (LAYERS if a == "equal random" else 1)
        for (d, a, *_), c in found.items()
        if not c["collapse"]
    )
    return Outcome(figures, () if bench.quick else _bars(minutes, wrong))


def _bars(minutes: float, wrong: float) -> tuple[Bar, ...]:
    return (
        at_most("minutes, all cells over the workers", minutes, LIMIT_MINUTES),
        at_most("weights more or less than asked for, of a network or (equal random) a layer", wrong, 0.5),
    )


def _kept(
    bench: Bench, executor: Executor, data: str, arm: str, share: float, seed: int
) -> dict[str, dict[str, Any]]:
    """Return a cell, from the store or computed in a process of its own."""
    settings = {"data": data, "arm": arm, "density": share, "seed": seed, "quick": bench.quick}
    found = bench.once(settings, lambda: executor.submit(cell, data, arm, share, seed, bench.quick).result())
    for name, one in found.items():
        said = one["collapse"] or f"{one['accuracy']:.4f}, connected {one['connected']:.4f}"
        bench.say(f"{data} {name} {share:g} seed {seed}: {said} ({one['seconds']:.0f} s)")
    return found


def cell(data: str, arm: str, share: float, seed: int, quick: bool) -> dict[str, dict[str, Any]]:
    """Prune, train and judge one network, and with its masks shuffled where a method made them."""
    torch.set_num_threads(1)
    examples, test = pictures(data, 500 if quick else IMAGES, seed, 1000 if quick else 10_000)
    training = Training(
        epochs=1 if quick else EPOCHS, batch=128, rate=0.1, optimiser="sgd", decay=5e-4, seed=seed
    )
    fresh = Network(named("residual", examples.shape, 10, width=16), seed=seed)
    found: dict[str, dict[str, Any]] = {}
    masked: list[Network] = []

    def made() -> Network:
        if arm == "magnitude after training":
            return magnitude_after_training(fresh, share, examples, training, emptied=True)
        network = fresh
        if arm == "equal random":
            network = equal_random(fresh, share, seed)
        elif arm != "dense":
            rounds = 2 if quick else ROUNDS.get(arm, 0)
            batches = scoring_batches(examples, seed)
            network = prune(fresh, arm, share, batches=batches, rounds=rounds, emptied=True, seed=seed)
            masked.append(copy.deepcopy(network))
        train(network, examples, training)
        return network

    def mixed() -> Network:
        network = shuffled(masked[0], seed)
        train(network, examples, training)
        return network

    found[arm] = _judged(made, share, test)
    if masked:
        found[f"{arm}, shuffled"] = _judged(mixed, share, test)
    elif arm in METHODS:
        found[f"{arm}, shuffled"] = {**found[arm], "seconds": 0.0}
    return found


def _judged(make: Callable[[], Network], share: float, test: Examples) -> dict[str, Any]:
    """Return what is to be known of the network that `make` returns."""
    start, result = (
        time.monotonic(),
        {"asked": share, "density": share, "accuracy": GUESS, "connected": 0.0, "emptied": 0},
    )
    said = ""
    try:
        network = make()
        result |= {"density": density(network), "connected": connected_density(network)}
        result["emptied"] = sum(not bool(layer.effective.any()) for _, layer in network.weighted())
        result["accuracy"] = float(accuracy(network, test))
    except SartoError as error:
        if error.code != "E124":
            raise
        said = error.message
    return {**result, "collapse": said, "seconds": time.monotonic() - start}
