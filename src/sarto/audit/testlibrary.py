"""Self-test inputs: as few as possible that expose as many faults of a deployed graph as possible.

Faults are drawn evenly; with each, the graph answers every candidate. An input *detects* a fault where the checksum
over the scores (`deploy.c.selftest`) is not the stored one, or there is no answer. A fault is critical where the class
of any item silently changes (the first definition of `faults.verdicts`). Inputs are chosen by set cover (`cover`),
critical faults first.

`evolved` goes on from there: it makes inputs that are no data, by mutation and crossing within the sensor's range, and
keeps those that the same choice takes from them and all candidates, if the set is better than the last one. What is
reported is the coverage of faults that had no part in any choice.

Source: Turco et al., DFT 2023 (libraries of test images, evolved to expose faults that the data do not show).

>>> joined([np.array([[1, 5]]), np.array([[3, 2], [2, 2]])]).offsets.tolist()
[0, 1, 3]
>>> [bound.tolist() for bound in ranges(joined([np.array([[1, 5]]), np.array([[3, 2], [2, 2]])]))]
[[1, 2], [3, 5]]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, Integer, UInt32

from sarto.audit.cover import greedy, worth
from sarto.audit.faults.graph import PARTS, GraphSpace
from sarto.audit.faults.sample import draw, interval, strata
from sarto.audit.faults.verdicts import Rate
from sarto.core.errors import SartoError
from sarto.core.graph import Graph
from sarto.core.seed import generator
from sarto.deploy.c.selftest import checksum, selftest_sources
from sarto.measure.model import RawSequences, interpreted

AT_ONCE = 256
"""Faults that are judged together."""
Raw = Integer[np.ndarray, "_ _"]
LASTING = tuple(part for part in PARTS if part not in ("activations", "state", "input"))
"""What keeps a fault until the self-test runs; anything else is written anew."""


@dataclass(frozen=True)
class Effort:
    """How much is done to find inputs.

    Attributes:
        faults: drawn to choose inputs by.
        held_out: other faults, drawn to judge the choice.
        generations: of the evolutionary search; 0 chooses among the candidates alone.
        children: new inputs of each generation.
        seed: of the draws and of the search.
        confidence: of the intervals.
    """

    faults: int = 4000
    held_out: int = 4000
    generations: int = 10
    children: int = 64
    seed: int = 0
    confidence: float = 0.95


@dataclass(frozen=True, eq=False)
class Seen:
    """What each of some faults does to each of some inputs.

    Attributes:
        detected: where the self-test would notice.
        wrong: where the class is silently another.
    """

    detected: Bool[np.ndarray, "fault input"]
    wrong: Bool[np.ndarray, "fault input"]


@dataclass(frozen=True)
class Coverage:
    """The share of faults that a set of inputs detects, with Wilson's interval.

    Attributes:
        critical: of the faults that are critical.
        any: of those that change the answer to any item at all.
        faults: how many critical ones, and how many that change anything.
    """

    critical: Rate
    any: Rate
    faults: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Library:
    """Inputs of a self-test, and what a sound model says of them.

    Attributes:
        graph: the model.
        inputs: raw words, as a device takes them.
        classes: that the model returns.
        sums: checksums over the scores.
        made: which of the inputs were made, and are no data.
        coverage: of faults that were not used to choose the inputs.
    """

    graph: Graph
    inputs: RawSequences
    classes: Int32[np.ndarray, " item"]
    sums: UInt32[np.ndarray, " item"]
    made: Bool[np.ndarray, " item"]
    coverage: Coverage

    def sources(self) -> dict[str, str]:
        """Return `selftest.c` and `selftest.h`."""
        return selftest_sources(self.graph, self.inputs.listed(), self.classes, self.sums)


class Chooser:
    """Faults of a graph and inputs to choose from; every set of inputs is held against the same held-out faults.

    Args:
        space: the faults, of constants, with the items by which a fault is critical or not.
        candidates: inputs to choose from; None takes the items of `space`.
        effort: how much is done.

    Raises:
        SartoError: E164, when no fault that was drawn is critical; E165, for inputs longer than a window of the graph.
    """

    def __init__(
        self, space: GraphSpace, candidates: RawSequences | None = None, effort: Effort | None = None
    ) -> None:
        self.space = replace(space, where=tuple(part for part in space.where if part in LASTING))
        self.items = RawSequences(space.raw, space.offsets)
        self.candidates, self.effort = candidates or self.items, effort or Effort()
        window, longest = space.graph.window, int(np.diff(self.candidates.offsets).max(initial=0))
        if window is not None and longest > window.length:
            raise SartoError(
                "E165",
                f"a self-test by inputs of up to {longest} steps, of a model whose windows have {window.length}",
                cause="a device answers every window, and the end of the input is the end of none",
                hint="give one window as one input",
            )
        self.low, self.high = ranges(self.candidates)
        self.used, self.held_out = self._draws()
        of_used, of_held = (self.seen(self.items, places) for places in (self.used, self.held_out))
        self.critical, self.held_critical = _any(of_used.wrong), _any(of_held.wrong)
        self.held_changing = _any(of_held.detected)
        if not self.critical.any() or not self.held_critical.any():
            raise SartoError(
                "E164",
                f"none of {len(self.used)} faults to choose by, or none of {len(self.held_out)} others, is critical",
                cause="with each of them the model gives every item the class that it gives it without",
                hint="draw more faults, or give more items to judge them by",
            )
        # Where the items are the candidates, they have been seen.
        self._of_held = of_held.detected if self.candidates is self.items else None
        again = of_used if self.candidates is self.items else self.seen(self.candidates, self.used)
        self.detected = again.detected

    def _draws(self) -> tuple[Int64[np.ndarray, "used 2"], Int64[np.ndarray, "held_out 2"]]:
        """Return the faults to choose by, and others; both in the order of their cells, in which they are quick."""
        parts, wanted = strata(self.space.cells, "network"), self.effort.faults + self.effort.held_out
        if not parts:
            return np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64)
        count = min(parts[0].size, wanted)
        places = parts[0].places(draw(parts[0].size, count, self.effort.seed, "self-test"))
        cut = min(self.effort.faults, count // 2)
        used, held_out = (
            part[np.argsort(part[:, 0], kind="stable")] for part in (places[:cut], places[cut:])
        )
        return used, held_out

    def seen(self, inputs: RawSequences, places: Int64[np.ndarray, "fault 2"]) -> Seen:
        """Return what faults do to inputs."""
        space = replace(self.space, raw=inputs.raw, offsets=inputs.offsets)
        sums = checksum(space.golden)
        detected, wrong = np.zeros((2, len(places), len(inputs)), bool)
        for first in range(0, len(places), AT_ONCE):
            scores, failed = space.answers(places[first : first + AT_ONCE])
            other = self._other(space.golden, scores)
            detected[first : first + len(scores)] = (checksum(scores) != sums) | failed
            wrong[first : first + len(scores)] = other & ~failed
        return Seen(detected, wrong)

    def _other(
        self, golden: Int64[np.ndarray, "input output"], scores: Int64[np.ndarray, "fault input output"]
    ) -> Bool[np.ndarray, "fault input"]:
        """Return where the class is another, or a number is further off than the space tolerates."""
        tolerance = self.space.tolerance_of_numbers
        if tolerance is None:
            return np.not_equal(scores.argmax(axis=2), golden.argmax(axis=1))
        return _any(np.abs(scores - golden) > tolerance)

    def greedy(self, count: int) -> Library:
        """Return the library of `count` candidates.

        Raises:
            SartoError: E165, when there are not so many.
        """
        self._check(count)
        chosen = greedy(self.detected, self.critical, count)
        inputs = joined([self.candidates[i] for i in chosen.tolist()])
        return self._library(inputs, np.zeros(count, bool), self._held_detected[:, chosen])

    def evolved(self, count: int) -> Library:
        """Return the library of `count` inputs, of which some may be no data.

        Raises:
            SartoError: E165, when there are fewer candidates.
        """
        self._check(count)
        rng = generator(self.effort.seed, "evolved", count)
        chosen = greedy(self.detected, self.critical, count)
        inputs: list[Raw] = [self.candidates[i] for i in chosen.tolist()]
        detected = self.detected[:, chosen]
        made, best = np.zeros(count, bool), worth(detected, self.critical)
        for _ in range(self.effort.generations):
            children = [self._child(rng, inputs) for _ in range(self.effort.children)]
            found = self.seen(joined(children), self.used).detected
            pool = np.concatenate([detected, found, self.detected], axis=1)
            chosen = greedy(pool, self.critical, count)
            if (value := worth(pool[:, chosen], self.critical)) > best:
                best, detected = value, pool[:, chosen]
                every = [*inputs, *children, *self.candidates.listed()]
                inputs = [every[i] for i in chosen.tolist()]
                new = np.zeros(len(every), bool)
                new[:count], new[count : count + len(children)] = made, True
                made = new[chosen]
        given = joined(inputs)
        return self._library(given, made, self.seen(given, self.held_out).detected)

    def _child(self, rng: np.random.Generator, parents: Sequence[Raw]) -> Raw:
        """Return an input made of one or two others."""
        pool = [*parents, self.candidates[int(rng.integers(len(self.candidates)))]]
        mother, father = (pool[int(rng.integers(len(pool)))] for _ in range(2))
        child = mother.copy()
        kind = int(rng.integers(4))
        if kind == 0:  # crossing: a stretch of another one
            most = min(len(child), len(father))
            first, last = np.sort(rng.integers(0, most + 1, 2))
            child[first:last] = father[first:last]
        elif kind == 1:  # turned over: what was low is high
            child = (self.low + self.high - child.astype(np.int64)).astype(child.dtype)
        if kind != 1 or rng.random() < 0.5:
            share = rng.choice([0.02, 0.1, 0.3, 1.0])
            hit = rng.random(child.shape) < share
            fresh = self._uniform(rng, child.shape)
            if kind == 2:  # the ends of the range
                fresh = np.where(rng.random(child.shape) < 0.5, self.low, self.high)
            child = np.where(hit, fresh, child)
        return child.astype(self.candidates.raw.dtype)

    def _uniform(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Raw:
        return rng.integers(self.low, self.high + 1, shape)

    def _library(
        self,
        inputs: RawSequences,
        made: Bool[np.ndarray, " item"],
        detected: Bool[np.ndarray, "fault item"],
    ) -> Library:
        """Return the library of inputs, with the coverage of the held-out faults, which each detects or not."""
        said, found = interpreted(self.space.graph, inputs), _any(detected)
        rates = [self._rate(found[kind]) for kind in (self.held_critical, self.held_changing)]
        faults = int(self.held_critical.sum()), int(self.held_changing.sum())
        return Library(
            self.space.graph,
            inputs,
            said.classes.astype(np.int32),
            checksum(said.scores),
            made,
            Coverage(rates[0], rates[1], faults),
        )

    def _rate(self, found: Bool[np.ndarray, " fault"]) -> Rate:
        hits, n = int(found.sum()), len(found)
        return Rate(hits / n, *interval(hits, n, None, self.effort.confidence))

    def at_random(self, count: int, sets: int = 100) -> Float64[np.ndarray, "set 2"]:
        """Return which share of the held-out faults random sets of candidates detect: of critical ones, and of all.

        Raises:
            SartoError: E165, when there are fewer candidates.
        """
        self._check(count)
        return self._shares(self._held_detected[:, self._sets(count, sets)])

    def uniform(self, count: int, sets: int = 100) -> Float64[np.ndarray, "set 2"]:
        """Return likewise of sets of inputs drawn evenly from the sensor's range, which are no data.

        Raises:
            SartoError: E165, when there are fewer candidates: as many inputs are drawn.
        """
        self._check(count)
        return self._shares(self._noise_detected[:, self._sets(count, sets)])

    def _sets(self, count: int, sets: int) -> Int64[np.ndarray, "set input"]:
        rng = generator(self.effort.seed, "random sets", count)
        return np.stack([rng.permutation(len(self.candidates))[:count] for _ in range(sets)])

    def _shares(self, detected: Bool[np.ndarray, "fault set input"]) -> Float64[np.ndarray, "set 2"]:
        found = _any(detected).astype(np.float64)
        return np.stack([found[k].mean(axis=0) for k in (self.held_critical, self.held_changing)], axis=1)

    @cached_property
    def _held_detected(self) -> Bool[np.ndarray, "fault input"]:
        """Which candidates detect which of the held-out faults."""
        found = self._of_held
        return self.seen(self.candidates, self.held_out).detected if found is None else found

    @cached_property
    def _noise_detected(self) -> Bool[np.ndarray, "fault input"]:
        """Which inputs of noise, each as long as a candidate, detect which of the held-out faults."""
        rng, dtype = generator(self.effort.seed, "uniform inputs"), self.candidates.raw.dtype
        noise = joined([self._uniform(rng, x.shape).astype(dtype) for x in self.candidates.listed()])
        return self.seen(noise, self.held_out).detected

    def _check(self, count: int) -> None:
        if not 1 <= count <= len(self.candidates):
            raise SartoError(
                "E165",
                f"a self-test of {count} inputs out of {len(self.candidates)}",
                cause="it has at least one input, and at most as many as there are to choose from",
                hint="such as 16",
            )


def ranges(inputs: RawSequences) -> tuple[Int64[np.ndarray, " channel"], Int64[np.ndarray, " channel"]]:
    """Return the least and the largest word of each channel: what the sensor is known to deliver."""
    return inputs.raw.min(axis=0).astype(np.int64), inputs.raw.max(axis=0).astype(np.int64)


def joined(parts: Sequence[Raw]) -> RawSequences:
    """Return inputs one after the other."""
    return RawSequences(np.concatenate(parts), np.cumsum([0, *map(len, parts)]))


def _any(values: Bool[np.ndarray, "*other last"]) -> Bool[np.ndarray, "*other"]:
    return np.logical_or.reduce(values, axis=-1)
