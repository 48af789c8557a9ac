"""The values of a sensor in an ONNX file: standardised as the device does with their raw words, in floats.

    x_c = (v_c - zero_c unit_c) m_c 2^-s scale / unit_c

of values v that are unit times the words that the device reads. Words are not rounded to here: whoever feeds the file
measures in floats.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from sarto.core.graph import Graph, Op
from sarto.deploy.onnx.building import OnnxBuilding

Unit: TypeAlias = Float[np.ndarray, " channel"] | None
"""What a word of each channel stands for; None is 1."""


def standardised(file: OnnxBuilding, name: str, graph: Graph, op: Op, unit: Unit) -> str:
    """Return the standardised numbers of values (item, channel, 1, step) called `name`."""
    made = graph.by_name[op.outputs["y"]]
    assert made.scale is not None, "numbers of a sensor have a scale"
    unit = np.ones(made.shape[-1]) if unit is None else unit
    zero, factor = (graph.const(op.inputs[role]).astype(np.float64) for role in ("zero", "factor"))
    counts = factor * 2.0 ** -op.attributes["shift"] * made.scale / unit
    middle, slope = (
        file.const(f"{made.name}_{what}", value.astype(np.float32).reshape(-1, 1, 1))
        for what, value in (("middle", zero * unit), ("slope", counts))
    )
    around = file.node("Sub", (name, middle), f"{made.name}_around")
    return file.node("Mul", (around, slope), f"{made.name}_standardised")
