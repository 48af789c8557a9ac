"""SliceLine's score of subgroups: how much larger the mean error is, less how small the subgroup is.

    score(S) = alpha (mean error in S / mean error - 1) - (1 - alpha) (n / |S| - 1),   0 < alpha <= 1.

The source prunes by bounds of the score while it enumerates; here all subgroups are there, and are scored.

Source: Sagadeeva and Boehm, "SliceLine: fast, linear-algebra-based slice finding for ML model debugging", SIGMOD 2021,
equation 1.

>>> from sarto.audit.subgroups import Attributes, Outcomes, mine
>>> found = mine(Attributes.from_columns({"g": [0, 0, 1, 1]}), Outcomes.from_booleans({"error": [0, 0, 0, 1]}))
>>> index, score = top_slices(found, "error", 1)
>>> [(found.label(i), s) for i, s in zip(index.tolist(), score.round(3).tolist())]
[({'g': '1'}, 0.9)]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int64

from sarto.audit.subgroups.cells import real_centres
from sarto.audit.subgroups.divergence import boolean_states, real_column
from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.audit.subgroups.lattice import Subgroups

ALPHA = 0.95
"""Weight of the error, as in the source's experiments."""


def slice_scores(found: Subgroups, metric: str, *, alpha: float = ALPHA) -> Float[np.ndarray, " subgroup"]:
    """Return the score of every subgroup by an error (boolean, or a real one of at least 0) of the original model.

    Raises:
        InputError: E139 (alpha is not in (0, 1]), E140 (no such metric), E137 (no error at all).
    """
    if not 0 < alpha <= 1:
        raise InputError("E139", f"alpha {alpha:g} is not in (0, 1]", hint="it is the weight of the error")
    if metric in found.outcomes.reals:
        at = real_column(found, metric)
        n, total = found.sums[:, at], found.sums[:, at + 1]
        n_all, total_all = found.total_sums[at : at + 2]
        centre = float(real_centres(found.outcomes.reals[metric])[0])
        total, total_all = total + n * centre, total_all + n_all * centre
    else:
        state = boolean_states(found, metric, "original")
        total, n = found.counts @ (state == 1), found.counts @ (state >= 0)
        total_all, n_all = found.total_counts @ (state == 1), found.total_counts @ (state >= 0)
    if not total_all > 0:
        raise InputError(
            "E137", f"{metric} is 0 in all rows", cause="no subgroup has more errors than another"
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        score = alpha * ((total / n) / (total_all / n_all) - 1) - (1 - alpha) * (n_all / n - 1)
    return np.where(n > 0, score, -np.inf)


def top_slices(
    found: Subgroups, metric: str, k: int, *, alpha: float = ALPHA
) -> tuple[Int64[np.ndarray, " slice"], Float[np.ndarray, " slice"]]:
    """Return the `k` subgroups of the highest scores above 0, with all that tie with the last; and their scores."""
    score = slice_scores(found, metric, alpha=alpha)
    chosen = np.flatnonzero(score > 0)
    if len(chosen) > k:
        least = np.partition(score[chosen], -k)[-k]
        chosen = chosen[score[chosen] >= least]
    order = np.lexsort((-found.support[chosen], -score[chosen]))
    return chosen[order], score[chosen][order]
