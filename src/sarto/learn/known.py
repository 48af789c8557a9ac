"""Tells items that are known from others: a box around the outputs of a model, and outputs that are for the box alone.

`box(learned, held, classes, share)` returns the rule that rejects an item where an output o lies further from what the
class b with the highest score expects than it does for nearly all items that are known,

    t = max_o |s_o - centre_bo| / scale_bo,     rejected unless t < r

Centre and scale are the median and the median deviation over the items that were learned from; r is the
ceil((n + 1)(1 - share))-th smallest t of n items that were not, so that of new items drawn as those were no more than
`share` are rejected. A class that won in no learned item is never said.

A model may be sure, and its scores usual, of what it has never seen: noise, a sensor that came off. `directions` gives
rows of weights for more outputs, in which known items hardly differ within a class and others may: with the covariance
S of the learned columns z of the last layer around the mean of their class, each column in its deviation,

    S u_k = l_k u_k,     row_k = u_k / sqrt(l_k),     for the smallest l_k

what is lost of z when principal components are taken. They are chosen without any item that is not known. An output
beside the scores may lie `SLACK` times as far off as a score.

Source: Jackson and Mudholkar, "Control procedures for residuals associated with principal component analysis",
Technometrics 21 (1979) (the residual space); Lee et al., "A simple unified framework for detecting out-of-distribution
samples", NeurIPS 2018 (the covariance within classes of a last layer; its distance takes all directions); Papadopoulos
et al., "Inductive confidence machines for regression", ECML 2002 (the quantile).

>>> rng = np.random.default_rng(0)
>>> target = rng.integers(0, 2, 600)
>>> rows = np.array([[1.0, 1.0, 2.0], [0.0, 0.0, 0.01]])
>>> z = 900 * np.eye(3)[target] + 90 * rng.normal(size=(600, 2)) @ rows
>>> row = directions(z, target, 1)
>>> inside, across = row @ [1, 1, 2], row @ [1, 1, -1]
>>> bool(abs(across) > 100 * abs(inside))
True
>>> outputs = np.rint(np.c_[z[:, :2], 100 * z @ row.T]).astype(np.int64)
>>> known = box(outputs[:300], outputs[300:], classes=2, share=0.05)
>>> usual = outputs[0]
>>> said(np.array([usual, usual + [0, 0, 90_000]]), known).tolist()
[1, 2]
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int, Integer, Num

from sarto.core.graph.reject import NEVER, Rule, said
from sarto.models.input_error import InputError

SLACK = 1.5
"""Of items at 5 % of known ones rejected, means of three models of windows of a watch and two of speakers: without such
outputs .54 of noise and .37 of unseen classes are rejected, with a slack of 1 .86 and .33, of 1.4 .81 and .35, of 2 .74
and .36. What is gained and lost differs: of the speakers, a slack of 1 rejects more of both."""
RIDGE = 1e-3
"""Share of the mean variance that is added to each: a direction in which nothing varies would be all rounding."""
ITEMS_EACH = 2
"""Items for each column, without which the directions in which they differ least are those of chance."""

__all__ = ["box", "directions", "said"]


def directions(
    columns: Num[np.ndarray, "item column"], target: Int[np.ndarray, " item"], count: int
) -> Float[np.ndarray, "row column"]:
    """Return at most `count` rows of weights, none where there are too few items for the columns.

    Args:
        columns: what the last layer reads of items that were learned from.
        target: their classes.
        count: of outputs.
    """
    wide = columns.astype(np.float64)
    if len(wide) < ITEMS_EACH * wide.shape[1] + len(np.unique(target)):
        return np.zeros((0, wide.shape[1]))
    deviation = wide.std(axis=0)
    deviation = np.maximum(deviation, 0.01 * deviation.max())
    wide /= deviation
    for c in np.unique(target):
        wide[target == c] -= wide[target == c].mean(axis=0)
    within = wide.T @ wide / len(wide)
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    size, found = np.linalg.eigh(within)
    rows = (found[:, :count] / np.sqrt(size[:count])).T / deviation
    largest = np.abs(rows).argmax(axis=1)
    return rows * np.sign(rows[np.arange(len(rows)), largest])[:, None]


def box(
    learned: Integer[np.ndarray, "learned output"],
    held: Integer[np.ndarray, "held output"],
    classes: int,
    share: float,
    rows: Integer[np.ndarray, "beside column"] | None = None,
) -> Rule:
    """Return the rule that rejects what has strange outputs, and nothing else.

    Args:
        learned: outputs of items that were learned from, the scores of the classes first.
        held: of items that were not.
        classes: their number.
        share: of known items that may be outside.
        rows: weights of the outputs beside the scores, which the rule is to carry.

    Raises:
        InputError: E157, when there are too few items.
    """
    if not 0 < share < 1:
        cause, hint = "it is between 0 and 1", "as in share=0.05"
        raise InputError("E157", f"a box without {share:g} of the items", cause=cause, hint=hint)
    best, said_by = held[:, :classes].argmax(axis=1), learned[:, :classes].argmax(axis=1)
    slack = np.array([1.0] * classes + [SLACK] * (held.shape[1] - classes))
    centre, scale = np.zeros((2, classes, held.shape[1]), np.int64)
    least, far, off = np.full(classes, NEVER), np.full(len(held), np.inf), np.zeros_like(held, np.int64)
    for c in np.unique(said_by):
        given = learned[said_by == c].astype(np.int64)
        least[c], centre[c] = 0, np.median(given, axis=0)
        scale[c] = np.rint(slack * np.maximum(np.median(np.abs(given - centre[c]), axis=0), 1))
        off[best == c] = np.abs(held[best == c] - centre[c])
        far[best == c] = (off[best == c] / scale[c]).max(axis=1)
    rank, order = math.ceil((len(held) + 1) * (1 - share)), np.argsort(far, kind="stable")
    if rank > len(held) or far[order[rank - 1]] == np.inf:
        cause = f"{len(held)} items calibrate it, and it takes {math.ceil(1 / share) - 1} of classes that are said"
        hint = "calibrate on more items, or allow more known ones outside"
        raise InputError("E157", f"no box holds all but {share:.3g} of the items", cause=cause, hint=hint)
    edge = order[rank - 1]
    alone = int(np.count_nonzero(far == far[edge]) == 1)  # else what is as far as the edge lies inside
    j = int((off[edge] / scale[best[edge]]).argmax())
    up, down = int(off[edge, j]), int(scale[best[edge], j])
    radius = [[min(max(up * s - alone, 0) // down, NEVER) for s in row] for row in scale.tolist()]
    return Rule(least, centre, np.array(radius, np.int64), rows)
