"""Whether noise keeps its promise: the strongest attack on it, run many times, and the epsilon that its success shows.

The attacker knows all rows but one, that one too, and asks whether it is in the sums y. Of Gaussian noise the
likelihood ratio depends on nothing but

    score = <y - y_without, u> / |u|,     u = y_with - y_without

and no test is better (Neyman and Pearson). For a set of answers with rates TPR among sums with the row and FPR among
those without, a promise (epsilon, delta) says TPR <= e^epsilon FPR + delta, so that

    epsilon >= ln((TPR - delta) / FPR)

is shown with TPR and FPR at the ends of their Clopper-Pearson intervals. The threshold is chosen on half of the draws
and judged on the other half. A promise that is kept shows less than its epsilon, by how much the draws are few.

Source: Jagielski, Ullman and Oprea, "Auditing differentially private machine learning", NeurIPS 2020, section 3; Neyman
and Pearson (1933).

>>> rng = np.random.default_rng(0)
>>> shown = shown_epsilon(rng.normal(size=20_000) + 2.68, rng.normal(size=20_000), 1e-5)
>>> 3 < shown < 7
True
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import betaincinv

from sarto.learn.gaussian_mechanism import Promise
from sarto.learn.perturbation import Perturbed

CONFIDENCE = 0.95


def scores(
    rows: Perturbed, row: Perturbed, promise: Promise, draws: int, random: np.random.Generator
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, " draw"]]:
    """Return the attacker's scores of sums with a row, and of sums without it.

    Args:
        rows: sums of the others, without noise.
        row: of the one that is asked for, without noise.
        promise: whose noise is put on the sums.
        draws: of each kind.
        random: draws the noise.
    """
    scale = _lengths(rows)
    base, direction = rows.vector * scale, row.vector * scale
    direction = direction / np.linalg.norm(direction)
    both = rows + row

    def score(sums: Perturbed) -> float:
        return float((sums.noised(promise, random).vector * scale - base) @ direction)

    return np.array([score(both) for _ in range(draws)]), np.array([score(rows) for _ in range(draws)])


def shown_epsilon(
    there: Float[np.ndarray, " draw"], absent: Float[np.ndarray, " draw"], delta: float
) -> float:
    """Return the epsilon that scores show with a confidence of 95 %: no promise with a smaller one was kept.

    Args:
        there: scores of sums with the row.
        absent: scores of sums without it.
        delta: of the promise.
    """
    (a, judged_a), (b, judged_b) = (np.array_split(values, 2) for values in (there, absent))
    thresholds = np.quantile(np.concatenate([a, b]), np.linspace(0.01, 0.99, 99))
    found = [_shown(a, b, t, delta) for t in thresholds]
    return max(_shown(judged_a, judged_b, float(thresholds[int(np.argmax(found))]), delta), 0.0)


def _shown(
    there: Float[np.ndarray, " draw"], absent: Float[np.ndarray, " draw"], threshold: float, delta: float
) -> float:
    """Return the epsilon that a threshold shows, from above and from below it, whichever is larger."""
    best = 0.0
    for more, less in ((there > threshold, absent > threshold), (absent <= threshold, there <= threshold)):
        least, most = _lower(int(more.sum()), len(more)), 1 - _lower(int((~less).sum()), len(less))
        if least > delta and most > 0:
            best = max(best, float(np.log((least - delta) / most)))
    return best


def _lower(count: int, of: int) -> float:
    """Return the lower end of the one-sided Clopper-Pearson interval; both sides together hold with `CONFIDENCE`."""
    lower: Any = betaincinv(count, of - count + 1, (1 - CONFIDENCE) / 2) if count else 0.0
    return float(lower)


def _lengths(sums: Perturbed) -> Float[np.ndarray, " value"]:
    """Return what makes the noise of every number of `vector` alike: the diagonal of A over sqrt 2."""
    d = len(sums.A)
    scale = replace(sums, A=np.ones((d, d)) - (1 - np.sqrt(0.5)) * np.eye(d), B=np.ones(sums.B.shape))
    return scale.vector
