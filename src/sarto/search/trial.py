"""One trial: a candidate's integer model, scored by cross-validation on the training items.

The reservoir is lowered and run once, as integers; every fold then trains a readout on the other folds'
features, quantises it, and scores the held-out items with the integer interpreter's own arithmetic.
"""

from __future__ import annotations

import operator
import time
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from sarto.compress.quantize.ptq import quantise
from sarto.core.errors import SartoError
from sarto.core.graph import Graph, decide, features, numbers, trace
from sarto.core.threads import one_blas_thread
from sarto.deploy.lower import Latest, feature_exponents, lower_reservoir, quantum, with_readout
from sarto.learn.statistics import RidgeStatistics
from sarto.search.candidates import Candidate
from sarto.search.problem import Problem, load_problem

RIDGES = tuple(10.0**k for k in range(-7, 2))
"""Ridges tried, relative to the mean eigenvalue of the features' co-moment matrix."""
READOUT_BITS = 8


@dataclass(frozen=True)
class Score:
    """What a trial found, all of it on items that the readout had not seen.

    Attributes:
        error: share of wrong classes of the integer models; of numbers, their squared error relative to the variance.
        squared: squared error of the real-valued readout, relative to that of the class shares, or to the variance.
        ridge: the ridge with the least error, relative, see `RIDGES`.
        items: how many decisions are behind `error`.
        cpu_s: processor time of the trial.
    """

    error: float
    squared: float
    ridge: float
    items: int
    cpu_s: float

    @property
    def loss(self) -> float:
        """What the search minimises beside flash and RAM: error and squared error.

        The error alone counts few items and ties often; `python -m benchmarks search_choices` shows what that costs.
        """
        return self.error + self.squared

    def to_json(self) -> dict[str, Any]:
        """Return the score as plain JSON values."""
        return asdict(self)


def run_saved(path: str, settings: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Score the candidate of `settings` on the problem saved at `path`: what an executor calls."""
    with one_blas_thread():
        return evaluate(load_problem(Path(path)), Candidate(**settings), repeats).to_json()


def evaluate(problem: Problem, candidate: Candidate, repeats: int = 1) -> Score:
    """Return the score of `candidate` over the first `repeats` partitions of the training items.

    A candidate whose sums leave 32 bits on these data is no model, and wrong about every item.
    """
    start = time.process_time()
    try:
        seen = _seen(problem, candidate)
    except SartoError as error:
        if error.code != "E404":
            raise
        return Score(1.0, 1.0, RIDGES[-1], repeats * len(problem.target), time.process_time() - start)
    target, wanted = problem.target, seen.wanted
    unit, variance = _units(problem, repeats)
    parts = [part for fold in problem.fold[:repeats] for part in _parts(seen, fold, problem.gap)]
    errors, squares = np.zeros(len(RIDGES)), np.zeros(len(RIDGES))
    for held, rest in parts:
        for k, solved in enumerate(rest.path([rest.ridge_from_relative(r) for r in RIDGES])):
            guess = seen.pooled[held] @ solved.weights.T + solved.intercept
            if problem.goals is None:
                errors[k] += np.count_nonzero(guess.argmax(axis=1) != target[held])
            squares[k] += np.square((guess - wanted[held]) * unit).sum()
    items = repeats * len(target)
    squared = squares / variance
    best = int(np.argmin(errors / items + squared))
    wrong, whole = 0.0, float(items if problem.goals is None else variance)
    for held, rest in parts:
        graph = readout(seen.body, seen.exponent, rest, RIDGES[best], problem)
        said = decide(graph, seen.means[held], problem.last_sample[held])
        if problem.goals is None:
            wrong += np.count_nonzero(said.classes != target[held])
        else:
            off = (numbers(graph, said) - problem.goals[held]) / problem.goals.std(axis=0)
            wrong += float(np.square(off).sum())
    return Score(wrong / whole, float(squared[best]), RIDGES[best], items, time.process_time() - start)


def _units(problem: Problem, repeats: int) -> tuple[Float[np.ndarray, " output"], float]:
    """Return what an error of one is worth for each output of a readout, and the variance that errors are a share of.

    Every number counts the same, by its own variance, also where only its change is predicted.
    """
    wanted = problem.wanted
    unit = np.ones(wanted.shape[1])
    if problem.goals is None:
        return unit, float(repeats * np.square(wanted - wanted.mean(axis=0)).sum())
    unit *= problem.level[1] / problem.goals.std(axis=0)
    return unit, float(repeats * wanted.size)


def lowered(problem: Problem, candidate: Candidate) -> Graph:
    """Return the integer reservoir of `candidate`, without a readout."""
    return lower_reservoir(
        candidate.build(len(problem.channels)),
        problem.inputs,
        problem.sensor,
        candidate.numbers,
        candidate.pooled(problem.longest),
        channels=problem.channels,
        window=problem.window,
    )


def final(problem: Problem, candidate: Candidate, ridge: float) -> Graph:
    """Return the whole integer model, its readout trained on every training item."""
    seen = _seen(problem, candidate)
    statistics = RidgeStatistics.of(seen.pooled, seen.wanted)
    return readout(seen.body, seen.exponent, statistics, ridge, problem)


def readout(
    body: Graph,
    exponent: Integer[np.ndarray, " unit"],
    statistics: RidgeStatistics,
    ridge: float,
    problem: Problem,
) -> Graph:
    """Return `body` with the readout that `statistics` give, quantised with regard to the features' second moments."""
    penalty = statistics.ridge_from_relative(ridge)
    solved = statistics.solve(penalty)
    moment = statistics.C_xx + penalty * np.eye(len(statistics.C_xx))
    small = quantise(solved.weights, READOUT_BITS, moment)
    intercept = statistics.mean_y - small.real @ statistics.mean_x
    if problem.goals is None:
        return with_readout(body, exponent, small.values, small.scale, intercept, problem.classes)
    mean, std = problem.level
    counts = problem.sensor.scale[list(problem.latest)] if problem.latest else np.zeros(len(problem.names))
    whole = (problem.goals.mean(axis=0).tolist(), problem.goals.std(axis=0).tolist(), counts.tolist())
    return with_readout(
        body,
        exponent,
        small.values,
        small.scale * std,
        intercept * std + mean,
        problem.names,
        quanta=tuple(map(quantum, *whole)),
        latest=Latest(problem.latest, counts) if problem.latest else None,
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """What readouts are trained on: an integer reservoir, and what it makes of every training item."""

    body: Graph
    means: Int[np.ndarray, "item segment unit"]
    exponent: Integer[np.ndarray, " unit"]
    pooled: Float[np.ndarray, "item feature"]
    wanted: Float[np.ndarray, "item output"]


def _seen(problem: Problem, candidate: Candidate) -> _Seen:
    body = lowered(problem, candidate)
    means = trace(body, problem.raw, problem.offsets)
    exponent = feature_exponents(means)
    pooled = features(means, exponent).reshape(len(problem.target), -1).astype(np.float64)
    return _Seen(body, means, exponent, pooled, problem.wanted)


def _parts(
    seen: _Seen, fold: Int[np.ndarray, " item"], gap: int
) -> list[tuple[Bool[np.ndarray, " item"], RidgeStatistics]]:
    """Return, per fold, who is held out and the statistics of all others but the `gap` on either side."""
    held = [fold == f for f in range(int(fold.max()) + 1)]
    parts = [RidgeStatistics.of(seen.pooled[h], seen.wanted[h]) for h in held]
    rests = [reduce(operator.add, parts[:f] + parts[f + 1 :]) for f in range(len(parts))]
    if gap:
        beside = [_near(h, gap) & ~h for h in held]
        rests = [
            rest - RidgeStatistics.of(seen.pooled[b], seen.wanted[b])
            for rest, b in zip(rests, beside, strict=True)
        ]
    return list(zip(held, rests, strict=True))


def _near(held: Bool[np.ndarray, " item"], gap: int) -> Bool[np.ndarray, " item"]:
    """Return which items are at most `gap` away from one that is held out."""
    before = np.concatenate([[0], np.cumsum(held)])
    items = np.arange(len(held))
    return before[np.minimum(items + gap + 1, len(held))] > before[np.maximum(items - gap, 0)]
