"""What a candidate says of every training item that its head did not see: the folds of the search, once more.

Returns class indices. The folds are those of the first partition, by which candidates are chosen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from sarto.core.graph import decide
from sarto.core.threads import one_blas_thread
from sarto.learn.statistics import RidgeStatistics
from sarto.search.candidates import Candidate, candidate_of
from sarto.search.families._candidate import Streamed, Whole
from sarto.search.problem import Problem, load_problem, near
from sarto.search.trial import grown_forest, readout, see


def held_out(problem: Problem, candidate: Candidate, ridge: float) -> Int[np.ndarray, " item"]:
    """Return the class of each item by the integer model that was trained on the other folds.

    Args:
        problem: of classes.
        candidate: that was scored.
        ridge: its relative penalty, as the score tells it.
    """
    if isinstance(candidate, Whole):
        from sarto.search.network_trial import held_out_whole

        return held_out_whole(problem, candidate)
    assert isinstance(candidate, Streamed)
    fold = problem.fold[0]
    found = np.zeros(len(fold), np.int64)
    seen = see(problem, candidate)
    for f in range(int(fold.max()) + 1):
        held = fold == f
        rest = ~near(held, problem.gap)
        if candidate.forest is not None:
            graph = grown_forest(problem, candidate, seen, rest)[0]
        else:
            statistics = RidgeStatistics.of(seen.pooled[rest], seen.wanted[rest])
            graph = readout(seen, statistics, ridge, problem)
        found[held] = decide(graph, seen.means[held], problem.last_sample[held]).classes
    return found


def held_out_saved(path: str, settings: dict[str, Any], ridge: float) -> list[int]:
    """Return the classes by the candidate of `settings` on the problem saved at `path`: what an executor calls."""
    with one_blas_thread():
        return held_out(load_problem(Path(path)), candidate_of(settings), ridge).tolist()
