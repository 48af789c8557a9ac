"""Tunes the controls of a substrate under its own noise, by evolution or by random search, at equal evaluations.

One evaluation is one call `evaluate(values, noise_seed) -> quality`, larger being better: values of the controls,
tried on one draw of the noise. `Proposer` asks and tells: a generation of 4 + floor(3 ln n) settings of n controls,
from CMA-ES (whose recombination of the better half averages noise out, and which sees ranks only) or uniform over the
ranges. `tuned` runs either of them:

    1. each setting of a generation gets `repeats` noise seeds, the same for all of the generation, so that what is
       compared differs in the setting and not in luck; the next generation gets new ones, so that no draw is fitted;
    2. the best by that mean profited from their noise, so `finalists` of them (of CMA-ES one is the centre of its
       distribution) get `confirmations` fresh seeds, and the best by these alone is returned.

Both parts count as evaluations, and both methods spend the same on each. With a `SubstrateClassifier` as `model`,
`evaluate` is the mean of scikit-learn's `cross_val_score` of `model.set_params(substrate=substrate.tuned(values),
noise_seed=noise_seed)`.

Source: Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772 (2016); common random numbers and the
centre as the answer under noise: Hansen, Niederberger, Guzzella and Koumoutsakos, "A method for handling uncertainty
in evolutionary optimization", IEEE Transactions on Evolutionary Computation 13 (2009). The strategy itself is the
library `cmaes`.

>>> def evaluate(values, noise_seed):
...     return -abs(values["gain"] - 2)
>>> found = tuned(evaluate, {"gain": Range(0, 10)}, evaluations=60, seed=0)
>>> round(found.values["gain"], 1), found.evaluations
(2.0, 60)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from sarto.core.executors import SerialExecutor
from sarto.core.seed import generator
from sarto.core.table import Table
from sarto.learn._cma import CovarianceAdaptation
from sarto.models.input_error import InputError
from sarto.models.substrate.protocol import Range

Method = Literal["cma", "random"]
Values = Mapping[str, float]
Evaluate = Callable[[Values, int], float]


class Proposer:
    """Asks for settings and is told how good they are.

    Args:
        ranges: of the controls.
        method: `cma` or `random`.
        seed: of the proposals.

    Raises:
        InputError: E116, when there is no control or no such method.
    """

    def __init__(self, ranges: Mapping[str, Range], *, method: Method, seed: int) -> None:
        if not ranges:
            raise InputError("E116", "no controls", cause="there is nothing to set", hint="declare ranges")
        if method not in get_args(Method):
            raise InputError("E116", f"method = {method!r}", cause="no such method", hint="use cma or random")
        self._ranges = dict(ranges)
        self._random = generator(seed, "random search")
        word = int(generator(seed, "cma").integers(2**32))
        self._cma = CovarianceAdaptation(len(ranges), seed=word) if method == "cma" else None
        self._asked = np.empty((0, len(ranges)))

    @property
    def population(self) -> int:
        """Settings in a generation."""
        return 4 + math.floor(3 * math.log(len(self._ranges)))

    @property
    def centre(self) -> dict[str, float] | None:
        """The setting that the strategy believes in; None of random search."""
        return None if self._cma is None else self._values(self._cma.centre)

    def ask(self) -> list[dict[str, float]]:
        """Return a generation of settings."""
        if self._cma is not None:
            self._asked = self._cma.ask()
        else:
            self._asked = self._random.random((self.population, len(self._ranges)))
        return [self._values(point) for point in self._asked]

    def tell(self, qualities: Sequence[float]) -> None:
        """Take in the qualities of the generation that was last asked for, in its order; NaN is the worst."""
        losses = np.array([math.inf if math.isnan(q) else -q for q in qualities], np.float64)
        if len(losses) != len(self._asked):
            raise InputError(
                "E108",
                f"{len(losses)} qualities for {len(self._asked)} settings",
                cause="each setting of the generation needs one",
                hint="tell what ask gave, in its order",
            )
        if self._cma is not None:
            self._cma.tell(self._asked, losses)

    def _values(self, point: Float[np.ndarray, " control"]) -> dict[str, float]:
        return {
            name: limits.at(float(place))
            for (name, limits), place in zip(self._ranges.items(), point, strict=True)
        }


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        values: the setting.
        quality: its mean over the confirmations, whose noise no choice before had seen.
        evaluations: calls that were made, all of them.
        table: each call: setting, noise seed, stage and quality.
    """

    values: dict[str, float]
    quality: float
    evaluations: int
    table: Table


@dataclass
class _Log:
    """Makes the calls and writes each of them down."""

    evaluate: Evaluate
    ranges: Mapping[str, Range]
    executor: Executor
    rows: list[tuple[float | int | str, ...]] = field(default_factory=list[tuple[float | int | str, ...]])

    def means(self, settings: Sequence[Values], seeds: Sequence[int], stage: str) -> list[float]:
        pairs = [(values, seed) for values in settings for seed in seeds]
        found = list(self.executor.map(self.evaluate, *zip(*pairs, strict=True))) if pairs else []
        for (values, seed), quality in zip(pairs, found, strict=True):
            self.rows.append((stage, *(values[name] for name in self.ranges), seed, float(quality)))
        return np.array(found, np.float64).reshape(len(settings), len(seeds)).mean(axis=1).tolist()

    def table(self, method: str) -> Table:
        names = tuple(self.ranges)
        return Table(
            f"evaluations, {method}",
            ("stage", *names, "noise seed", "quality"),
            ("", *("1" for _ in names), "", "1"),
            tuple(self.rows),
            ("", *("" for _ in names), "", "measured"),
        )


def tuned(
    evaluate: Evaluate,
    ranges: Mapping[str, Range],
    *,
    evaluations: int,
    seed: int,
    method: Method = "cma",
    repeats: int = 1,
    finalists: int = 3,
    confirmations: int = 4,
    executor: Executor | None = None,
) -> Tuned:
    """Return the setting of the controls that is best under noise.

    Args:
        evaluate: from a setting and a noise seed to a quality; a pure function of both, on validation data.
        ranges: of the controls.
        evaluations: calls in all.
        seed: of proposals and noise seeds; the same seed gives both methods the same noise.
        method: `cma`, or `random` as the rival.
        repeats: noise seeds for each setting during the search.
        finalists: settings that are looked at again.
        confirmations: fresh noise seeds for each of them.
        executor: that the calls of a generation go to; the result does not depend on it.

    Raises:
        InputError: E116, when the evaluations do not suffice for one generation and the confirmations.
    """
    proposer = Proposer(ranges, method=method, seed=seed)
    for name, value in (("repeats", repeats), ("finalists", finalists), ("confirmations", confirmations)):
        if value < 1:
            raise InputError(
                "E116", f"{name} = {value}", cause="it must be at least 1", hint=f"change {name}"
            )
    count = (evaluations - finalists * confirmations) // repeats
    if count < max(proposer.population, finalists):
        least = max(proposer.population, finalists) * repeats + finalists * confirmations
        raise InputError(
            "E116",
            f"evaluations = {evaluations}",
            cause=f"one generation and the confirmations take {least}",
            hint="allow more, or fewer repeats, finalists or confirmations",
        )
    log = _Log(evaluate, ranges, executor or SerialExecutor())
    noise = generator(seed, "noise seeds")
    seen: list[tuple[float, dict[str, float]]] = []
    while len(seen) < count:
        settings = proposer.ask()
        whole = len(settings) <= count - len(seen)
        settings = settings[: count - len(seen)]
        means = log.means(settings, _fresh(noise, repeats), "search")
        seen += zip(means, settings, strict=True)
        if whole:
            proposer.tell(means)
    ranked = [values for _, values in sorted(seen, key=lambda pair: _worst_last(pair[0]))]
    centre = proposer.centre
    last = ranked[:finalists] if centre is None else [*ranked[: finalists - 1], centre]
    confirmed = log.means(last, _fresh(noise, confirmations), "final")
    best = min(range(len(last)), key=lambda index: _worst_last(confirmed[index]))
    return Tuned(last[best], confirmed[best], len(log.rows), log.table(method))


def _worst_last(quality: float) -> float:
    return math.inf if math.isnan(quality) else -quality


def _fresh(noise: np.random.Generator, count: int) -> list[int]:
    return [int(word) for word in noise.integers(2**31, size=count)]
