"""The data set as a value."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.dataset import Dataset


def data(lengths: tuple[int, ...] = (3, 1, 4, 2)) -> Dataset:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    items = np.arange(len(lengths))
    return Dataset(
        "toy",
        np.arange(2 * sum(lengths), dtype=np.float64).reshape(-1, 2),
        offsets,
        items % 2,
        ("a", "b"),
        ("x", "y"),
        group_name="who",
        metadata={"who": items // 2, "age": items * 10},
        split=np.array(["train", "test"])[items % 2],
    )


def test_items_and_groups() -> None:
    d = data()
    assert (len(d), d.lengths.tolist()) == (4, [3, 1, 4, 2])
    assert d.item(1).tolist() == [[6, 7]]
    assert d.groups is not None and d.groups.tolist() == [0, 0, 1, 1]
    assert replace(d, group_name=None).groups is None


@given(st.lists(st.integers(0, 3), max_size=8))
def test_select_takes_every_part_of_the_chosen_items_in_their_order(chosen: list[int]) -> None:
    d, items = data(), np.array(chosen, np.int64)
    part = d.select(items)
    assert len(part) == len(chosen)
    assert part.offsets[0] == 0
    for new, old in enumerate(chosen):
        np.testing.assert_array_equal(part.item(new), d.item(old))
    assert part.split is not None and d.split is not None
    for column, whole in (
        (part.target, d.target),
        (part.split, d.split),
        *((part.metadata[k], d.metadata[k]) for k in d.metadata),
    ):
        np.testing.assert_array_equal(column, whole[items])
    assert (part.classes, part.channels, part.group_name) == (d.classes, d.channels, d.group_name)


def test_select_copies() -> None:
    d = data()
    d.select(np.array([0])).values[:] = -1
    assert d.values[0, 0] == 0


def test_hash_is_that_of_the_content() -> None:
    assert data().sha256 == data().sha256
    everything = data().select(np.arange(4))
    assert everything.sha256 == data().sha256


@pytest.mark.parametrize(
    "field", ["values", "offsets", "target", "classes", "channels", "groups", "split", "dtype"]
)
def test_hash_changes_with(field: str) -> None:
    d = data()
    assert d.split is not None
    values, offsets, target, split = d.values.copy(), d.offsets.copy(), d.target.copy(), d.split.copy()
    values[3, 0] += 1e-9
    offsets[1] -= 1
    target[0] = 1
    split[0] = "test"
    changed = {
        "values": replace(d, values=values),
        "offsets": replace(d, offsets=offsets),
        "target": replace(d, target=target),
        "classes": replace(d, classes=("a", "c")),
        "channels": replace(d, channels=("x", "z")),
        "groups": replace(d, metadata={**d.metadata, "who": np.array([0, 1, 1, 1])}),
        "split": replace(d, split=split),
        "dtype": replace(d, values=d.values.astype(np.float32)),
    }[field]
    assert changed.sha256 != d.sha256
