"""Which values of knobs are refused now: points that need one are left out for a while, longer each time.

A clock is refused while a machine is hot, and can be had again when it has cooled down. A value that was refused is
tried again by the rule of `reach`, after

    wait = 20 n c 2^k        c = time of the try, n = values refused now, k = refusals in a row before it, at most 2

so that tries take no more than about a twentieth of the time, however many values are refused. Where every point that
could run needs a refused value, one is chosen as if none were refused, and these knobs stay as they are.

>>> from sarto.devices.platforms import platform
>>> from sarto.runtime.goal import Goal
>>> from sarto.runtime.knobs import Call
>>> from sarto.runtime.manager import Manager
>>> from sarto.runtime.points import Variant, grid
>>> points = Points.of(grid([Variant("full", 0.71, 1.0)], platform("odroid_xu3")))
>>> manager = Manager(points, "performance")
>>> clock = {"is": "2e8", "most": "1.4e9"}  # the machine is hot
>>> knob = Call("clock", lambda: clock["is"], lambda f: clock.update({"is": min(f, clock["most"], key=float)}))
>>> refusals = Refusals(points, Knobs([knob], act=True), lambda p: {"clock": f"{p.settings['frequency_hz']:g}"})
>>> decision, applied = refusals.settle(lambda now: None, lambda free: manager.decide(Goal(), free), lambda: 0.0)
>>> decision.point.name, applied[0].state, refusals.told
('full on a15 at 1 GHz', 'set', ('clock at 1.8e+09',))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Bool

from sarto.core.points import OperatingPoint
from sarto.runtime.knobs import Applied, Knobs
from sarto.runtime.manager import Decision
from sarto.runtime.points import Points
from sarto.runtime.reach import Waits

Pair = tuple[str, str]
Free = Callable[[float], Bool[np.ndarray, " point"] | None]
"""A time -> the points that can be used then, for other reasons than knobs; None for all."""


class Refusals(Waits[Pair]):
    """Sets the knobs of points, and keeps which values were refused.

    Args:
        points: to choose from.
        knobs: that are set.
        wanted: what each of them is to be at a point; of a point always the same.

    Attributes:
        lost: knobs and values that were refused, until they can be had.
    """

    def __init__(
        self, points: Points, knobs: Knobs, wanted: Callable[[OperatingPoint], Mapping[str, str]]
    ) -> None:
        super().__init__()
        self._points, self._knobs, self._wanted = points, knobs, wanted
        self._applied: dict[Pair, Applied] = {}
        self._needed: dict[Pair, set[int]] = {}
        self._shut: tuple[Pair, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """The values that were left alone for the last decision, with the names of their knobs."""
        return tuple(f"{knob} at {value}" for knob, value in self._shut)

    @property
    def of_points(self) -> dict[int, Applied]:
        """The refusal of each point that was left out for that."""
        return {i: self._applied[pair] for pair in self._shut for i in self._needed.get(pair, ())}

    def settle(
        self,
        free: Free,
        decide: Callable[[Bool[np.ndarray, " point"] | None], Decision],
        clock: Callable[[], float],
    ) -> tuple[Decision, tuple[Applied, ...]]:
        """Return a decision, and what became of its knobs; one of them is refused only where no other point was left.

        Args:
            free: which points can be used for other reasons.
            decide: chooses among those that can be used.
            clock: in s.

        Raises:
            SartoError: what `decide` raises, such as E116 when no point can be used for other reasons.
        """
        tried: list[int] = []
        while True:
            now = clock()
            others = free(now)
            left = self._left(now, others, tried) if self.lost or tried else others
            none_left = left is not None and left is not others and not left.any()
            decision = decide(others if none_left else left)
            applied = self._set(decision, now, clock, none_left)
            if none_left or all(one.state != "refused" for one in applied):
                self._shut = tuple(p for p, one in self.lost.items() if now < one.since_s + one.wait_s)
                return decision, applied
            tried.append(decision.index)

    def _left(
        self, now_s: float, others: Bool[np.ndarray, " point"] | None, tried: list[int]
    ) -> Bool[np.ndarray, " point"]:
        left = np.ones(len(self._points), bool) if others is None else others.copy()
        left[tried] = False
        for pair in self.lost:
            if self.waits(pair, now_s):
                left[list(self._needed[pair])] = False
        return left

    def _set(
        self, decision: Decision, began_s: float, clock: Callable[[], float], anyhow: bool
    ) -> tuple[Applied, ...]:
        """Set what the point needs; a value that waits is not tried, and unless `anyhow` nothing else is set then."""
        pairs = list(self._wanted(decision.point).items())
        if not pairs:
            return ()
        waiting = (
            {pair: self._applied[pair] for pair in pairs if self.waits(pair, began_s)} if self.lost else {}
        )
        if waiting and not anyhow:
            for pair in waiting:
                self._needed[pair].add(decision.index)
            return tuple(waiting.values())
        applied = tuple(waiting.get(pair) or self._knobs.set(*pair) for pair in pairs)
        refused = {pair: one for pair, one in zip(pairs, applied, strict=True) if one.state == "refused"}
        fresh = {pair: one for pair, one in refused.items() if pair not in waiting}
        now = clock() if fresh else began_s
        for pair, one in fresh.items():
            self._applied[pair] = one
            self.failed(pair, now, (now - began_s) * (len(self.lost) + (pair not in self.lost)))
        for pair in refused:
            self._needed.setdefault(pair, set()).add(decision.index)
        for pair in (self.lost.keys() & set(pairs)) - refused.keys() if self.lost else ():
            self.answered(pair)
            del self._needed[pair], self._applied[pair]
        return applied
