"""Subgroups by trying all of them, row by row: what the engines are held to."""

from itertools import combinations, product

import numpy as np

from sarto.audit.subgroups import Attributes, Outcomes, Subgroups

Found = dict[frozenset[tuple[str, str]], list[int]]


def brute(attributes: Attributes, least: int, max_len: int) -> Found:
    """The rows of every group with at least `least` of them, by its items."""
    found: Found = {}
    columns = attributes.columns
    for length in range(1, max_len + 1):
        for chosen in combinations(columns, length):
            for items in product(*(range(len(column.items)) for column in chosen)):
                inside = [(c.codes == item).any(axis=0) for item, c in zip(items, chosen, strict=True)]
                rows = np.flatnonzero(np.logical_and.reduce(inside)).tolist()
                if len(rows) >= least:
                    label = frozenset((c.name, c.items[item]) for item, c in zip(items, chosen, strict=True))
                    found[label] = rows
    return found


def counts(outcomes: Outcomes, rows: list[int]) -> list[int]:
    """How many of the rows have each joint code."""
    return np.bincount(outcomes.codes[rows], minlength=outcomes.n_codes).tolist()


def by_label(found: Subgroups) -> dict[frozenset[tuple[str, str]], int]:
    """The number of each mined subgroup, by its items."""
    labels = [frozenset(found.label(i).items()) for i in range(len(found))]
    assert len(set(labels)) == len(labels)
    return {label: i for i, label in enumerate(labels)}
