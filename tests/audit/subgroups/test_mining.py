"""Mining: both engines find exactly the groups that trying all of them finds."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.audit.subgroups import Attributes, Outcomes, Subgroups, mine
from sarto.audit.subgroups.cells import cells, real_columns, whole
from sarto.audit.subgroups.cube import order
from sarto.audit.subgroups.discretise import quantile_bins
from sarto.models.input_error import InputError
from tests.audit.subgroups.brute import brute, by_label, counts

ENGINES: tuple[Literal["cube", "bitset"], ...] = ("cube", "bitset")


def table(
    seed: int, n_rows: int = 60, sizes: tuple[int, ...] = (4, 3, 2, 2), missing: float = 0.1
) -> tuple[Attributes, Outcomes]:
    """Attributes of these sizes, one of them continuous, and outcomes of two models, a loss among them."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for i, size in enumerate(sizes):
        values = rng.integers(size, size=n_rows).astype(float)
        values[rng.random(n_rows) < missing * (i % 2)] = np.nan
        columns[f"a{i}"] = values
    columns["age"] = np.round(rng.normal(size=n_rows), 1)
    bins = {"age": quantile_bins(columns["age"], levels=2)}
    target, original, small = rng.integers(2, size=(3, n_rows))
    loss = rng.normal(size=(2, n_rows))
    loss[0, :3] = np.nan
    outcomes = Outcomes.from_predictions(target, original, small, reals={"loss": (loss[0], loss[1])})
    return Attributes.from_columns(columns, bins=bins), outcomes


def same(found: Subgroups, other: Subgroups) -> None:
    """Both hold the same groups, counts and sums."""
    mine_, theirs = by_label(found), by_label(other)
    assert mine_.keys() == theirs.keys()
    at = [theirs[label] for label in mine_]
    assert (found.counts[list(mine_.values())] == other.counts[at]).all()
    np.testing.assert_allclose(found.sums[list(mine_.values())], other.sums[at], atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=10)
@given(
    seed=st.integers(0, 10**6),
    least=st.integers(1, 12),
    max_len=st.integers(1, 5),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
)
def test_engines_find_what_trying_all_finds(
    engine: Literal["cube", "bitset"], seed: int, least: int, max_len: int, sizes: list[int]
) -> None:
    attributes, outcomes = table(seed, 40, tuple(sizes))
    wanted = brute(attributes, least, min(max_len, len(attributes.columns)))
    found = mine(attributes, outcomes, min_support=least / 40, max_len=max_len, engine=engine)
    at = by_label(found)
    assert at.keys() == wanted.keys()
    reals = real_columns(outcomes)
    for label, rows in wanted.items():
        assert found.counts[at[label]].tolist() == counts(outcomes, rows)
        np.testing.assert_allclose(found.sums[at[label]], reals[:, rows].sum(axis=1), atol=1e-9)
        assert found.support[at[label]] == len(rows)
        assert found.length[at[label]] == len(label)
    assert found.total_counts.tolist() == counts(outcomes, list(range(40)))
    assert found.engine == engine


def test_equal_rows_are_merged_and_the_small_attributes_are_the_tail() -> None:
    rng = np.random.default_rng(0)
    columns = {f"a{i}": rng.integers(size, size=500) for i, size in enumerate((2, 5, 3))}
    attributes, outcomes = (
        Attributes.from_columns(columns),
        Outcomes.from_booleans({"x": rng.random(500) < 0.3}),
    )
    merged = cells(attributes, whole(outcomes))
    assert merged.weights is not None and len(merged.codes) <= 60 and merged.weights.sum() == 500
    assert order(merged) == ([1], [0, 2])
    same(
        mine(attributes, outcomes, min_support=0.01, engine="cube"),
        mine(attributes, outcomes, engine="bitset"),
    )


def test_a_table_of_many_wide_attributes_is_keyed_without_overflow() -> None:
    rng = np.random.default_rng(1)
    columns = {f"a{i}": rng.integers(1000, size=1200) // rng.integers(1, 400, size=1200) for i in range(9)}
    attributes = Attributes.from_columns(columns)
    outcomes = Outcomes.from_booleans({"x": rng.random(1200) < 0.3})
    same(
        mine(attributes, outcomes, min_support=0.03, max_len=3, engine="cube"),
        mine(attributes, outcomes, min_support=0.03, max_len=3, engine="bitset"),
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_of_an_attribute_of_many_items_the_rare_ones_are_left_out(engine: Literal["cube", "bitset"]) -> None:
    """A name or a number of the row: its items would fill the memory, and none of them reaches the support."""
    rng = np.random.default_rng(0)
    often = np.where(rng.random(400) < 0.3, rng.integers(3, size=400) * 100, np.arange(400))
    often[:8] = 999  # just as often as it must be
    columns = {"row": np.arange(400), "often": often, "a": rng.integers(3, size=400)}
    attributes, outcomes = (
        Attributes.from_columns(columns),
        Outcomes.from_booleans({"x": rng.random(400) < 0.3}),
    )
    found = mine(attributes, outcomes, min_support=0.02, engine=engine)
    wanted = brute(attributes.rows(np.arange(400)), 8, 1) | {
        frozenset({("often", str(o)), ("a", str(a))}): np.flatnonzero(
            (often == o) & (columns["a"] == a)
        ).tolist()
        for o in (0, 100, 200)
        for a in range(3)
        if ((often == o) & (columns["a"] == a)).sum() >= 8
    }
    at = by_label(found)
    assert at.keys() == wanted.keys() and len(found.layers) == 2
    assert all(found.counts[at[label]].tolist() == counts(outcomes, rows) for label, rows in wanted.items())


def test_what_is_found_does_not_depend_on_the_workers() -> None:
    attributes, outcomes = table(3, 200, (5, 4, 3, 3, 2))
    serial = mine(attributes, outcomes, min_support=0.02, engine="cube")
    with ThreadPoolExecutor(3) as executor:
        shared = mine(attributes, outcomes, min_support=0.02, engine="cube", executor=executor)
    assert (serial.counts == shared.counts).all()
    assert (serial.sums == shared.sums).all()
    for one, other in zip(serial.layers, shared.layers, strict=True):
        assert (one.sets == other.sets).all() and (one.values == other.values).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_subsets_are_found_by_their_keys(engine: Literal["cube", "bitset"]) -> None:
    found = mine(*table(4), min_support=0.05, engine=engine)
    at = by_label(found)
    assert len(found.layers) >= 3
    for length in range(1, len(found.layers) + 1):
        first = int(found.offsets[length - 1])
        items = found.layer_items(length)
        for row, parents in enumerate(found.parents(length).tolist()):
            label = found.label(first + row)
            for item, parent in zip(items[row].tolist(), parents, strict=True):
                attribute = int(np.searchsorted(found.first_items, int(item), side="right")) - 1
                less = {k: v for k, v in label.items() if k != found.attributes.names[attribute]}
                assert parent == (at[frozenset(less.items())] if less else -1)
    assert all(found.find(dict(label)) == i for label, i in at.items())


def test_support_is_a_share_that_is_reached_exactly() -> None:
    attributes = Attributes.from_columns({"a": [0] * 7 + [1] * 93})
    outcomes = Outcomes.from_booleans({"x": [True, False] * 50})
    assert len(mine(attributes, outcomes, min_support=0.07)) == 2
    assert len(mine(attributes, outcomes, min_support=0.0701)) == 1


@pytest.mark.parametrize(
    ("code", "said", "options"),
    [
        ("E139", "support 0 is not in (0, 1]", {"min_support": 0.0}),
        ("E139", "support 2 is not in (0, 1]", {"min_support": 2.0}),
        ("E139", "groups of at most 0 items", {"max_len": 0}),
        ("E139", "no subgroup of 60 rows has 60 of them", {"min_support": 1.0}),
        (
            "E141",
            "more than 100 subgroups reach the support",
            {"limit": 100, "engine": "cube", "min_support": 0.02},
        ),
        (
            "E141",
            "more than 100 subgroups reach the support",
            {"limit": 100, "engine": "bitset", "min_support": 0.02},
        ),
    ],
)
def test_what_cannot_be_mined_is_said(code: str, said: str, options: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        mine(*table(0), **options)
    assert caught.value.code == code and said in caught.value.message


def test_rows_that_do_not_match_and_groups_that_are_not_there_are_said() -> None:
    attributes, outcomes = table(0)
    with pytest.raises(InputError, match="attributes of 59 rows and outcomes of 60"):
        mine(attributes.rows(np.arange(59)), outcomes)
    found = mine(attributes, outcomes, min_support=0.5, max_len=1)
    for label, code, said in (
        ({"b": "0"}, "E138", "no attribute 'b'"),
        ({"a2": "7"}, "E138", "a2 has no item '7'"),
        ({"a0": "0", "a2": "1"}, "E139", "a0=0, a2=1 is below the support"),
    ):
        with pytest.raises(InputError) as caught:
            found.find(label)
        assert caught.value.code == code and said in caught.value.message
