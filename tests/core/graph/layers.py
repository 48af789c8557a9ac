"""Small graphs of reservoirs with every part that a layer may have, of random constants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sarto.core.graph import Graph, Op, Tensor
from tests.core.graph.graphs import small_graph, table


@dataclass(frozen=True)
class Part:
    """What a layer of a graph has.

    `turn` is how its state is carried over, `linear` 1 or 2 is no tanh. With `fine` the table has 16 bits, whatever the
    state has.
    """

    units: int = 5
    ring: bool = False
    start: int | None = None
    turn: str | None = None
    slots: int = 0
    linear: int = 0
    sigmoid: bool = False
    per_row: bool = True
    fine: int | None = None


def layered(parts: tuple[Part, ...], seed: int = 0, *, steep: bool = False, **shape: Any) -> Graph:
    """Return a graph of these layers; `steep` drives the clamps."""
    rng = np.random.default_rng([seed, 7])
    plain = small_graph(seed, units=sum(p.units for p in parts), steep=steep, **shape)
    bits = 16 if plain.by_name["h"].dtype == "int16" else 8
    limit = 32767 if bits == 16 else 127
    own = {"inputs", "weights", "bias", "factor", "next", "table"}
    tensors: list[Tensor] = [t for t in plain.tensors if t.name not in own]
    step: list[Op] = [plain.step[0]]

    def constant(name: str, dtype: str, low: int, high: int, size: tuple[int, ...]) -> str:
        tensors.append(Tensor(name, dtype, size, "const", rng.integers(low, high + 1, size).astype(dtype)))
        return name

    single, fine = len(parts) == 1, parts[0].fine
    values = plain.const("table") if fine is None else table(16, 8)
    tanh = Tensor("table", str(values.dtype), values.shape, "const", values)
    if not all(p.linear for p in parts):
        tensors.append(tanh)
    first, channels, x = 0, len(plain.channels), "x"
    for index, part in enumerate(parts):
        end = "" if single else f"_{index}"
        n = part.units
        if index:
            channels, x = parts[index - 1].units, f"x{end}"
            attributes = {
                "factor": int(rng.integers(2**14, 2**15)),
                "shift": (14 if bits == 16 else 6) + 2 * steep,
            }
            step.append(Op("rescale", {"state": "h"}, {"x": x}, attributes))
            tensors.append(
                Tensor(x, "int16", (channels if part.start is None else (channels + 4) // 4 * 4,), "scratch")
            )
        elif part.start is not None:
            place = next(i for i, t in enumerate(tensors) if t.name == "x")
            tensors[place] = replace(tensors[place], shape=((channels + 4) // 4 * 4,))
        attributes: dict[str, int] = {
            "ring": int(part.ring),
            "shift": ((14 if steep else 20) if bits == 16 else (9 if steep else 14)),
            "alpha": 15000,
            "beta": 9000 if not steep else 17000,
            "limit": limit,
            "mix_shift": 14,
            "lift": (limit + 1) * part.sigmoid,
        }
        if fine is not None:
            attributes |= {"fine": fine, "lift": 32768 * 2**fine * part.sigmoid}
            attributes["beta"] //= 2**fine * (1 if bits == 16 else 256)
            attributes["shift"] -= fine * (not steep)  # an argument has 32 bits
        rows = (n if part.per_row else 1,)
        factor = constant(f"factor{end}", "int16", 2**12, 2**15 - 1, rows)
        roles = {"x": x, "state": "h", "factor": factor}
        outputs = {"state": "h"}
        if part.linear:
            attributes |= {"linear": part.linear, "shift": attributes["shift"] - (2 if bits == 16 else -4)}
        else:
            roles["table"] = "table"
        if part.start is None:
            roles |= {
                "inputs": constant(f"inputs{end}", "int8", -127, 127, (n, channels)),
                "weights": constant(f"weights{end}", "int8", -127, 127, (n,) if part.ring else (n, n)),
                "bias": constant(f"bias{end}", "int8", -127, 127, (n,)),
            }
            attributes |= {"input_shift": 1, "bias_shift": 7 if bits == 16 else 0}
        else:
            attributes |= {
                "start": part.start,
                "constant": 9000,
                "state_up": 6 * (bits == 8),
                "state_down": 3 * (bits == 16),
            }
        if part.turn == "cyclic":
            attributes["cyclic"] = 1
        elif part.turn:
            roles |= {
                "rotation": constant(f"rotation{end}", "int8", -127, 127, (n, n)),
                "factor_turn": constant(f"factor_turn{end}", "int16", 2**13, 2**15 - 1, rows),
            }
            attributes["turn_shift"] = 22
        if part.slots:
            roles |= {
                "memory_in": constant(f"memory_in{end}", "int8", -127, 127, (part.slots, channels)),
                "memory_out": constant(f"memory_out{end}", "int8", -127, 127, (n, part.slots)),
                "memory": f"m{end}",
            }
            outputs["memory"] = f"m{end}"
            tensors.append(Tensor(f"m{end}", "int16", (part.slots,), "state"))
            keep = 32768 if index % 2 == 0 else 30000
            attributes |= {
                "keep": keep,
                "entering": 30000,
                "entering_shift": 17 if steep else 23,
                "memory_shift": 1,
            }
        if not single:
            attributes |= {"first": first, "units": n}
        step.append(Op("recurrent", roles, outputs, attributes))
        first += n
    if seeded := [p.units for p in parts if p.start is not None]:
        tensors.append(Tensor("before", "int16", ((max(seeded) + 3) // 4 * 4,), "scratch"))
    if dense := [p.units for p in parts if p.start is None and not p.ring]:
        tensors.append(Tensor("next", f"int{bits}", (max(dense),), "scratch"))
    return replace(plain, tensors=tuple(tensors), step=(*step, *plain.step[2:]))


SEED = 2463534242
PARTS: dict[str, tuple[Part, ...]] = {
    "own mix": (Part(7),),
    "cyclic": (Part(6, turn="cyclic"),),
    "cyclic, one": (Part(1, turn="cyclic"),),
    "cyclic ring": (Part(5, ring=True, turn="cyclic"),),
    "dense rotation": (Part(9, turn="dense"),),
    "dense rotation, few": (Part(3, turn="dense", per_row=False),),
    "memory": (Part(6, slots=7),),
    "memory, few": (Part(2, slots=1),),
    "memory and rotation": (Part(11, slots=10, turn="dense"),),
    "memory and shift": (Part(8, slots=4, turn="cyclic"),),
    "sigmoid": (Part(6, sigmoid=True),),
    "sigmoid ring": (Part(6, sigmoid=True, ring=True),),
    "identity": (Part(6, linear=1),),
    "relu ring": (Part(5, linear=2, ring=True),),
    "relu, generated": (Part(5, linear=2, start=SEED),),
    "fine": (Part(6, fine=3),),
    "fine sigmoid": (Part(5, fine=0, sigmoid=True, turn="cyclic"),),
    "fine layers": (Part(5, fine=2, turn="dense"), Part(4, fine=2, ring=True)),
    "two dense": (Part(6), Part(5)),
    "three cells": (Part(5, ring=True), Part(6, start=SEED), Part(4, turn="dense")),
    "generated twice": (Part(5, start=SEED), Part(9, start=7)),
    "memories": (Part(5, slots=3), Part(4, slots=6, turn="cyclic"), Part(1, slots=2)),
    "activations": (Part(4, sigmoid=True), Part(4, linear=1), Part(3)),
}
"""Layers of graphs: every part alone, and those that meet."""
