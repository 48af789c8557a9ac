"""The maps of flash and RAM of a measured image, every byte of its figures in one row."""

from __future__ import annotations

import re

from sarto.core.graph import Graph
from sarto.core.points import OperatingPoint
from sarto.core.table import Table
from sarto.deploy.c.emit import arena_b
from sarto.deploy.c.network import arena_plan
from sarto.deploy.memory import arena
from sarto.measure.model import Measured


def arena_rows(graph: Graph) -> list[tuple[str, str, int]]:
    """Return what the arena holds, all bytes of it together: name, kind and bytes.

    Of a stream's model these are its tensors and counters, those of every open window together; of a network what there
    is where the arena is largest.
    """
    if graph.whole:
        found = arena_plan(graph)
        rows = [(" and ".join(b.names), "scratch", b.size_b) for b in found.at_peak]
        rows += [("between tensors", "unnamed", rest)] if (rest := found.size_b - found.bound_b) else []
        return [*rows, ("lines", "counter", arena_b(graph) - found.size_b)]
    plan = arena(graph)
    windows = f" of {plan.banks} windows" if plan.banks > 1 else ""
    rows = [
        (f"{m.name}{windows}", "counter" if m.scalar else "state", m.size_b * plan.banks) for m in plan.bank
    ]
    rows += [(m.name, "counter" if m.scalar else "scratch", m.size_b) for m in plan.shared]
    padding = plan.size_b - sum(size for _, _, size in rows)
    return [*rows, ("padding", "unnamed", padding)] if padding else rows


def _of_layer(graph: Graph, name: str) -> str:
    """Return the name of a part of an image; of a network's table, named by the number of its operation, in words."""
    found = re.fullmatch(r"(\w+?)(?:_of)?_(\d+)", name) if graph.whole else None
    if found is None or int(found[2]) >= len(graph.whole):
        return name
    op = graph.whole[int(found[2])]
    return f"{found[1]} of {next(iter(op.outputs.values()), op.kind)}"


def memory_tables(measured: Measured, point: OperatingPoint, graph: Graph) -> list[Table]:
    """Return the tables `flash map` and `ram map` of the image of `graph`."""
    tables: list[Table] = []
    for region, name in (("flash", "flash map"), ("RAM", "ram map")):
        how = point.find(region.lower()).how
        rows = [(_of_layer(graph, str(r[1])), *r[2:]) for r in measured.memory.rows if r[0] == region]
        if region == "RAM":
            rows = [part for row in rows for part in (arena_rows(graph) if row[0] == "arena" else [row])]
            rows.append(("stack, at its deepest", "stack", measured.peak_stack_b))
        sized = tuple((str(n), int(b), str(k)) for n, k, b in rows)
        tables.append(Table(name, ("name", "bytes", "kind"), ("", "B", ""), sized, ("", how, "")))
    return tables
