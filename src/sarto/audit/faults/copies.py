r"""Which tables of a model are worth a second copy in the flash: those whose wrong bits do most harm for their bytes.

A campaign on the image gives every table a sample of its own: some hundred of its bits are flipped, one at a time, from
the start of the program on. With the share p_t of flips that are critical (an answer is another one, and nothing tells)
and b_t bits, b_t p_t bits of table t are critical. Of all sets of tables whose copy fits the budget B, that which
covers most of them is taken (0/1 knapsack, exactly, by dynamic programming over words):

    maximise sum_t b_t p_t x_t   subject to   copy(sum_t words_t x_t) <= B,   x_t in {0, 1},

and of equal ones the smallest. Tables of which no flip was critical are left out. `choose_folder` returns the choice
for an output folder, and the share of the critical bits of all tables that it covers. The share is of tables alone:
code, descriptors and RAM have critical bits of their own.

Source: Bellman, "Dynamic programming", 1957 (knapsack); Kellerer, Pferschy, Pisinger, "Knapsack Problems", 2004, 2.3.

>>> worth = [Worth("a", 60, 10.0, 8.0, 12.0, 64), Worth("b", 20, 6.0, 4.0, 8.0, 64), Worth("c", 32, 5.0, 4.0, 7.0, 64)]
>>> chosen(worth, 64), chosen(worth, 96)
(('b', 'c'), ('a', 'b'))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from sarto.audit.faults.built import image_space
from sarto.audit.faults.campaign import Plan, run
from sarto.audit.faults.report import Report
from sarto.core.artifact import read_manifest
from sarto.core.device import Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import load_graph
from sarto.core.progress import Talk
from sarto.deploy.copies import BLOCK, copy_b, table_sizes
from sarto.deploy.guard import Copies
from sarto.measure.build import build
from sarto.measure.model import device_of, read_pinned

DEFAULT = Plan(by="layer", error=0.01, confidence=0.95, most=384)
"""256 to 384 faults of each table: fewer where hardly any is critical, and all where it has fewer bits."""
RUN = 1_000_000
"""Instructions without a fault that one fault may take: some 15 ms here."""
COVERED = "critical faults in tables that copies correct"
WORD_B = 4


@dataclass(frozen=True)
class Worth:
    """A table.

    Attributes:
        name: of it.
        size_b: bytes in whole words.
        critical: how many of its bits are critical, by the faults that were drawn.
        low: of them, at least.
        high: at most.
        faults: that were drawn.
    """

    name: str
    size_b: int
    critical: float
    low: float
    high: float
    faults: int


def worths(report: Report, source: str) -> list[Worth]:
    """Return the tables of an image that may be copied; those that the compiler did without are left out.

    Args:
        report: on the faults of its tables, each with a sample of its own.
        source: C that it was built from.
    """
    sizes = table_sizes(source)
    return [_worth(row, sizes) for row in _rows(report)]


def chosen(tables: Sequence[Worth], budget_b: int) -> tuple[str, ...]:
    """Return the names of the tables to copy.

    Raises:
        SartoError: E150, when no critical fault was seen in any, or none fits.
    """
    some = [table for table in tables if table.critical > 0]
    if not some:
        raise SartoError(
            "E150",
            "no table is worth a copy",
            cause=f"of {sum(t.faults for t in tables)} faults that were drawn in {len(tables)} tables none is critical",
            hint="sum the flash, which finds what is wrong in code as well: flash",
        )
    smallest = min(some, key=lambda table: table.size_b)
    if copy_b([smallest.size_b]) > budget_b:
        least = copy_b([smallest.size_b])
        raise SartoError(
            "E150",
            f"no table fits a copy of {budget_b} B",
            cause=f"the smallest in which faults are critical, '{smallest.name}', takes {least} B with its sum",
            hint=f"allow copy:{least}B at least",
        )
    blocks = budget_b // (WORD_B * BLOCK)
    room = min(blocks * BLOCK - 1, sum(t.size_b for t in some) // WORD_B)
    taken = knapsack(np.array([t.size_b // WORD_B for t in some]), np.array([t.critical for t in some]), room)
    return tuple(some[i].name for i in taken)


def knapsack(
    sizes: Integer[np.ndarray, " thing"], values: Float[np.ndarray, " thing"], room: int
) -> list[int]:
    """Return which things are worth most together, of those that fit the room; of equally good ones the smallest.

    >>> knapsack(np.array([5, 4, 3]), np.array([10.0, 7.0, 5.0]), 7)
    [1, 2]
    """
    best = np.zeros(room + 1)
    taken = np.zeros((len(sizes), room + 1), bool)
    for i, (size, value) in enumerate(zip(sizes.tolist(), values.tolist(), strict=True)):
        if size > room:
            continue
        better = best[: room + 1 - size] + value
        taken[i, size:] = better > best[size:]
        best[size:] = np.maximum(best[size:], better)
    at, found = int(best.argmax()), list[int]()
    for i in reversed(range(len(sizes))):
        if taken[i, at]:
            found.append(i)
            at -= int(sizes[i])
    return found[::-1]


def covered(tables: Sequence[Worth], names: Sequence[str]) -> tuple[float, float, float]:
    """Return the share of the critical bits of `tables` that lie in those of `names`, at least and at most.

    The bounds take each table at the end of its interval, those in `names` at one end and all others at the other.
    """

    def share(of: str, rest: str) -> float:
        own = sum(float(getattr(t, of)) for t in tables if t.name in names)
        other = sum(float(getattr(t, rest)) for t in tables if t.name not in names)
        return own / (own + other) if own + other else 0.0

    return share("critical", "critical"), share("low", "high"), share("high", "low")


def choose_folder(
    out: Path,
    copies: Copies,
    *,
    plan: Plan = DEFAULT,
    talk: Talk | None = None,
    cache: Path | None = None,
    command: str = "",
) -> tuple[Copies, list[Evidence]]:
    """Return `copies` with the tables of the model in `out` that it holds, and what share of critical faults they have.

    Args:
        out: a folder that `sarto fit` or `sarto compress` finished.
        copies: with a budget; without one all tables are copied, and nothing is chosen.
        plan: how sure to be of each table.
        talk: hears progress.
        cache: folder in which to keep what was judged.
        command: that shows the evidence again.

    Raises:
        SartoError: E112, when the model runs on no device that is flashed; E150, as `chosen`, and when it has no table;
            E301, without a compiler or the emulator.
    """
    manifest = read_manifest(out)
    device = device_of(out, manifest)
    if copies.budget_b is None or isinstance(device, Host):  # which takes no guard
        return copies, []
    graph = load_graph(out / "graph.npz")
    sources = {name: (out / name).read_text(encoding="utf-8") for name in ("model.c", "model.h")}
    source, level = sources["model.c"], manifest["optimise"]
    image = build(sources, device, optimise=level, cache=cache)
    space = image_space(graph, image, read_pinned(out), tables=tuple(table_sizes(source)), most=RUN)
    found = worths(run(space, plan, talk=talk, cache=cache), source)
    picked = chosen(found, copies.budget_b)
    share, low, high = covered(found, picked)
    faults = sum(table.faults for table in found)
    tool = (
        f"faults from the start on in each of {len(found)} tables, seen by {len(space)} inputs; "
        f"bounds at {plan.confidence:.0%} for each"
    )
    told = Evidence(
        COVERED, share, "1", "emulated", tool, command, faults, (low, high), plan.seed, graph.sha256
    )
    return Copies(copies.budget_b, picked), [told]


def _rows(report: Report) -> list[dict[str, float | int | str]]:
    by_layer = report.tables[0]
    return by_layer.records()


def _worth(row: dict[str, float | int | str], sizes: dict[str, int]) -> Worth:
    bits, name = float(row["bits"]), str(row["layer"])
    critical, low, high = (bits * float(row[key]) for key in ("critical", "critical low", "critical high"))
    return Worth(name, sizes[name], critical, low, high, int(row["faults"]))
