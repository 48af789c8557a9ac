"""The linear readout of a graph, and the last operation of every graph: from sums to scores, classes or numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Integer

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.operations import FEATURE_LIMIT, INT32_MAX, SCORE_LIMIT
from sarto.deploy.lower.inputs import factors

SCORE_SCALE = 2.0**-14
"""What one count of a class score is worth."""
REACH = 64
"""Standard deviations that a predicted number may lie from its mean."""


def feature_exponents(means: Integer[np.ndarray, "item segment unit"]) -> Integer[np.ndarray, " unit"]:
    """Return one shift per feature with which the largest training mean fills half of the feature's range.

    The other half is headroom for data not seen. Shifts are at least 15, so that any feature stays within 32 bits.
    """
    peak = np.maximum(np.abs(means).max(axis=(0, 1)).astype(np.float64), 1.0)
    return np.ceil(np.log2(peak / (FEATURE_LIMIT / 2))).clip(15, 62).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Latest:
    """Of each forecast number, the channel that it is a later value of, and what one count of that is worth."""

    channels: tuple[int, ...]
    scale: Float[np.ndarray, " output"]


@dataclass(frozen=True, eq=False)
class Answers:
    """How the sums of a head become what a model puts out: `sums * scale + intercept`, in counts of 2^-14 or `quanta`.

    Attributes:
        scale: real value of one count of a sum, per output.
        intercept: per output, real.
        outputs: names.
        quanta: what one count of each number that is predicted is worth; empty for classes, the highest of which wins.
        latest: of forecasts that are changes, what they are added to; else None.
    """

    scale: Float[np.ndarray, " output"]
    intercept: Float[np.ndarray, " output"]
    outputs: tuple[str, ...]
    quanta: tuple[float, ...] = ()
    latest: Latest | None = None


def with_readout(
    body: Graph,
    exponent: Integer[np.ndarray, " unit"],
    weights: Integer[np.ndarray, "output feature"],
    answers: Answers,
) -> Graph:
    """Return `body` with a linear readout.

    Args:
        body: what the lowering of a body returned.
        exponent: what `feature_exponents` returned.
        weights: 8-bit weights; features are segment-major.
        answers: what becomes of the sums `weights . features`.
    """
    packed = packed_readout(weights, (body.segments, len(exponent)))
    last, tensors = last_op(body, answers)
    sums = Tensor("sums", "int32", (len(answers.outputs),), "state")
    readout = Op("readout", {"weights": "weights_out"}, {"sums": "sums"})
    return replace(
        body,
        tensors=(*body.tensors, exponent_tensor(exponent), packed, sums, *tensors),
        segment=(seen_op(body), readout),
        finish=(last,),
        outputs=answers.outputs,
        quanta=answers.quanta,
    )


def packed_readout(weights: Integer[np.ndarray, "output feature"], shape: tuple[int, ...]) -> Tensor:
    """Return 8-bit weights feature by feature, `shape` being that of the features.

    Raises:
        SartoError: E404, when the sum of an output could leave 32 bits.
    """
    worst = np.abs(weights.astype(np.int64)).sum(axis=1).max() * FEATURE_LIMIT
    if worst > INT32_MAX:
        raise SartoError(
            "E404",
            f"output sums of {weights.shape[1]} features leave 32 bits",
            cause="the readout is too wide for an int32 accumulator",
            hint="use fewer units or segments",
        )
    packed = np.ascontiguousarray(weights.T.astype(np.int8).reshape(*shape, len(weights)))
    return Tensor("weights_out", "int8", packed.shape, "const", packed)


def exponent_tensor(exponent: Integer[np.ndarray, " unit"]) -> Tensor:
    """Return the shifts that make features of what the body pooled."""
    return Tensor("exponent", "uint8", exponent.shape, "const", exponent.astype(np.uint8))


def seen_op(body: Graph) -> Op:
    """Return the operation that makes features of what the body pooled."""
    (seen,) = body.segment
    return replace(seen, inputs={**seen.inputs, "exponent": "exponent"})


def last_op(body: Graph, answers: Answers) -> tuple[Op, tuple[Tensor, ...]]:
    """Return the operation, with its tensors, that makes scores of the tensor `sums`."""
    outputs, quanta = answers.outputs, answers.quanta
    score_scale = np.array(quanta or (SCORE_SCALE,) * len(outputs))
    factor, shift = factors(answers.scale / score_scale)
    bias = np.rint(answers.intercept / score_scale).clip(-SCORE_LIMIT, SCORE_LIMIT).astype(np.int32)
    unit = None if quanta else SCORE_SCALE
    tensors, inputs, attributes = _latest(body, answers.latest, score_scale)
    own = (
        Tensor("factor_out", "int16", factor.shape, "const", factor),
        Tensor("bias_out", "int32", bias.shape, "const", bias, unit),
        Tensor("scores", "int32", (len(outputs),), "output", scale=unit),
    )
    last = Op(
        "values" if quanta else "argmax",
        {"sums": "sums", "factor": "factor_out", "bias": "bias_out", **inputs},
        {"scores": "scores"},
        {"shift": shift, **attributes},
    )
    return last, (*own, *tensors)


def with_vector(
    body: Graph,
    exponent: Integer[np.ndarray, " unit"],
    head: Op,
    tables: tuple[Tensor, ...],
    answers: Answers,
) -> Graph:
    """Return `body` with a `head` that decides from all features at the end, and the `tables` that it needs."""
    last, tensors = last_op(body, answers)
    vector = Tensor("vector", "int16", (body.segments * len(exponent),), "state")
    sums = Tensor("sums", "int32", (len(answers.outputs),), "scratch")
    return replace(
        body,
        tensors=(*body.tensors, exponent_tensor(exponent), vector, *tables, sums, *tensors),
        segment=(seen_op(body), Op("collect", {}, {"vector": "vector"})),
        finish=(replace(head, inputs={**head.inputs, "vector": "vector"}, outputs={"sums": "sums"}), last),
        outputs=answers.outputs,
        quanta=answers.quanta,
    )


def _latest(
    body: Graph, latest: Latest | None, score_scale: Float[np.ndarray, " output"]
) -> tuple[tuple[Tensor, ...], dict[str, str], dict[str, int]]:
    """Return tensors, inputs and attributes with which the last operation adds what was last seen."""
    if latest is None:
        return (), {}, {}
    factor, shift = factors(latest.scale / score_scale)
    channel = np.array(latest.channels, np.int16)
    tensors = (
        Tensor("latest", body.by_name["raw"].dtype, channel.shape, "state"),
        Tensor("latest_channel", "int16", channel.shape, "const", channel),
        Tensor("latest_factor", "int16", factor.shape, "const", factor),
    )
    inputs = {"latest": "latest", "channel": "latest_channel", "latest_factor": "latest_factor"}
    return tensors, inputs, {"latest_shift": shift}


def quantum(mean: float, std: float, count: float = 0.0) -> float:
    """Return the power of two that a predicted number is counted in: 2^-14 of its standard deviation, or what fits.

    A number up to `REACH` standard deviations from its mean must stay within the limit of the scores, and a `count` of
    what is added to it must not be more than 2^13 of its own.
    """
    fine = math.floor(math.log2(std)) - 14
    fine = max(fine, math.ceil(math.log2(count)) - 13) if count else fine
    coarse = math.ceil(math.log2((abs(mean) + REACH * std) / SCORE_LIMIT))
    return 2.0 ** max(fine, coarse)
