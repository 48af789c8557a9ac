"""What the C of the audio front end is told: its `#define`s, its kernels in order, and what RAM it asks for.

The constants of the operation are the tables of the kernels, under their own names (`front_window` and so on).

>>> import numpy as np
>>> from sarto.deploy.lower.front_end import MelFrames, lower_front_end
>>> sound = np.random.default_rng(0).normal(0, 900, 2000).astype(np.int16)
>>> op, tensors = lower_front_end(MelFrames(8000, 256, 160, 8, 32, 60, 4000), sound, np.array([0, 2000])).operation()
>>> defines(op, tensors)["FRAME_SAMPLES"], state_b(op), scratch_b(op)
(256, 516, 1024)
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from sarto.core.graph import Op, Tensor
from sarto.deploy.c.emission import Emission
from sarto.deploy.c.layout import table

STATE = "the last frame"
"""What the state is called in a memory plan."""
TABLES = ("window", "twiddle", "rising", "edges", "log", "zero", "factor")
KERNELS = ("arithmetic", "requantise", "clamp", "front_end", "front_end_take")


def defines(op: Op, tensors: Iterable[Tensor]) -> dict[str, int]:
    """Return the `#define`s of a `front_end` operation, some of whose `tensors` it reads and writes."""
    a, shapes = op.attributes, {t.name: t.shape for t in tensors}
    (bands,) = shapes[op.inputs["zero"]]
    return {
        "FRAME_SAMPLES": a["frame"],
        "HOP_SAMPLES": a["hop"],
        "FFT": a["fft"],
        "FRAMES": math.prod(shapes[op.outputs["y"]]) // bands,
        "BANDS": bands,
        "POWER_SHIFT": a["power_shift"],
        "BAND_FLOOR": a["floor"],
        "SHIFT_BAND": a["shift"],
    }


def state_b(op: Op) -> int:
    """Return the bytes of `front_end_state`, which are kept from sample to sample: the frame and two counters."""
    return 2 * op.attributes["frame"] + 4


def kept_b(op: Op) -> dict[str, int]:
    """Return the same by name for a memory plan; nothing, where the first operation of a graph is another one."""
    return {STATE: state_b(op)} if op.kind == "front_end" else {}


def scratch_b(op: Op) -> int:
    """Return the bytes of scratch, in words of four, which only one call needs; the network may have them between."""
    return 4 * op.attributes["fft"]


def front_end(e: Emission, number: int, op: Op) -> None:
    """Add the tables of a front end, which hears each sample as it comes, and where its numbers lie."""
    found = defines(op, e.graph.tensors)
    found |= {"HEARD_AT": e.plan.places[op.outputs["y"]], "FRAME_AT": e.plan.places[STATE]}
    found |= {"TRANSFORM_AT": e.plan.places[f"scratch {number}"]}
    e.parts.first.append("".join(f"#define {name} {value}\n" for name, value in found.items()))
    for role in TABLES:
        tensor = e.graph.by_name[op.inputs[role]]
        values = e.graph.const(tensor.name).reshape(-1)
        e.parts.first.append(table(f"front_{role}", f"{tensor.dtype}_t", values))
    for kernel in KERNELS:
        e.parts.needs(kernel)
    e.parts.features.add("FRONT_END")
