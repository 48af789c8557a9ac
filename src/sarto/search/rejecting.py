"""Calibrates the reject option of a fit: the margin by which a class has to win, and a box of outputs that are known.

Before anything is learned, a share of the training people is set aside (`set_aside`), or of the items of each class
where nobody says whose they are. The search, the folds and the model that is deployed see the others only, so what is
calibrated on the integers of that very model holds for it, whatever family it is of: scores need no common unit with
those of any other model. What it costs is told: fewer items to learn from, and a promise that is calibrated on fewer.

The box takes its shape from the items that were learned from and its size from those set aside; the margin is
calibrated on these again, on those inside, which is exact (`sarto.learn.reject`). Rows of one person are no independent
items: the promise is of new items of such people as were set aside, and of new people as far as these are like them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from sarto.audit.reject import by_group, evidence, findings, rejection, risk_coverage
from sarto.compress.rows import quantise
from sarto.core.budget import Budget
from sarto.core.dataset import Dataset
from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.graph import Graph
from sarto.core.graph.last_layer import columns_of, outputs_of
from sarto.core.graph.reject import Rule, margins
from sarto.core.table import Table
from sarto.data.splits import Split, split
from sarto.deploy.reject import with_beside
from sarto.deploy.sensor import SensorFormat
from sarto.learn.known import box, directions
from sarto.learn.reject import fewest, for_items
from sarto.measure.model import PINNED, RawSequences, interpreted
from sarto.models.input_error import InputError
from sarto.search.building import hard
from sarto.search.deployment import Deployment, Workshop

CONFIDENCE = 0.9
"""That the share of wrong answers is kept, as `sarto.learn.reject.for_items` has it."""
STRANGE = 0.05
"""Share of known items that may lie outside of the box."""
ASIDE = 1 / 3
"""Share of the training items that is set aside. On windows of a watch a quarter, a third and half of the people, drawn
at random, gave coverages of .43, .46 and .52 at a risk of 5 %, and .80, .81 and .83 at 10 %; with half, there is that
much less to learn from. Thirds in which every class has its share do better, see `python -m benchmarks reject`."""
BESIDE = (8, 4, 0)
"""Numbers of outputs beside the scores, of which the first is taken that the budget has room for: with 8 of them a
reservoir and two networks rejected .77, .79 and .99 of noise in the same windows, with 4 .71, .76 and .98, and with
none .43, .67 and .59 (all at a slack of 2, see `sarto.learn.known`)."""
ROW_BITS = 8
CODE_B = 320
"""Flash that the code of margins and a box of scores is allowed for; in images of a Cortex-M4 it is 250 B."""


@dataclass(frozen=True, eq=False)
class Items:
    """Items as the device takes them, and their classes."""

    given: RawSequences
    target: Int[np.ndarray, " item"]

    @staticmethod
    def of(data: Dataset, sensor: SensorFormat) -> Items:
        """Return the items of a data set."""
        raw = RawSequences(sensor.encode(data.values), data.offsets.astype(np.int64))
        return Items(raw, data.target.astype(np.int64))


@dataclass(frozen=True, eq=False)
class Rejected:
    """What a reject option does on the test items: the answers, evidence, a table by group, and findings."""

    answers: Int[np.ndarray, " item"]
    evidence: list[Evidence]
    groups: Table
    findings: list[Finding]


def set_aside(data: Dataset, parts: Split, risk: float, seed: int) -> tuple[Split, Dataset]:
    """Return the parts without the training items that are set aside, and these.

    Args:
        data: all items.
        parts: of it.
        risk: that is to be kept.
        seed: of the choice.

    Raises:
        SartoError: E109, when there are too few groups or items to set some aside; E157, when those that are could show
            no such risk if all of them were answered rightly.
    """
    train = data.select(parts.train)
    found = split(replace(train, split=None), seed, ASIDE)
    aside, need = train.select(found.test), fewest(risk, CONFIDENCE)
    if len(aside) < need:
        cause = f"{len(aside)} of {len(train)} training items are set aside, and without one wrong it takes {need}"
        hint = "fit on more items, or ask for a larger risk"
        raise InputError("E157", f"a risk of {risk:.3g} cannot be shown", cause=cause, hint=hint)
    whose = f" of {len(np.unique(aside.groups))} by {data.group_name}" if aside.groups is not None else ""
    how = f"{parts.how}; {len(aside)} training items{whose} set aside for the reject option"
    return replace(parts, train=parts.train[found.train], how=how), aside


def room_beside(budget: Budget, classes: int) -> Budget:
    """Return what a budget leaves for a model of so many classes beside a reject option with a box of its scores.

    >>> room_beside(Budget(flash_b=6000), 5).flash_b
    5460
    """
    if budget.flash_b is None:
        return budget
    return replace(budget, flash_b=max(budget.flash_b - 4 * classes - 8 * classes**2 - CODE_B, 1))


def with_option(
    shop: Workshop, chosen: Deployment, aside: Items, sequences: RawSequences, risk: float, budget: Budget
) -> tuple[Deployment, Rule]:
    """Return the chosen model with a reject option, and the rule.

    Args:
        shop: of the search.
        chosen: the model.
        aside: items that it did not learn from, and by which it was not chosen.
        sequences: to measure it on.
        risk: most of the answers that may be wrong.
        budget: which the outputs beside the scores may not break.

    Raises:
        InputError: E157, where there are too few items, or too many of them are wrong.
    """
    problem = shop.problem
    learned = Items(RawSequences(problem.raw, problem.offsets), problem.target)

    def made(beside: int) -> tuple[Deployment, Rule]:
        rule = rule_of(chosen.graph, learned, aside, risk, beside)
        return shop.again(chosen, sequences, PINNED, rule), rule

    found, rule = made(BESIDE[0])
    for beside in BESIDE[1:]:
        if rule.rows is None or hard(found, budget).fits or not hard(chosen, budget).fits:
            break
        found, rule = made(beside)
    return found, rule


def rule_of(graph: Graph, learned: Items, aside: Items, risk: float, beside: int) -> Rule:
    """Return the rule that keeps the share of wrong answers at `risk`.

    Where there are too few items for a box, there is none.

    Args:
        graph: without a reject option.
        learned: items that it learned from.
        aside: items that it did not.
        risk: most of the answers that may be wrong.
        beside: outputs for the box alone; a forest has none, nor a model with too few items for its columns.

    Raises:
        InputError: E157, where there are too few items, or too many of them are wrong.
    """
    rows, seen, held = _outputs(graph, learned, aside, beside)
    try:
        known = box(seen, held, len(graph.outputs), STRANGE, rows)
    except InputError as refused:
        if refused.code != "E157":
            raise
        return for_items(held[:, : len(graph.outputs)], aside.target, risk, CONFIDENCE)
    return for_items(held, aside.target, risk, CONFIDENCE, known=known)


def told(
    answers: Int[np.ndarray, " item"],
    scores: Int[np.ndarray, "item class"],
    test: Dataset,
    risk: float,
    command: str,
) -> Rejected:
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
    tool = f"reject option for a risk of {100 * risk:g} %, calibrated on items set aside at {100 * CONFIDENCE:g} %"
    lines = evidence(found, curve, tool, command=command)
    return Rejected(answers, lines, groups, findings(found, groups, risk))


def _outputs(
    graph: Graph, learned: Items, aside: Items, beside: int
) -> tuple[
    Int[np.ndarray, "beside column"] | None,
    Int[np.ndarray, "learned output"],
    Int[np.ndarray, "held output"],
]:
    """Return the rows beside the scores, and all outputs of both kinds of items."""
    parts = [items.given for items in (learned, aside)]
    columns = [columns_of(graph, given.raw, given.offsets) for given in parts] if beside else [None]
    seen = columns[0]
    rows = np.zeros((0, 1)) if seen is None else directions(seen, learned.target, beside)
    if seen is None or not len(rows):
        found = [interpreted(graph, given).scores.astype(np.int64) for given in parts]
        return None, found[0], found[1]
    whole = quantise(rows, ROW_BITS, seen.T.astype(float) @ seen.astype(float) / len(seen)).values
    open_ = with_beside(graph, whole)
    found = [outputs_of(open_, column) for column in columns if column is not None]
    return whole, found[0], found[1]
