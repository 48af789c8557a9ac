"""One layer of a reservoir as integers: its constants, its attributes, and the scale that its inputs must have.

The sum of a neuron is `acc = Wq h + ((Xq x) << k) + ((Mq m) << k_m) + (bq << kb)`, with 8-bit weights, in counts of the
row's `r_i`:

    s_i  = max(max_j |W_ij|, c max_j |X_ij|, c_m max_j |M_ij|) / 127    scale of row i (of the largest, when per tensor)
    c    = max |W| / max |X|,  c_m = max |W| / max |M|                  exchange rates of inputs and memory
    Wq   = round(W / s_i),  Xq = round(c X / s_i),  Mq = round(c_m M / s_i),  r_i = s_i s_h,  s_x = 2^k c s_h

s_h is 2^-15 (int16 state) or 2^-7 (int8), times the power of two that the states reach where they have a scale of
their own. k is the smallest shift with which the inputs fit 16 bits, k_m that of the memory m (weights M = W_m, scale
s_m = 2^k_m c_m s_h). Where a sum could leave 32 bits, 127 becomes 63, 31 and so on, until none can. The tanh table
takes 13 fractional bits, so its argument is `requantise(acc, r_i 2^13)`. The sigmoid is (1 + tanh(z / 2)) / 2: the
same table at half the argument, beta halved, and one added to what the table says. Where phi is linear its argument
has the state's own counts.

Generated weights are integers before: W = s G, X = s_X G_X, b = s_b g with one s each, so that no weight is rounded.
The bias is the weight of one more input, which is s_b / s_X in the units of the others, and the sum is

    acc = (G h shifted by p) + G_X x,    r = 2^p s s_h,  s_x = r / s_X

p is the smallest shift with which all inputs fit 16 bits and no sum can leave 32 bits.

A matrix O has 8-bit weights and a scale per row as well, of which alpha is a part; a memory's V_x has one scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from sarto.core.graph import Tensor, multiplier
from sarto.core.graph.generated import generated
from sarto.core.graph.layer import MIX_SHIFT
from sarto.core.graph.operations import INT32_MAX
from sarto.deploy.lower.inputs import factors
from sarto.deploy.lower.reach import has_own_scale
from sarto.deploy.lower.tanh import STATE_LIMIT, TABLE_FRACTION_BITS, Numbers, tanh_table
from sarto.models.reservoir._cell import Memory, Reservoir

LINEAR = {"identity": 1, "relu": 2}
"""Activations without a table, as the attribute `linear` has them."""
WIDE = Numbers()
"""Of the table where states have a scale of their own: its values are then finer than a state of 8 bits."""
MOST_FINE, MOST_SHIFT = 8, 22
"""Bits beyond which nothing is gained: a state of 8 bits has room for shares of 2^22."""
MOST_BETA = 8.0
"""A state's scale is at least so fine that beta is not above this in its counts: alpha keeps 12 bits beside it."""


@dataclass(frozen=True, eq=False)
class LoweredLayer:
    """A layer in integers.

    Attributes:
        tensors: its constants.
        attributes: of its operation.
        worst: the largest |sum|, or requantised sum, that there can be.
        input_scale: what a count of its inputs is worth.
        memory_scale: what a count of its memory is worth, where it has one.
    """

    tensors: list[Tensor]
    attributes: dict[str, int]
    worst: float
    input_scale: float
    memory_scale: float = 0.0


def state_exponent(cell: Reservoir, reach: float) -> int:
    """Return e of a state that is counted in 2^e of full scale."""
    if not has_own_scale(cell):
        return 0
    covering = math.ceil(math.log2(max(reach, np.finfo(np.float32).tiny)))
    return max(covering, math.ceil(math.log2(cell.beta / MOST_BETA)))


def fineness(cell: Reservoir, numbers: Numbers, exponent: int) -> int:
    """Return the bits by which the argument of tanh is finer than 13, so that it moves a state by 1/4 count at most."""
    count = 2.0**exponent / (STATE_LIMIT[numbers.state_bits] + 1)
    return min(max(0, math.ceil(math.log2(4 * cell.beta * 2.0**-TABLE_FRACTION_BITS / count))), MOST_FINE)


def lower_layer(
    cell: Reservoir,
    peak: float,
    numbers: Numbers,
    headroom: float,
    exponent: int,
    memory_reach: float,
    fine: int | None,
) -> LoweredLayer:
    """Return `cell` in integers, for inputs up to `peak`, with weights of 127 / `headroom` at the most.

    Args:
        cell: the layer.
        peak: the largest |input|.
        numbers: number formats.
        headroom: a power of two.
        exponent: of the state's scale, see `state_exponent`.
        memory_reach: the largest |slot| of the memory that is not clamped.
        fine: see `fineness`; None where states have no scale of their own, and the table has their width.
    """
    limit = STATE_LIMIT[numbers.state_bits]
    count = 2.0**exponent / (limit + 1)
    if cell.activation in LINEAR:
        per = 1 / count
    else:
        per = 2.0 ** (TABLE_FRACTION_BITS + (fine or 0) - (cell.activation == "sigmoid"))
    rest = _mix(cell, count, limit, fine) | {"limit": limit}
    tables = [] if cell.activation in LINEAR else [_table(numbers if fine is None else WIDE)]
    if cell.start is not None:
        return _generated(cell, peak, headroom, count, per, rest, tables)
    return _stored(cell, peak, numbers, headroom, count, per, rest, tables, memory_reach)


def _stored(
    cell: Reservoir,
    peak: float,
    numbers: Numbers,
    headroom: float,
    count: float,
    per: float,
    rest: dict[str, int],
    tables: list[Tensor],
    memory_reach: float,
) -> LoweredLayer:
    """Return a layer whose weights are tables."""
    ring = cell.structure == "ring"
    recurrent = cell.recurrent[:, None] if ring else cell.recurrent
    limit, top = rest["limit"], 127 // headroom
    exchange = np.abs(recurrent).max() / np.abs(cell.inputs).max()
    peaks = np.maximum(np.abs(recurrent).max(axis=1), exchange * np.abs(cell.inputs).max(axis=1))
    of_memory = 0.0
    if cell.memory:
        of_memory = np.abs(recurrent).max() / np.abs(cell.memory.outputs).max()
        peaks = np.maximum(peaks, of_memory * np.abs(cell.memory.outputs).max(axis=1))
    row = (peaks if numbers.per_row else np.full(cell.units, peaks.max())) / top
    weights = np.rint(recurrent / row[:, None]).astype(np.int8)
    drive = np.rint(exchange * cell.inputs / row[:, None]).astype(np.int8)
    input_shift = _shift(peak / (32767 * exchange * count))
    unit = row * count
    counts = cell.bias / unit
    bias_shift = _shift(max(np.abs(counts).max(), 1) / 127)
    bias = np.rint(counts / 2**bias_shift).astype(np.int8)
    sums = np.abs(weights.astype(np.int64)).sum(axis=1) * limit
    sums = sums + (np.abs(drive.astype(np.int64)).sum(axis=1) * 32767 << input_shift)
    sums = sums + (np.abs(bias.astype(np.int64)) << bias_shift)
    input_scale = 2**input_shift * exchange * count

    turned, turning, worst = _rotation(cell, limit, numbers, headroom)
    remembered: list[Tensor] = []
    memory_scale = 0.0
    if cell.memory:
        outputs = np.rint(of_memory * cell.memory.outputs / row[:, None]).astype(np.int8)
        shift = _shift(memory_reach / (32767 * of_memory * count))
        memory_scale = 2**shift * of_memory * count
        sums = sums + (np.abs(outputs.astype(np.int64)).sum(axis=1) * 32767 << shift)
        entering, attributes, largest = _memory(cell.memory, input_scale, memory_scale)
        remembered = [entering, Tensor("memory_out", "int8", outputs.shape, "const", outputs)]
        turning |= attributes | {"memory_shift": shift}
        worst = max(worst, largest)

    factor, requantised = _common(unit * per, numbers)
    if ring and len(np.unique(weights)) == 1:
        weights = weights[:1]
    weights = weights[:, 0] if ring else weights
    tensors = [
        Tensor("inputs", "int8", drive.shape, "const", drive),
        Tensor("weights", "int8", weights.shape, "const", weights),
        Tensor("bias", "int8", bias.shape, "const", bias),
        Tensor("factor", "int16", factor.shape, "const", factor),
        *tables,
        *turned,
        *remembered,
    ]
    attributes = {
        "ring": int(ring),
        "input_shift": input_shift,
        "bias_shift": bias_shift,
        "shift": requantised,
        **rest,
        **turning,
    }
    worst = max(worst, float((sums * np.maximum(unit * per, 1)).max()))
    return LoweredLayer(tensors, attributes, worst, input_scale, memory_scale)


def _generated(
    cell: Reservoir,
    peak: float,
    headroom: float,
    count: float,
    per: float,
    rest: dict[str, int],
    tables: list[Tensor],
) -> LoweredLayer:
    """Return a layer with generated weights: the sum is `headroom` times as coarse as the inputs ask for."""
    assert cell.start is not None
    recurrent, driven = generated(cell.start, cell.units, cell.channels)
    limit = rest["limit"]
    count *= _factor(cell.recurrent, recurrent)
    input_scale = _factor(cell.inputs, driven[:, :-1])
    constant = _factor(cell.bias, driven[:, -1]) / input_scale
    coarser = headroom * max(peak, constant) * input_scale / (32767 * count)
    shift = int(np.ceil(np.log2(coarser)))
    unit = 2.0**shift * count
    bias = round(constant * input_scale / unit)
    inner = np.abs(recurrent.astype(np.int64)).sum(axis=1) * limit + 2.0 ** max(shift - 1, 0)
    sizes = np.abs(driven.astype(np.int64))
    sums = inner / 2.0**shift + sizes[:, :-1].sum(axis=1) * 32767 + sizes[:, -1] * bias
    factor, requantised = factors(np.array([unit * per]))
    worst = max(float(inner.max()), float(sums.max()) * max(unit * per, 1))
    tensors = [Tensor("factor", "int16", factor.shape, "const", factor), *tables]
    attributes = {
        "ring": 0,
        "start": cell.start,
        "constant": bias,
        "state_up": max(-shift, 0),
        "state_down": max(shift, 0),
        "shift": requantised,
        **rest,
    }
    return LoweredLayer(tensors, attributes, worst if abs(shift) < 31 else np.inf, unit / input_scale)


def _rotation(
    cell: Reservoir, limit: int, numbers: Numbers, headroom: float
) -> tuple[list[Tensor], dict[str, int], float]:
    """Return constants, attributes and the largest sum of O; a cyclic shift needs no constants."""
    if cell.rotation is None:
        return [], {}, 0.0
    if cell.rotation.ndim == 1:
        return [], {"cyclic": 1}, 0.0
    peaks = np.abs(cell.rotation).max(axis=1)
    row = (peaks if numbers.per_row else np.full(cell.units, peaks.max())) / (127 // headroom)
    weights = np.rint(cell.rotation / row[:, None]).astype(np.int8)
    factor, shift = _common(row * cell.alpha, numbers)
    sums = np.abs(weights.astype(np.int64)).sum(axis=1) * limit
    tensors = [
        Tensor("rotation", "int8", weights.shape, "const", weights),
        Tensor("factor_turn", "int16", factor.shape, "const", factor),
    ]
    return tensors, {"turn_shift": shift}, float((sums * np.maximum(row, 1)).max())


def _memory(memory: Memory, input_scale: float, memory_scale: float) -> tuple[Tensor, dict[str, int], float]:
    """Return V_x, attributes and the largest sum of what enters a memory."""
    inputs = memory.inputs
    top = min(127, INT32_MAX // (32767 * inputs.shape[1]))
    scale = float(np.abs(inputs).max()) / top
    weights = np.rint(inputs / scale).astype(np.int8)
    per = scale * input_scale / memory_scale
    entering, shift = multiplier(per)
    attributes = {
        "keep": round(float(memory.shift[0]) * 2**15),
        "entering": entering,
        "entering_shift": shift,
    }
    largest = float(np.abs(weights.astype(np.int64)).sum(axis=1).max() * 32767)
    # What is kept is added to it: half of 32 bits are more than that needs.
    return (
        Tensor("memory_in", "int8", weights.shape, "const", weights),
        attributes,
        max(largest, 2 * largest * per),
    )


def _mix(cell: Reservoir, count: float, limit: int, fine: int | None) -> dict[str, int]:
    """Return the shares of old and new state, of 2^15, or of another power of two where 32 bits ask for it."""
    sigmoid, linear = cell.activation == "sigmoid", cell.activation in LINEAR
    whole = ((limit if fine is None else STATE_LIMIT[16]) + 1) << (fine or 0)
    lift = whole if sigmoid else 0
    # What a count of phi is worth in counts of the state; of the sigmoid it is half.
    gain = 1.0 if linear else 1 / (whole * count * (1 + sigmoid))
    kept, most = cell.alpha, limit
    if cell.rotation is not None:
        matrix = cell.rotation.ndim == 2
        kept, most = (1.0, 2 * limit) if matrix else (cell.alpha * float(cell.rotation[0]), limit)
    added = limit if linear else whole - 1 + lift
    for shift in range(MIX_SHIFT if fine is None else MOST_SHIFT, 0, -1):
        alpha, beta = round(kept * 2**shift), round(cell.beta * gain * 2**shift)
        if abs(alpha) * most + beta * added + 2 ** (shift - 1) <= INT32_MAX:
            break
    else:
        raise AssertionError("a beta of at most MOST_BETA leaves room")
    found = {"alpha": alpha, "beta": beta}
    if fine is not None or sigmoid:
        found |= {"mix_shift": shift, "lift": lift}
    if linear:
        return found | {"linear": LINEAR[cell.activation]}
    return found | {"fine": fine} if fine else found


def _common(values: Float[np.ndarray, " row"], numbers: Numbers) -> tuple[Integer[np.ndarray, " kept"], int]:
    """Return multipliers with a common shift, one for all rows where it is the same."""
    factor, shift = factors(values)
    return factor[:1] if not numbers.per_row or len(np.unique(factor)) == 1 else factor, shift


def _table(numbers: Numbers) -> Tensor:
    table, one = tanh_table(numbers), 1 / (STATE_LIMIT[numbers.state_bits] + 1)
    return Tensor("table", str(table.dtype), table.shape, "const", table, one)


def _shift(ratio: Any) -> int:
    """Return the smallest shift that is not below `ratio`."""
    return max(0, int(np.ceil(np.log2(ratio))))


def _factor(weights: Float[np.ndarray, "..."], integers: Integer[np.ndarray, "..."]) -> float:
    """Return s of weights that are s times `integers`."""
    at = np.unravel_index(np.abs(integers.astype(np.int64)).argmax(), integers.shape)
    factor = float(weights[at]) / int(integers[at] or 1)
    assert np.allclose(weights, factor * integers, rtol=1e-12), "these weights are not the generated ones"
    return factor
