"""The branches of a decision tree that is a node of a network, as whole numbers in preorder.

A node that looks at feature f is the number f + 1, then what lies left of it, then what lies right; a leaf is a 0 and
the number of the output that it takes. `branches` returns them as tables: node n goes left, to `child[n][0]`, where its
feature is at most its threshold; a child below 0 is the leaf `~child`.

>>> found = branches((3, 0, 1, 1, 0, 0, 0, 1))
>>> found.feature, found.child, found.action, found.depth
((2, 0), ((-1, 1), (-2, -3)), (1, 0, 1), 2)
>>> preorder(found.feature, found.child, found.action)
((3, 0, 1, 1, 0, 0, 0, 1), (0, 1))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Branches:
    """A tree as tables.

    Attributes:
        feature: that each node looks at.
        child: of each node, left and right.
        action: the output that each leaf takes.
        depth: the most nodes on a way to a leaf.
    """

    feature: tuple[int, ...]
    child: tuple[tuple[int, int], ...]
    action: tuple[int, ...]
    depth: int


@lru_cache
def branches(words: tuple[int, ...]) -> Branches:
    """Return the tables of a tree in preorder.

    Raises:
        ValueError: when the numbers are no tree.
    """
    feature, child, action, depth = list[int](), list[list[int]](), list[int](), 0
    waiting, at = [(-1, 0, 0)], 0
    if min(words, default=-1) < 0:
        raise ValueError(f"{len(words)} numbers are no tree: none is below 0, and there is at least one")
    while waiting:
        above, side, level = waiting.pop()
        if at + (at < len(words) and words[at] == 0) >= len(words):
            raise ValueError(f"{len(words)} numbers are no tree: it ends before its leaves")
        if words[at]:
            here, depth = len(feature), max(depth, level + 1)
            feature.append(words[at] - 1)
            child.append([0, 0])
            waiting += [(here, 1, level + 1), (here, 0, level + 1)]
            at += 1
        else:
            here = ~len(action)
            action.append(words[at + 1])
            at += 2
        if above >= 0:
            child[above][side] = here
    if at != len(words):
        raise ValueError(f"{len(words)} numbers are no tree: {len(words) - at} are left over")
    pairs = tuple((left, right) for left, right in child)
    return Branches(tuple(feature), pairs, tuple(action), depth)


def preorder(
    feature: Sequence[int], child: Sequence[Sequence[int]], action: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a tree in preorder, and its nodes in that order; one without nodes is its first leaf."""
    words, nodes = list[int](), list[int]()
    waiting = [0 if len(feature) else -1]
    while waiting:
        at = waiting.pop()
        if at < 0:
            words += [0, int(action[~at])]
        else:
            words.append(int(feature[at]) + 1)
            nodes.append(at)
            waiting += [int(child[at][1]), int(child[at][0])]
    return tuple(words), tuple(nodes)
