"""Proposals by optuna's ask-and-tell: presets of every family, random settings, then variations of the front.

A variation takes family and settings of one trial: half of them of one of the best so far, the others of one of the
front, each as likely. Its size is drawn anew over the whole range, since a front needs models of every size. Every
other setting stays as it is, or, with probability `MOVED`, is varied: a number by a normal step of `STEP` of its range,
a choice by drawing it anew with probability `REDRAW`. It is a (mu + 1) evolution strategy. `python -m benchmarks
search_choices` compares it with a Parzen estimator, and with variations that move every setting, vary the size as the
rest, or have parents of the front alone.

Source: Knowles and Corne, "Approximating the nondominated front using the Pareto archived evolution strategy",
Evolutionary Computation 8 (2000), here without crowding; optuna's ask-and-tell.
"""

# optuna's distributions and trials are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal, TypeAlias

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from sarto.core.points import unbeaten
from sarto.core.rooms import load_method
from sarto.core.seed import generator
from sarto.search.candidates import ROOM, Candidate, Shape, loose_of, presets, sized

Settings: TypeAlias = dict[str, Any]
"""Of a trial: its family, and a value for every name of the family's space."""

MOVED = 0.5
STEP = 0.15
REDRAW = 0.15
AT_RANDOM = 8
"""Trials drawn at random after the presets, before the variations begin."""
FROM_BEST, BEST = 0.5, 6
"""Share of the variations whose parent is one of so many trials of least loss; of the others it is one of the front."""
OBJECTIVES = ("validation loss", "flash", "ram")


@dataclass
class Proposer:
    """Asks for candidates and is told their objectives, in a fixed order, so that the seed decides everything.

    Attributes:
        families: to search.
        cells: of reservoirs to search; all when empty.
        seed: of the sampler and of every model's drawn numbers.
        shape: of the models.
        largest: most units that fit, for a candidate whose `units` mean nothing yet; None drops it.
        sampler: `search`, or `random` for comparison, which tries no presets.
    """

    families: Sequence[str]
    cells: Sequence[str]
    seed: int
    shape: Shape
    largest: Callable[[Candidate], int | None]
    sampler: Literal["search", "random"] = "search"
    study: optuna.Study = field(init=False)
    spaces: dict[str, dict[str, BaseDistribution]] = field(init=False)
    presets: list[Settings] = field(init=False)
    asked: dict[int, tuple[Trial, Settings]] = field(init=False, default_factory=dict)
    told: list[tuple[tuple[float, ...], Settings]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        directions = [StudyDirection.MINIMIZE] * len(OBJECTIVES)
        self.study = optuna.create_study(sampler=RandomSampler(self.seed), directions=directions)
        self.spaces = {
            family: load_method(ROOM, family).space(self.cells, self.shape.numeric)
            for family in self.families
        }
        # The first of each family first.
        each = [presets(family, self.cells, self.shape.numeric) for family in self.families]
        mixed = [p for rank in zip_longest(*each) for p in rank if p is not None]
        self.presets = [] if self.sampler == "random" else mixed

    def draw(self) -> tuple[int, Candidate, float]:
        """Return the number of a new trial, its candidate with the fewest units, and its size (0 to 1)."""
        number = len(self.study.trials)
        settings = self._next(number)
        family = settings.pop("family")
        if settings:
            self.study.enqueue_trial({f"{family}.{name}": value for name, value in settings.items()})
        # Two families may have settings of one name with other ranges; a study may not.
        trial = self.study.ask({f"{family}.{name}": d for name, d in self.spaces[family].items()})
        settings = {"family": family} | {k.partition(".")[2]: v for k, v in trial.params.items()}
        self.asked[trial.number] = trial, settings
        loose = loose_of(settings, self.shape, self.seed * 100_003 + trial.number)
        return trial.number, loose, settings["size"]

    def fitted(self, loose: Candidate, size: float) -> Candidate | None:
        """Return `loose` with units at `size` between the fewest and the most that fit; None if none do."""
        most = self.largest(loose)
        return None if most is None else sized(loose, most, size)

    def _next(self, number: int) -> Settings:
        """Return the settings of trial `number`; those left out are drawn."""
        if number < len(self.presets):
            return dict(self.presets[number])
        random = generator(self.seed, "variation", number)
        if self.sampler == "search" and number >= len(self.presets) + AT_RANDOM and self.told:
            return self._variation(random)
        return {"family": self.families[int(random.integers(len(self.families)))]}

    def _variation(self, random: np.random.Generator) -> Settings:
        """Return the settings of a trial so far, varied, with a size drawn anew."""
        return {**self.moved(random), "size": float(random.uniform())}

    def moved(self, random: np.random.Generator) -> Settings:
        """Return the settings of one of the best trials or of the front so far, each as it was or varied."""
        values = [v for v, _ in self.told]
        if random.random() < FROM_BEST:
            parents = sorted(range(len(values)), key=lambda i: (values[i][0], i))[:BEST]
        else:
            parents = unbeaten(values)
        _, settings = self.told[int(random.choice(parents))]
        return {"family": settings["family"]} | {
            name: varied(settings[name], d, random) if random.random() < MOVED else settings[name]
            for name, d in self.spaces[settings["family"]].items()
        }

    def tell(self, number: int, values: tuple[float, ...] | None) -> None:
        """Report the objectives of trial `number`; None for one that was dropped."""
        trial, settings = self.asked.pop(number)
        if values is None:
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.told.append((values, settings))
            self.study.tell(trial, list(values))


def varied(value: Any, distribution: BaseDistribution, random: np.random.Generator) -> Any:
    """Return `value` moved a little within its distribution."""
    if isinstance(distribution, CategoricalDistribution):
        drawn = distribution.choices[int(random.integers(len(distribution.choices)))]
        return drawn if random.random() < REDRAW else value
    if isinstance(distribution, IntDistribution) and distribution.log:
        low, high = distribution.low, distribution.high
        return int(np.clip(round(value * (high / low) ** (STEP * random.normal())), low, high))
    if isinstance(distribution, IntDistribution):
        return int(np.clip(value + random.choice([-1, 0, 0, 0, 1]), distribution.low, distribution.high))
    assert isinstance(distribution, FloatDistribution)
    low, high = distribution.low, distribution.high
    if distribution.log:
        moved = value * (high / low) ** (STEP * random.normal())
    else:
        moved = value + (high - low) * STEP * random.normal()
    return float(min(max(moved, low), high))
