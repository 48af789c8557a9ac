"""The nested AlexNet of 313 kB on all of CIFAR-10: accuracy of every width, by the published recipe and by a teacher.

50,000 training images, standardised, with two views of each (moved by up to 4 pixels, half of them mirrored); 10,000
test images, which score each network once. One seed; nothing is chosen: rates and batch are those that validation chose
in `dynamic_accuracy` on 10,000 images, and the last weights count.

- `published`: group by group, every group 24 times as many items as there are images.
- `taught`: a dense network with as many channels learns as long and then teaches (`learn/taught_widths`), on one
  mixture of each image and view, as many steps again.

A stopped run goes on from its last finished pass. Bar: 71.2 % at full width, as published; what the paper's authors
trained it on and for how long is not known.

Source: Xun et al., MLCAD 2019 (arXiv:2105.03600).
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._bench import Bench, real_data
from benchmarks._dynamic_tasks import GROUPS, TASKS, WIDTHS
from benchmarks._outcome import Figure, Outcome, at_least
from benchmarks._pictures import CLASSES, FILES, decoded
from sarto.data.examples import Examples
from sarto.data.views import with_views
from sarto.learn.incremental import train_incrementally
from sarto.learn.loop import Training, accuracy, train
from sarto.learn.taught_widths import train_taught
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.network.module import Network

MINUTES = 70
PASSES, VIEWS, MIXTURES = 24, 2, 1
QUICK = 2000
RATE, BATCH, SEED = 5e-3, 64, 0
GOAL = 0.712
"""At full width, as published."""
RECIPES = ("published", "taught")


def run(bench: Bench) -> Outcome:
    """Return the accuracy of every width by both recipes, and that of the teacher."""
    with ProcessPoolExecutor(bench.workers, mp_context=get_context("spawn")) as executor:
        waiting = {recipe: executor.submit(_once, replace(bench, say=_silent), recipe) for recipe in RECIPES}
        found = {recipe: one.result() for recipe, one in waiting.items()}
    figures: dict[str, Figure] = {}
    for recipe, one in found.items():
        for what, value in one.items():
            unit = "s" if what == "training" else "1"
            figures[f"{recipe}: {what}"] = Figure(value, unit, "measured", 1)
    whole = _named(GROUPS)
    bars = [at_least(f"{recipe}: {whole}", found[recipe][whole], GOAL) for recipe in RECIPES]
    return Outcome(figures, () if bench.quick else tuple(bars))


def _once(bench: Bench, recipe: str) -> dict[str, float]:
    settings = {"recipe": recipe, "quick": bench.quick}
    return bench.once(settings, trained, recipe, bench.folder / "standing", bench.quick)


def _silent(_text: str) -> None:
    """Say nothing: another process does."""


def _named(width: int) -> str:
    return f"accuracy at {100 * width // GROUPS} %"


def trained(recipe: str, folder: Path, quick: bool) -> dict[str, float]:
    """Return the accuracy of every width on the test images, and the processor time of what is not yet done.

    Args:
        recipe: one of `RECIPES`.
        folder: where trainings stand, and go on from.
        quick: few images and one pass.
    """
    task, since = TASKS["cifar10"], time.process_time()
    images, tested = pictures(QUICK if quick else None)
    views = with_views(images, VIEWS, seed=SEED)
    # A pass sees every image and each of its views.
    how = Training(1 if quick else PASSES // (VIEWS + 1), BATCH, RATE, seed=SEED)
    kept: dict[str, Any] = {} if quick else {"checkpoints": folder / recipe}
    network = DynamicNetwork(task.full(images), GROUPS, SEED)
    found: dict[str, float] = {}
    if recipe == "published":
        train_incrementally(network, views, how, **kept)
    else:
        teacher = Network(task.dense(images, task.teacher), SEED)
        train(teacher, views, how, checkpoint=None if quick else folder / "teacher.npz")
        found["accuracy of the teacher"] = accuracy(teacher, tested)
        train_taught(network, views, how, teacher, copies=MIXTURES, **kept)
    for width in WIDTHS:
        network.width = width
        found[_named(width)] = accuracy(network, tested)
    return found | {"training": time.process_time() - since}


def pictures(count: int | None) -> tuple[Examples, Examples]:
    """Return `count` training images (all by default), and the test images, standardised by the former."""
    with np.load(real_data(FILES["cifar10"]), allow_pickle=False) as held:
        parts = [(held[f"jpeg_{part}"], held[f"off_{part}"], held[f"y_{part}"]) for part in ("train", "test")]
    both = [
        (decoded(data, offsets, np.arange(len(y))[:count]), y[:count].astype(np.int64))
        for data, offsets, y in parts
    ]
    mean = both[0][0].mean((0, 2, 3), keepdims=True)
    deviation = both[0][0].std((0, 2, 3), keepdims=True)
    first, second = (Examples(((x - mean) / deviation).astype(np.float32), y, CLASSES) for x, y in both)
    return first, second
