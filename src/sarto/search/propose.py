"""Proposals for the search, by optuna's ask-and-tell: presets first, then a multi-objective Parzen estimator.

Source: Ozaki et al., "Multiobjective tree-structured Parzen estimator", JAIR 73 (2022); optuna's `TPESampler`.
"""

# optuna's distributions and trials are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from sarto.models.pooling import POOLINGS
from sarto.search.candidates import MIN_UNITS, PRESET_REST, PRESETS, Candidate

MAX_SEGMENTS = 4
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
        sampler: `tpe`, or `random` for comparison; presets are tried by `tpe` only.
    """

    cells: Sequence[str]
    seed: int
    largest: Callable[[Candidate], int | None]
    longest: int
    sampler: str = "tpe"
    study: optuna.Study = field(init=False)
    asked: dict[int, Trial] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler: BaseSampler = (
            RandomSampler(self.seed)
            if self.sampler == "random"
            else TPESampler(seed=self.seed, n_startup_trials=2 * len(PRESETS), multivariate=True)
        )
        self.study = optuna.create_study(
            sampler=sampler, directions=[StudyDirection.MINIMIZE] * len(OBJECTIVES)
        )
        if self.sampler != "random":
            for preset in PRESETS:
                if preset["cell"] in self.cells:
                    self.study.enqueue_trial({**PRESET_REST, **preset})

    def ask(self) -> tuple[int, Candidate | None]:
        """Return the number of a new trial and its candidate, or None for one that cannot fit."""
        trial = self.study.ask(space(self.cells))
        self.asked[trial.number] = trial
        return trial.number, self._candidate(trial.number, dict(trial.params))

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
            self.study.tell(trial, list(values))
