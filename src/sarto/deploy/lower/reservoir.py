"""Lowering: a float reservoir, or a stack of them, becomes the step program of a `Graph`. No choice is made here.

Each layer is one operation, see `sarto.deploy.lower.layer`. The states of all layers are one tensor, one layer after
the other, and have one scale; those of a layer below are rescaled to 16-bit inputs of the next, as raw words are.

A ring and generated weights have kernels for what published cells do with them; with a full matrix O or a memory beside
them they are lowered as a dense matrix.

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

from dataclasses import replace

import numpy as np

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor, Window, multiplier
from sarto.core.graph.generated import padded
from sarto.core.graph.operations import INT32_MAX
from sarto.deploy.lower.body import body_graph
from sarto.deploy.lower.inputs import InputStatistics, standardise_op
from sarto.deploy.lower.layer import LoweredLayer, fineness, lower_layer, state_exponent
from sarto.deploy.lower.reach import Reach, has_own_scale, needs_reach
from sarto.deploy.lower.tanh import STATE_LIMIT, Numbers
from sarto.deploy.sensor import SensorFormat
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import AnyReservoir


def lower_reservoir(
    cell: AnyReservoir,
    inputs: InputStatistics,
    sensor: SensorFormat,
    numbers: Numbers,
    pooling: Pooling,
    *,
    channels: tuple[str, ...],
    window: Window | None = None,
    reach: Reach | None = None,
) -> Graph:
    """Return the graph of the reservoir alone: what it pools is named, but there is no readout yet.

    Args:
        cell: the reservoir, or a stack.
        inputs: statistics of the training inputs.
        sensor: the raw format.
        numbers: number formats.
        pooling: of the states.
        channels: names.
        window: of a stream, or None.
        reach: how far states and memory reach on training data, needed where `needs_reach` says so.

    Raises:
        SartoError: E404, when no scale of the weights keeps the sums within 32 bits, or for a cell that has no kernel.
    """
    layers = [_lowerable(layer) for layer in cell.layers]
    assert reach is not None or not needs_reach(cell), "the scale of these states depends on the data"
    reached = reach or Reach()
    limit, bits = STATE_LIMIT[numbers.state_bits], numbers.state_bits
    exponent = max(state_exponent(layer, reached.state) for layer in layers)
    memory = reached.memory or (0.0,) * len(layers)
    top = 2.0**exponent * limit / (limit + 1)
    peaks = [inputs.peak, *[top] * (len(layers) - 1)]
    fine = max(fineness(layer, numbers, exponent) for layer in layers) if has_own_scale(cell) else None
    lowered = [
        _fitted(layer, peak, numbers, exponent, of_memory, fine)
        for layer, peak, of_memory in zip(layers, peaks, memory, strict=True)
    ]
    scale_op, scale_tensors = standardise_op(inputs, sensor, lowered[0].input_scale)
    stacked = len(layers) > 1
    step, tensors, seen_by = [scale_op], list[Tensor](), dict(x="x")
    first = 0
    state = {"state": "h"}
    for index, (layer, made) in enumerate(zip(layers, lowered, strict=True)):
        end = f"_{index}" if stacked else ""
        attributes = dict(made.attributes)
        if index:
            below = layers[index - 1].units
            factor, shift = multiplier(2.0**exponent / (limit + 1) / made.input_scale)
            seen_by = {"x": f"x{end}"}
            step.append(Op("rescale", state, seen_by, {"factor": factor, "shift": shift}))
            width = below if layer.start is None else padded(below + 1)
            tensors.append(Tensor(f"x{end}", "int16", (width,), "scratch", scale=made.input_scale))
        elif layer.start is not None:
            *scale_tensors, x = scale_tensors
            scale_tensors += [replace(x, shape=(padded(cell.channels + 1),))]
        if stacked:
            attributes |= {"first": first, "units": layer.units}
        roles = {t.name: t.name if t.name == "table" else f"{t.name}{end}" for t in made.tensors}
        held = {t.name for t in tensors}
        tensors += [replace(t, name=roles[t.name]) for t in made.tensors if roles[t.name] not in held]
        remembers: dict[str, str] = {}
        if layer.memory is not None:
            remembers = {"memory": f"m{end}"}
            tensors.append(
                Tensor(f"m{end}", "int16", (layer.memory.slots,), "state", scale=made.memory_scale)
            )
        step.append(Op("recurrent", roles | seen_by | state | remembers, state | remembers, attributes))
        first += layer.units
    units = cell.units
    tensors += [Tensor("h", f"int{bits}", (units,), "state", scale=2.0**exponent / (limit + 1))]
    tensors += _scratch(layers, bits)
    seen: dict[str, str] = {}
    if pooling.sums:
        tensors += [Tensor("total", "int32", (units * pooling.sums,), "state")]
        seen["total"] = "total"
        square_shift = 15 if bits == 16 else 0
        step += [
            Op("pool", {"state": "h", "total": "total"}, {"total": "total"}, {"square_shift": square_shift})
        ]
    if pooling.takes_last:
        seen["state"] = "h"
    return body_graph(
        step, (*scale_tensors, *tensors), seen, pooling.segments, pooling.segment_steps, channels, window
    )


def _not_lowered(cell: str, parts: list[str]) -> SartoError:
    return SartoError(
        "E404",
        f"{cell} has {' and '.join(parts)}, which no kernel of the device computes",
        cause="the integer network would be another one than the reservoir",
        hint="use a cell or settings without it; `sarto methods` lists the cells",
    )


def _fitted(
    layer: Reservoir, peak: float, numbers: Numbers, exponent: int, memory_reach: float, fine: int | None
) -> LoweredLayer:
    """Return the layer with the largest weights that keep all sums within 32 bits."""
    headroom = 1.0
    while headroom < 128:
        made = lower_layer(layer, peak, numbers, headroom, exponent, memory_reach, fine)
        if made.worst <= INT32_MAX:
            return made
        headroom *= 2
    raise SartoError(
        "E404",
        f"sums of {layer.units} neurons leave 32 bits",
        cause="the weights are too many or too large for an int32 accumulator",
        hint="use fewer units or a smaller input scaling",
    )


def _scratch(layers: list[Reservoir], bits: int) -> list[Tensor]:
    """Return where a step is put together: of the largest layer that needs it."""
    found: list[Tensor] = []
    if generated := [padded(layer.units) for layer in layers if layer.start is not None]:
        found.append(Tensor("before", "int16", (max(generated),), "scratch"))
    if dense := [la.units for la in layers if la.start is None and la.structure == "dense"]:
        found.append(Tensor("next", f"int{bits}", (max(dense),), "scratch"))
    return found


def _lowerable(layer: Reservoir | Diagonal) -> Reservoir:
    """Return `layer` in a form that a kernel has.

    Raises:
        SartoError: E404, naming what no kernel has.
    """
    if isinstance(layer, Diagonal):
        raise _not_lowered(layer.cell, ["a complex diagonal state"])
    rotation, memory = layer.rotation, layer.memory
    uneven = rotation is not None and rotation.ndim == 1 and len(np.unique(rotation)) > 1
    found = {
        "a leak before the activation": layer.leaks != "state",
        "a cyclic shift with weights that differ": uneven,
        "a memory whose slots keep different shares": memory is not None and len(np.unique(memory.shift)) > 1,
    }
    if parts := [name for name, has in found.items() if has]:
        raise _not_lowered(layer.cell, parts)
    if layer.start is not None and rotation is not None:
        layer = replace(layer, start=None)
    if memory is not None or (rotation is not None and rotation.ndim == 2):
        layer = replace(layer, start=None, recurrent=layer.recurrent_matrix())
    return layer
