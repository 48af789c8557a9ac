"""Searches for the amounts that recipes leave open, against the bytes of the file: which to try next, and where.

Every open amount of a recipe hangs on one number t in 0 to 1 (`sarto.compress.amounts`): the larger, the smaller the
file and, but for luck, the worse the network. So each recipe is searched between the largest t known to be too small
and the smallest known to be too large: with a limit of bytes where the line through the two nearest trials in log bytes
meets it, with a limit of the error alone in the middle. Recipes race: each is tried `FIRST` times, then the better half
goes on with as many trials as it has had, until the trials are used up. A recipe that refuses (a layer collapsed, or a
step does not know a layer) at some t is too small there.

With a limit of bytes the best network is the one of least validation error within it; without, the smallest whose error
is small enough.

>>> goal = Goal(flash_b=1000.0)
>>> tried = [Tried(0.5, 4000.0, 0.02)]
>>> round(propose(goal, tried), 3), propose(goal, [*tried, Tried(1.0, 250.0, 0.2)])
(0.777, 0.75)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

FIRST = 3
"""Trials of a recipe before it is compared with others."""
CLOSE = 0.95
"""A file that takes this share of its limit or more takes all of it, as far as trials go."""
NARROW = 0.02
"""Two t so near have been told apart."""
INSIDE = 0.15
"""Share of the way between two t that a proposal keeps off either: the line through them is no more than a guess."""
SLOPE = -5.0
"""Of log bytes in t, before it was seen: from half the weights at t = 0 to 3 in 1000 at t = 1."""


@dataclass(frozen=True)
class Goal:
    """Most bytes of the file, and most validation error; None is no limit."""

    flash_b: float | None = None
    error: float | None = None

    def __post_init__(self) -> None:
        assert self.flash_b is not None or self.error is not None, "a search has a limit"


@dataclass(frozen=True)
class Tried:
    """A trial of a recipe: its t, bytes and validation error; `refused` says why there are none."""

    t: float
    flash_b: float = math.inf
    error: float = math.inf
    refused: str = ""

    def fits(self, goal: Goal) -> bool:
        """Return whether the trial keeps every limit."""
        if self.refused or (goal.flash_b is not None and self.flash_b > goal.flash_b):
            return False
        return goal.error is None or self.error <= goal.error


def propose(goal: Goal, tried: Sequence[Tried], start: float = 0.5) -> float | None:
    """Return the t to try next, `start` being the first, or None when nothing is left to learn."""
    if not tried:
        return start
    lows = [one for one in tried if _must_shrink(one, goal)]
    highs = [one for one in tried if not _must_shrink(one, goal)]
    low, high = max((one.t for one in lows), default=0.0), min((one.t for one in highs), default=1.0)
    if high - low < NARROW:  # also where the bytes did not fall with t, as they should
        return None
    if highs and goal.flash_b is not None:
        nearest = min(highs, key=lambda one: one.t)
        if not nearest.refused and nearest.flash_b >= CLOSE * goal.flash_b:
            return None
    first = low + INSIDE * (high - low) if lows else 0.0
    last = high - INSIDE * (high - low) if highs else 1.0
    return min(last, max(first, _guess(goal, tried, (low + high) / 2)))


def _guess(goal: Goal, tried: Sequence[Tried], middle: float) -> float:
    """Return where the file would take what it may, if log bytes fell in a line; the middle where nobody can say."""
    known = [one for one in tried if not one.refused]
    if goal.flash_b is None or not known:
        return middle
    flash_b = goal.flash_b
    near, *others = sorted(known, key=lambda one: abs(math.log(one.flash_b / flash_b)))
    slope = SLOPE
    if others and others[0].t != near.t:
        measured = math.log(others[0].flash_b / near.flash_b) / (others[0].t - near.t)
        slope = measured if measured < SLOPE / 10 else SLOPE
    return near.t + math.log(flash_b / near.flash_b) / slope


def _must_shrink(one: Tried, goal: Goal) -> bool:
    """Return whether a larger t is to be looked for."""
    if one.refused:
        return False
    if goal.flash_b is not None:
        return one.flash_b > goal.flash_b
    assert goal.error is not None, "a search has a limit"
    return one.error <= goal.error


def rank(one: Tried, goal: Goal) -> tuple[float, ...]:
    """Return what a trial is compared by, less being better; one that fits is before all that do not."""
    if one.refused:
        return (2.0,)
    if one.fits(goal):
        return (0.0, *((one.error, one.flash_b) if goal.flash_b is not None else (one.flash_b, one.error)))
    over = max(0.0, math.log(one.flash_b / goal.flash_b)) if goal.flash_b is not None else 0.0
    worse = max(0.0, one.error - goal.error) if goal.error is not None else 0.0
    return (1.0, over + worse)


def race(
    starts: Sequence[float | None], goal: Goal, trials: int, run: Callable[[int, float], Tried]
) -> list[list[Tried]]:
    """Return the trials of each recipe.

    Args:
        starts: the first t of each recipe, or None for one that no t changes: it is tried once.
        goal: what is looked for.
        trials: the most that are run.
        run: (number of the recipe, t) -> what came of it.
    """
    found: list[list[Tried]] = [[] for _ in starts]

    def next_of(number: int) -> float | None:
        start = starts[number]
        if start is None:
            return None if found[number] else 0.0
        return propose(goal, found[number], start)

    alive, turns = list(range(len(starts))), FIRST
    while alive:
        for _ in range(turns):
            for number in alive:
                t = next_of(number)
                if t is not None and sum(map(len, found)) < trials:
                    found[number].append(run(number, t))
        turns = max(len(found[number]) for number in alive)
        if sum(map(len, found)) >= trials or all(next_of(n) is None for n in alive):
            break
        alive = sorted(alive, key=lambda n: min(rank(one, goal) for one in found[n]))
        alive = alive[: max(1, len(alive) // 2)]
    return found
