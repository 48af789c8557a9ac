"""A forest of decision trees on a graph's features, lowered."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from jaxtyping import Integer

from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.heads import Trees
from sarto.deploy.lower.readout import Answers, with_vector


def with_forest(
    body: Graph,
    exponent: Integer[np.ndarray, " unit"],
    trees: Trees,
    answers: Answers,
) -> Graph:
    """Return `body` with `trees`, the sums of whose leaves are answered.

    Args:
        body: what the lowering of a body returned.
        exponent: what `feature_exponents` returned.
        trees: on the features, segment by segment; leaves of 8 bits.
        answers: what becomes of the sums.
    """
    wide = body.segments * len(exponent) > 256
    dtypes = dict(
        root="int16", feature="int16" if wide else "uint8", threshold="int16", child="int16", leaf="int8"
    )
    tables: list[Tensor] = []
    for field in fields(Trees):
        data = np.ascontiguousarray(getattr(trees, field.name)).astype(dtypes[field.name])
        tables.append(Tensor(f"tree_{field.name}", dtypes[field.name], data.shape, "const", data))
    head = Op("forest", {t.name.removeprefix("tree_"): t.name for t in tables}, {})
    return with_vector(body, exponent, head, tuple(tables), answers)
