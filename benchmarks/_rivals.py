"""What a search is compared with: random search, and presets with other reservoirs and sizes, in the same space.

A method gets the same training items, folds, budget and number of trials, and gives scored trials. Its front is
chosen on validation values; only then is each model of the front built, and scored on the test items.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks._hypervolume import Point
from sarto.core.budget import Budget
from sarto.core.points import unbeaten
from sarto.core.progress import Silent
from sarto.core.seed import generator
from sarto.core.store import Store, package_sha256
from sarto.data.load import load
from sarto.data.splits import split
from sarto.deploy.sensor import SensorFormat
from sarto.devices import device
from sarto.measure.model import RawSequences
from sarto.search.candidates import (
    Candidate,
    Shape,
    candidate_of,
    cost,
    families,
    ground_of,
    largest,
    searched_together,
    shape_of,
    sized,
)
from sarto.search.candidates import presets as every_preset
from sarto.search.deployment import FRONT_SEQUENCES, Workshop
from sarto.search.fit import OPTIMISE
from sarto.search.loop import BATCH, Scorer, SearchResult, Trial, search
from sarto.search.overhead import ImageOverheads, SampleImages
from sarto.search.problem import Problem, prepare

SENSOR_BITS = 16


@dataclass(frozen=True)
class Arena:
    """One data set and one seed, on which methods compete."""

    problem: Problem
    shape: Shape
    overheads: ImageOverheads
    budget: Budget
    score: Scorer
    workshop: Workshop
    tested: RawSequences
    target: list[int]
    seed: int

    def searched(
        self, trials: int, sampler: Literal["search", "random"], names: Sequence[str] = ()
    ) -> SearchResult:
        """Return what `sarto fit`'s search, or random search, finds in the families `names`; none: all quick ones."""
        return search(
            self.shape,
            self.overheads,
            self.budget,
            self.score,
            families=families(names or searched_together(), ()),
            cells=(),
            trials=trials,
            seed=self.seed,
            talk=Silent(),
            sampler=sampler,
        )

    def preset(self, number: int, count: int) -> list[Trial]:
        """Return `count` trials of preset `number`: the preset itself, then other reservoirs and sizes of it."""
        preset = presets()[number]
        own = preset.pop("size")
        drawn = generator(self.seed, "sizes of preset", number).uniform(size=count - 1).tolist()
        candidates: list[Candidate] = []
        for index, size in enumerate([own, *drawn]):
            made = {"segments": 1, **preset, "units": 1, "seed": self.seed * 100_003 + index}
            made["segments"] = min(made["segments"], self.shape.longest)
            loose = candidate_of(made)
            loose = replace(loose, units=loose.least)
            most = largest(loose, self.shape, self.overheads, self.budget)
            if most is not None:
                candidates.append(sized(loose, most, size))
        scores = [s for i in range(0, len(candidates), BATCH) for s in self.score(candidates[i : i + BATCH])]
        return [
            Trial(index, candidate, scored, *cost(candidate, self.shape, self.overheads))
            for index, (candidate, scored) in enumerate(zip(candidates, scores, strict=True))
        ]

    def on_test(self, trials: Sequence[Trial]) -> list[Point]:
        """Return test error, flash and RAM of each trial's finished model, built and emulated."""
        points: list[Point] = []
        submit, deploy = self.score.executor.submit, self.workshop.deploy
        for running in [submit(deploy, trial, self.tested, FRONT_SEQUENCES) for trial in trials]:
            made = running.result()
            error = np.count_nonzero(made.measured.outcome.classes != np.array(self.target)) / len(
                self.target
            )
            points.append((error, made.point["flash"], made.point["ram"]))
        return points


def presets() -> list[dict[str, Any]]:
    """Return the presets of every family, their families among the settings."""
    return [p for family in searched_together() for p in every_preset(family, (), False)]


def arena(
    source: str,
    budget: Budget,
    seed: int,
    folder: Path,
    executor: Executor,
    device_name: str,
    images: Path | None = None,
    **choice: Any,
) -> Arena:
    """Return the arena of the data in `source`; trials are kept in `folder`, images in `images`, or there too."""
    data = load(source, **choice)
    parts = split(data, seed)
    train, test = data.select(parts.train), data.select(parts.test)
    sensor = SensorFormat.calibrate(train.values, SENSOR_BITS, None)
    problem = prepare(train, sensor, None, seed)
    target = device(device_name)
    shape = shape_of(problem)
    path, images = folder / f"problem-{problem.sha256}.npz", images or folder / "images"
    problem.save(path)
    return Arena(
        problem,
        shape,
        ImageOverheads(SampleImages(shape, target, OPTIMISE, images, ground_of(problem))),
        budget,
        Scorer(path, problem.sha256, package_sha256(), Store(folder / "trials"), executor),
        Workshop(problem, target, OPTIMISE, "a model of a benchmark", "benchmark", seed, images),
        RawSequences(sensor.encode(test.values), test.offsets.astype(np.int64)),
        test.target.tolist(),
        seed,
    )


def values(trial: Trial) -> Point:
    """Return what the search minimises, and the front is chosen by: validation loss, flash and RAM."""
    return trial.score.loss, float(trial.flash_b), float(trial.ram_b)


def front(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that no other beats: not worse in any value and better in one; of equal ones the first."""
    return [trials[i] for i in unbeaten([values(t) for t in trials])]
