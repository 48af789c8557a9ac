"""How much noise a model bears: the worst level of a fault at which quality stays within a stated loss.

`levels` go from harmless to harmful (read noise up, bits down, age up). At each, `evaluate(level, seed)` is called
for every seed, and compared with the clean level of the same seed:

    L_s = q_s(clean) - q_s(level),   mean(L) +- t_{0.95, n-1} sd(L) / sqrt(n)        one-sided 95 % bounds

A level *holds* when the upper bound is at most the loss allowed, and *fails* when the lower bound is above it; in
between it is *undecided*. The search climbs the levels from the harmless end until one fails, and then halves the gap
(in ratios with `log`) `refinements` times between the last level before which all hold and the first that does not.
The value is the worst level tested at which it and every tested level below hold: nothing that holds beyond one that
does not is ever trusted, so loss need not grow with the level for the value to be safe. The interval goes from it to
the least harmful level that was seen to fail (infinity if none was): in between the seeds cannot tell. The bounds are
those of each comparison, not of all together.

>>> found = noise_budget(lambda level, seed: 1 - level + seed / 8, [0.125, 0.25, 0.5], clean=0.0, loss=0.3,
...                      seeds=range(3), refinements=2)
>>> found.value, found.interval, found.table.column("verdict")
(0.25, (0.25, 0.3125), ('holds', 'holds', 'fails', 'fails', 'fails'))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from sarto.core.executors import SerialExecutor
from sarto.core.table import Table
from sarto.models.input_error import InputError

Verdict = Literal["holds", "undecided", "fails"]
CONFIDENCE = 0.95
"""One-sided, as the interval of a device's rating is: the chance that a level is said to hold and does not is 5 %."""


@dataclass(frozen=True)
class NoiseBudget:
    """What a model bears.

    Attributes:
        value: the worst level that holds; None when not even the first does.
        interval: from that level to the least harmful one that was seen to fail, infinity (or minus infinity, where
            levels fall) when none was. Its lower end is the clean level when nothing holds.
        table: every level tested, in the order tested: mean loss, its bounds and the verdict.
    """

    value: float | None
    interval: tuple[float, float]
    table: Table


def noise_budget(
    evaluate: Callable[[float, int], float],
    levels: Sequence[float],
    *,
    clean: float,
    loss: float,
    seeds: Sequence[int],
    refinements: int = 0,
    log: bool = False,
    executor: Executor | None = None,
) -> NoiseBudget:
    """Return the worst level at which the mean loss of quality stays within `loss`.

    Args:
        evaluate: from a level and a seed to a quality, larger being better; a pure function of both.
        levels: strictly rising or falling, from harmless to harmful.
        clean: the level without the fault, which losses are counted from.
        loss: allowed, in the unit of the quality, at least 0.
        seeds: two or more, the same at every level.
        refinements: halvings after the climb; 0 where levels are whole numbers.
        log: whether the middle of two levels is their geometric mean.
        executor: that the calls of a level go to; the result does not depend on it.

    Raises:
        InputError: E116, for levels out of order, fewer than two seeds, a negative loss, or log of levels not above 0.
    """
    _check(levels, seeds, loss, log)
    pool = executor or SerialExecutor()
    before = _qualities(pool, evaluate, clean, seeds)
    rows: list[tuple[float, float, float, float, str]] = []

    def judge(level: float) -> Verdict:
        rows.append(_judged(level, before - _qualities(pool, evaluate, level, seeds), loss))
        return rows[-1][-1]  # pyright: ignore[reportReturnType]

    good: float | None = None
    bad: float | None = None
    for level in levels:
        verdict = judge(level)
        if bad is None:
            good, bad = (level, None) if verdict == "holds" else (good, level)
        if verdict == "fails":
            break
    for _ in range(refinements if good is not None and bad is not None else 0):
        assert good is not None and bad is not None
        middle = math.sqrt(good * bad) if log else (good + bad) / 2
        if judge(middle) == "holds":
            good = middle
        else:
            bad = middle
    return _found(rows, clean, rising=len(levels) < 2 or levels[0] < levels[-1])


def _found(rows: list[tuple[float, float, float, float, str]], clean: float, *, rising: bool) -> NoiseBudget:
    sign = 1.0 if rising else -1.0
    ordered = sorted(rows, key=lambda row: sign * row[0])
    doubtful = next((i for i, row in enumerate(ordered) if row[-1] != "holds"), len(ordered))
    value = ordered[doubtful - 1][0] if doubtful else None
    failed = [row[0] for row in ordered if row[-1] == "fails"]
    table = Table(
        "noise budget",
        ("level", "loss", "lower bound", "upper bound", "verdict"),
        ("1", "1", "1", "1", ""),
        tuple(rows),
        ("", "measured", "estimated", "estimated", ""),
    )
    return NoiseBudget(
        value, (clean if value is None else value, failed[0] if failed else sign * math.inf), table
    )


def _judged(
    level: float, losses: np.ndarray[tuple[int, ...], np.dtype[np.float64]], allowed: float
) -> tuple[float, float, float, float, str]:
    mean = float(losses.mean())
    count = len(losses)
    reach = float(stdtrit(count - 1, CONFIDENCE)) * float(losses.std(ddof=1)) / math.sqrt(count)
    # What rounding alone adds to a difference of two qualities must not decide.
    slack = 8 * np.finfo(np.float64).eps
    verdict = (
        "holds"
        if mean + reach <= allowed + slack
        else "fails"
        if mean - reach > allowed + slack
        else "undecided"
    )
    return (float(level), mean, mean - reach, mean + reach, verdict)


def _qualities(
    pool: Executor, evaluate: Callable[[float, int], float], level: float, seeds: Sequence[int]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    found = np.array(list(pool.map(evaluate, [level] * len(seeds), seeds)), np.float64)
    if not np.isfinite(found).all():
        raise InputError(
            "E105",
            f"the quality at level {level:g} is {found[~np.isfinite(found)][0]}",
            cause="a loss cannot be counted from it",
            hint="return the quality of a guess where a model breaks down",
        )
    return found


def _check(levels: Sequence[float], seeds: Sequence[int], loss: float, log: bool) -> None:
    steps = np.diff(np.array(levels, np.float64))
    if not levels or not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(
            "E116",
            f"levels = {list(levels)}",
            cause="they must rise or fall, from harmless to harmful",
            hint="sort them",
        )
    if len(seeds) < 2:
        raise InputError(
            "E116", f"{len(seeds)} seed(s)", cause="a bound needs 2 at least", hint="give more seeds"
        )
    if not (math.isfinite(loss) and loss >= 0):
        raise InputError(
            "E116", f"loss = {loss}", cause="it must be finite and at least 0", hint="state the allowed loss"
        )
    if log and min(levels) <= 0:
        raise InputError(
            "E116",
            f"level {min(levels)} in ratios",
            cause="ratios need positive levels",
            hint="leave out log",
        )
