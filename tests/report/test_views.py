from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from sarto.core.budget import Budget
from sarto.core.table import Table
from sarto.report import read_run, views
from sarto.report.palette import FAINT, SHADE
from tests.report.sample import COMMAND, Sample


def test_gauges_end_at_five_quarters_of_the_budget(tmp_path: Path) -> None:
    budget = Budget(flash_b=11436 * 2, ram_b=100, latency_s=0.1)
    rows = {
        limit.margin.limit: limit for limit in views.limits(read_run(Sample(budget=budget).write(tmp_path)))
    }
    assert rows["flash"].filled == pytest.approx(0.4)
    assert rows["flash"].mark == pytest.approx(0.8)
    assert (rows["flash"].state, rows["ram"].state, rows["latency"].state) == ("good", "bad", "unknown")
    assert rows["ram"].filled == 1.0
    assert [limit for limit in rows if rows[limit].binding] == ["latency"]


def test_curves_take_each_cost_that_the_points_state(tmp_path: Path) -> None:
    sample = Sample(instructions=False)
    run = read_run(sample.write(tmp_path))
    flash, ram = views.trade_offs(run)
    assert (flash.cost, ram.cost) == ("flash", "ram")
    assert flash.qualities == [1 - p["validation error"] for p in sample.front()]
    assert flash.costs == [p["flash"] for p in sample.front()]
    assert flash.chosen is not None and run.points[flash.chosen].name == run.chosen
    assert (flash.limit, ram.limit) == (32768, 4096)
    assert flash.hows == ["estimated", "measured"]


def test_of_a_host_the_time_stands_for_the_instructions(tmp_path: Path) -> None:
    run = read_run(Sample().write(tmp_path))
    native = replace(run, artifact={**run.artifact, "device": "host", "target": "native"})
    assert (run.native, native.native) == (False, True)
    assert views.costs_of(run) == ("flash", "ram", "instructions per inference")
    assert views.costs_of(native) == ("flash", "ram", "latency")
    assert [what for what, _ in views.front_rows(native)[0]] == ["validation error", "flash", "ram"]
    bare = replace(native, evidence=())
    remedies = {head.what: head.remedy for head in views.headlines(bare)}
    assert remedies["instructions per inference"] == remedies["energy"] == "sarto devices host"
    assert remedies["flash"] == "sarto measure OUT --device host"


def test_the_table_of_points_begins_with_the_chosen_one_and_says_how_by_column(tmp_path: Path) -> None:
    columns, rows, left_out = views.front_rows(read_run(Sample(points=50).write(tmp_path)))
    assert columns == [
        ("validation error", "measured"),
        ("flash", "estimated"),
        ("ram", "estimated"),
        ("instructions per inference", "estimated"),
    ]
    assert len(rows) == views.MOST_POINTS
    assert left_out == 50 - views.MOST_POINTS
    assert rows[0][0].name == "t213"


def test_families_say_which_was_chosen_and_why(tmp_path: Path) -> None:
    run = read_run(Sample().write(tmp_path))
    found, why = views.families(run)
    assert [(f.name, f.tried, f.chosen) for f in found] == [
        ("reservoir", 60, True),
        ("random features", 36, False),
    ]
    assert found[1].figures["ram"] == (300.0, "B", "emulated")
    assert why == (
        "Chosen: reservoir, for a validation loss of 0.310; the next family, random features, has 0.420."
    )
    table = run.tables["families"]
    first, second = table.rows
    worse = replace(table, rows=((*second[:4], 0.2, *second[5:]), first))
    _, why = views.families(replace(run, tables={**run.tables, "families": worse}))
    assert why.endswith("random features has less, 0.200, but does not fit, or less well.")
    for rows in ((), (first,)):
        alone = {**run.tables, "families": replace(table, rows=rows)}
        assert views.families(replace(run, tables=alone)) == ([], "")
    assert views.families(replace(run, tables={})) == ([], "")


def test_confusion_shades_grow_with_the_root_of_the_share_of_the_row() -> None:
    table = Table(
        "confusion",
        ("true", "a", "b"),
        ("", "1", "1"),
        (("a", 75, 25), ("b", 0, 0)),
        ("", "measured", "measured"),
    )
    (_, (right, wrong)), (_, (none, _)) = views.confusion(table)
    assert (right.right, wrong.right) == (True, False)
    assert right.shade == pytest.approx(FAINT + (SHADE - FAINT) * math.sqrt(0.75), abs=0.005)
    assert wrong.shade == pytest.approx((FAINT + SHADE) / 2, abs=0.005)
    assert none.count == 0
    assert views.confusions(table) == [("a", "b", 25)]


def test_groups_come_lowest_first_on_an_axis_that_shows_every_interval() -> None:
    rows = (("x", 10, 0.9, 0.7, 0.98), ("y", 10, 0.6, 0.33, 0.8))
    columns = ("group", "n", "accuracy", "lower", "upper")
    table = Table("groups", columns, ("", "1", "1", "1", "1"), rows, ("", *["measured"] * 4))
    rates = views.rates(table, "accuracy", worst_first=True)
    assert [row["group"] for row in rates.rows] == ["y", "x"]
    assert [c for c, _ in rates.columns] == ["group", "n", "accuracy"]
    assert rates.axis_from == 0.3
    assert (rates.place(0.3), rates.place(1.0), rates.place(0.65)) == (0.0, 1.0, pytest.approx(0.5))


def test_energy_is_always_among_the_costs(tmp_path: Path) -> None:
    costs = views.costs(read_run(Sample().write(tmp_path)))
    assert [(c.what, c.value) for c in costs[:3]] == [
        ("wall time", 41.3),
        ("CPU time", 74.9),
        ("peak memory", 412e6),
    ]
    assert (costs[-1].what, costs[-1].value) == ("energy", None)
    assert costs[-1].remedy.startswith("perf stat ") and costs[-1].remedy.endswith(COMMAND)
    without = views.costs(read_run(Sample(tables=()).write(tmp_path / "b")))
    assert [(c.value, c.unit, c.how) for c in without[:3]] == [
        (41.3, "s", "measured"),
        (74.9, "s", "measured"),
        (412e6, "B", "measured"),
    ]


def test_a_trial_without_a_figure_is_not_a_number(tmp_path: Path) -> None:
    run = read_run(Sample(trials=3).write(tmp_path))
    table = Table(
        "trials",
        ("trial", "validation error", "best so far"),
        ("1", "1", "1"),
        ((0, "", 0.5), (1, 0.4, 0.4)),
        ("", "measured", "measured"),
    )
    errors, best, how = views.course(replace(run, tables={"trials": table})) or (
        [],
        [],
        "",
    )
    assert math.isnan(errors[0]) and errors[1] == 0.4
    assert (best, how) == ([0.5, 0.4], "measured")
