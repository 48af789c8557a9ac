"""Calibrates the reject option: how much a class must win by to be said.

Returns a `Rule` of whole numbers on integer scores. Which of the calibrations to take depends on what is asked for, and
on what a new item is like; none of the items may have been learned from.

`for_items(scores, target, risk, confidence)`: with probability `confidence` over the items of calibration, of the
answers given no more than `risk` are wrong, for new items drawn as those were (exchangeable: the same people, other
moments). Candidates are the margins at `STEPS` shares of the items, from few answers to many, an order that is set
beforehand. With n answers of which k are wrong, the risk of a candidate is above `risk` with

    p = P(Binomial(n, risk) <= k)

and candidates are taken as long as p <= (1 - confidence) / 3: fixed-sequence testing, which needs no correction for
their number. It begins three times (at few answers, at a quarter of the items and at half of them), so that a few
mistakes with large margins do not end it; hence the 3. What lies above the j-th largest margin is drawn independently
given that margin, so p is exact. By class, each class that is said has a margin of its own, at
1 - (1 - confidence) / classes: then the risk holds for every answer.

`for_groups(scores, target, groups, risk)`: the mean, over new groups drawn as those were (other people), of the share
of a group's items that are answered wrongly is at most `risk`. L_g(m) is that share in group g with margin m, which
falls as m rises; of G groups,

    m = the least margin with (sum_g L_g(m) + 1) / (G + 1) <= risk

The 1 is for the group that is yet to come, whatever it does: at 5 % it takes 19 groups or more. Nothing less would
do without assuming something of the people.

A box (`sarto.learn.known`), calibrated on the same items, keeps both exact: what lies strictly within its radius is
drawn independently given that radius, as what lies above a margin is.

Source: Angelopoulos, Bates, Candes, Jordan and Lei, "Learn then test", Ann. Appl. Stat. 19 (2025), sections 2.2 and 3
(fixed sequence, binomial p-value); Geifman and El-Yaniv, "Selective classification for deep neural networks", NeurIPS
2017 (the risk of the answers given); Angelopoulos, Bates, Fisch, Lei and Schuster, "Conformal risk control", ICLR 2024,
theorem 1 (for groups); Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005, 4.5 (by class).

>>> rng = np.random.default_rng(0)
>>> target = rng.integers(0, 2, 4000)
>>> scores = np.rint(1000 * (np.eye(2)[target] + 0.5 * rng.normal(size=(4000, 2)))).astype(np.int64)
>>> rule = for_items(scores[:2000], target[:2000], risk=0.05)
>>> answered = said(scores[2000:], rule)
>>> round(float((answered < 2).mean()), 2), round(float((answered != target[2000:])[answered < 2].mean()), 3)
(0.89, 0.042)
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int, Integer, Shaped
from scipy.special import bdtr

from sarto.core.graph.reject import NEVER, Rule, margins, said
from sarto.models.input_error import InputError

STEPS = 100
"""Candidates of a margin. More of them give finer steps of coverage and cost nothing in confidence."""
STARTS = (0.0, 0.25, 0.5)
"""Shares of the items at which a sequence begins, none of them with fewer answers than can show anything."""
__all__ = ["for_groups", "for_items", "said"]


def for_items(
    scores: Integer[np.ndarray, "item output"],
    target: Int[np.ndarray, " item"],
    risk: float,
    confidence: float = 0.9,
    *,
    by_class: bool = False,
    known: Rule | None = None,
) -> Rule:
    """Return the rule that keeps the share of wrong answers, see the module.

    Args:
        scores: of items that nothing was learned from, as the graph gives them.
        target: their classes.
        risk: most of the answers that may be wrong.
        confidence: that it holds.
        by_class: whether it is to hold for the answers of each class.
        known: a box; what lies outside is rejected whatever it wins by. With outputs beside the scores these are given,
            too, in the columns behind them.

    Raises:
        InputError: E157, when there are too few items, or too many of them are wrong, for any class to be said.
    """
    _check(risk, confidence)
    within = ~_outside(scores, known)
    scores, target = _of_classes(scores, known)[within], target[within]
    best, margin, classes = scores.argmax(axis=1), margins(scores), scores.shape[1]
    wrong = best != target
    if by_class:
        error = (1 - confidence) / classes
        least = [_least(margin[best == c], wrong[best == c], risk, error) for c in range(classes)]
    else:
        least = [_least(margin, wrong, risk, 1 - confidence)] * classes
    if min(least) == NEVER:
        need = _fewest(risk, (1 - confidence) / len(STARTS) / (classes if by_class else 1))
        cause = f"{len(target)} items, {int(wrong.sum())} of them wrong; without one wrong it takes {need} answers"
        hint = "calibrate on more items, or ask for a larger risk or less confidence"
        raise InputError("E157", f"a risk of {risk:.3g} cannot be shown", cause=cause, hint=hint)
    return _ruled(np.array(least, np.int64), known)


def for_groups(
    scores: Integer[np.ndarray, "item output"],
    target: Int[np.ndarray, " item"],
    groups: Shaped[np.ndarray, " item"],
    risk: float,
    *,
    known: Rule | None = None,
) -> Rule:
    """Return the rule that keeps the share of wrong answers among all items of a new group, see the module.

    Args:
        scores: of items that nothing was learned from.
        target: their classes.
        groups: what each belongs to: people who are drawn as new ones will be.
        risk: largest mean share.
        known: a box, calibrated on other groups.

    Raises:
        InputError: E157, when there are too few groups.
    """
    _check(risk, 0.5)
    names, of_item = np.unique(groups, return_inverse=True)
    sizes = np.bincount(of_item)
    room = risk * (len(names) + 1) - 1
    if room < 0:
        cause = f"there are {len(names)}, and one that is yet to come may be wrong throughout"
        hint = f"calibrate on {math.ceil(1 / risk) - 1} groups or more, or ask for a larger risk"
        raise InputError("E157", f"too few groups for a risk of {risk:.3g}", cause=cause, hint=hint)
    within = ~_outside(scores, known)
    scores = _of_classes(scores, known)
    margin = margins(scores)
    wrong = (scores.argmax(axis=1) != target) & within
    order = np.argsort(-margin[wrong], kind="stable")
    falling = margin[wrong][order]
    losses = np.cumsum(1.0 / sizes[of_item[wrong][order]])
    over = np.flatnonzero(losses > room + 1e-12)
    least = int(falling[over[0]]) + 1 if len(over) else 0
    return _ruled(np.array([least] * scores.shape[1], np.int64), known)


def _least(
    margin: Int[np.ndarray, " item"], wrong: Bool[np.ndarray, " item"], risk: float, error: float
) -> int:
    """Return the least margin of those that may be taken, in the order that is set beforehand, or NEVER."""
    order = np.argsort(-margin, kind="stable")
    falling, mistakes = margin[order], np.cumsum(wrong[order])
    error /= len(STARTS)
    fewest = _fewest(risk, error)
    candidates: list[tuple[int, int]] = []
    for step in range(1, STEPS + 1):
        n, least = len(falling), 0
        if step < STEPS:  # what is above one of the margins
            least = int(falling[math.ceil(n * step / STEPS) - 1]) + 1
            n = int(np.searchsorted(-falling, -least, side="right"))
        candidates.append((n, least))
    taken = NEVER
    for start in STARTS:
        for n, least in candidates:
            if n < max(fewest, start * len(falling)):
                continue
            if bdtr(int(mistakes[n - 1]), n, risk) > error:
                break
            taken = min(taken, least)
    return taken


def fewest(risk: float, confidence: float = 0.9) -> int:
    """Return how many answers without a mistake it takes at least for `for_items` to show a risk.

    >>> fewest(0.05), fewest(0.1), fewest(0.01)
    (67, 33, 339)
    """
    return _fewest(risk, (1 - confidence) / len(STARTS))


def _fewest(risk: float, error: float) -> int:
    """Return how many answers show a risk if none of them is wrong: (1 - risk)^n <= error."""
    return math.ceil(math.log(error) / math.log(1 - risk))


def _ruled(least: Int[np.ndarray, " class"], known: Rule | None) -> Rule:
    return Rule(least) if known is None else replace(known, least=np.maximum(least, known.least))


def _of_classes(
    scores: Integer[np.ndarray, "item output"], known: Rule | None
) -> Integer[np.ndarray, "item class"]:
    return scores if known is None else scores[:, : len(known.least)]


def _outside(scores: Integer[np.ndarray, "item output"], known: Rule | None) -> Bool[np.ndarray, " item"]:
    return np.zeros(len(scores), bool) if known is None else said(scores, known) == len(known.least)


def _check(risk: float, confidence: float) -> None:
    if not (0 < risk < 1 and 0 < confidence < 1):
        message = f"a risk of {risk:g} with confidence {confidence:g}"
        raise InputError(
            "E157", message, cause="both are between 0 and 1", hint="as in risk=0.05, confidence=0.9"
        )
