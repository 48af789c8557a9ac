# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportAttributeAccessIssue=false
"""Adapter of `scipy.sparse`: sums over neighbours, largest eigenvalues of large sparse matrices, strong components.

>>> starts, sources = np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1])
>>> neighbour_sum(adjacency(starts, sources, np.dtype(np.float64)), np.array([[1.0], [2.0], [4.0]])).tolist()
[[2.0], [5.0], [2.0]]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigs, eigsh, svds


def adjacency(
    starts: Int[np.ndarray, " node_plus_1"], sources: Int[np.ndarray, " edge"], dtype: np.dtype[Any]
) -> Any:
    """Return A with A[v, w] = 1 for w in N(v), in compressed rows."""
    nodes = len(starts) - 1
    return csr_array((np.ones(len(sources), dtype), sources, starts), shape=(nodes, nodes))


def neighbour_sum(A: Any, x: Float[np.ndarray, "node neuron"]) -> Float[np.ndarray, "node neuron"]:
    """Return A x: for each node the sum of what its neighbours hold."""
    return np.asarray(A @ x)


def kept_rows(A: Any, keep: Int[np.ndarray, " kept"]) -> Any:
    """Return A without the nodes that are not in `keep`, to which no edge leads."""
    return A[keep][:, keep]


def strong_components(A: Any) -> Int[np.ndarray, " node"]:
    """Return the strongly connected component of each node."""
    return np.asarray(connected_components(A, directed=True, connection="strong")[1], np.int64)


def largest_singular_value(A: Any, symmetric: bool) -> float | None:
    """Return the largest singular value of a large A, to rounding; None when the iteration does not end."""
    if A.nnz == 0:
        return 0.0
    start = 1.0 + np.asarray(A.sum(axis=0), np.float64)
    try:
        if symmetric:
            values: Any = eigsh(A, k=1, which="LA", v0=start, return_eigenvectors=False)
        else:
            values = svds(A, k=1, v0=start, return_singular_vectors=False, solver="arpack")
    except ArpackNoConvergence:
        return None
    return float(values[0])


def largest_eigenvalue(A: Any) -> float | None:
    """Return the spectral radius of a large A that is not negative and strongly connected; None as above."""
    start = 1.0 + np.asarray(A.sum(axis=0), np.float64)
    try:
        return float(np.abs(eigs(A, k=1, which="LR", v0=start, return_eigenvectors=False)[0]))
    except ArpackNoConvergence:
        return None
