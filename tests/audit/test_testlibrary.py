"""Self-test inputs: verdicts of whole runs, and faults that had no part in the choice."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from sarto.audit.cover import worth
from sarto.audit.faults.graph import GraphSpace
from sarto.audit.faults.sample import interval
from sarto.audit.testlibrary import Chooser, Effort, ranges
from sarto.core.errors import SartoError
from sarto.core.graph import Window
from sarto.measure.model import RawSequences, of_items
from sarto.models.pooling import Pooling
from tests.deploy import models
from tests.deploy.c.chains import chain, items

SMALL = Effort(faults=150, held_out=200, generations=4, children=12, seed=3)


@cache
def chooser(effort: Effort = SMALL) -> Chooser:
    graph = chain(3, 2)
    judge, given = np.split(items(graph, 60), [30])
    judged_by = of_items(judge)
    return Chooser(GraphSpace(graph, judged_by.raw, judged_by.offsets), of_items(given), effort)


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


def test_an_answer_that_fails_is_detected_and_is_not_silently_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    of = chooser()
    outputs, inputs = len(of.space.graph.outputs), len(of.candidates)

    def answers(space: GraphSpace, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = np.repeat(space.golden[None], len(places), axis=0)
        scores[1:3] = -scores[1:3].reshape(2, inputs, outputs) - 1  # the lowest becomes the highest
        failed = np.zeros(scores.shape[:2], bool)
        failed[[0, 1]] = True
        return scores, failed

    monkeypatch.setattr(GraphSpace, "answers", answers)
    seen = of.seen(of.candidates, of.used[:4])
    assert [row.all() for row in seen.detected] == [True, True, True, False]
    assert [row.all() for row in seen.wrong] == [False, False, True, False]
    assert not seen.detected[3].any() and not seen.wrong[1].any()


def test_a_predicted_number_is_wrong_beyond_the_tolerance() -> None:
    graph = chain(3, 2)
    numbers = replace(graph, quanta=(1.0,) * len(graph.outputs))
    given = of_items(items(graph, 20))
    found: list[int] = []
    for tolerance in (None, 0.0):
        space = GraphSpace(numbers, given.raw, given.offsets, tolerance=tolerance)
        of = Chooser(space, None, SMALL)
        for (cell, element), critical in zip(of.used[::9].tolist(), of.critical[::9], strict=True):
            assert critical == (space.plainly(cell, element).wrong[0] > 0)
        found.append(int(of.critical.sum()))
    assert 0 < found[0] < found[1]
    with pytest.raises(SartoError):
        Chooser(GraphSpace(numbers, given.raw, given.offsets, tolerance=1e12), None, SMALL)


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
    made = models.lowered("esn", units=6, lengths=(8, 9), pooling=Pooling("last"), window=Window(8, 4))
    with pytest.raises(SartoError) as caught:
        Chooser(GraphSpace(models.complete(made), made.raw, made.offsets), None, SMALL)
    assert caught.value.code == "E165" and "windows have 8" in caught.value.message
