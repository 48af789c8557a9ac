"""Lowering: a float reservoir and its readout become the integer `Graph`. No further choice is made here.

The sum of a neuron is `acc = Wq h + ((Xq x) << k) + (bq << kb)`, with 8-bit weights, in counts of the row's `r_i`:

    s_i  = max(max_j |W_ij|, c max_j |X_ij|) / 127     scale of row i (of the largest row, when per tensor)
    c    = max |W| / max |X|                           exchange rate between recurrent and input weights
    Wq   = round(W / s_i),  Xq = round(c X / s_i),  r_i = s_i s_h,  s_x = 2^k c s_h

with s_h = 2^-15 (int16 state) or 2^-7 (int8). k is the smallest shift with which the standardised inputs fit 16
bits. Where a sum could leave 32 bits, 127 becomes 63, 31 and so on, until none can. The tanh table takes 13 fractional
bits, so its argument is `requantise(acc, r_i 2^13)`.

>>> import numpy as np
>>> from sarto.models.reservoir import esn
>>> cell = esn.build(8, 2, seed=0, leak=1.0, radius=0.9, input_scaling=0.5, bias_scaling=0.1)
>>> inputs = InputStatistics(np.zeros(2), np.ones(2), 4.0)
>>> sensor = SensorFormat(16, np.full(2, 2.0**-12), "declared")
>>> graph = lower_reservoir(cell, inputs, sensor, Numbers(), Pooling("mean"), channels=("x", "y"))
>>> [op.kind for op in graph.step]
['standardise', 'recurrent', 'pool']
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Integer, Num

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor, Window, multiplier
from sarto.core.graph.operations import FEATURE_LIMIT, INT32_MAX, SCORE_LIMIT, tanh_lookup
from sarto.deploy.sensor import SensorFormat
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Reservoir

TABLE_FRACTION_BITS = 13
"""Fractional bits of the tanh table's argument: 16-bit words reach |z| = 4, where tanh is within 0.0007 of 1."""
STATE_LIMIT = {16: 32767, 8: 127}
SCORE_SCALE = 2.0**-14
"""What one count of a class score is worth."""
REACH = 64
"""Standard deviations that a predicted number may lie from its mean."""
LEAST_FACTOR = 2.0**-48
"""The smallest factor with 15 significant bits and a shift of at most 62."""


@dataclass(frozen=True)
class Numbers:
    """Number formats: bits of the state (8 or 16), whether each row has a scale, tanh table of 2^k intervals."""

    state_bits: int = 16
    per_row: bool = True
    table_bits: int = 7


@dataclass(frozen=True, eq=False)
class InputStatistics:
    """Mean and standard deviation per channel, in physical units, and the largest |standardised| training value."""

    mean: Float[np.ndarray, " channel"]
    std: Float[np.ndarray, " channel"]
    peak: float

    @staticmethod
    def of(values: Num[np.ndarray, "row channel"]) -> InputStatistics:
        """Return the statistics of training `values`."""
        wide = values.astype(np.float64)
        mean, std = wide.mean(axis=0), wide.std(axis=0)
        return InputStatistics(mean, std, float(np.abs((wide - mean) / std).max()))


def lower_reservoir(
    cell: Reservoir,
    inputs: InputStatistics,
    sensor: SensorFormat,
    numbers: Numbers,
    pooling: Pooling,
    *,
    channels: tuple[str, ...],
    window: Window | None = None,
) -> Graph:
    """Return the graph of the reservoir alone: what it pools is named, but there is no readout yet.

    Raises:
        SartoError: E404, when no scale of the weights keeps the sums within 32 bits.
    """
    headroom = 1.0
    while headroom < 128:
        tensors, attributes, worst = _reservoir(cell, inputs, numbers, headroom)
        if worst <= INT32_MAX:
            break
        headroom *= 2
    else:
        raise SartoError(
            "E404",
            f"sums of {cell.units} neurons leave 32 bits",
            cause="the weights are too many or too large for an int32 accumulator",
            hint="use fewer units or a smaller input scaling",
        )
    scale_op, scale_tensors = _standardise(inputs, sensor, attributes.pop("input_scale"))
    units, state = cell.units, f"int{numbers.state_bits}"
    tensors += [Tensor("h", state, (units,), "state", scale=1 / (STATE_LIMIT[numbers.state_bits] + 1))]
    if cell.structure == "dense":
        tensors += [Tensor("next", state, (units,), "scratch")]
    step = [
        scale_op,
        Op(
            "recurrent",
            {k: k for k in ("weights", "inputs", "bias", "factor", "table")} | {"x": "x", "state": "h"},
            {"state": "h"},
            {k: int(v) for k, v in attributes.items()},
        ),
    ]
    seen: dict[str, str] = {}
    if pooling.sums:
        tensors += [Tensor("total", "int32", (units * pooling.sums,), "state")]
        seen["total"] = "total"
        shift = 15 if numbers.state_bits == 16 else 0
        step += [Op("pool", {"state": "h", "total": "total"}, {"total": "total"}, {"square_shift": shift})]
    if pooling.takes_last:
        seen["state"] = "h"
    return Graph(
        name="model",
        tensors=(*scale_tensors, *tensors),
        step=tuple(step),
        segment=(Op("features", seen, {}),),
        finish=(),
        segments=pooling.segments,
        segment_steps=pooling.segment_steps,
        window=window,
        outputs=(),
        channels=channels,
    )


def _reservoir(
    cell: Reservoir, inputs: InputStatistics, numbers: Numbers, headroom: float
) -> tuple[list[Tensor], dict[str, Any], float]:
    """Return constants, attributes and the largest possible |sum| with weights of 127 / headroom at the most.

    Where the requantised sum is the larger one, that is returned, since it must fit 32 bits too.
    """
    ring = cell.structure == "ring"
    recurrent = cell.recurrent[:, None] if ring else cell.recurrent
    limit = STATE_LIMIT[numbers.state_bits]
    state_scale = 1 / (limit + 1)
    top = 127 // headroom
    exchange = np.abs(recurrent).max() / np.abs(cell.inputs).max()
    peaks = np.maximum(np.abs(recurrent).max(axis=1), exchange * np.abs(cell.inputs).max(axis=1))
    row = (peaks if numbers.per_row else np.full(cell.units, peaks.max())) / top
    weights = np.rint(recurrent / row[:, None]).astype(np.int8)
    drive = np.rint(exchange * cell.inputs / row[:, None]).astype(np.int8)
    input_shift = max(0, int(np.ceil(np.log2(inputs.peak / (32767 * exchange * state_scale)))))
    unit = row * state_scale
    counts = cell.bias / unit
    bias_shift = max(0, int(np.ceil(np.log2(max(np.abs(counts).max(), 1) / 127))))
    bias = np.rint(counts / 2**bias_shift).astype(np.int8)
    sums = np.abs(weights.astype(np.int64)).sum(axis=1) * limit
    sums = sums + (np.abs(drive.astype(np.int64)).sum(axis=1) * 32767 << input_shift)
    sums = sums + (np.abs(bias.astype(np.int64)) << bias_shift)

    factor, shift = _factors(unit * 2**TABLE_FRACTION_BITS)
    if not numbers.per_row or len(np.unique(factor)) == 1:
        factor = factor[:1]
    if ring and len(np.unique(weights)) == 1:
        weights = weights[:1]
    table = tanh_table(numbers)
    alpha, beta = round(cell.alpha * 2**15), round(cell.beta * 2**15)
    assert alpha + beta < 65535, "alpha + beta must stay below 2 for a 32-bit mix"
    tensors = [
        Tensor("inputs", "int8", drive.shape, "const", drive),
        Tensor(
            "weights",
            "int8",
            weights[:, 0].shape if ring else weights.shape,
            "const",
            weights[:, 0] if ring else weights,
        ),
        Tensor("bias", "int8", bias.shape, "const", bias),
        Tensor("factor", "int16", factor.shape, "const", factor),
        Tensor("table", str(table.dtype), table.shape, "const", table, state_scale),
    ]
    attributes = {
        "ring": int(ring),
        "input_shift": input_shift,
        "bias_shift": bias_shift,
        "shift": shift,
        "alpha": alpha,
        "beta": beta,
        "limit": limit,
        "input_scale": 2**input_shift * exchange * state_scale,
    }
    return tensors, attributes, float((sums * np.maximum(unit * 2**TABLE_FRACTION_BITS, 1)).max())


def _factors(values: Float[np.ndarray, " row"]) -> tuple[Integer[np.ndarray, " row"], int]:
    """Return int16 multipliers of all `values` with one common shift; the least that can be written is 2^-62."""
    _, shift = multiplier(max(float(values.max()), LEAST_FACTOR))
    return np.maximum(np.rint(values * 2.0**shift), 1).clip(max=32767).astype(np.int16), shift


def _standardise(
    inputs: InputStatistics, sensor: SensorFormat, input_scale: float
) -> tuple[Op, list[Tensor]]:
    word = 2 ** (sensor.bits - 1) - 1
    zero = np.rint(inputs.mean / sensor.scale).clip(-word, word).astype(np.int32)
    factors = sensor.scale / inputs.std / input_scale
    try:
        _, shift = multiplier(float(factors.max()), bits=24)
    except ValueError as error:
        raise SartoError(
            "E112",
            f"a sensor scale of {sensor.scale[factors.argmax()]:g} does not suit the data",
            cause=f"their standard deviation is {inputs.std[factors.argmax()]:g}",
            hint="one count of the sensor should be worth a small part of that",
        ) from error
    factor = np.maximum(np.rint(factors * 2.0**shift), 1).astype(np.int32)
    tensors = [
        Tensor("raw", f"int{sensor.bits}", zero.shape, "input"),
        Tensor("zero", "int32", zero.shape, "const", zero),
        Tensor("factor_in", "int32", factor.shape, "const", factor),
        Tensor("x", "int16", zero.shape, "scratch", scale=input_scale),
    ]
    return Op(
        "standardise", {"raw": "raw", "zero": "zero", "factor": "factor_in"}, {"x": "x"}, {"shift": shift}
    ), tensors


def tanh_table(numbers: Numbers) -> Integer[np.ndarray, " entry"]:
    """Return the tanh table over |z| in [0, 4): 2^k + 1 knots (int16) or 2^k interval centres (int8)."""
    limit, count = STATE_LIMIT[numbers.state_bits], 1 << numbers.table_bits
    step = (1 << (15 - TABLE_FRACTION_BITS)) / count
    if numbers.state_bits == 8:
        return np.rint(limit * np.tanh((np.arange(count) + 0.5) * step)).astype(np.int8)
    return np.rint(limit * np.tanh(np.arange(count + 1) * step)).astype(np.int16)


def table_error(table: Integer[np.ndarray, " entry"]) -> float:
    """Return the largest error of `table` against tanh over every argument the device can form, full scale 1."""
    z = np.asarray(range(32768), dtype=np.int64)
    limit = STATE_LIMIT[8 * table.dtype.itemsize]
    return float(np.abs(tanh_lookup(z, table) / limit - np.tanh(z / float(1 << TABLE_FRACTION_BITS))).max())


def feature_exponents(means: Integer[np.ndarray, "item segment unit"]) -> Integer[np.ndarray, " unit"]:
    """Return one shift per feature with which the largest training mean fills half of the feature's range.

    The other half is headroom for data not seen. Shifts are at least 15, so that any feature stays within 32 bits.
    """
    peak = np.maximum(np.abs(means).max(axis=(0, 1)).astype(np.float64), 1.0)
    return np.ceil(np.log2(peak / (FEATURE_LIMIT / 2))).clip(15, 62).astype(np.uint8)


def with_readout(
    body: Graph,
    exponent: Integer[np.ndarray, " unit"],
    weights: Integer[np.ndarray, "class feature"],
    scale: Float[np.ndarray, " class"],
    intercept: Float[np.ndarray, " class"],
    outputs: tuple[str, ...],
    quanta: tuple[float, ...] = (),
    latest: Latest | None = None,
) -> Graph:
    """Return `body` with its readout: `scores = weights . features * scale + intercept`.

    Scores are in counts of 2^-14, or of `quanta`.

    Args:
        body: what `lower_reservoir` returned.
        exponent: what `feature_exponents` returned.
        weights: 8-bit weights; features are segment-major.
        scale: real value of one weight count times one feature count, per output.
        intercept: per output, real.
        outputs: names, by row of `weights`.
        quanta: what one count of each number that is predicted is worth; empty for classes, the highest of which wins.
        latest: of forecasts that are changes, what they are added to; else None.
    """
    score_scale = np.array(quanta or (SCORE_SCALE,) * len(outputs))
    factor, shift = _factors(scale / score_scale)
    bias = np.rint(intercept / score_scale).clip(-SCORE_LIMIT, SCORE_LIMIT).astype(np.int32)
    packed = np.ascontiguousarray(
        weights.T.astype(np.int8).reshape(body.segments, len(exponent), len(outputs))
    )
    worst = np.abs(packed.astype(np.int64)).sum(axis=(0, 1)).max() * FEATURE_LIMIT
    if worst > INT32_MAX:
        raise SartoError(
            "E404",
            f"output sums of {weights.shape[1]} features leave 32 bits",
            cause="the readout is too wide for an int32 accumulator",
            hint="use fewer units or segments",
        )
    added = (
        Tensor("exponent", "uint8", exponent.shape, "const", exponent.astype(np.uint8)),
        Tensor("weights_out", "int8", packed.shape, "const", packed),
        Tensor("factor_out", "int16", factor.shape, "const", factor),
        Tensor("bias_out", "int32", bias.shape, "const", bias, None if quanta else SCORE_SCALE),
        Tensor("sums", "int32", (len(outputs),), "state"),
        Tensor("scores", "int32", (len(outputs),), "output", scale=None if quanta else SCORE_SCALE),
    )
    tensors, inputs, attributes = _latest(body, latest, score_scale)
    (seen,) = body.segment
    scale_op = replace(seen, inputs={**seen.inputs, "exponent": "exponent"})
    readout = Op("readout", {"weights": "weights_out"}, {"sums": "sums"})
    last = Op(
        "values" if quanta else "argmax",
        {"sums": "sums", "factor": "factor_out", "bias": "bias_out", **inputs},
        {"scores": "scores"},
        {"shift": shift, **attributes},
    )
    return replace(
        body,
        tensors=(*body.tensors, *added, *tensors),
        segment=(scale_op, readout),
        finish=(last,),
        outputs=outputs,
        quanta=quanta,
    )


@dataclass(frozen=True, eq=False)
class Latest:
    """Of each forecast number, the channel that it is a later value of, and what one count of that is worth."""

    channels: tuple[int, ...]
    scale: Float[np.ndarray, " output"]


def _latest(
    body: Graph, latest: Latest | None, score_scale: Float[np.ndarray, " output"]
) -> tuple[tuple[Tensor, ...], dict[str, str], dict[str, int]]:
    """Return tensors, inputs and attributes with which the last operation adds what was last seen."""
    if latest is None:
        return (), {}, {}
    factor, shift = _factors(latest.scale / score_scale)
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
