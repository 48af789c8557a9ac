"""How often each value of protected attributes goes with each value of the target: counts, and shares of them.

Returns a `Joint`. Of n rows, n_ij have the protected value i and the target value j:

    P(i, j) = n_ij / n     P(i) = sum_j P(i, j)     P(j | i) = n_ij / sum_j n_ij     P(i | j) = n_ij / sum_i n_ij

The rows of several attributes together are all combinations of their values, those that no row has among them.

Source: Beretta, Vetro, Lepri and De Martin, "Ethical and socially-aware data labels", SIMBig 2018 (which shares a label
has: inclusiveness are P(i, j), diverseness P(i) and P(j), training likelihood P(i | j) and P(j | i)).

>>> joint = Joint(("race",), (("a",), ("b",)), "y", ("0", "1"), np.array([[30, 10], [20, 40]]))
>>> joint.shares.tolist(), joint.given_protected[0].tolist(), joint.given_target[:, 0].tolist()
([[0.3, 0.1], [0.2, 0.4]], [0.75, 0.25], [0.6, 0.4])
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from sarto.audit.labels.values import Attribute

APART = ", "
"""Between the values of several attributes, where they stand in one text."""


@dataclass(frozen=True, eq=False)
class Joint:
    """Counts.

    Attributes:
        protected: names of the attributes.
        values: of each line, a value of each attribute.
        target: name of the target.
        targets: its values.
        counts: rows of the data with both.
    """

    protected: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    target: str
    targets: tuple[str, ...]
    counts: Int[np.ndarray, "value target"]

    @property
    def name(self) -> str:
        """The attributes in one text."""
        return " x ".join(self.protected)

    @property
    def names(self) -> tuple[str, ...]:
        """The values of each line in one text."""
        return tuple(map(APART.join, self.values))

    @property
    def n(self) -> int:
        """Rows of the data."""
        return int(self.counts.sum())

    @property
    def shares(self) -> Float[np.ndarray, "value target"]:
        """P(i, j)."""
        return self.counts / self.n

    @property
    def given_protected(self) -> Float[np.ndarray, "value target"]:
        """P(j | i), NaN where no row has the value i."""
        return _divided(self.counts, self.counts.sum(1, keepdims=True))

    @property
    def given_target(self) -> Float[np.ndarray, "value target"]:
        """P(i | j)."""
        return _divided(self.counts, self.counts.sum(0, keepdims=True))


def joint(attributes: Sequence[Attribute], target: Attribute) -> Joint:
    """Return the counts of several attributes together and the target, of rows that lack none of these.

    The lines of one attribute are ordered by falling count, those of several by those of each.
    """
    ordered = [_by_count(attribute) for attribute in attributes]
    values = tuple(itertools.product(*(attribute.values for attribute in ordered)))
    shape = (*(len(attribute.values) for attribute in ordered), len(target.values))
    codes = np.ravel_multi_index(tuple(a.codes for a in (*ordered, target)), shape)
    counts = np.bincount(codes, minlength=int(np.prod(shape))).reshape(len(values), len(target.values))
    return Joint(tuple(a.name for a in ordered), values, target.name, target.values, counts)


def _by_count(attribute: Attribute) -> Attribute:
    """Return the attribute with its values by falling count; bins, which have an order of their own, stay."""
    if attribute.words:
        return attribute
    counts = np.bincount(attribute.codes, minlength=len(attribute.values))
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    values = tuple(attribute.values[int(i)] for i in order.tolist())
    return Attribute(attribute.name, values, place[attribute.codes])


def _divided(
    counts: Int[np.ndarray, "value target"], by: Int[np.ndarray, "a b"]
) -> Float[np.ndarray, "value target"]:
    return np.where(by > 0, counts / np.maximum(by, 1), np.nan)
