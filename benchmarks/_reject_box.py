"""What boxes reject of items that no model can know, each at the same share of known items that it rejects with them.

Returns, for each way to tell, the share of strange items that are further off than all but `SHARE` of the known ones,
of people that the model has not seen. The ways: the margin; a box of the scores; a box with `COUNT` outputs beside
them, as `sarto.search.rejecting` makes it; the control, as many outputs in random directions, the mean of `DRAWS`
draws; and the Mahalanobis distance of all that the last layer reads, in floats. Directions, shapes and covariances come
from learned items only.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sarto.compress.rows import quantise
from sarto.core.graph import Graph
from sarto.core.graph.last_layer import columns_of, outputs_of
from sarto.core.graph.reject import margins
from sarto.core.seed import generator
from sarto.deploy.reject import with_beside
from sarto.learn.known import RIDGE, box, directions
from sarto.measure.model import RawSequences
from sarto.search.rejecting import BESIDE, ROW_BITS, Items

SHARE, COUNT, DRAWS = 0.05, BESIDE[0], 3
MARGIN, SCORES, BESIDE_THEM = "margin", "box of scores", "box with outputs beside them"
RANDOM, DISTANCE = "control: random directions", "all of it: Mahalanobis distance"
WAYS = (MARGIN, SCORES, BESIDE_THEM, RANDOM, DISTANCE)
KINDS = {"noise": "noise", "zeros or a constant": ("zeros", "constant"), "an unseen class": "unseen"}

Columns = Int[np.ndarray, "item column"]
Far = Callable[[Columns], Float[np.ndarray, " item"]]


def rejected(
    graph: Graph, learned: Items, known: RawSequences, strange: Mapping[str, RawSequences], seed: int
) -> dict[str, dict[str, float]]:
    """Return the rejected share of each kind of strange items, by the way to tell.

    Args:
        graph: a model of classes with a linear last layer.
        learned: what it was trained on.
        known: items of its classes, of people that it has not seen.
        strange: other items, by their kind.
        seed: of the control.
    """
    seen = _columns(graph, learned.given)
    usual = _columns(graph, known)
    others = {kind: _columns(graph, given) for kind, given in strange.items()}
    found: dict[str, dict[str, float]] = {}
    for way, fars in _ways(graph, seen, learned.target, seed).items():
        found[way] = {}
        edges = [np.quantile(far(usual), 1 - SHARE) for far in fars]
        for kind, columns in others.items():
            shares = [np.mean(far(columns) > edge) for far, edge in zip(fars, edges, strict=True)]
            found[way][kind] = float(np.mean(shares))
    return found


def boxed(
    runs: list[dict[str, Any]], add: Callable[[str, list[float]], None], of: str = ""
) -> dict[tuple[str, str, str], float]:
    """Add what is rejected of each kind of strange items, as means over its members; return these means.

    Args:
        runs: of which `boxes` has what `rejected` returned, by the model.
        add: a figure with its values.
        of: what the figures' names end with; without it each member is added, too.
    """
    found: dict[tuple[str, str, str], float] = {}
    for model, way in itertools.product(("reservoir", "network"), WAYS):
        those: list[dict[str, float]] = [run["boxes"][model][way] for run in runs]
        for kind, words in KINDS.items():
            shares = [
                float(np.mean([n for name, n in one.items() if name.startswith(words)])) for one in those
            ]
            found[model, kind, way] = float(np.mean(shares))
            add(f"rejected of {kind} where 5 % of what is known is, {model}, {way}{of}", shares)
        for name in sorted(
            {name for one in those for name in one} if not of and way in (SCORES, BESIDE_THEM) else []
        ):
            add(f"of it {name}, {model}, {way}", [one[name] for one in those if name in one])
    return found


def _ways(graph: Graph, seen: Columns, target: Int[np.ndarray, " item"], seed: int) -> dict[str, list[Far]]:
    drawn = [generator(seed, "directions", draw) for draw in range(DRAWS)]
    deviation = np.maximum(seen.std(axis=0), 0.01 * seen.std(axis=0).max())
    return {
        MARGIN: [lambda columns: -margins(outputs_of(graph, columns)).astype(float)],
        SCORES: [_boxed(graph, seen, np.zeros((0, seen.shape[1])))],
        BESIDE_THEM: [_boxed(graph, seen, directions(seen, target, COUNT))],
        RANDOM: [_boxed(graph, seen, d.normal(size=(COUNT, seen.shape[1])) / deviation) for d in drawn],
        DISTANCE: [_distance(graph, seen, target, deviation)],
    }


def _boxed(graph: Graph, seen: Columns, rows: Float[np.ndarray, "row column"]) -> Far:
    """Return how far items are off, in radii of a box."""
    opened, whole = graph, None
    if len(rows):
        whole = quantise(rows, ROW_BITS, seen.T.astype(float) @ seen.astype(float) / len(seen)).values
        opened = with_beside(graph, whole)
    outputs = outputs_of(opened, seen)
    rule = box(outputs, outputs, len(graph.outputs), SHARE, whole)
    assert rule.centre is not None and rule.radius is not None
    centre, radius = rule.centre, np.maximum(rule.radius, 1)

    def far(columns: Columns) -> Float[np.ndarray, " item"]:
        found = outputs_of(opened, columns)
        best = found[:, : len(graph.outputs)].argmax(axis=1)
        return (np.abs(found - centre[best]) / radius[best]).max(axis=1)

    return far


def _distance(
    graph: Graph, seen: Columns, target: Int[np.ndarray, " item"], deviation: Float[np.ndarray, " column"]
) -> Far:
    classes = len(graph.outputs)
    wide: Float[np.ndarray, "item column"] = np.asarray(seen / deviation, np.float64)
    centre = np.stack([wide[target == c].mean(axis=0) for c in range(classes)])
    within = np.cov((wide - centre[target]).T, bias=True)
    within += RIDGE * float(np.trace(within)) / len(within) * np.eye(len(within))
    inverse = np.asarray(np.linalg.inv(within), np.float64)

    def far(columns: Columns) -> Float[np.ndarray, " item"]:
        off = columns / deviation - centre[outputs_of(graph, columns).argmax(axis=1)]
        return np.asarray(((off @ inverse) * off).sum(axis=1), np.float64)

    return far


def _columns(graph: Graph, given: RawSequences) -> Columns:
    found = columns_of(graph, given.raw, given.offsets)
    assert found is not None
    return found
