"""Splits of a data set: by group whenever there is one, otherwise stratified by class; the same for the same seed.

A split by group puts no group on both sides. With n_kc the items of class c in part k, n_c those in all and s_k the
wanted share of part k, groups go where they bring

    D = sum_k sum_c (n_kc / n_c - s_k)^2 + (C K + 1) * (held parts that are empty or hold all of a class)

down most: one after the other in random order, and then moved from part to part until no move helps. The best of
`STARTS` random orders counts. C and K are the numbers of classes and parts, so that the first term cannot outweigh
the second: a split that takes a class out of training is taken only if none other is found, and then it is an error.

>>> from sarto.data.load import load
>>> data = load("BasicMotions")
>>> chosen = split(data, seed=0)
>>> len(chosen.train), len(chosen.test), chosen.how
(40, 40, 'as in the data')
>>> [(len(fold.fit), len(fold.held)) for fold in folds(data, chosen.train, count=4, seed=0)]
[(30, 10), (30, 10), (30, 10), (30, 10)]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.data.checks import check_training_part

STARTS = 16
"""Random orders tried. On 23 subjects and 5 classes (20 seeds) the worst root mean square error of a class's share in
the test part was .042 with 1, .020 with 4, .017 with 8, .0151 with 16 and .0145 with 32."""
DIGITS = 12
"""Decimals of D that count: the terms are at most 1, and ties must not be broken by the rounding of one machine."""

Items = Int[np.ndarray, " item"]


@dataclass(frozen=True)
class Split:
    """Items to train on and items that nothing may look at before the end.

    Attributes:
        train: indices of the training items, ascending.
        test: indices of the test items, ascending.
        how: in words, such as "by subject: 17 train, 6 test".
    """

    train: Int[np.ndarray, " train"]
    test: Int[np.ndarray, " test"]
    how: str


@dataclass(frozen=True)
class Fold:
    """One round of validation: items to `fit` on and items `held` back, ascending indices into the data set."""

    fit: Int[np.ndarray, " fit"]
    held: Int[np.ndarray, " held"]


def split(data: Dataset, seed: int, test_share: float = 0.25) -> Split:
    """Return the training and test items.

    Args:
        data: the data; a split of their own wins, then the group column, then the classes alone.
        seed: of the random choice; unused with a split of the data's own.
        test_share: wanted share of the items in the test part; the default is that of `train_test_split` in
            scikit-learn.

    Raises:
        SartoError: E106 a channel is constant in the training part; E107 a class is missing in it; E109 there is no
            such split; E112 the share does not lie between 0 and 1.
    """
    if not 0 < test_share < 1:
        cause = "both parts need items"
        raise SartoError(
            "E112", f"a test share of {test_share} is not between 0 and 1", cause=cause, hint="0.25 is usual"
        )
    everything, random = np.arange(len(data)), generator(seed, "split")
    if data.split is not None:
        test = data.split == "test"
        how = data.split_name + _on_both_sides(data, test)
    elif data.groups is not None:
        group = _numbered(data.groups)
        part = _parts_by_group(
            data, everything, np.array([1 - test_share, test_share]), random, only_last_held=True
        )
        test = part == 1
        counts = [len(np.unique(group[side])) for side in (~test, test)]
        how = f"by {data.group_name}: {counts[0]} train, {counts[1]} test"
    else:
        test = _stratified_test(data, test_share, random)
        how = "stratified by class" if data.goals is None else f"even over the range of '{data.outputs[0]}'"
    if test.all() or not test.any():
        cause = f"{int(test.sum())} of the {len(data)} items are test items"
        raise SartoError(
            "E109", "one part of the split is empty", cause=cause, hint="mark some items 'train', some 'test'"
        )
    train = np.flatnonzero(~test)
    check_training_part(data, train)
    return Split(train, np.flatnonzero(test), how)


def folds(data: Dataset, items: Items, count: int, seed: int, *, shuffle: bool = True) -> list[Fold]:
    """Return `count` rounds of validation among `items`, in which every item is held back exactly once.

    Args:
        data: the data; its own split plays no part.
        items: the items to divide, such as `Split.train`.
        count: number of folds; with groups at most their number, else at most the number of items.
        seed: of the random choice.
        shuffle: without groups, whether items are dealt at random; else each fold holds back a run of neighbours of
            every class, since neighbours in a file are often of one session. Folds by group are always random.

    Raises:
        SartoError: E109 a class stands in one group only (without groups: in one item), so that it cannot be both
            fitted and held back; E112 fewer than two folds.
    """
    if count < 2:
        raise SartoError(
            "E112",
            f"{count} folds are too few",
            cause="one is held back at a time",
            hint="ask for two or more",
        )
    items, random = np.sort(items), generator(seed, "folds")
    if data.groups is not None:
        number = max(2, min(count, len(np.unique(data.groups[items]))))
        part = _parts_by_group(data, items, np.full(number, 1 / number), random, only_last_held=False)
    else:
        number = max(2, min(count, len(items)))
        _check_twice(data, items, items, "item", "validation")
        part = _dealt(data.strata[items], number, random) if shuffle else _runs(data.target[items], number)
    return [Fold(items[part != k], items[part == k]) for k in np.unique(part).tolist()]


def _dealt(target: Items, number: int, random: np.random.Generator) -> Items:
    """Return a part for each item: every class dealt to the parts in turn, in random order."""
    part = np.empty(len(target), dtype=np.int64)
    dealt = random.permutation(len(target))
    part[dealt[np.argsort(target[dealt], kind="stable")]] = np.arange(len(target)) % number
    return part


def _runs(target: Items, number: int) -> Items:
    """Return a part for each item: every class cut into runs of neighbours, as equal as can be."""
    part = np.empty(len(target), dtype=np.int64)
    for label in np.unique(target):
        members = np.flatnonzero(target == label)
        part[members] = np.arange(len(members)) * min(number, len(members)) // len(members)
    return part


def _parts_by_group(
    data: Dataset,
    items: Items,
    shares: Float[np.ndarray, " part"],
    random: np.random.Generator,
    *,
    only_last_held: bool,
) -> Items:
    """Return the part of each item, one for all items of a group."""
    assert data.groups is not None
    purpose = "a test" if only_last_held else "validation"
    _check_twice(data, items, data.groups[items], str(data.group_name), purpose)
    group, target = _numbered(data.groups[items]), _numbered(data.strata[items])
    counts = np.zeros((group.max() + 1, target.max() + 1), dtype=np.int64)
    np.add.at(counts, (group, target), 1)
    held = np.arange(len(shares)) >= (len(shares) - 1 if only_last_held else 0)
    part, found = _assign(counts, shares, held, random)
    if not found:
        raise SartoError(
            "E109",
            f"no split by {data.group_name} into {len(shares)} parts was found that keeps every class for training",
            cause=f"{len(counts)} groups, and some classes stand in few of them",
            hint="ask for another number of folds, leave a class out (where), or group by 'none'",
        )
    return part[group]


def _assign(
    counts: Int[np.ndarray, "group class"],
    shares: Float[np.ndarray, " part"],
    held: Bool[np.ndarray, " part"],
    random: np.random.Generator,
) -> tuple[Int[np.ndarray, " group"], bool]:
    """Return the part of each group, and whether no held part is empty or holds all of a class; see the top."""
    totals = counts.sum(axis=0)
    forbidden = shares.size * totals.size + 1

    def cost(inside: Int[np.ndarray, "part class"]) -> Float[np.ndarray, " part"]:
        bad = held & ((inside == 0).all(axis=1) | (inside == totals).any(axis=1))
        return ((inside / totals - shares[:, None]) ** 2).sum(axis=1) + forbidden * bad

    best, least = np.zeros(len(counts), dtype=np.int64), np.inf
    for _ in range(STARTS):
        part = np.full(len(counts), -1)
        inside = np.zeros((shares.size, totals.size), dtype=np.int64)
        order, moved = random.permutation(len(counts)), True
        while moved:
            moved = False
            for group in order:
                here = part[group]
                if here >= 0:
                    inside[here] -= counts[group]
                change = np.round(cost(inside + counts[group]) - cost(inside), DIGITS)
                there = np.argmin(change)
                if here < 0 or change[there] < change[here]:
                    part[group], moved = there, True
                inside[part[group]] += counts[group]
        total = round(float(cost(inside).sum()), DIGITS)
        if total < least:
            best, least = part, total
    return best, least < forbidden


def _stratified_test(data: Dataset, share: float, random: np.random.Generator) -> Bool[np.ndarray, " item"]:
    """Return which items are tested: `share` of each class, and of all as near as whole items allow."""
    items = np.arange(len(data))
    _check_twice(data, items, items, "item", "a test")
    strata = data.strata
    sizes = np.bincount(strata)
    wanted = share * sizes
    taken = np.floor(wanted).astype(np.int64)
    missing = round(share * len(data)) - int(taken.sum())
    taken[np.argsort(taken - wanted, kind="stable")[:missing]] += 1
    taken = np.clip(taken, 1, np.maximum(sizes - 2, 1))  # two stay, for the folds, if there are three
    test = np.zeros(len(data), dtype=bool)
    for index, number in enumerate(taken):
        test[random.permutation(np.flatnonzero(strata == index))[:number]] = True
    return test


def _check_twice(
    data: Dataset, items: Items, owners: Shaped[np.ndarray, " item"], what: str, purpose: str
) -> None:
    """Check that each class among `items` has two owners (groups or items), one to fit and one to hold back.

    Numbers that are to be predicted count as one class.
    """
    for index in np.unique(data.target[items]):
        found = np.unique(owners[data.target[items] == index])
        if len(found) < 2:
            inside = "" if len(items) == len(data) else " that are left to train on"
            where = f"it stands only in {what} {found[0]}, of {len(np.unique(owners))}{inside}"
            whole = f"class '{data.classes[index]}'" if data.classes else "these data"
            message = f"{whole} cannot be both trained on and held back for {purpose}"
            hint = "leave the class out (where), record more" + (
                ", or group by 'none'" if what != "item" else ""
            )
            raise SartoError("E109", message, cause=where, hint=hint)


def _on_both_sides(data: Dataset, test: Bool[np.ndarray, " item"]) -> str:
    """Return a remark on groups that the data's own split tears apart, or nothing."""
    if data.groups is None:
        return ""
    both = np.intersect1d(data.groups[test], data.groups[~test])
    return (
        f", {len(both)} of {len(np.unique(data.groups))} by {data.group_name} on both sides"
        if len(both)
        else ""
    )


def _numbered(column: Shaped[np.ndarray, " item"]) -> Items:
    return np.unique(column, return_inverse=True)[1]
