"""When an answer of a nested network is sure enough: the lead of one class at which no group more is run.

After k groups an item's lead is that of its highest score over the second; it stops at the first width at which

    lead_k = z_(1) - z_(2) >= t_k,        t_1 ... t_(G-1) chosen on validation items, and always at the full width.

`fit_cascade` takes the t that cost least work in the mean among those whose accuracy on these items is at least what is
asked for. It tries every combination of `levels` quantiles of each width's leads, and of never stopping there. Scores
are integers, as the generated C has them (`model_cascade`), and so are the t.

`stopped_at_random` is the control: the same share of items stops at every width, whichever they are.

Source: Park et al., "Big/little deep neural network for ultra low power inference", CODES+ISSS 2015
(the margin of two scores decides whether a larger network is run).

>>> scores = np.array([[[9, 0], [5, 4], [0, 8]], [[9, 0], [2, 7], [0, 9]]])
>>> found = fit_cascade(scores, np.array([0, 1, 1]), np.array([1.0, 2.0]), accuracy=1.0)
>>> found.least.tolist(), found.widths(scores).tolist(), found.classes(scores).tolist()
([8], [1, 2, 1], [0, 1, 1])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from sarto.core.graph.operations import INT32_MAX
from sarto.core.graph.reject import margins
from sarto.models.input_error import InputError

MOST_TRIED = 20_000
"""Combinations that are tried."""
MOST_LEVELS = 32


@dataclass(frozen=True, eq=False)
class Cascade:
    """The lead at which each width but the full one is enough.

    Attributes:
        least: t_k, in counts of the scores; that of a width that no item stops at is beyond all leads.
    """

    least: Int[np.ndarray, " exit"]

    def widths(self, scores: Integer[np.ndarray, "width item output"]) -> Int[np.ndarray, " item"]:
        """Return the width, from 1, at which each item stops."""
        enough = margins(scores[:-1]) >= self.least[:, None]
        return np.where(enough.any(axis=0), enough.argmax(axis=0), len(self.least)) + 1

    def classes(self, scores: Integer[np.ndarray, "width item output"]) -> Int[np.ndarray, " item"]:
        """Return the class of each item at the width at which it stops."""
        return scores.argmax(axis=2)[self.widths(scores) - 1, np.arange(scores.shape[1])]


def fit_cascade(
    scores: Integer[np.ndarray, "width item output"],
    y: Int[np.ndarray, " item"],
    work: Float[np.ndarray, " width"],
    accuracy: float,
) -> Cascade:
    """Return the cascade of least mean work that is right often enough on some items.

    Args:
        scores: of these items at every width.
        y: their classes.
        work: of an item that stops at each width, all groups before included; it grows with the width.
        accuracy: asked for, as a share; where no cascade has it, every item runs at full width.

    Raises:
        InputError: E116, when there are no items, not two widths and two outputs, or the work does not grow.
    """
    widths, items, outputs = scores.shape
    if (
        widths < 2
        or outputs < 2
        or not items
        or len(y) != items
        or (np.diff(work) <= 0).any()
        or len(work) != widths
    ):
        raise InputError(
            "E116",
            f"a cascade of {widths} widths on {items} items with {outputs} outputs",
            cause="it takes two widths and two outputs at least, items, and work that grows with the width",
        )
    levels = min(MOST_LEVELS, max(2, int(MOST_TRIED ** (1 / (widths - 1)))))
    lead = margins(scores)
    right = scores.argmax(axis=2) == y
    wanted = accuracy * items - 1e-9
    never = np.full(widths - 1, INT32_MAX, np.int64)
    best = (float(work[-1]) * items, -int(right[-1].sum()), never)

    def tried(exit: int, left: Bool[np.ndarray, " item"], least: list[int], spent: float, hits: int) -> None:
        """Try every level of an exit, and of those behind it, for the items that are left."""
        nonlocal best
        if exit == widths - 1:
            spent, hits = spent + float(work[-1]) * int(left.sum()), hits + int((right[-1] & left).sum())
            if hits >= wanted and (spent, -hits) < best[:2]:
                best = spent, -hits, np.array(least, np.int64)
            return
        for level in candidates[exit]:
            stops = left & (lead[exit] >= level)
            now = spent + float(work[exit]) * int(stops.sum())
            tried(exit + 1, left & ~stops, [*least, level], now, hits + int((right[exit] & stops).sum()))

    candidates = [_levels(lead[exit], levels) for exit in range(widths - 1)]
    tried(0, np.ones(len(y), np.bool_), [], 0.0, 0)
    return Cascade(best[2])


def stopped_at_random(
    scores: Integer[np.ndarray, "width item output"],
    y: Int[np.ndarray, " item"],
    widths: Int[np.ndarray, " item"],
) -> float:
    """Return the accuracy to expect where as many items stop at each width as in `widths`, drawn at random.

    >>> scores = np.array([[[1, 0], [1, 0]], [[1, 0], [0, 1]]])
    >>> stopped_at_random(scores, np.array([0, 1]), np.array([1, 2]))
    0.75
    """
    at = (scores.argmax(axis=2) == y).mean(axis=1)
    share = np.bincount(widths - 1, minlength=len(scores)) / len(widths)
    return float(at @ share)


def _levels(lead: Int[np.ndarray, " item"], most: int) -> list[int]:
    """Return leads to stop at, the highest first: never, and quantiles down to the least, which stops all."""
    at = np.quantile(lead, np.linspace(0, 1, most - 1), method="nearest").astype(np.int64)
    return [INT32_MAX, *np.unique(at)[::-1].tolist()]
