"""Which tables are worth a copy: the best set under the budget, from a campaign that says the same again."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from sarto.audit.faults.campaign import Plan
from sarto.audit.faults.copies import COVERED, Worth, choose_folder, chosen, covered, knapsack
from sarto.core.errors import SartoError
from sarto.deploy.copies import copy_b, table_sizes
from sarto.deploy.guard import Copies, Guards
from sarto.measure.guard import guard_folder
from tests.audit.faults.test_folder import folder


def worth(name: str, size_b: int, critical: float) -> Worth:
    return Worth(name, size_b, critical, critical / 2, critical * 2, 100)


def test_the_knapsack_is_the_best_of_all_sets_and_the_smallest_of_the_best() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        sizes, values = rng.integers(1, 9, 7), rng.integers(0, 6, 7).astype(float)
        room = int(rng.integers(1, 25))
        sets = [np.flatnonzero(bits) for bits in product([0, 1], repeat=7)]
        best = max((values[s].sum(), -sizes[s].sum()) for s in sets if sizes[s].sum() <= room)
        taken = knapsack(sizes, values, room)
        assert (values[taken].sum(), -sizes[taken].sum()) == best


def test_the_budget_is_met_with_the_sum_and_what_never_was_critical_is_left_out() -> None:
    tables = [worth("a", 44, 11.0), worth("b", 16, 5.0), worth("c", 12, 5.0), worth("d", 4, 0.0)]
    assert chosen(tables, 48) == ("a",) and copy_b([44]) == 48
    assert chosen(tables, 47) == ("b", "c") and copy_b([28]) == 32
    assert chosen(tables, 10_000) == ("a", "b", "c")
    share, low, high = covered(tables, ("a",))
    assert (share, low, high) == (11 / 21, 5.5 / 25.5, 22 / 27)


@pytest.mark.parametrize(
    ("tables", "budget_b", "hint"),
    [([worth("a", 44, 9.0), worth("b", 24, 1.0)], 31, "copy:32B"), ([worth("a", 44, 0.0)], 99, "flash")],
)
def test_a_budget_that_fits_nothing_is_refused(tables: list[Worth], budget_b: int, hint: str) -> None:
    with pytest.raises(SartoError) as caught:
        chosen(tables, budget_b)
    assert caught.value.code == "E150" and hint in caught.value.hint


def test_the_tables_of_a_folder_are_chosen_from_a_seeded_campaign(tmp_path: Path) -> None:
    graph, _ = folder(tmp_path)
    plan = Plan("layer", 0.1, 0.9, most=32)
    sizes = table_sizes((tmp_path / "model.c").read_text())
    copies, (told,) = choose_folder(tmp_path, Copies(48), plan=plan, command="sarto deploy out")
    assert 0 < copy_b([sizes[name] for name in copies.tables]) <= 48 < copy_b(list(sizes.values()))
    assert (told.what, told.how, told.seed, told.subject_sha256) == (COVERED, "emulated", 0, graph.sha256)
    assert told.interval is not None and told.interval[0] < told.value <= 1
    assert choose_folder(tmp_path, Copies()) == (Copies(), [])
    evidence = {e.what: e for e in guard_folder(tmp_path, Guards(copy=copies))[1]}
    assert evidence["copied tables"].value == copy_b([sizes[name] for name in copies.tables])
    assert evidence["copied tables"].tool.endswith(f"tables: {', '.join(copies.tables)}")
    assert evidence["flash of the guard"].value > evidence["copied tables"].value
