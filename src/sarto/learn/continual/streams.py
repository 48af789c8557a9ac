"""Experiences: parts of a data set in the order in which they arrive, each learned from before the next is there.

    by_class     each experience has all items of some classes                      (class-incremental)
    by_domain    each experience has all items of one subject, site or device       (domain- and subject-incremental)
    by_level     each experience has the items of one range of a number             (a domain that moves)

Each returns experiences that together hold every item once. The order is drawn from `seed`, or, with None, that of the
labels. The items of an experience are in the order of the data.

Source: van de Ven, Tuytelaars and Tolias, "Three types of incremental learning", Nature Machine Intelligence 4 (2022).

>>> [(e.name, e.items.tolist()) for e in by_class(np.array([2, 0, 1, 0, 2, 1, 3]), per_experience=2)]
[('0, 1', [1, 2, 3, 5]), ('2, 3', [0, 4, 6])]
>>> [e.name for e in by_domain(np.array(["s1", "s2", "s1"]))]
['s1', 's2']
>>> [e.items.tolist() for e in by_level(np.array([30.0, 71.0, 18.0, 44.0]), count=2)]
[[0, 2], [1, 3]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int, Num, Shaped

from sarto.core.seed import generator
from sarto.models.input_error import InputError


@dataclass(frozen=True, eq=False)
class Experience:
    """What arrives at once.

    Attributes:
        name: what the items have in common.
        items: their indices, ascending.
    """

    name: str
    items: Int[np.ndarray, " item"]


def by_class(
    target: Shaped[np.ndarray, " item"], *, per_experience: int = 1, seed: int | None = None
) -> tuple[Experience, ...]:
    """Return experiences of `per_experience` classes each; the last may have fewer.

    Args:
        target: label of each item.
        per_experience: classes.
        seed: of their order; None is ascending.

    Raises:
        InputError: E104 without items, E168 for fewer than one class.
    """
    if per_experience < 1:
        raise InputError(
            "E168",
            f"{per_experience} classes for an experience",
            cause="it has 1 at least",
            hint="use 1 or more",
        )
    classes = _ordered(target, seed)
    groups = [classes[i : i + per_experience] for i in range(0, len(classes), per_experience)]
    return tuple(
        Experience(", ".join(map(str, group)), np.flatnonzero(np.isin(target, np.array(group))))
        for group in groups
    )


def by_domain(column: Shaped[np.ndarray, " item"], *, seed: int | None = None) -> tuple[Experience, ...]:
    """Return an experience for each entry of a column, such as the subjects.

    Args:
        column: the domain of each item.
        seed: of their order; None is ascending.

    Raises:
        InputError: E104 without items.
    """
    return by_class(column, seed=seed)


def by_level(column: Num[np.ndarray, " item"], *, count: int) -> tuple[Experience, ...]:
    """Return `count` experiences of equally many items, from the smallest numbers to the largest.

    Args:
        column: a number for each item, such as an age or a time; of equal ones the first item comes first.
        count: of experiences.

    Raises:
        InputError: E168 for more experiences than items, or fewer than one.
    """
    if not 1 <= count <= len(column):
        raise InputError(
            "E168",
            f"{count} experiences of {len(column)} items",
            cause="each has 1 item at least",
            hint="use fewer",
        )
    parts = np.array_split(np.argsort(column, kind="stable"), count)
    return tuple(Experience(f"{column[part[0]]:g} to {column[part[-1]]:g}", np.sort(part)) for part in parts)


def _ordered(labels: Shaped[np.ndarray, " item"], seed: int | None) -> list[Any]:
    if not len(labels):
        raise InputError(
            "E104", "0 items for a stream", cause="nothing arrives", hint="give the data of all experiences"
        )
    found = np.unique(labels)
    return (found if seed is None else generator(seed, "experiences").permutation(found)).tolist()
