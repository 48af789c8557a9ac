"""The C of a reject option against NumPy, on test windows and on those of a broken sensor, and what it takes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from sarto.audit.reject import unplugged
from sarto.core.graph import Graph, interpret
from sarto.core.graph.reject import Rule
from sarto.deploy.c.emit import emit
from sarto.deploy.reject import with_reject
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host

ON_DEVICE = 24


def in_c(
    plain: Graph,
    raw: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " n"],
    channels: Sequence[int],
    rules: Mapping[str, Rule],
) -> dict[str, Any]:
    """Return how many answers of the C differ, and what the option takes."""
    graphs = {"": plain} | {name.split(",")[0]: with_reject(plain, r) for name, r in rules.items()}
    given = np.concatenate([raw, unplugged(raw, channels, "noise")])
    ends = np.concatenate([offsets, offsets[1:] + offsets[-1]])
    sequences = [given[a:b] for a, b in itertools.pairwise(ends)]
    some = [int(i) for i in np.linspace(0, len(sequences) - 1, ON_DEVICE)]
    found: dict[str, Any] = {"differing": 0, "compared": 0}
    first: dict[str, Any] = {}
    for name, graph in graphs.items():
        image = build(emit(graph), device("cortex_m4"))
        run = emulate(image, [sequences[i] for i in some])
        taken = {"flash": image.flash_b, "instructions": float(run.inference_instructions.astype(int).mean())}
        first = first or taken
        if not name:
            continue
        found[f"flash added, {name}"] = taken["flash"] - first["flash"]
        found[f"instructions added, {name}"] = taken["instructions"] - first["instructions"]
        wanted, host = interpret(graph, given, ends), run_on_host(emit(graph), sequences)
        other = (host.classes != wanted.classes) | (host.scores != wanted.scores).any(axis=1)
        found["differing"] += int(other.sum() + (run.outputs.classes != wanted.classes[some]).sum())
        found["compared"] += len(sequences) + len(some)
    return found
