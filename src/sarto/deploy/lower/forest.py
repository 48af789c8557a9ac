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
    tables: list[Tensor] = []
    for role, (data, dtype) in tables_of(trees, body.segments * len(exponent)).items():
        tables.append(Tensor(f"tree_{role}", dtype, data.shape, "const", data))
    head = Op("forest", {t.name.removeprefix("tree_"): t.name for t in tables}, {})
    return with_vector(body, exponent, head, tuple(tables), answers)


def tables_of(trees: Trees, features: int) -> dict[str, tuple[Integer[np.ndarray, "..."], str]]:
    """Return what lies in flash of trees on so many features: data and type of each table."""
    wide = "uint8" if features <= 256 else "int16" if features <= 2**15 else "uint16"
    dtypes = dict(root="int16", feature=wide, threshold="int16", child="int16", leaf="int8")
    found: dict[str, tuple[Integer[np.ndarray, "..."], str]] = {}
    for field in fields(Trees):
        dtype = dtypes[field.name]
        found[field.name] = np.ascontiguousarray(getattr(trees, field.name)).astype(dtype), dtype
    return found
