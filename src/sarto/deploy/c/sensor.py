"""What the C of a network on raw sensor words is told: each line is standardised as it comes, into the input.

`of_zero` has what becomes of a word that is 0, for the lines that an item ends without.
"""

from __future__ import annotations

import numpy as np

from sarto.core.graph import Op
from sarto.core.graph.operations import standardise as standardised
from sarto.deploy.c.emission import Emission
from sarto.deploy.c.layout import table


def standardise(e: Emission, _number: int, op: Op) -> None:
    """Add the tables of an operation on sensor words, and where what it makes of them lies."""
    y, a = e.graph.by_name[op.outputs["x"]], op.attributes
    zero, factor = (e.graph.const(op.inputs[role]) for role in ("zero", "factor"))
    words = np.zeros((1, len(zero)), np.int64)
    of_zero = standardised(words, zero, factor, a["shift"], (a["low"], a["high"]))
    found = {
        "CHANNELS": len(zero),
        "SAMPLE": f"{e.graph.name}_sample",
        "INPUT": f"{y.dtype}_t",
        "INPUT_LOW": a["low"],
        "INPUT_HIGH": a["high"],
        "INPUT_AT": e.plan.places[y.name],
        "SHIFT_IN": a["shift"],
    }
    e.parts.first.append("".join(f"#define {name} {value}\n" for name, value in found.items()))
    e.parts.first.append(table("zero", "int32_t", zero))
    e.parts.first.append(table("factor_in", "int32_t", factor))
    e.parts.first.append(table("of_zero", f"{y.dtype}_t", of_zero[0]))
    e.parts.needs("standardise")
    e.parts.features.add("SENSOR")
