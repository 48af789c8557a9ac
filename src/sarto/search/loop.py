"""The search: batches of candidates asked for, scored by an executor, and told back in the order of their numbers.

The batch size is fixed, so any number of workers gives the same trials; every score is kept in a store, so a search
that was stopped replays what it had and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sarto.core.budget import Budget
from sarto.core.progress import Talk
from sarto.core.store import Store, content_hash
from sarto.search.candidates import Candidate, Overheads, Shape, cost, largest, trials_each
from sarto.search.problem import REPEATS
from sarto.search.propose import Proposer
from sarto.search.trial import Score, run_saved

BATCH = 8
"""Trials that are asked for before any of them is told."""
FINALISTS = 6
"""Trials that are scored again on more partitions, since the best of many noisy scores flatters itself."""


@dataclass(frozen=True)
class Trial:
    """A scored candidate with its flash and RAM in bytes, estimated before training."""

    number: int
    candidate: Candidate
    score: Score
    flash_b: int
    ram_b: int

    @property
    def name(self) -> str:
        """How the trial is called in fronts and reports."""
        return f"trial {self.number}"


@dataclass(frozen=True)
class SearchResult:
    """Trials in order, how many were dropped because nothing of their kind fits, batches run, and the chosen trials.

    `finalists` are the best trials scored on more partitions, best first.
    """

    trials: tuple[Trial, ...]
    dropped: int
    batches: int
    finalists: tuple[Trial, ...]


@dataclass(frozen=True)
class Scorer:
    """Scores candidates on the problem saved at `path`, by `executor`, each one once."""

    path: Path
    problem_sha256: str
    code_sha256: str
    store: Store
    executor: Executor

    def __call__(self, candidates: Sequence[Candidate], repeats: int = 1) -> list[Score]:
        """Return the scores of `candidates`, in their order."""
        keys = [content_hash(self.problem_sha256, self.code_sha256, c.to_json(), repeats) for c in candidates]
        known: dict[str, Any] = {key: kept for key in keys if (kept := self.store.get(key)) is not None}
        running = {
            key: self.executor.submit(run_saved, str(self.path), candidate.to_json(), repeats)
            for key, candidate in zip(keys, candidates, strict=True)
            if key not in known
        }
        for key, future in running.items():
            known[key] = future.result()
            self.store.put(key, known[key])
        return [Score(**known[key]) for key in keys]


def search(
    shape: Shape,
    overheads: Overheads,
    budget: Budget,
    score: Scorer,
    *,
    families: list[str],
    cells: Sequence[str],
    trials: int,
    seed: int,
    talk: Talk,
    time_s: float | None = None,
    sampler: Literal["search", "random"] = "search",
    prepare: Callable[[list[Candidate]], object] = list,
) -> SearchResult:
    """Return scored candidates and the finalists among those that fit.

    Families whose trials take long are searched on their own, after the others, with so many trials less, and each
    group of families has its share of the time.

    Args:
        shape: what costs depend on.
        overheads: of the images of every structure.
        budget: flash and RAM that a candidate must fit; other limits are judged later.
        score: scores candidates.
        families: to search.
        cells: of reservoirs to search; all when empty.
        trials: how many candidates to ask for, of families that are searched together.
        seed: of the proposals and of the reservoirs.
        talk: hears one step per trial.
        time_s: no batch starts after so many seconds.
        sampler: see `Proposer`.
        prepare: is told of each batch before its sizes are chosen, so that what `overheads` needs is made side by side.
    """
    fitting = partial(largest, shape=shape, overheads=overheads, budget=budget)
    done: list[Trial] = []
    asked_for = dropped = batches = 0
    start = time.monotonic()
    groups = shares(families, trials)
    work = np.cumsum([most * trials_each(names[0]) for names, most in groups])
    for (names, most), share in zip(groups, (work / work[-1]).tolist(), strict=True):
        proposer = Proposer(names, cells, seed, shape, fitting, sampler)
        what = "search" if not asked_for else f"search of {', '.join(names)}"
        with talk.stage(what, most) as stage:
            for first in range(0, most, BATCH):
                if batches and time_s is not None and time.monotonic() - start >= time_s * share:
                    break
                drawn = [proposer.draw() for _ in range(min(BATCH, most - first))]
                prepare([loose for _, loose, _ in drawn])
                asked = [(number, proposer.fitted(loose, size)) for number, loose, size in drawn]
                scores = iter(score([c for _, c in asked if c is not None]))
                for number, candidate in asked:
                    if candidate is None:
                        proposer.tell(number, None)
                        dropped += 1
                        continue
                    costs = cost(candidate, shape, overheads)
                    trial = Trial(asked_for + number, candidate, next(scores), *costs)
                    proposer.tell(number, (trial.score.loss, trial.flash_b, trial.ram_b))
                    done.append(trial)
                batches += 1
                best = (
                    f"best validation error {min(t.score.error for t in done):.3f}"
                    if done
                    else "nothing fits yet"
                )
                stage.advance(len(asked), best)
        asked_for += most
    return SearchResult(tuple(done), dropped, batches, finalists(done, score, talk))


def shares(families: Sequence[str], trials: int) -> list[tuple[list[str], int]]:
    """Return which families are searched together, and with how many trials; all, where all trials take as long.

    >>> shares(["forest", "network", "statistics"], 96), shares(["network"], 10), shares(["forest", "network"], 8)
    ([(['forest', 'statistics'], 96), (['network'], 8)], [(['network'], 10)], [(['forest'], 8)])
    """
    each = {name: trials_each(name) for name in families}
    least = min(each.values())
    groups = {n: [name for name in families if each[name] == n] for n in sorted(set(each.values()))}
    return [(names, trials * least // n) for n, names in groups.items() if trials * least // n]


def best_of_families(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trial of least loss of every family, in order of their loss; ties go to the smaller image."""
    ranked = sorted(trials, key=lambda t: (t.score.loss, t.flash_b, t.number))
    best: dict[str, Trial] = {}
    for trial in ranked:
        best.setdefault(trial.candidate.family, trial)
    return list(best.values())


def finalists(trials: list[Trial], score: Scorer, talk: Talk) -> tuple[Trial, ...]:
    """Return the trials of least loss, and the best of every family, scored again on all partitions, best first.

    Ties go to the smaller image.
    """
    best = sorted(trials, key=lambda t: (t.score.loss, t.flash_b, t.number))[:FINALISTS]
    best += [t for t in best_of_families(trials) if t not in best]
    with talk.stage("finalists", len(best)) as stage:
        again = score([t.candidate for t in best], repeats=REPEATS)
        stage.advance(len(best))
    rescored = [Trial(t.number, t.candidate, s, t.flash_b, t.ram_b) for t, s in zip(best, again, strict=True)]
    return tuple(sorted(rescored, key=lambda t: (t.score.loss, t.flash_b, t.number)))
