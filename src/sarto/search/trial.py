"""One trial: a candidate's integer model, scored by cross-validation on the training items.

What runs for every sample is lowered and run once, as integers; every fold then trains a readout or a forest on the
other folds' features, quantises it, and scores the held-out items with the integer interpreter's own arithmetic.
"""

from __future__ import annotations

import operator
import time
from dataclasses import asdict, dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from sarto.compress.rows import quantise
from sarto.core.errors import SartoError
from sarto.core.graph import Graph, decide, features, numbers, trace
from sarto.core.graph.heads import activations, forest
from sarto.core.threads import one_blas_thread
from sarto.deploy.lower import Answers, Latest, feature_exponents, quantum, with_readout
from sarto.deploy.lower.forest import with_forest
from sarto.deploy.lower.random_features import with_random_features
from sarto.learn.forest import Forest, grow
from sarto.learn.statistics import RidgeStatistics
from sarto.search.candidates import Candidate, candidate_of, ground_of
from sarto.search.families._candidate import Layer, Streamed, Whole
from sarto.search.problem import Problem, load_problem, near

RIDGES = tuple(10.0**k for k in range(-7, 2))
"""Ridges tried, relative to the mean eigenvalue of the features' co-moment matrix."""
READOUT_BITS = 8


@dataclass(frozen=True)
class Score:
    """What a trial found, all of it on items that the readout had not seen.

    Attributes:
        error: share of wrong classes of the integer models; of numbers, their squared error relative to the variance.
        squared: squared error of the real-valued readout, relative to that of the class shares, or to the variance.
        ridge: the ridge with the least error, relative, see `RIDGES`; 0 for a forest.
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
        return evaluate(load_problem(Path(path)), candidate_of(settings), repeats).to_json()


def evaluate(problem: Problem, candidate: Candidate, repeats: int = 1) -> Score:
    """Return the score of `candidate` over the first `repeats` partitions of the training items.

    A candidate whose sums leave 32 bits on these data is no model, and wrong about every item.
    """
    start = time.process_time()
    try:
        if isinstance(candidate, Whole):
            from sarto.search.network_trial import evaluate_whole

            error, squared, ridge = *evaluate_whole(problem, candidate, repeats), 0.0
        else:
            assert isinstance(candidate, Streamed)
            seen = see(problem, candidate)
            found = _grown if candidate.forest is not None else _solved
            error, squared, ridge = found(problem, candidate, seen, repeats)
    except SartoError as failure:
        if failure.code not in ("E404", "E126"):
            raise
        error, squared, ridge = 1.0, 1.0, RIDGES[-1]
    return Score(error, squared, ridge, repeats * len(problem.target), time.process_time() - start)


def _solved(problem: Problem, candidate: Streamed, seen: _Seen, repeats: int) -> tuple[float, float, float]:
    """Return error, squared error and ridge of a linear readout."""
    del candidate
    wanted = seen.wanted
    unit, variance = _units(problem, repeats)
    parts = [part for fold in problem.fold[:repeats] for part in _parts(seen, fold, problem.gap)]
    errors, squares = np.zeros(len(RIDGES)), np.zeros(len(RIDGES))
    for held, rest in parts:
        for k, solved in enumerate(rest.path([rest.ridge_from_relative(r) for r in RIDGES])):
            guess = seen.pooled[held] @ solved.weights.T + solved.intercept
            if problem.goals is None:
                errors[k] += np.count_nonzero(guess.argmax(axis=1) != problem.target[held])
            squares[k] += np.square((guess - wanted[held]) * unit).sum()
    squared = squares / variance
    best = int(np.argmin(errors / (repeats * len(problem.target)) + squared))
    wrong = [_wrong(problem, readout(seen, rest, RIDGES[best], problem), seen, held) for held, rest in parts]
    return sum(wrong) / _whole(problem, repeats, variance), float(squared[best]), RIDGES[best]


def _grown(problem: Problem, candidate: Streamed, seen: _Seen, repeats: int) -> tuple[float, float, float]:
    """Return error and squared error of a forest, and no ridge."""
    unit, variance = _units(problem, repeats)
    wrong = squares = 0.0
    for fold in problem.fold[:repeats]:
        for f in range(int(fold.max()) + 1):
            held = fold == f
            rest = ~near(held, problem.gap)
            graph, grown = grown_forest(problem, candidate, seen, rest)
            guess = forest(seen.vector[held], grown.trees) * grown.scale
            squares += np.square((guess - seen.wanted[held]) * unit).sum()
            wrong += _wrong(problem, graph, seen, held)
    return wrong / _whole(problem, repeats, variance), float(squares / variance), 0.0


def _wrong(problem: Problem, graph: Graph, seen: _Seen, held: Bool[np.ndarray, " item"]) -> float:
    """Return how many items `held` the integer model gets wrong; of numbers, its squared error in their variance."""
    said = decide(graph, seen.means[held], problem.last_sample[held])
    if problem.goals is None:
        return float(np.count_nonzero(said.classes != problem.target[held]))
    off = (numbers(graph, said) - problem.goals[held]) / problem.goals.std(axis=0)
    return float(np.square(off).sum())


def _whole(problem: Problem, repeats: int, variance: float) -> float:
    """Return what an error is a share of: the items, or the variance of numbers."""
    return float(repeats * len(problem.target)) if problem.goals is None else variance


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


def lowered(problem: Problem, candidate: Streamed) -> Graph:
    """Return what runs for every sample in the integer model of `candidate`, without a head."""
    return candidate.body(ground_of(problem))


def final(problem: Problem, candidate: Candidate, ridge: float) -> Graph:
    """Return the whole integer model, trained on every training item."""
    if isinstance(candidate, Whole):
        from sarto.search.network_trial import final_whole

        return final_whole(problem, candidate)
    assert isinstance(candidate, Streamed)
    seen = see(problem, candidate)
    if candidate.forest is not None:
        return grown_forest(problem, candidate, seen, np.ones(len(problem.target), bool))[0]
    return readout(seen, RidgeStatistics.of(seen.pooled, seen.wanted), ridge, problem)


def readout(seen: _Seen, statistics: RidgeStatistics, ridge: float, problem: Problem) -> Graph:
    """Return the model with the readout that `statistics` give, quantised with regard to its inputs' second moments."""
    penalty = statistics.ridge_from_relative(ridge)
    solved = statistics.solve(penalty)
    moment = statistics.C_xx + penalty * np.eye(len(statistics.C_xx))
    small = quantise(solved.weights, READOUT_BITS, moment)
    intercept = statistics.mean_y - small.real @ statistics.mean_x
    answers = _answers(problem, small.scale, intercept)
    if seen.layer is None:
        return with_readout(seen.body, seen.exponent, small.values, answers)
    return with_random_features(seen.body, seen.exponent, seen.layer, small.values, answers)


def grown_forest(
    problem: Problem, candidate: Streamed, seen: _Seen, items: Bool[np.ndarray, " item"]
) -> tuple[Graph, Forest]:
    """Return the model with a forest grown on `items`, and the forest."""
    assert candidate.forest is not None
    grown = grow(
        seen.vector[items],
        seen.wanted[items],
        candidate.forest,
        seed=candidate.seed,
        classes=problem.goals is None,
    )
    answers = _answers(problem, grown.scale, np.zeros_like(grown.scale))
    return with_forest(seen.body, seen.exponent, grown.trees, answers), grown


def _answers(
    problem: Problem, scale: Float[np.ndarray, " output"], intercept: Float[np.ndarray, " output"]
) -> Answers:
    """Return how sums become classes, numbers or changes of what was last seen."""
    if problem.goals is None:
        return Answers(scale, intercept, problem.classes)
    mean, std = problem.level
    counts = problem.sensor.scale[list(problem.latest)] if problem.latest else np.zeros(len(problem.names))
    whole = (problem.goals.mean(axis=0).tolist(), problem.goals.std(axis=0).tolist(), counts.tolist())
    latest = Latest(problem.latest, counts) if problem.latest else None
    quanta = tuple(map(quantum, *whole))
    return Answers(scale * std, intercept * std + mean, problem.names, quanta, latest)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What heads are trained on: an integer body, what it makes of every training item, and the layer behind it."""

    body: Graph
    means: Int[np.ndarray, "item segment unit"]
    exponent: Integer[np.ndarray, " unit"]
    vector: Int[np.ndarray, "item feature"]
    layer: Layer | None
    wanted: Float[np.ndarray, "item output"]

    @cached_property
    def pooled(self) -> Float[np.ndarray, "item column"]:
        """What a linear readout sees: the features, or what the layer makes of them."""
        if self.layer is None:
            return self.vector.astype(np.float64)
        op, tables = self.layer
        consts = {t.name: t.data for t in tables if t.data is not None}
        return activations(self.vector, consts, dict(op.attributes)).astype(np.float64)


def see(problem: Problem, candidate: Streamed) -> _Seen:
    """Return what the heads of `candidate` are trained on."""
    body = lowered(problem, candidate)
    means = trace(body, problem.raw, problem.offsets)
    exponent = feature_exponents(means)
    vector = features(means, exponent).reshape(len(problem.target), -1)
    return _Seen(body, means, exponent, vector, candidate.layer(vector), problem.wanted)


def _parts(
    seen: _Seen, fold: Int[np.ndarray, " item"], gap: int
) -> list[tuple[Bool[np.ndarray, " item"], RidgeStatistics]]:
    """Return, per fold, who is held out and the statistics of all others but the `gap` on either side."""
    held = [fold == f for f in range(int(fold.max()) + 1)]
    parts = [RidgeStatistics.of(seen.pooled[h], seen.wanted[h]) for h in held]
    rests = [reduce(operator.add, parts[:f] + parts[f + 1 :]) for f in range(len(parts))]
    if gap:
        beside = [near(h, gap) & ~h for h in held]
        rests = [
            rest - RidgeStatistics.of(seen.pooled[b], seen.wanted[b])
            for rest, b in zip(rests, beside, strict=True)
        ]
    return list(zip(held, rests, strict=True))
