"""Which client of a simulated federation holds which item: the ways of the field to deal data out.

| kind | item i of class c goes to client k |
|---|---|
| `iid` | at random, all clients alike |
| `dirichlet` | with probability p_ck, p_c ~ Dirichlet(alpha, ..., alpha) over the clients: a small alpha is uneven |
| `classes` | one of those that hold class c; each client holds `alpha` classes (1: one class each) |
| `quantity` | with probability q_k, q ~ Dirichlet(alpha, ..., alpha): as `iid`, of uneven sizes |
| `groups` | whose group it is: a subject, a speaker, a sensor |
| `covariate` | by its place along the direction in which items differ most: clients see different inputs |

Test items are dealt out by the same draws, so that a client's test items are like its own; of `groups`, those of groups
that are in no training part make clients of their own, which never send anything.

Source: Hsu, Qi and Brown, "Measuring the effects of non-identical data distribution for federated visual
classification", arXiv:1909.06335 (Dirichlet over the clients of each class, as in Li et al., "Federated learning on
non-IID data silos", ICDE 2022, section IV, which names the others); McMahan et al., AISTATS 2017 (few classes each).

>>> y = np.array([0, 0, 0, 1, 1, 1])
>>> parted = partition("classes", y, clients=2, alpha=1, seed=0)
>>> [sorted(set(y[parted.train == k].tolist())) for k in range(2)]
[[0], [1]]
>>> partition("groups", y, groups=np.array(list("ababab"))).names
('a', 'b')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Float, Int, Num, Shaped

from sarto.core.errors import SartoError
from sarto.core.seed import generator

Kind: TypeAlias = Literal["iid", "dirichlet", "classes", "quantity", "groups", "covariate"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SAMPLE = 2000
"""Items from which the direction of `covariate` is found."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Who holds what.

    Attributes:
        names: of the clients; some may hold nothing.
        train: client of each training item.
        test: client of each test item.
        how: in words.
    """

    names: tuple[str, ...]
    train: Int[np.ndarray, " item"]
    test: Int[np.ndarray, " test"]
    how: str

    @property
    def sizes(self) -> Int[np.ndarray, " client"]:
        """Training items of each client."""
        return np.bincount(self.train, minlength=len(self.names))

    def histogram(self, y: Int[np.ndarray, " item"], classes: int) -> Int[np.ndarray, "client class"]:
        """Return the training items of each client and class."""
        counts = np.zeros((len(self.names), classes), np.int64)
        np.add.at(counts, (self.train, y), 1)
        return counts


def partition(
    kind: str,
    y: Int[np.ndarray, " item"],
    *,
    test_y: Int[np.ndarray, " test"] | None = None,
    clients: int | None = None,
    alpha: float = 0.5,
    seed: int = 0,
    groups: Shaped[np.ndarray, " item"] | None = None,
    test_groups: Shaped[np.ndarray, " test"] | None = None,
    x: Num[np.ndarray, "item ..."] | None = None,
    test_x: Num[np.ndarray, "test ..."] | None = None,
) -> Partition:
    """Deal the items out.

    Args:
        kind: one of `KINDS`; see the module.
        y: class index of each training item.
        test_y: the same of the test items; None for none.
        clients: how many; with `groups` as many as there are.
        alpha: of `dirichlet` and `quantity`, above 0; of `classes` the classes of a client.
        seed: of the draws.
        groups: of the training items, for `groups`.
        test_groups: of the test items.
        x: the training items, for `covariate`.
        test_x: the test items.

    Raises:
        SartoError: E171, when a setting cannot be, or what the kind needs is not there.
    """
    there = np.zeros(0, np.int64) if test_y is None else test_y
    if kind not in KINDS:
        raise _refused(f"'{kind}'", "no such way to deal items out", f"known: {', '.join(KINDS)}")
    if kind == "groups":
        return _by_group(groups, test_groups, len(y), len(there))
    if clients is None or not clients >= 1:
        raise _refused(f"{clients} clients", "there is at least one", "say how many")
    if kind in ("dirichlet", "quantity", "classes") and not alpha > 0:
        raise _refused(f"alpha = {alpha}", "it must be above 0", "0.05 is very uneven, 100 nearly even")
    random = generator(seed, "partition", kind)
    labels = int(max(y.max(initial=-1), there.max(initial=-1))) + 1
    if kind == "covariate":
        train, test = _by_covariate(x, test_x, clients, len(y), len(there))
        how = "by the direction in which items differ most"
    else:
        shares, how = _shares(kind, clients, labels, alpha, random)
        train, test = (
            _dealt(labelled, shares, generator(seed, "partition", part))
            for labelled, part in ((y, "train"), (there, "test"))
        )
    digits = len(str(clients - 1))
    return Partition(tuple(f"{k:0{digits}}" for k in range(clients)), train, test, how)


def _shares(
    kind: str, clients: int, labels: int, alpha: float, random: np.random.Generator
) -> tuple[Float[np.ndarray, "class client"], str]:
    """Return which share of each class each client holds."""
    if kind == "iid":
        return np.full((labels, clients), 1 / clients), "at random"
    if kind == "quantity":
        sizes = random.dirichlet(np.full(clients, alpha))
        return np.tile(sizes, (labels, 1)), f"sizes by Dirichlet({alpha:g})"
    if kind == "dirichlet":
        return random.dirichlet(np.full(clients, alpha), labels), f"classes by Dirichlet({alpha:g})"
    each = int(alpha)
    if each != alpha or each > labels:
        raise _refused(f"{alpha:g} classes a client", f"there are {labels}", "give a whole number of them")
    # Each takes those that the fewest have, so that every class has about as many clients as any other.
    shares, holders = np.zeros((labels, clients)), np.zeros(labels, np.int64)
    for client in range(clients):
        taken = np.lexsort([random.random(labels), holders])[:each]
        shares[taken, client] = 1
        holders[taken] += 1
    nobody = np.flatnonzero(shares.sum(axis=1) == 0)
    if len(nobody):
        raise _refused(
            f"{clients} clients of {each} classes",
            f"{len(nobody)} of {labels} classes would be with nobody",
            "use more clients, or more classes each",
        )
    return shares / shares.sum(axis=1, keepdims=True), f"{each} of {labels} classes each"


def _dealt(
    y: Int[np.ndarray, " item"], shares: Float[np.ndarray, "class client"], random: np.random.Generator
) -> Int[np.ndarray, " item"]:
    """Return the client of each item: of every class its share, in random order, the remainders by rounding."""
    owner = np.zeros(len(y), np.int64)
    for label in range(len(shares)):
        items = random.permutation(np.flatnonzero(y == label))
        ends = np.round(np.cumsum(shares[label]) * len(items)).astype(np.int64)
        owner[items] = np.searchsorted(ends, np.arange(len(items)), side="right").clip(
            max=shares.shape[1] - 1
        )
    return owner


def _by_group(
    groups: Shaped[np.ndarray, " item"] | None,
    test_groups: Shaped[np.ndarray, " test"] | None,
    items: int,
    tests: int,
) -> Partition:
    if (
        groups is None
        or len(groups) != items
        or (tests and (test_groups is None or len(test_groups) != tests))
    ):
        raise _refused(
            "clients by group", "the data have no groups", "name a group column, or use another kind"
        )
    later = groups[:0] if test_groups is None else test_groups
    first = list(dict.fromkeys(np.sort(groups).tolist()))
    more = [name for name in dict.fromkeys(np.sort(later).tolist()) if name not in set(first)]
    place = {name: number for number, name in enumerate([*first, *more])}
    train, test = (np.array([place[g] for g in part.tolist()], np.int64) for part in (groups, later))
    how = f"by group: {len(first)}" + (f", and {len(more)} that only test" if more else "")
    return Partition(tuple(map(str, place)), train, test, how)


def _by_covariate(
    x: Num[np.ndarray, "item ..."] | None,
    test_x: Num[np.ndarray, "test ..."] | None,
    clients: int,
    items: int,
    tests: int,
) -> tuple[Int[np.ndarray, " item"], Int[np.ndarray, " test"]]:
    if x is None or len(x) != items or (tests and (test_x is None or len(test_x) != tests)):
        raise _refused("clients by covariate", "the items themselves are needed for it", "give x")
    flat = x.reshape(items, -1)
    few = flat[:: max(1, items // SAMPLE)].astype(np.float64)
    mean = few.mean(axis=0)
    left: Float[np.ndarray, "item number"] = np.asarray(few - mean)
    found: Any = np.linalg.svd(left, full_matrices=False)
    direction: Float[np.ndarray, " number"] = np.asarray(found[2])[0]
    direction = direction * np.sign(direction[np.abs(direction).argmax()])
    along: Float[np.ndarray, " item"] = np.asarray((flat - mean) @ direction)
    edges: Float[np.ndarray, " edge"] = np.asarray(np.quantile(along, np.arange(1, clients) / clients))
    later: Float[np.ndarray, " test"] = np.zeros(0)
    if test_x is not None and tests:
        later = np.asarray((test_x.reshape(tests, -1) - mean) @ direction)
    train, test = (np.searchsorted(edges, place, side="right").astype(np.int64) for place in (along, later))
    return train, test


def _refused(message: str, cause: str, hint: str) -> SartoError:
    return SartoError("E171", f"the items cannot be dealt out to clients: {message}", cause=cause, hint=hint)
