"""Rounds the weights of a linear layer to integers with one scale per row, such that its output changes least.

Rounding weight j of a row shifts the error onto the weights not yet rounded, so that the layer's output changes
least on the data: with `G` the second moment of its inputs and `U` the upper Cholesky factor of `G^-1`,

    e_j = (w_j - q_j s) / U_jj,      w_k <- w_k - e_j U_jk   for k > j.

Columns go in order of falling `G_jj`. A pruned weight stays 0, and what the others would have left to it goes on to
those that follow. The scale of a row is the one of `CLIPS` times `max|w| / (2^(bits-1) - 1)`
with the least output error `d' G d` when plainly rounded.

Source: Frantar et al., "OPTQ: accurate post-training quantization for generative pre-trained transformers", ICLR 2023,
algorithm 1 (there without the row-wise search of the scale).

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> x = rng.normal(size=(200, 10)) @ rng.normal(size=(10, 10))
>>> w = rng.normal(size=(3, 10))
>>> gram = x.T @ x
>>> aware, plain = quantise(w, 4, gram), quantise(w, 4)
>>> bool(output_error(w, aware, gram).sum() < 0.6 * output_error(w, plain, gram).sum())
True
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.core.errors import SartoError

CLIPS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Shares of the largest weight at which a row may be clipped; finer grids changed nothing that we measured."""
DAMPING = 0.01
"""Share of the mean diagonal added to the second moment (the value of the paper's section 3.3)."""


@dataclass(frozen=True, eq=False)
class QuantisedRows:
    """Integer weights `values` (row, column), and the real value of one count per row."""

    values: Int[np.ndarray, "row column"]
    scale: Float[np.ndarray, " row"]

    @property
    def real(self) -> Float[np.ndarray, "row column"]:
        """The weights that the integers stand for."""
        return self.values * self.scale[:, None]


def quantise(
    weights: Float[np.ndarray, "row column"],
    bits: int,
    second_moment: Float[np.ndarray, "column column"] | None = None,
    kept: Bool[np.ndarray, "row column"] | None = None,
) -> QuantisedRows:
    """Return `weights` in `bits` bits (2 to 16), symmetric, one scale per row.

    Args:
        weights: real weights.
        bits: of the integers; they lie in +-(2^(bits-1) - 1).
        second_moment: of the layer's inputs, in any unit; None, or 0 where no input ever moves, rounds each weight to
            the nearest.
        kept: weights that are not pruned, the others being 0; None for all.

    Raises:
        SartoError: E116, when `bits` is out of range or a weight is not finite.
    """
    if not 2 <= bits <= 16 or not np.isfinite(weights).all():
        raise SartoError(
            "E116", f"cannot quantise to {bits} bits", cause="2 to 16 bits and finite weights are needed"
        )
    limit = 2 ** (bits - 1) - 1
    peak = np.maximum(np.abs(weights).max(axis=1), np.finfo(np.float64).tiny * 2**20)
    if second_moment is None or not np.diag(second_moment).any():
        scale = peak / limit
        return QuantisedRows(_round(weights, scale, limit), scale)
    gram = second_moment + DAMPING * np.mean(np.diag(second_moment)) * np.eye(len(second_moment))
    scale = _best_scale(weights, gram, peak / limit, limit)
    return QuantisedRows(_compensated(weights, gram, scale, limit, kept), scale)


def output_error(
    weights: Float[np.ndarray, "row column"],
    quantised: QuantisedRows,
    gram: Float[np.ndarray, "column column"],
) -> Float[np.ndarray, " row"]:
    """Return `d' G d` per row, the squared change of the layer's output over the data behind `gram`."""
    difference = weights - quantised.real
    return np.einsum("rc,rc->r", difference @ gram, difference)


def _round(
    weights: Float[np.ndarray, "row column"], scale: Float[np.ndarray, " row"], limit: int
) -> Int[np.ndarray, "row column"]:
    return np.rint(weights / scale[:, None]).clip(-limit, limit).astype(np.int64)


def _best_scale(
    weights: Float[np.ndarray, "row column"],
    gram: Float[np.ndarray, "column column"],
    full: Float[np.ndarray, " row"],
    limit: int,
) -> Float[np.ndarray, " row"]:
    tried = [QuantisedRows(_round(weights, full * clip, limit), full * clip) for clip in CLIPS]
    errors = np.stack([output_error(weights, q, gram) for q in tried])
    return full * np.asarray(CLIPS)[errors.argmin(axis=0)]


def _compensated(
    weights: Float[np.ndarray, "row column"],
    gram: Float[np.ndarray, "column column"],
    scale: Float[np.ndarray, " row"],
    limit: int,
    kept: Bool[np.ndarray, "row column"] | None,
) -> Int[np.ndarray, "row column"]:
    order = np.argsort(-np.diag(gram), kind="stable")
    try:
        inverse = np.linalg.inv(gram[np.ix_(order, order)])
        upper = np.linalg.cholesky((inverse + inverse.T) / 2).T
    except np.linalg.LinAlgError as error:
        raise SartoError(
            "E404",
            "the second moment of the inputs is not positive definite",
            cause="the features are not finite, or the matrix is no second moment",
            hint="check the features that it was made of",
        ) from error
    left = weights[:, order].copy()
    result = np.empty(left.shape, np.int64)
    for j in range(left.shape[1]):
        result[:, j] = np.rint(left[:, j] / scale).clip(-limit, limit)
        if kept is not None:
            result[~kept[:, order[j]], j] = 0
        error = (left[:, j] - result[:, j] * scale) / upper[j, j]
        left[:, j + 1 :] -= error[:, None] * upper[j, j + 1 :]
    back = np.empty_like(result)
    back[:, order] = result
    return back
