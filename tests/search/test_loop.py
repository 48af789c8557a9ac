"""The loop: fixed batches, a store, any number of workers, and finalists."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sarto.core.budget import Budget
from sarto.core.executors import SerialExecutor, open_executor
from sarto.core.progress import Silent
from sarto.core.store import Store
from sarto.search.candidates import Candidate, Overhead
from sarto.search.loop import (
    BATCH,
    FINALISTS,
    Scorer,
    SearchResult,
    Trial,
    best_of_families,
    finalists,
    search,
)
from sarto.search.trial import Score
from tests.search.planted import RING, TOGETHER, made_up_overhead, problem, shape


@dataclass
class Counting(SerialExecutor):
    """Counts what it runs, and stops after `most`."""

    most: int = 10**6
    ran: list[Any] = field(default_factory=list[Any])

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if len(self.ran) >= self.most:
            raise KeyboardInterrupt
        self.ran.append(args[1:])
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    problem().save(tmp_path / "problem.npz")
    return tmp_path


def scorer(folder: Path, executor: Executor, code: str = "code", store: str = "store") -> Scorer:
    return Scorer(folder / "problem.npz", problem().sha256, code, Store(folder / store), executor)


def found(score: Scorer, trials: int = 20, **options: Any) -> SearchResult:
    budget = Budget(flash_b=2300, ram_b=500)
    usual: dict[str, Any] = dict(families=TOGETHER, cells=(), trials=trials, seed=0, talk=Silent())
    return search(shape(problem()), made_up_overhead, budget, score, **(usual | options))


def told(result: SearchResult) -> list[Any]:
    """All but the times."""
    return [
        (t.number, t.candidate, replace(t.score, cpu_s=0.0), t.flash_b, t.ram_b)
        for t in (*result.trials, *result.finalists)
    ]


def test_scores_are_kept_by_problem_code_candidate_and_repeats(saved: Path) -> None:
    first = Counting()
    candidates = [RING, replace(RING, seed=4)]
    scores = scorer(saved, first)(candidates)
    assert len(first.ran) == 2
    again = Counting()
    assert scorer(saved, again)(candidates[::-1]) == scores[::-1]
    assert again.ran == []
    scorer(saved, again)(candidates, 2)
    scorer(saved, again, code="other")([RING])
    replace(scorer(saved, again), problem_sha256="other")([RING])
    assert [a[1] for a in again.ran] == [2, 2, 1, 1]


def test_the_same_candidate_twice_runs_once(saved: Path) -> None:
    counting = Counting()
    one, two = scorer(saved, counting)([RING, RING])
    assert one == two


def test_any_number_of_workers_finds_the_same(saved: Path) -> None:
    serial = found(scorer(saved, Counting()), 16)
    with open_executor(2) as executor:
        parallel = found(scorer(saved, executor, store="parallel"), 16)
    assert told(parallel) == told(serial)


def test_an_interrupted_search_replays_and_goes_on(saved: Path) -> None:
    whole = Counting()
    wanted = found(scorer(saved, whole, store="whole"))
    for most in (0, 3, 11):
        with pytest.raises(KeyboardInterrupt):
            found(scorer(saved, Counting(most=most)))
    rest = Counting()
    assert told(found(scorer(saved, rest))) == told(wanted)
    assert len(rest.ran) < len(whole.ran)


def test_trials_are_as_many_as_asked_within_the_budget_and_dropped_ones_count(saved: Path) -> None:
    result = found(scorer(saved, Counting()), 17)
    assert result.batches == 3
    assert len(result.trials) + result.dropped == 17
    assert [t.number for t in result.trials] == sorted(t.number for t in result.trials)
    assert all(t.flash_b <= 2300 and t.ram_b <= 500 for t in result.trials)
    assert result.trials[0].name == "trial 0"


def test_kinds_of_which_nothing_fits_are_dropped(saved: Path) -> None:
    """With so little RAM an 8-bit ring fits and a 16-bit one with two sums does not."""

    def narrow(candidate: Candidate) -> Overhead:
        return Overhead(1600, 150 if candidate.structure.endswith("-8") else 5000)

    budget = Budget(flash_b=2300, ram_b=500)
    result = search(
        shape(problem()),
        narrow,
        budget,
        scorer(saved, Counting()),
        families=["reservoir"],
        cells=("ring",),
        trials=8,
        seed=0,
        talk=Silent(),
    )
    assert result.dropped > 0
    assert all(t.candidate.structure.endswith("-8") for t in result.trials)
    assert len(result.trials) + result.dropped == BATCH


def test_no_batch_starts_after_the_time_but_the_first(saved: Path) -> None:
    assert found(scorer(saved, Counting()), 40, time_s=0.0).batches == 1


def test_finalists_are_the_best_scored_again_on_all_partitions(saved: Path) -> None:
    result = found(scorer(saved, Counting()))
    order = sorted(result.trials, key=lambda t: (t.score.loss, t.flash_b, t.number))
    best = {t.number for t in order[:FINALISTS]} | {t.number for t in best_of_families(result.trials)}
    assert {t.number for t in result.finalists} == best
    assert {t.candidate.family for t in result.finalists} == {t.candidate.family for t in result.trials}
    assert {t.score.items for t in result.finalists} == {120}
    assert {t.score.items for t in result.trials} == {40}
    losses = [(t.score.loss, t.flash_b, t.number) for t in result.finalists]
    assert losses == sorted(losses)
    assert result.finalists[0].score.error <= 0.1


def test_the_best_of_each_family_are_in_order_of_their_loss(saved: Path) -> None:
    trials = found(scorer(saved, Counting()), 32).trials
    best = best_of_families(trials)
    assert [t.candidate.family for t in best] == list(dict.fromkeys(t.candidate.family for t in best))
    assert len(best) == len({t.candidate.family for t in trials}) >= 4
    assert [t.score.loss for t in best] == sorted(t.score.loss for t in best)
    for trial in best:
        family = [t.score.loss for t in trials if t.candidate.family == trial.candidate.family]
        assert trial.score.loss == min(family)


def test_ties_go_to_the_smaller_image() -> None:
    score = Score(0.1, 0.2, 1.0, 10, 0.0)

    class Same(Scorer):
        def __call__(self, candidates: Sequence[Candidate], repeats: int = 1) -> list[Score]:
            return [score] * len(candidates)

    same = Same(Path(), "", "", Store(Path()), SerialExecutor())
    trials = [Trial(n, RING, score, flash, 1) for n, flash in enumerate((30, 10, 20, 10))]
    chosen = finalists(trials, same, Silent())
    assert [t.number for t in chosen] == [1, 3, 2, 0]
