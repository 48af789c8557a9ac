"""What is made of a table: order, pruning, Shapley values, corrective items, slices, confirmation on other rows."""

import math
from itertools import combinations, permutations
from typing import Any, Literal

import numpy as np
import pytest

from sarto.audit.subgroups import (
    Attributes,
    Outcomes,
    SubgroupTable,
    mine,
    mine_apart,
    split_rows,
    top_slices,
)
from sarto.audit.subgroups.confirm import confirm
from sarto.audit.subgroups.shapley import global_value
from sarto.models.input_error import InputError
from tests.audit.subgroups.brute import by_label
from tests.audit.subgroups.test_mining import same, table

Label = frozenset[tuple[str, str]]


def values(rows: SubgroupTable) -> dict[Label, float]:
    """The value of each subgroup, and of all rows, by the items."""
    found = {frozenset(row.label.items()): row.value for row in rows}
    return found | {frozenset(): rows.overall}


def ranked(kind: str = "divergence", engine: Literal["cube", "bitset"] = "cube") -> SubgroupTable:
    found = mine(*table(7, 150, (3, 3, 2), 0.05), min_support=0.03, engine=engine)
    return found.divergence("error") if kind == "divergence" else found.gain("accuracy")


@pytest.mark.parametrize("kind", ["divergence", "gain"])
def test_pruning_leaves_what_no_wider_group_says(kind: str) -> None:
    rows = ranked(kind)
    by = values(rows)
    for eps in (0.0, 0.03, 0.1):
        wanted = {
            label
            for label in by
            if label and not any(abs(by[label] - by[label - {item}]) <= eps for item in label)
        }
        assert {frozenset(row.label.items()) for row in rows.prune(eps)} == wanted
    twice = Attributes.from_columns({"a": [0, 0, 1, 1], "b": [0, 0, 1, 1]})
    same = mine(twice, Outcomes.from_booleans({"error": [0, 1, 1, 1]})).divergence("error")
    assert sorted(map(str, (row.label for row in same.prune(0)))) == [
        "{'a': '0'}", "{'a': '1'}", "{'b': '0'}", "{'b': '1'}"
    ]  # fmt: skip
    with pytest.raises(InputError, match="eps -1 is below 0"):
        rows.prune(-1)


def test_shapley_is_the_mean_over_orders_and_adds_up() -> None:
    rows = ranked("gain")
    by = values(rows)
    for row in range(0, len(rows), 17):
        label = frozenset(rows.label(row).items())
        shares = dict.fromkeys((name for name, _ in label), 0.0)
        for order in permutations(sorted(label)):
            for at, item in enumerate(order):
                shares[item[0]] += by[frozenset(order[: at + 1])] - by[frozenset(order[:at])]
        wanted = {name: share / math.factorial(len(label)) for name, share in shares.items()}
        assert rows.shapley(row) == pytest.approx(wanted)
        assert sum(wanted.values()) == pytest.approx(rows.value[row] - rows.overall)


def test_global_values_are_the_sum_of_the_source() -> None:
    rows = ranked()
    by, found = values(rows), rows.subgroups
    frequent = [next(iter(label)) for label in by if len(label) == 1]
    m = {name: sum(other == name for other, _ in frequent) for name, _ in frequent}

    def wanted(items: Label) -> float:
        own, total = {name for name, _ in items}, 0.0
        for size in range(len(m) - len(own) + 1):
            for B in combinations(sorted(m.keys() - own), size):
                weight = (
                    math.factorial(size) * math.factorial(len(m) - size - len(own)) / math.factorial(len(m))
                )
                domain = math.prod(m[name] for name in (*B, *own))
                for J in by:
                    if {name for name, _ in J} == set(B) and J | items in by:
                        total += weight / domain * (by[J | items] - by[J])
        return total

    shares = rows.global_items()
    assert shares == pytest.approx({item: wanted(frozenset([item])) for item in frequent})
    sizes = [abs(share) for share in shares.values()]
    assert sizes == sorted(sizes, reverse=True)
    pair = next(label for label in by if len(label) == 2)
    items = found.items(found.find(dict(pair)))
    assert global_value(found, rows.every, rows.overall, items) == pytest.approx(wanted(pair))


def test_corrective_items_bring_a_group_nearer_to_all() -> None:
    rows = ranked("gain")
    by, off = values(rows), rows.overall
    wanted = {
        (label - {item}, item): abs(by[label - {item}] - off) - abs(by[label] - off)
        for label in by
        for item in label
        if len(label) > 1 and abs(by[label] - off) < abs(by[label - {item}] - off)
    }
    found = rows.corrective()
    got = {}
    for i in range(len(found)):
        group, item = found.label(i)
        got[frozenset(group.items()), next(iter(item.items()))] = found.factor[i]
    assert got == pytest.approx(wanted)
    assert (np.diff(found.factor) <= 0).all()
    assert len(rows.corrective(0.1)) == sum(factor > 0.1 for factor in wanted.values())


def test_the_order_of_a_table_does_not_depend_on_the_engine() -> None:
    one, other = ranked(), ranked(engine="bitset")
    for by in ("absolute", "lowest", "highest"):
        for k in (1, 25, None):
            assert [r.label for r in one.top(k, by=by)] == [r.label for r in other.top(k, by=by)]
    assert (np.diff(np.abs(one.top().value)) <= 0).all()
    assert (np.diff(one.top(by="lowest").value) >= 0).all()


@pytest.mark.parametrize("metric", ["error", "cost"])
def test_slices_are_ranked_by_the_score_of_sliceline(metric: str) -> None:
    attributes, outcomes = table(2, 150, (3, 3, 2), 0.05)
    rng, often = np.random.default_rng(0), attributes.columns[0].codes[0] == 1
    error = rng.random(150) < 0.05 + 0.3 * often
    cost = rng.gamma(2.0, size=150) * (1 + 3 * often)
    outcomes = Outcomes.from_predictions(error, np.zeros(150, bool), metrics=["error"], reals={"cost": cost})
    error = cost if metric == "cost" else error.astype(float)
    found = mine(attributes, outcomes, min_support=0.05)
    wanted: dict[Label, float] = {}
    for label in by_label(found):
        rows = np.ones(150, dtype=bool)
        for name, item in label:
            column = attributes.columns[attributes.names.index(name)]
            rows &= (column.codes == column.items.index(item)).any(axis=0)
        wanted[label] = 0.9 * (error[rows].mean() / error.mean() - 1) - 0.1 * (150 / rows.sum() - 1)
    index, score = top_slices(found, metric, 5, alpha=0.9)
    best = sorted((s for s in wanted.values() if s > 0), reverse=True)
    assert len(best) > 5
    assert score == pytest.approx([s for s in best if s >= best[4] - 1e-9]), (
        "with all that tie with the fifth"
    )
    for i, s in zip(index.tolist(), score.tolist(), strict=True):
        assert wanted[frozenset(found.label(i).items())] == pytest.approx(s)
    with pytest.raises(InputError, match="alpha 2 is not in"):
        top_slices(found, metric, 5, alpha=2)


@pytest.mark.parametrize("engine", ["cube", "bitset"])
def test_groups_of_some_rows_are_counted_on_the_others(engine: Literal["cube", "bitset"]) -> None:
    attributes, outcomes = table(3, 200, (4, 3, 2))
    chosen = split_rows(200, seed=1)
    found, other = mine_apart(attributes, outcomes, chosen, min_support=0.02, engine=engine)
    same(found, mine(attributes.rows(chosen), outcomes.rows(chosen), min_support=0.02))
    every = mine(attributes.rows(~chosen), outcomes.rows(~chosen), min_support=0.001)
    at = by_label(every)
    assert (other.support == 0).any()
    for i in range(len(found)):
        label = frozenset(found.label(i).items())
        assert other.label(i) == found.label(i)
        wanted = every.counts[at[label]] if label in at else np.zeros(8)
        assert (other.counts[i] == wanted).all()
        if label in at:
            np.testing.assert_allclose(other.sums[i], every.sums[at[label]], atol=1e-9)
    assert (other.total_counts == every.total_counts).all()
    np.testing.assert_allclose(other.total_sums, every.total_sums, atol=1e-9)


def test_rows_of_one_group_are_not_split() -> None:
    people = np.random.default_rng(0).integers(20, size=200)
    chosen = split_rows(200, groups=people, seed=3)
    assert not set(people[chosen]) & set(people[~chosen])
    assert len(set(people[chosen])) == 10


def test_what_is_found_by_chance_is_not_confirmed() -> None:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"a{i}": rng.integers(4, size=2000) for i in range(3)}
    right = rng.random(2000) < 0.9
    hit = (columns["a0"] == 1) & (columns["a1"] == 2)
    small = np.where(rng.random(2000) < np.where(hit, 0.5, 0.02), ~right, right)
    attributes = Attributes.from_columns(columns)
    outcomes = Outcomes.from_booleans({"right": (right, small)})
    options: dict[str, Any] = {"discovery": split_rows(2000), "min_support": 0.02}
    found = confirm(attributes, outcomes, lambda s: s.gain("right", null="overall"), **options)
    first, again = found.discovered, found.confirmed
    assert [row.label for row in first] == [row.label for row in again]
    assert first.label(0) == {"a0": "1", "a1": "2"} and again.q[0] < 1e-4
    assert again.q[0] <= again.p[0] * len(again)
    half = rng.random(2000) < 0.5
    chance = np.where(rng.random(2000) < 0.3, ~half, half)
    noise = Outcomes.from_booleans({"right": (half, chance)})
    found = confirm(attributes, noise, lambda s: s.gain("right", fdr="none"), level=0.1, **options)
    assert len(found.discovered) >= 3, "of so many groups some stand out"
    assert len(found.confirmed.significant()) == 0
    first, again = (np.abs(each.value - each.overall).mean() for each in (found.discovered, found.confirmed))
    assert again < first
    for discovery, code in ((np.ones(2000, bool), "E139"), (np.ones(3, bool), "E108")):
        with pytest.raises(InputError) as caught:
            confirm(attributes, outcomes, lambda s: s.gain("right"), discovery=discovery)
        assert caught.value.code == code
