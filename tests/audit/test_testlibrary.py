"""Self-test inputs: a cover as good as promised, verdicts of whole runs, and faults that had no part in the choice."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from sarto.audit.faults.graph import GraphSpace
from sarto.audit.faults.sample import interval
from sarto.audit.testlibrary import Chooser, Effort, greedy, ranges, worth
from sarto.core.errors import SartoError
from sarto.measure.model import RawSequences, of_items
from tests.deploy.c.chains import chain, items

SMALL = Effort(faults=150, held_out=200, generations=4, children=12, seed=3)


@cache
def chooser(effort: Effort = SMALL) -> Chooser:
    graph = chain(3, 2)
    judge, given = np.split(items(graph, 60), [30])
    judged_by = of_items(judge)
    return Chooser(GraphSpace(graph, judged_by.raw, judged_by.offsets), of_items(given), effort)


def test_the_greedy_cover_keeps_its_promise_and_takes_critical_faults_first() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        detected = rng.random((40, 9)) < rng.uniform(0.03, 0.3)
        critical = rng.random(40) < 0.4
        for count in (1, 2, 3):
            best = max(worth(detected[:, list(s)], critical)[0] for s in combinations(range(9), count))
            found = worth(detected[:, greedy(detected, critical, count)], critical)[0]
            assert (1 - 1 / np.e) * best <= found <= best
            assert count > 1 or found == best
    # Input 0 finds three harmless faults, input 1 one critical fault.
    detected = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]], bool)
    assert greedy(detected, np.array([True, False, False, False]), 3).tolist() == [1, 0, 2]


def test_what_is_covered_is_covered_again() -> None:
    # Input 0 finds all; 1 finds most of the rest a second time; 3 would be next by its place.
    detected = np.array([[1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0]], bool)
    critical = np.array([True, True, False, True])
    assert greedy(detected, critical, 4).tolist() == [0, 2, 1, 3]
    assert worth(detected, critical) == (7, 7, 0)


def test_a_fault_is_detected_where_a_whole_run_with_it_says_something_else() -> None:
    of, differ, wrong = chooser(), 0, 0
    given = replace(of.space, raw=of.candidates.raw, offsets=of.candidates.offsets)
    for (cell, element), detected, critical in zip(
        of.used[::3].tolist(), of.detected[::3], of.critical[::3], strict=True
    ):
        seen, judged = given.plainly(cell, element), of.space.plainly(cell, element)
        assert detected.sum() == seen.changed[0] + seen.failed[0]
        assert critical == (judged.wrong[0] > 0)
        differ, wrong = differ + bool(detected.any()), wrong + bool(critical)
    assert 0 < wrong < differ < len(of.used[::3])


def test_the_coverage_is_that_of_faults_which_were_not_used() -> None:
    of = chooser()
    used, held = ({tuple(p) for p in places.tolist()} for places in (of.used, of.held_out))
    assert not used & held
    assert (len(used), len(held)) == (150, 200)
    found = of.greedy(3)
    detected = of.seen(found.inputs, of.held_out).detected
    hits, n = int((detected.sum(axis=1)[of.held_critical] > 0).sum()), int(of.held_critical.sum())
    rate = found.coverage.critical
    assert (rate.share, rate.low, rate.high) == (hits / n, *interval(hits, n, None, 0.95))
    assert found.coverage.faults == (n, int(of.held_changing.sum()))
    assert not found.made.any()
    every = of.greedy(30).coverage
    drawn = of.at_random(30, 2)
    np.testing.assert_allclose(drawn, [[every.critical.share, every.any.share]] * 2)
    assert of.at_random(1, 30)[:, 0].max() <= every.critical.share
    one, all_of_them = of.uniform(1, 20), of.uniform(30, 2)
    assert (one.max(axis=0) <= all_of_them[0]).all() and (all_of_them[0] == all_of_them[1]).all()
    assert not np.array_equal(one, of.at_random(1, 20))


def test_evolution_is_seeded_stays_in_the_range_and_is_never_worse_on_what_it_sees() -> None:
    of = chooser()
    better = 0
    for count in (1, 3):
        first, again = of.evolved(count), chooser.__wrapped__().evolved(count)
        np.testing.assert_array_equal(first.inputs.raw, again.inputs.raw)
        own = [worth(of.seen(x.inputs, of.used).detected, of.critical) for x in (first, of.greedy(count))]
        assert own[0] >= own[1]
        better += own[0] > own[1]
        assert first.made.any() == (own[0] > own[1])
        low, high = ranges(of.candidates)
        assert (first.inputs.raw >= low).all() and (first.inputs.raw <= high).all()
        assert len(first.inputs) == count
    assert better


def test_inputs_that_cannot_be_chosen_are_refused() -> None:
    of = chooser()
    for count in (0, 31):
        with pytest.raises(SartoError) as caught:
            of.greedy(count)
        assert caught.value.code == "E165"
    graph = of.space.graph
    one = of_items(items(graph, 1))
    harmless = GraphSpace(graph, one.raw, one.offsets, where=("activations",))
    with pytest.raises(SartoError) as caught:
        Chooser(harmless, RawSequences(one.raw, one.offsets), SMALL)
    assert caught.value.code == "E164"
