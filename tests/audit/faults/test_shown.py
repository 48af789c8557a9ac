"""Tables of campaigns: the inputs that judged the faults are told apart from those that the folder keeps."""

from __future__ import annotations

import numpy as np

from sarto.audit.faults.campaign import Plan, run
from sarto.audit.faults.graph import GraphSpace
from sarto.audit.faults.shown import fault_map, hit_groups, outcomes
from sarto.measure.model import of_items
from tests.deploy.c.chains import chain, items


def test_groups_are_those_of_the_inputs_that_judged() -> None:
    graph = chain(3, 3)
    every = of_items(items(graph, 12))
    kept = every.pinned(7)
    judged = kept.pinned(4)
    places = ("bias", "multipliers", "shifts")
    report = run(GraphSpace(graph, judged.raw, judged.offsets, places), Plan("network", 0.1))
    which = [next(i for i in range(12) if np.array_equal(every[i], judged[k])) for k in range(len(judged))]
    assert which != list(range(0, 12, 3)) and len(which) == 4
    labels = np.array([f"{i:02}" for i in range(12)])
    found = hit_groups(report, {"item": labels, "constant": np.zeros(12, int)}, len(kept))
    assert found is not None
    told = [str(row[0]) for row in found.rows]
    assert told[:4] == [f"item = {i:02}" for i in which]
    assert told[4] == "constant = 0"
    shares = [float(row[2]) for row in found.rows[:4]]
    np.testing.assert_allclose(shares, report.wrong_by_input / report.wrong_by_input.sum())
    assert hit_groups(report, {"few": np.arange(3)}, 3) is None


def test_outcomes_and_maps_are_of_the_campaign() -> None:
    graph = chain(3, 2)
    given = of_items(items(graph, 3))
    report = run(GraphSpace(graph, given.raw, given.offsets), Plan("network", 0.2))
    shares = {str(row[0]): row for row in outcomes([report]).rows}
    critical = shares["critical faults, graph"]
    assert critical[1:4] == (
        report.rates.critical.share,
        report.rates.critical.low,
        report.rates.critical.high,
    )
    shown = fault_map(report, 2)
    by_bit = {(row[0], row[1]): row for row in report.tables[2].rows}
    place = shown.columns.index("3")
    column = report.tables[2].columns.index("critical")
    for row in shown.rows:
        assert row[place] == (by_bit[row[0], 3][column] if (row[0], 3) in by_bit else "") or row[place] == ""
