"""The reject option: whether the class with the highest score is said, or none.

With scores s of n classes and b the class with the highest (the first of equals), an item is rejected, and its class is
n, unless

    s_b - s_c >= least_b                for every other class c
    |s_o - centre_bo| <= radius_bo      for every output o, where the graph has a box

so a class is said when it wins by enough, and when the outputs look as they do where it is said rightly. A graph may
have outputs beside the scores, which follow these and are for the box alone: no class wins by them. All numbers are
whole; `least` and `radius` are taken as unsigned 32-bit numbers, which hold every difference of two scores.

>>> scores = np.array([[9, 2], [4, 3], [90, 2]])
>>> said(scores, Rule(np.array([3, 3]))).tolist()
[0, 2, 0]
>>> box = np.array([[8, 2], [2, 8]]), np.array([[5, 5], [5, 5]])
>>> said(scores, Rule(np.array([3, 3]), *box)).tolist()
[0, 2, 2]
>>> beside = np.array([[9, 2, 1], [9, 2, 60]])
>>> said(beside, Rule(np.array([3, 3]), *(np.c_[table, [7, 7]] for table in box))).tolist()
[0, 2]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer

UNSIGNED = 2**32
"""Differences of two 32-bit scores are below this."""
NEVER = UNSIGNED - 1
"""Margin that no class wins by."""


@dataclass(frozen=True, eq=False)
class Rule:
    """What decides whether a class is said.

    Attributes:
        least: margin that a class must win by, from 0 to 2^32 - 1; with the largest it is never said.
        centre: outputs to expect where a class (line) is said, or None without a box.
        radius: how far each may be off.
        rows: 8-bit weights of the outputs beside the scores, on what the last layer reads; None where there are none.
    """

    least: Integer[np.ndarray, " class"]
    centre: Integer[np.ndarray, "class output"] | None = None
    radius: Integer[np.ndarray, "class output"] | None = None
    rows: Integer[np.ndarray, "beside feature"] | None = None

    def __post_init__(self) -> None:
        assert (self.centre is None) == (self.radius is None), "a box has a centre and a radius"


def margins(scores: Integer[np.ndarray, "*batch class"]) -> Int[np.ndarray, "*batch"]:
    """Return by how much the highest score is above the second highest.

    >>> margins(np.array([[3, 9, 5], [4, 4, 1]])).tolist()
    [4, 0]
    """
    ordered = np.sort(scores.astype(np.int64), axis=-1)
    return ordered[..., -1] - ordered[..., -2]


def outside(
    scores: Integer[np.ndarray, "item output"],
    centre: Integer[np.ndarray, "class output"],
    radius: Integer[np.ndarray, "class output"],
) -> Bool[np.ndarray, " item"]:
    """Return whether an output is further from what the class that wins expects than it may be."""
    best = scores[:, : len(centre)].argmax(axis=1)
    off = np.abs(scores.astype(np.int64) - centre.astype(np.int64)[best])
    return np.asarray((off > radius.astype(np.int64)[best]).any(axis=1))


def said(scores: Integer[np.ndarray, "item output"], rule: Rule) -> Int[np.ndarray, " item"]:
    """Return the class of each item, or the number of classes where it is rejected."""
    classes = len(rule.least)
    best = scores[:, :classes].argmax(axis=1)
    rejected = margins(scores[:, :classes]) < rule.least.astype(np.int64)[best]
    if rule.centre is not None and rule.radius is not None:
        rejected |= outside(scores, rule.centre, rule.radius)
    return np.where(rejected, classes, best)


def stored(numbers: Integer[np.ndarray, "..."]) -> Integer[np.ndarray, "..."]:
    """Return unsigned 32-bit numbers as a tensor holds them: the same bits as int32.

    >>> stored(np.array([3, 2**32 - 1])).tolist(), loaded(np.array([3, -1], np.int32)).tolist()
    ([3, -1], [3, 4294967295])
    """
    assert numbers.min() >= 0 and numbers.max() < UNSIGNED, "numbers of 32 bits"
    return numbers.astype(np.uint32).view(np.int32)


def loaded(numbers: Integer[np.ndarray, "..."]) -> Integer[np.ndarray, "..."]:
    """Return the unsigned numbers that a tensor holds."""
    return np.ascontiguousarray(numbers.astype(np.int32)).view(np.uint32).astype(np.int64)


def decided(
    scores: Integer[np.ndarray, "item output"],
    classes: int,
    inputs: Mapping[str, str],
    const: Callable[[str], Integer[np.ndarray, "..."]],
) -> Int[np.ndarray, " item"]:
    """Return the class of each item as the last operation of a graph says it.

    Args:
        scores: of the classes, and of what is beside them.
        classes: their number.
        inputs: of the operation.
        const: gives the tables that it names.
    """
    if "least" not in inputs:
        return scores[:, :classes].argmax(axis=1)
    least = loaded(const(inputs["least"]))
    if "radius" not in inputs:
        return said(scores[:, :classes], Rule(least))
    found = said(scores[:, :classes], Rule(least))
    strange = outside(scores, const(inputs["centre"]).astype(np.int64), loaded(const(inputs["radius"])))
    return np.where(strange, classes, found)
