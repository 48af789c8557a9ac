"""The average of reservoirs that were adapted from one by their gains and shifts (FedIP).

    a = sum_k n_k a_k / sum_k n_k,   b = sum_k n_k b_k / sum_k n_k

A round of FedIP: every client runs intrinsic plasticity from the server's reservoir on its own inputs and sends a_k,
b_k (`sarto.learn.plasticity.tuning`) and its number of samples n_k; the server's next reservoir has their average. The
sum is exact, so that the order of clients changes no bit. Where the state leaks this is the average of the weights.

Statistics of the states from before a round are of another reservoir, whose id differs, and are refused.

Source: De Caro, Gallicchio and Bacciu, "Federated adaptation of reservoirs via intrinsic plasticity", ESANN 2022
(FedIP), and the code of federated-esn.

>>> from sarto.models.reservoir import esn
>>> cell = esn.build(3, 1, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.1)
>>> one, other = (tuned(cell, np.r_[np.full(3, gain), np.zeros(3)]) for gain in (1.0, 2.0))
>>> tuning(cell, averaged(cell, [one, other], [3, 1])).round(12).tolist()
[1.25, 1.25, 1.25, 0.0, 0.0, 0.0]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from sarto.learn.exact_sum import ExactSum
from sarto.learn.plasticity.tuning import tuned, tuning
from sarto.models.input_error import InputError
from sarto.models.reservoir._stack import AnyReservoir


def averaged(
    reservoir: AnyReservoir, adapted: Sequence[AnyReservoir], weights: Sequence[float]
) -> AnyReservoir:
    """Return `reservoir` with the average gains and shifts of those adapted from it.

    Args:
        reservoir: of the server, from which all were adapted.
        adapted: of the clients.
        weights: n_k, at least 0 and not all 0.

    Raises:
        InputError: E104, without any weight; E108; E116 for a weight below 0; E168 for a reservoir of another origin.
    """
    vectors = [tuning(reservoir, each) for each in adapted]
    return tuned(reservoir, averaged_tuning(vectors, weights))


def averaged_tuning(
    vectors: Sequence[Float[np.ndarray, " value"]], weights: Sequence[float]
) -> Float[np.ndarray, " value"]:
    """Return the average of gains and shifts as clients sent them. As `averaged`."""
    if len(vectors) != len(weights):
        raise InputError(
            "E108",
            f"{len(vectors)} reservoirs and {len(weights)} weights",
            cause="each needs its own",
            hint="send n_k with the gains",
        )
    if any(not (np.isfinite(w) and w >= 0) for w in weights):
        raise InputError(
            "E116",
            f"a weight of {min(weights)}",
            cause="weights are numbers of samples, at least 0",
            hint="use n_k",
        )
    if not sum(weights) > 0:
        raise InputError(
            "E104",
            "0 samples to average over",
            cause="no client has any",
            hint="leave the reservoir as it is",
        )
    total, share = ExactSum(len(vectors[0])), ExactSum(1)
    for vector, weight in zip(vectors, weights, strict=True):
        total.add(weight * vector)
        share.add(np.array([float(weight)]))
    return total.values / share.values
