"""Runs the trials of a search for recipes and their amounts, each one once, and says which was best.

A trial runs a whole recipe; what it came to is kept, and so is every tuning in it, so a search that was stopped goes on
where it was, and recipes that begin alike share what they share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sarto.compress.amounts import at, is_open, start_of
from sarto.compress.recipe import Order, coder_of, run
from sarto.compress.state import Evaluation, State
from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.core.progress import Silent, Talk
from sarto.core.store import Store, content_hash
from sarto.search.auto import Goal, Tried, race, rank
from sarto.search.failing import fails
from sarto.search.faulty import MOST

NO_PROPERTY = ("E132", "E133")
"""Errors of the program, and of a recipe's text: no other amount mends them."""


@dataclass(frozen=True)
class Chosen:
    """The best trial: its steps; a point of every trial that was no refusal; remarks; the name of its point."""

    orders: tuple[Order, ...]
    points: tuple[OperatingPoint, ...]
    remarks: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Trials:
    """What trials are run with.

    Attributes:
        recipes: that race.
        state: the network as it was given.
        evaluation: what steps may use.
        goal: what is looked for.
        point: (name, state, packed bytes) -> the point of a state.
        work: a folder for what was done.
        load: what of a point the goal's bytes limit.
        flash_b: most bytes of flash; None without such a limit.
        ask: (point, packed bytes) -> the point with what gates of faults say of it; None without any.
    """

    recipes: Sequence[tuple[Order, ...]]
    state: State
    evaluation: Evaluation
    goal: Goal
    point: Callable[[str, State, bytes], OperatingPoint]
    work: Path
    load: Callable[[OperatingPoint], float]
    flash_b: float | None = None
    ask: Callable[[OperatingPoint, bytes], OperatingPoint] | None = None

    def run(self, most: int, talk: Talk) -> Chosen:
        """Run at most so many trials and return the best.

        Raises:
            SartoError: what the first recipe refused, when every recipe did.
        """
        points: dict[tuple[int, float], OperatingPoint] = {}
        failures: dict[int, SartoError] = {}
        with talk.stage("search", most) as stage:

            def one(number: int, t: float) -> Tried:
                orders = at(self.recipes[number], t)
                name = f"trial {len(points) + 1}"
                try:
                    point = self._kept(name, orders)
                except SartoError as error:
                    if error.code in NO_PROPERTY:
                        raise
                    failures.setdefault(number, error)
                    stage.advance(1, f"{text(orders)}: {error.message}")
                    return Tried(t, refused=error.message)
                points[number, t] = point
                stage.advance(
                    1,
                    f"{text(orders)}: {point['flash']:.0f} B, validation error {point['validation error']:.4f}",
                )
                return Tried(t, self.load(point), point["validation error"])

            found = race(self._starts(), self.goal, most, one)
        if not points:
            raise failures[min(failures)]
        ranked = sorted(
            ((n, tried) for n, several in enumerate(found) for tried in several if not tried.refused),
            key=lambda pair: (fails(points[pair[0], pair[1].t]), rank(pair[1], self.goal)),
        )
        number, best = self._first_that_passes(ranked, points)
        orders = at(self.recipes[number], best.t)
        remarks = [
            f"{text(self.recipes[n])}: {error.message}"
            for n, error in failures.items()
            if all(tried.refused for tried in found[n])
        ]
        name = points[number, best.t].name
        remarks.append(f"{name} was chosen: --with {text(orders)}")
        return Chosen(orders, tuple(points.values()), tuple(remarks), name)

    def _first_that_passes(
        self, ranked: list[tuple[int, Tried]], points: dict[tuple[int, float], OperatingPoint]
    ) -> tuple[int, Tried]:
        """Return the first trial that passes gates of faults too; the first of all where none does, or nobody asks."""
        for number, tried in ranked[:MOST]:
            place = number, tried.t
            if self.ask is None or fails(points[place]) or not tried.fits(self.goal):
                break
            orders = at(self.recipes[number], tried.t)
            points[place] = self.ask(points[place], self._end(orders).packed(coder_of(orders))[0])
            if not fails(points[place]):
                return number, tried
        return ranked[0]

    def _starts(self) -> list[float | None]:
        """Return where each recipe begins; None for one whose amounts are all given."""
        whole_b = 4 * self.state.network.architecture.size
        share = None if self.flash_b is None else self.flash_b / whole_b
        return [
            None if not is_open(orders) else 0.5 if share is None else start_of(orders, share)
            for orders in self.recipes
        ]

    def _kept(self, name: str, orders: tuple[Order, ...]) -> OperatingPoint:
        """Return the point of a trial, from the store if it is there."""
        store, key = Store(self.work / "trials"), content_hash(text(orders))
        if (known := store.get(key)) is not None:
            if "refused" in known:
                raise SartoError(known["refused"], known["message"], cause=known["cause"], hint=known["hint"])
            return replace(OperatingPoint.from_json(known), name=name)
        try:
            state = self._end(orders)
        except SartoError as error:
            told = {"message": error.message, "cause": error.cause, "hint": error.hint}
            store.put(key, {"refused": error.code, **told})
            raise
        point = self.point(name, state, state.packed(coder_of(orders))[0])
        point = replace(point, settings={"recipe": text(orders)})
        store.put(key, point.to_json())
        return point

    def _end(self, orders: tuple[Order, ...]) -> State:
        """Return the state after the last step."""
        state = self.state
        for _, after in run(state, orders, replace(self.evaluation, talk=Silent()), self.work):
            state = after
        return state


def text(orders: Sequence[Order]) -> str:
    """Return a recipe as it is typed."""
    return ",".join(map(str, orders))
