"""One trial: its score is cross-validated, deterministic, and of the integer model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import decide, features, trace
from sarto.core.graph.heads import forest
from sarto.deploy.lower import Answers, feature_exponents
from sarto.deploy.lower.forest import with_forest
from sarto.learn.forest import grow
from sarto.learn.statistics import RidgeStatistics
from sarto.search.families._candidate import Streamed
from sarto.search.trial import RIDGES, Score, evaluate, final, lowered, readout, run_saved, see
from tests.search.planted import EVERY, FOREST, RING, problem

SOLVE: Callable[[Any, Any], Any] = np.linalg.solve


def without_time(score: Score) -> Score:
    return replace(score, cpu_s=0.0)


def test_a_planted_answer_is_found_and_chance_stays_chance() -> None:
    found = evaluate(problem(), RING, 3)
    assert found.error <= 0.05
    assert found.squared < 0.5
    nothing = evaluate(problem(80, shuffled=True), RING, 3)
    assert 0.35 < nothing.error < 0.65
    assert nothing.squared > 0.9


@pytest.mark.parametrize("candidate", EVERY, ids=lambda c: c.family)
def test_every_family_finds_a_planted_answer_and_chance_stays_chance(candidate: Streamed) -> None:
    found = evaluate(problem(), candidate, 3)
    assert found.error <= 0.15
    assert found.squared < 0.8
    assert 0.3 < evaluate(problem(80, shuffled=True), candidate, 3).error < 0.7


@pytest.mark.parametrize("candidate", EVERY, ids=lambda c: c.family)
def test_is_deterministic_and_counts_its_decisions(candidate: Streamed) -> None:
    first, again = evaluate(problem(), candidate), evaluate(problem(), candidate)
    assert without_time(first) == without_time(again)
    assert (first.items, evaluate(problem(), candidate, 3).items) == (40, 120)
    assert first.loss == first.error + first.squared
    assert first.ridge in RIDGES if candidate.forest is None else first.ridge == 0


@pytest.mark.parametrize("gap", [0, 2])
def test_a_forest_equals_a_slow_cross_validation_of_whole_models(gap: int) -> None:
    """For each fold: a forest on the others but those beside it, whole graph, classes and shares of the fold."""
    planted = replace(problem(30), gap=gap)
    assert FOREST.forest is not None
    score = evaluate(planted, FOREST, 2)
    seen = see(planted, FOREST)
    onehot = np.eye(2)[planted.target]
    wrong = squares = 0.0
    for fold in planted.fold[:2]:
        for f in range(fold.max() + 1):
            held = [i for i in range(30) if fold[i] == f]
            rest = [i for i in range(30) if all(abs(i - j) > gap for j in held)]
            grown = grow(seen.vector[rest], onehot[rest], FOREST.forest, seed=FOREST.seed, classes=True)
            names = ("slow", "fast")
            graph = with_forest(
                seen.body, seen.exponent, grown.trees, Answers(grown.scale, np.zeros(2), names)
            )
            wrong += (decide(graph, seen.means[held]).classes != planted.target[held]).sum()
            squares += np.square(forest(seen.vector[held], grown.trees) * grown.scale - onehot[held]).sum()
    assert score.error == wrong / 60
    assert score.squared == pytest.approx(squares / (2 * np.square(onehot - onehot.mean(axis=0)).sum()))


def test_equals_a_slow_cross_validation_of_whole_models() -> None:
    """For each fold: statistics of the others, readout, whole graph, classes of the fold."""
    planted = problem(24)
    score = evaluate(planted, RING, 2)
    body = lowered(planted, RING)
    means = trace(body, planted.raw, planted.offsets)
    exponent = feature_exponents(means)
    pooled = features(means, exponent).reshape(24, -1).astype(float)
    onehot = np.eye(2)[planted.target]
    losses: list[float] = []
    for ridge in RIDGES:
        wrong = squares = 0.0
        for fold in planted.fold[:2]:
            for held in (fold == f for f in range(fold.max() + 1)):
                centre, share = pooled[~held].mean(axis=0), onehot[~held].mean(axis=0)
                x = np.asarray(pooled[~held] - centre, np.float64)
                right = x.T @ (onehot[~held] - share)
                penalty = ridge * float(np.trace(x.T @ x)) / x.shape[1]
                w = SOLVE(x.T @ x + penalty * np.identity(len(x.T)), right)
                guess = np.asarray((pooled[held] - centre) @ w + share, np.float64)
                wrong += float(np.count_nonzero(guess.argmax(axis=1) != planted.target[held]))
                squares += float(np.square(guess - onehot[held]).sum())
        losses.append(wrong / 48 + squares / (2 * ((onehot - onehot.mean(axis=0)) ** 2).sum()))
        if ridge == score.ridge:
            assert score.squared == pytest.approx(losses[-1] - wrong / 48, rel=1e-6)
    assert score.ridge == RIDGES[int(np.argmin(losses))]
    wrong = 0
    for fold in planted.fold[:2]:
        for held in (fold == f for f in range(fold.max() + 1)):
            rest = RidgeStatistics.of(pooled[~held], onehot[~held])
            graph = readout(see(planted, RING), rest, score.ridge, planted)
            wrong += int((decide(graph, means[held]).classes != planted.target[held]).sum())
    assert score.error == wrong / 48


def test_an_items_own_label_does_not_move_its_score() -> None:
    """Held-out decisions are made without the item: flipping one label changes only what that item counts."""
    planted = problem()
    flipped = planted.target.copy()
    flipped[7] = 1 - flipped[7]
    body = lowered(planted, RING)
    means = trace(body, planted.raw, planted.offsets)
    exponent = feature_exponents(means)
    pooled = features(means, exponent).reshape(40, -1).astype(float)

    def decision(target: Any) -> Any:
        rest = planted.fold[0] != planted.fold[0][7]
        statistics = RidgeStatistics.of(pooled[rest], np.eye(2)[target[rest]])
        return decide(readout(see(planted, RING), statistics, 1e-3, planted), means[7:8]).scores.tolist()

    assert decision(planted.target) == decision(flipped)
    before, after = evaluate(planted, RING), evaluate(replace(planted, target=flipped), RING)
    assert after.error >= before.error + 1 / 40, "the planted item now counts as wrong"


@pytest.mark.parametrize("candidate", EVERY, ids=lambda c: c.family)
def test_the_final_model_knows_its_training_items(candidate: Streamed) -> None:
    planted = problem()
    graph = final(planted, candidate, 1e-3)
    got = decide(graph, trace(graph, planted.raw, planted.offsets))
    assert (got.classes == planted.target).mean() > 0.95
    # Scores are the one-hot answer in counts of 2^-14.
    assert np.abs(got.scores.sum(axis=1) / 2**14 - 1).max() < 0.1
    assert graph.sha256 == final(planted, candidate, 1e-3).sha256
    assert graph.outputs == ("slow", "fast")


@pytest.mark.parametrize("kind", ["last", "mean", "mean_square"])
@pytest.mark.parametrize("cell", ["esn", "ring", "seeded"])
def test_a_reservoir_too_quiet_to_move_is_scored_at_chance(cell: str, kind: Any) -> None:
    """In 8 bits a small input through a small leak rounds to nothing; such a trial must not end the search."""
    quiet = replace(
        RING, cell=cell, pooling=kind, state_bits=8, leak=0.03, input_scaling=0.005, bias_scaling=0.005
    )
    planted = problem()
    assert not trace(lowered(planted, quiet), planted.raw, planted.offsets).any()
    score = evaluate(planted, quiet)
    assert score.error == pytest.approx(0.5)
    assert score.squared >= 1
    final(planted, quiet, score.ridge)


def test_a_candidate_that_cannot_be_lowered_is_wrong_about_everything() -> None:
    planted = problem()
    spiky = replace(planted, inputs=replace(planted.inputs, peak=1e7))
    loud = replace(RING, cell="esn", radius=0.1, input_scaling=2.0, units=100)
    with pytest.raises(SartoError, match="leave 32 bits"):
        lowered(spiky, loud)
    score = evaluate(spiky, loud, 2)
    assert (score.error, score.squared, score.items) == (1, 1, 80)


def test_a_saved_problem_gives_the_same_score_in_another_call(tmp_path: Path) -> None:
    planted = problem()
    planted.save(tmp_path / "problem.npz")
    for candidate in EVERY:
        kept = run_saved(str(tmp_path / "problem.npz"), candidate.to_json(), 2)
        assert without_time(Score(**kept)) == without_time(evaluate(planted, candidate, 2))
