"""Lowering: a float reservoir and its readout become the integer `Graph`. No further choice is made here.

The sum of a neuron is `acc = Wq h + ((Xq x) << k) + (bq << kb)`, with 8-bit weights, in counts of the row's `r_i`:

    s_i  = max(max_j |W_ij|, c max_j |X_ij|) / 127     scale of row i (of the largest row, when per tensor)
    c    = max |W| / max |X|                           exchange rate between recurrent and input weights
    Wq   = round(W / s_i),  Xq = round(c X / s_i),  r_i = s_i s_h,  s_x = 2^k c s_h

with s_h = 2^-15 (int16 state) or 2^-7 (int8). k is the smallest shift with which the standardised inputs fit 16
bits. Where a sum could leave 32 bits, 127 becomes 63, 31 and so on, until none can. The tanh table takes 13 fractional
bits, so its argument is `requantise(acc, r_i 2^13)`.

Generated weights are integers before: W = s G, X = s_X G_X, b = s_b g with one s each, so that no weight is rounded.
The bias is the weight of one more input, which is s_b / s_X in the units of the others, and the sum is

    acc = (G h shifted by p) + G_X x,    r = 2^p s s_h,  s_x = r / s_X

p is the smallest shift with which all inputs fit 16 bits and no sum can leave 32 bits.

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

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor, Window
from sarto.core.graph.generated import generated, padded
from sarto.core.graph.operations import INT32_MAX, tanh_lookup
from sarto.deploy.lower.body import body_graph
from sarto.deploy.lower.inputs import InputStatistics, factors, standardise_op
from sarto.deploy.sensor import SensorFormat
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import AnyReservoir, Stack

TABLE_FRACTION_BITS = 13
"""Fractional bits of the tanh table's argument: 16-bit words reach |z| = 4, where tanh is within 0.0007 of 1."""
STATE_LIMIT = {16: 32767, 8: 127}


@dataclass(frozen=True)
class Numbers:
    """Number formats: bits of the state (8 or 16), whether each row has a scale, tanh table of 2^k intervals."""

    state_bits: int = 16
    per_row: bool = True
    table_bits: int = 7


def lowerable(cell: AnyReservoir) -> Reservoir:
    """Return `cell`, if the device has a kernel for all that it does.

    Raises:
        SartoError: E404, naming what it has none for.
    """
    found = {
        "layers": isinstance(cell, Stack),
        "a rotation of the state": any(layer.rotation is not None for layer in cell.layers),
        "a linear memory": any(layer.memory is not None for layer in cell.layers),
        "an activation other than tanh": any(layer.activation != "tanh" for layer in cell.layers),
        "a leak before the activation": any(layer.leaks != "state" for layer in cell.layers),
        "shares of more than 1 together": any(layer.alpha + layer.beta > 1 + 1e-9 for layer in cell.layers),
    }
    if isinstance(cell, Stack) or any(found.values()):
        raise not_lowered(cell.cell, [name for name, has in found.items() if has])
    return cell


def not_lowered(cell: str, parts: list[str]) -> SartoError:
    """Return the error of a cell that has `parts` for which there is no kernel."""
    return SartoError(
        "E404",
        f"{cell} has {' and '.join(parts)}, which no kernel of the device computes",
        cause="the integer network would be another one than the reservoir",
        hint="use a cell or settings without it; `sarto methods` lists the cells",
    )


def lower_reservoir(
    cell: AnyReservoir,
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
        SartoError: E404, when no scale of the weights keeps the sums within 32 bits, or for a cell that has no kernel.
    """
    cell = lowerable(cell)
    lowered = _reservoir if cell.start is None else _generated
    headroom = 1.0
    while headroom < 128:
        tensors, attributes, worst = lowered(cell, inputs, numbers, headroom)
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
    scale_op, scale_tensors = standardise_op(inputs, sensor, attributes.pop("input_scale"))
    units, state = cell.units, f"int{numbers.state_bits}"
    consts = {t.name: t.name for t in tensors}
    tensors += [Tensor("h", state, (units,), "state", scale=1 / (STATE_LIMIT[numbers.state_bits] + 1))]
    if cell.start is not None:
        *scale_tensors, x = scale_tensors
        scale_tensors += [replace(x, shape=(padded(cell.channels + 1),))]
        tensors += [Tensor("before", "int16", (padded(units),), "scratch")]
    elif cell.structure == "dense":
        tensors += [Tensor("next", state, (units,), "scratch")]
    step = [
        scale_op,
        Op(
            "recurrent",
            consts | {"x": "x", "state": "h"},
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
    return body_graph(
        step, (*scale_tensors, *tensors), seen, pooling.segments, pooling.segment_steps, channels, window
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

    factor, shift = factors(unit * 2**TABLE_FRACTION_BITS)
    if not numbers.per_row or len(np.unique(factor)) == 1:
        factor = factor[:1]
    if ring and len(np.unique(weights)) == 1:
        weights = weights[:1]
    table = tanh_table(numbers)
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
        **_mix(cell),
        "limit": limit,
        "input_scale": 2**input_shift * exchange * state_scale,
    }
    return tensors, attributes, float((sums * np.maximum(unit * 2**TABLE_FRACTION_BITS, 1)).max())


def _generated(
    cell: Reservoir, inputs: InputStatistics, numbers: Numbers, headroom: float
) -> tuple[list[Tensor], dict[str, Any], float]:
    """Return as `_reservoir`, for generated weights: the sum is `headroom` times as coarse as the inputs ask for."""
    assert cell.start is not None
    recurrent, driven = generated(cell.start, cell.units, cell.channels)
    limit = STATE_LIMIT[numbers.state_bits]
    count = _factor(cell.recurrent, recurrent) / (limit + 1)
    input_scale = _factor(cell.inputs, driven[:, :-1])
    constant = _factor(cell.bias, driven[:, -1]) / input_scale
    coarser = headroom * max(inputs.peak, constant) * input_scale / (32767 * count)
    shift = int(np.ceil(np.log2(coarser)))
    unit = 2.0**shift * count
    bias = round(constant * input_scale / unit)
    inner = np.abs(recurrent.astype(np.int64)).sum(axis=1) * limit + 2.0 ** max(shift - 1, 0)
    sizes = np.abs(driven.astype(np.int64))
    sums = inner / 2.0**shift + sizes[:, :-1].sum(axis=1) * 32767 + sizes[:, -1] * bias
    factor, requantised = factors(np.array([unit * 2**TABLE_FRACTION_BITS]))
    worst = max(float(inner.max()), float(sums.max()) * max(unit * 2**TABLE_FRACTION_BITS, 1))
    table = tanh_table(numbers)
    tensors = [
        Tensor("factor", "int16", factor.shape, "const", factor),
        Tensor("table", str(table.dtype), table.shape, "const", table, 1 / (limit + 1)),
    ]
    attributes = {
        "ring": 0,
        "start": cell.start,
        "constant": bias,
        "state_up": max(-shift, 0),
        "state_down": max(shift, 0),
        "shift": requantised,
        **_mix(cell),
        "limit": limit,
        "input_scale": unit / input_scale,
    }
    return tensors, attributes, worst if abs(shift) < 31 else np.inf


def _factor(weights: Float[np.ndarray, "..."], integers: Integer[np.ndarray, "..."]) -> float:
    """Return s of weights that are s times `integers`."""
    at = np.unravel_index(np.abs(integers.astype(np.int64)).argmax(), integers.shape)
    factor = float(weights[at]) / int(integers[at] or 1)
    assert np.allclose(weights, factor * integers, rtol=1e-12), "these weights are not the generated ones"
    return factor


def _mix(cell: Reservoir) -> dict[str, int]:
    """Return the shares of old and new state, of 2^15."""
    alpha, beta = round(cell.alpha * 2**15), round(cell.beta * 2**15)
    assert alpha + beta < 65535, "alpha + beta must stay below 2 for a 32-bit mix"
    return {"alpha": alpha, "beta": beta}


def tanh_table(numbers: Numbers) -> Integer[np.ndarray, " entry"]:
    """Return the tanh table over |z| in [0, 4): 2^k + 1 knots (int16) or 2^k interval centres (int8)."""
    limit, count = STATE_LIMIT[numbers.state_bits], 1 << numbers.table_bits
    step = (1 << (15 - TABLE_FRACTION_BITS)) / count
    if numbers.state_bits == 8:
        return np.rint(limit * np.tanh((np.arange(count) + 0.5) * step)).astype(np.int8)
    return np.rint(limit * np.tanh(np.arange(count + 1) * step)).astype(np.int16)


def table_error(table: Integer[np.ndarray, " entry"], limit: int | None = None) -> float:
    """Return the largest error of `table` against tanh over every argument the device can form, full scale 1.

    Full scale is `limit` in counts, that of a state of the table's width if not given. Both are odd: half will do.
    """
    z = np.asarray(range(32768), dtype=np.int64)
    limit = limit or STATE_LIMIT[8 * table.dtype.itemsize]
    return float(np.abs(tanh_lookup(z, table) / limit - np.tanh(z / float(1 << TABLE_FRACTION_BITS))).max())
