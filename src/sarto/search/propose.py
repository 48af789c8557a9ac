"""Proposals by optuna's ask-and-tell: presets, random settings, then variations of the front.

A variation takes the settings of one trial of the front so far, each as likely. Its size is drawn anew over the whole
range, since a front needs models of every size. Every other setting stays as it is, or, with probability `MOVED`, is
varied: a number by a normal step of `STEP` of its range, a choice by drawing it anew with probability `REDRAW`. It is a
(mu + 1) evolution strategy whose parents are the front. `python -m benchmarks search_choices` compares it with a Parzen
estimator, and with variations that move every setting or vary the size as the rest.

Source: Knowles and Corne, "Approximating the nondominated front using the Pareto archived evolution strategy",
Evolutionary Computation 8 (2000), here without crowding; optuna's ask-and-tell.
"""

# optuna's distributions and trials are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from sarto.core.points import unbeaten
from sarto.core.seed import generator
from sarto.models.pooling import POOLINGS
from sarto.search.candidates import MIN_UNITS, PRESET_REST, PRESETS, Candidate

MAX_SEGMENTS = 4
MOVED = 0.5
STEP = 0.15
REDRAW = 0.15
STARTS = 16
"""Trials before the variations begin: the presets, and as many at random."""
OBJECTIVES = ("validation loss", "flash", "ram")


def space(cells: Sequence[str]) -> dict[str, BaseDistribution]:
    """Return the search space; `size` is the place between the fewest and the most units that fit, on a log scale."""
    return {
        "cell": CategoricalDistribution(list(cells)),
        "pooling": CategoricalDistribution(list(POOLINGS)),
        "segments": IntDistribution(1, MAX_SEGMENTS),
        "state_bits": CategoricalDistribution([16, 8]),
        "size": FloatDistribution(0.0, 1.0),
        "leak": FloatDistribution(0.03, 1.0, log=True),
        "radius": FloatDistribution(0.1, 1.4),
        "input_scaling": FloatDistribution(0.005, 2.0, log=True),
        "bias_scaling": FloatDistribution(0.005, 2.0, log=True),
    }


@dataclass
class Proposer:
    """Asks for candidates and is told their objectives, in a fixed order, so that the seed decides everything.

    Attributes:
        cells: cells to search.
        seed: of the sampler and of every reservoir's weights.
        largest: most units that fit, for a candidate whose `units` mean nothing yet; None drops it.
        longest: steps of the longest item, an upper bound of the segments.
        sampler: `search`, or `random` for comparison, which tries no presets.
    """

    cells: Sequence[str]
    seed: int
    largest: Callable[[Candidate], int | None]
    longest: int
    sampler: Literal["search", "random"] = "search"
    study: optuna.Study = field(init=False)
    asked: dict[int, Trial] = field(init=False, default_factory=dict)
    told: list[tuple[tuple[float, ...], dict[str, Any]]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        directions = [StudyDirection.MINIMIZE] * len(OBJECTIVES)
        self.study = optuna.create_study(sampler=RandomSampler(self.seed), directions=directions)
        if self.sampler != "random":
            for preset in PRESETS:
                if preset["cell"] in self.cells:
                    self.study.enqueue_trial({**PRESET_REST, **preset})

    def ask(self) -> tuple[int, Candidate | None]:
        """Return the number of a new trial and its candidate, or None for one that cannot fit."""
        number = len(self.study.trials)
        if self.sampler == "search" and number >= STARTS and self.told:
            self.study.enqueue_trial(self._variation(generator(self.seed, "variation", number)))
        trial = self.study.ask(space(self.cells))
        self.asked[trial.number] = trial
        return trial.number, self._candidate(trial.number, dict(trial.params))

    def _variation(self, random: np.random.Generator) -> dict[str, Any]:
        """Return the settings of a trial of the front so far, varied, with a size drawn anew."""
        return {**self.moved(random), "size": float(random.uniform())}

    def moved(self, random: np.random.Generator) -> dict[str, Any]:
        """Return the settings of a trial of the front so far, each as it was or varied."""
        _, settings = self.told[int(random.choice(unbeaten([values for values, _ in self.told])))]
        return {
            name: varied(settings[name], d, random) if random.random() < MOVED else settings[name]
            for name, d in space(self.cells).items()
        }

    def _candidate(self, number: int, settings: dict[str, Any]) -> Candidate | None:
        size = settings.pop("size")
        settings["segments"] = min(settings["segments"], self.longest)
        loose = Candidate(**settings, units=MIN_UNITS, seed=self.seed * 100_003 + number)
        most = self.largest(loose)
        if most is None:
            return None
        units = round(MIN_UNITS * (most / MIN_UNITS) ** size)
        return Candidate(**settings, units=units, seed=loose.seed)

    def tell(self, number: int, values: tuple[float, ...] | None) -> None:
        """Report the objectives of trial `number`; None for one that was dropped."""
        trial = self.asked.pop(number)
        if values is None:
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.told.append((values, dict(trial.params)))
            self.study.tell(trial, list(values))


def varied(value: Any, distribution: BaseDistribution, random: np.random.Generator) -> Any:
    """Return `value` moved a little within its distribution."""
    if isinstance(distribution, CategoricalDistribution):
        drawn = distribution.choices[int(random.integers(len(distribution.choices)))]
        return drawn if random.random() < REDRAW else value
    if isinstance(distribution, IntDistribution):
        return int(np.clip(value + random.choice([-1, 0, 0, 0, 1]), distribution.low, distribution.high))
    assert isinstance(distribution, FloatDistribution)
    low, high = distribution.low, distribution.high
    if distribution.log:
        moved = value * (high / low) ** (STEP * random.normal())
    else:
        moved = value + (high - low) * STEP * random.normal()
    return float(min(max(moved, low), high))
