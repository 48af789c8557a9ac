"""Candidates of the search, of every family: what they would cost, and the largest that fits.

Flash and RAM of a candidate are known before it is trained: its tables and its arena follow from its shape, and
the code around them from an image of the same structure (`Overheads`). Of a forest they are the most that it can need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution

from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.graph import Graph
from sarto.core.graph.heads import Trees
from sarto.core.rooms import load_method, methods
from sarto.deploy.c.emit import arena_b
from sarto.deploy.lower import SCORE_SCALE, Answers, Latest, with_readout
from sarto.deploy.lower.forest import with_forest
from sarto.deploy.lower.random_features import with_random_features
from sarto.deploy.memory import tables_b
from sarto.learn.forest import ForestSettings
from sarto.search.families._candidate import Candidate, Ground, Shape, Streamed, Whole
from sarto.search.problem import Problem

__all__ = ["Candidate", "Ground", "Overhead", "Overheads", "Shape"]

ROOM = "sarto.search.families"


def shape_of(problem: Problem) -> Shape:
    """Return the shape of the models for `problem`."""
    return Shape(
        problem.channels,
        problem.outputs,
        problem.goals is not None,
        problem.latest,
        problem.sensor.bits,
        problem.window,
        problem.longest,
        len(problem.target),
    )


def ground_of(problem: Problem) -> Ground:
    """Return what the bodies of models for `problem` are lowered for."""
    return Ground(
        problem.inputs,
        problem.sensor,
        problem.channels,
        problem.window,
        problem.longest,
        problem.raw,
        problem.offsets,
    )


def candidate_of(settings: Mapping[str, Any]) -> Candidate:
    """Return the candidate that `to_json` wrote."""
    rest = {k: v for k, v in settings.items() if k != "family"}
    found = load_method(ROOM, settings["family"]).Candidate(**rest)
    assert isinstance(found, Candidate)
    return found


@dataclass(frozen=True)
class Overhead:
    """What an image of one structure costs beside tables and arena, and how its work grows.

    Attributes:
        flash_b: flash of everything but tables.
        ram_b: RAM of everything but the arena: small statics and the deepest stack.
        work: sizes, ascending, with the instructions of the longest inference and the cycles that it takes at most (0
            when the device has no cycle table); none where no limit asks.
        cycle_s, cycle_j: what a cycle takes, 0 when no source was opened.
    """

    flash_b: int
    ram_b: int
    work: tuple[tuple[int, int, int], ...] = ()
    cycle_s: float = 0.0
    cycle_j: float = 0.0

    def within(self, budget: Budget, units: int, power: int) -> bool:
        """Return whether instructions, latency and energy with `units` are within `budget`; `power` as in `grown`."""
        if not self.work:
            return True
        sizes, instructions, cycles = zip(*self.work, strict=True)
        cycled = grown(sizes, cycles, units, power)
        got = (
            (grown(sizes, instructions, units, power), budget.instructions),
            (cycled * self.cycle_s, budget.latency_s),
            (cycled * self.cycle_j, budget.energy_j),
        )
        return all(limit is None or value <= limit for value, limit in got)


def grown(sizes: Sequence[int], counts: Sequence[int], units: int, power: int) -> float:
    """Return the count with `units`: between the `sizes` by a line, beyond them with the given `power`.

    Beyond the largest size the growth goes on, as a line through the last two (power 1) or as a parabola through
    all three (power 2) unless that bends down; it never falls.

    >>> grown((10, 20), (100, 180), 15, 1), round(grown((10, 20), (100, 180), 30, 1), 6)
    (140.0, 260.0)
    """
    x, y = np.array(sizes, np.float64), np.array(counts, np.float64)
    if units <= x[-1] or len(x) == 1:
        return float(np.interp(units, x, y))
    used = slice(-2, None) if power == 1 or len(x) == 2 else slice(None)
    power = min(power, len(x[used]) - 1)
    if power == 2 and np.polyfit(x, y, 2)[0] < 0:
        used, power = slice(-2, None), 1
    return float(max(np.polyval(np.polyfit(x[used], y[used], power), units), y[-1]))


Overheads = Callable[[Candidate], Overhead]
"""Tells the overhead of a candidate."""


def skeleton(candidate: Candidate, shape: Shape, ground: Ground | None = None) -> Graph:
    """Return a graph with the candidate's shape and made-up numbers: same tables, arena and code, not trained.

    No table is uniform that is not so in a trained model: a compiler drops such a table, and the code that reads it.
    With the `ground` of a problem, sensor and standardisation are those of its models; else they are made up as well.
    """
    ground = ground or Ground.made_up(shape)
    if isinstance(candidate, Whole):
        from sarto.search.network_trial import made_up_whole

        return made_up_whole(candidate, shape, ground)
    assert isinstance(candidate, Streamed)
    body = candidate.made_up_body(ground)
    outputs = len(shape.outputs)
    width = _width(body)
    exponent, apart = (25 + np.arange(width) % 4).astype(np.uint8), 1 + np.arange(outputs) / outputs
    quanta = (SCORE_SCALE,) * outputs if shape.numeric else ()
    latest = Latest(shape.latest, apart * SCORE_SCALE) if shape.latest else None
    answers = Answers(apart * 3.1e-6, apart, shape.outputs, quanta, latest)
    features = body.segments * width
    if candidate.forest is not None:
        return with_forest(body, exponent, _trees(candidate.forest, features, outputs), answers)
    layer = candidate.layer(np.arange(3 * features).reshape(3, features) ** 2 % 4001)
    columns = features if layer is None else candidate.units
    weights = (np.arange(outputs * columns).reshape(outputs, columns) * 37) % 255 - 127
    if layer is None:
        return with_readout(body, exponent, weights, answers)
    return with_random_features(body, exponent, layer, weights, answers)


def _width(body: Graph) -> int:
    """Return how many features a segment of `body` has."""
    if body.step[1].kind == "statistics":
        return sum(body.step[1].attributes.values()) * len(body.channels)
    return sum(body.by_name[name].shape[0] for name in body.segment[0].inputs.values())


def _trees(settings: ForestSettings, features: int, outputs: int) -> Trees:
    """Return balanced trees of the most leaves, with as many different leaves as there can be."""
    nodes = settings.leaves - 1
    rows = outputs if settings.hard else settings.trees * settings.leaves
    index = np.arange(2 * nodes)
    below = index + 1
    leaf = ~(index % rows)
    child = np.where(below < nodes, below, leaf)
    offsets = nodes * np.arange(settings.trees)
    whole = np.concatenate([np.where(child >= 0, child + offset, child) for offset in offsets.tolist()])
    every = np.arange(settings.trees * nodes)
    leaves = np.arange(rows * outputs).reshape(rows, outputs) % 127
    return Trees(offsets, every * 7 % features, every * 37 % 8191 - 4095, whole, leaves)


@lru_cache(maxsize=4096)
def _table_and_arena(candidate: Candidate, shape: Shape) -> tuple[int, int]:
    graph = skeleton(candidate, shape)
    return tables_b(graph), arena_b(graph)


def cost(candidate: Candidate, shape: Shape, overheads: Overheads) -> tuple[int, int]:
    """Return flash and RAM of the candidate in bytes, before training."""
    tables, ram = _table_and_arena(candidate.canonical(), shape)
    overhead = overheads(candidate)
    return tables + overhead.flash_b, ram + overhead.ram_b


def fits(candidate: Candidate, shape: Shape, overheads: Overheads, budget: Budget) -> bool:
    """Return whether the candidate is within `budget`, as far as can be told before it is trained."""
    try:
        flash, ram = cost(candidate, shape, overheads)
    except SartoError as error:  # sums of so many features leave 32 bits
        if error.code != "E404":
            raise
        return False
    got = ((flash, budget.flash_b), (ram, budget.ram_b))
    small = all(limit is None or value <= limit for value, limit in got)
    return small and overheads(candidate).within(budget, candidate.units, candidate.power)


def largest(candidate: Candidate, shape: Shape, overheads: Overheads, budget: Budget) -> int | None:
    """Return the most units with which the candidate fits, or None if not even the family's fewest do."""
    low, high = candidate.least, candidate.most_units(shape)
    if high < low or not fits(replace(candidate, units=low), shape, overheads, budget):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if fits(replace(candidate, units=middle), shape, overheads, budget):
            low = middle
        else:
            high = middle - 1
    return low


def sized(candidate: Candidate, most: int, size: float) -> Candidate:
    """Return `candidate` with as many units as lie at `size` (0 to 1) between the fewest and `most`, on a log scale."""
    units = round(candidate.least * (most / candidate.least) ** size)
    return replace(candidate, units=max(units // candidate.multiple * candidate.multiple, candidate.least))


def loose_of(settings: Mapping[str, Any], shape: Shape, seed: int) -> Candidate:
    """Return the candidate of a family's `settings` with the fewest units, whatever their size says."""
    rest = {k: v for k, v in settings.items() if k != "size"}
    if issubclass(load_method(ROOM, settings["family"]).Candidate, Streamed):
        rest["segments"] = min(rest.get("segments", 1), shape.longest)
    loose = candidate_of({**rest, "units": 1, "seed": seed})
    return replace(loose, units=loose.least)


def presets(family: str, cells: Sequence[str], numeric: bool) -> list[dict[str, Any]]:
    """Return the presets of `family`, with its name; none with a choice that is not searched."""
    room = load_method(ROOM, family)
    space = room.space(cells, numeric).items()
    choices = {name: d.choices for name, d in space if isinstance(d, CategoricalDistribution)}
    return [
        {"family": family, **preset}
        for preset in room.PRESETS
        if all(preset[name] in among for name, among in choices.items())
    ]


def smallest(families: Sequence[str], cells: Sequence[str], shape: Shape, seed: int) -> list[Candidate]:
    """Return the smallest model of every preset, reservoirs in both widths of the state."""
    found: list[Candidate] = []
    for family in families:
        for preset in presets(family, cells, shape.numeric):
            small = loose_of(preset, shape, seed)
            found += (
                [replace(small, state_bits=bits) for bits in (16, 8)] if "state_bits" in preset else [small]
            )
    return found


def chosen_of(room: str, names: Sequence[str]) -> list[str]:
    """Return the methods of `room` to search: those named, or all that there are.

    Raises:
        SartoError: E111, for a name that is none of them.
    """
    for name in names:
        load_method(room, name)
    return list(names) or methods(room)


def trials_each(family: str) -> int:
    """Return as how many trials of other families one of `family` counts, by the time that it takes."""
    return int(getattr(load_method(ROOM, family), "TRIALS_EACH", 1))


def searched_together() -> list[str]:
    """Return the families whose trials take least, which one search has side by side."""
    return [name for name in methods(ROOM) if trials_each(name) == 1]


def able(families: Sequence[str], named: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the families that have all they need, and what those lack that were left out.

    Raises:
        SartoError: E112, when one of these was named.
    """
    found, lacked = list[str](), list[str]()
    for family in families:
        lacking = getattr(load_method(ROOM, family), "lacking", None)
        what = lacking() if lacking else ""
        if what and family in named:
            raise SartoError(
                "E112",
                f"--families {','.join(named)}: {family} cannot be tried",
                cause=what,
                hint=f"leave {family} out: sarto methods lists the others",
            )
        if what:
            lacked.append(f"the family {family} is left out: {what}")
        else:
            found.append(family)
    return found, lacked


def families(names: Sequence[str], cells: Sequence[str]) -> list[str]:
    """Return the families to search: those named, or all; only reservoirs, when cells are named and no family is.

    Raises:
        SartoError: E111, for a name that is no family; E112, for cells without reservoirs.
    """
    found = chosen_of(ROOM, names) if names or not cells else ["reservoir"]
    if cells and "reservoir" not in found:
        raise SartoError(
            "E112",
            f"--cells {','.join(cells)} without reservoirs",
            cause=f"--families has only {', '.join(found)}",
            hint="add reservoir to --families, or leave --cells out",
        )
    return found
