"""Calibrates the reject option of a fit: the margin by which a class has to win, and a box of scores that are known.

Returns a `Rule`, from what the folds of the search say of training items that their heads did not see
(`sarto.search.held_out`). Half of the people, or of the items where nobody says whose they are, shape the box, the
others the margin, so that what is promised of the margin holds for what lies within the box. Rows of one person are no
independent items: the promise is of new items of such people, and of new people as far as these are like them.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int, Shaped

from sarto.audit.reject import by_group, evidence, findings, rejection, risk_coverage
from sarto.core.dataset import Dataset
from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.graph.reject import Rule, margins
from sarto.core.seed import generator
from sarto.core.table import Table
from sarto.learn.reject import box, for_items
from sarto.models.input_error import InputError
from sarto.search.held_out import held_out_scores
from sarto.search.loop import Trial
from sarto.search.problem import Problem

CONFIDENCE = 0.9
"""That the share of wrong answers is kept, as `sarto.learn.reject.for_items` has it."""
STRANGE = 0.05
"""Share of known items that may lie outside of the box."""


def rule_of(problem: Problem, trial: Trial, groups: Shaped[np.ndarray, " item"] | None, risk: float) -> Rule:
    """Return the rule that keeps the share of wrong answers at `risk`.

    Where there are too few items of any class for a box, every item calibrates the margin, and there is none.

    Args:
        problem: of classes.
        trial: whose model is given the option.
        groups: whose each training item is, or None.
        risk: most of the answers that may be wrong.

    Raises:
        InputError: E157, where there are too few items, or too many of them are wrong.
    """
    scores = held_out_scores(problem, trial.candidate, trial.score.ridge)
    half = _half(problem.target, groups)
    try:
        known = box(scores[half], STRANGE, None if groups is None else groups[half])
    except InputError as refused:
        if refused.code != "E157":
            raise
        return for_items(scores, problem.target, risk, CONFIDENCE)
    return for_items(scores[~half], problem.target[~half], risk, CONFIDENCE, known=known)


def told(
    answers: Int[np.ndarray, " item"],
    scores: Int[np.ndarray, "item class"],
    test: Dataset,
    risk: float,
    command: str,
) -> tuple[list[Evidence], Table, list[Finding]]:
    """Return how often the model answers on the test items, and how often it is then wrong; by group too.

    Args:
        answers: class of each item, or the number of classes for none.
        scores: of each item.
        test: the items.
        risk: that was asked for.
        command: that shows the evidence again.
    """
    found = rejection(answers, test.target, len(test.classes))
    curve = risk_coverage(margins(scores), scores.argmax(axis=1) != test.target)
    whose = np.zeros(len(test), np.int64) if test.groups is None else test.groups
    groups = by_group(answers, test.target, len(test.classes), whose)
    tool = f"reject option for a risk of {100 * risk:g} %, calibrated on held-out items at {100 * CONFIDENCE:g} %"
    return evidence(found, curve, tool, command=command), groups, findings(found, groups, risk)


def _half(
    target: Int[np.ndarray, " item"], groups: Shaped[np.ndarray, " item"] | None
) -> Bool[np.ndarray, " item"]:
    """Return a random half of the groups, or of the items of each class."""
    if groups is not None:
        names, of_item = np.unique(groups, return_inverse=True)
        return (generator(0, "reject", "box").permutation(len(names)) % 2 == 0)[of_item]
    half = np.zeros(len(target), bool)
    for c in np.unique(target):
        items = np.flatnonzero(target == c)
        half[generator(0, "reject", "box", int(c)).permutation(items)[::2]] = True
    return half
