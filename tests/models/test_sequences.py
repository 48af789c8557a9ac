from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.dataset import Dataset
from sarto.models.input_error import InputError
from sarto.models.sequences import Sequences, read_sequences


def refused(X: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read_sequences(X)
    return caught.value


def test_the_three_forms_of_input_are_the_same_sequences() -> None:
    cube = np.arange(24).reshape(2, 4, 3)
    data = Dataset(
        "d", cube.reshape(8, 3), np.array([0, 4, 8]), np.array([0, 1]), ("a", "b"), ("x", "y", "z")
    )
    for X in (cube, list(cube), tuple(cube), data, cube.tolist(), read_sequences(cube)):
        x = read_sequences(X)
        assert (len(x), x.channels, x.lengths.tolist(), x.values.dtype) == (2, 3, [4, 4], np.float64)
        np.testing.assert_array_equal(x.values, cube.reshape(8, 3))


def test_unequal_lengths_keep_their_order_and_float32_its_type() -> None:
    items = [np.full((n, 2), n, np.float32) for n in (3, 1, 2)]
    x = read_sequences(items)
    assert x.values.dtype == np.float32
    assert x.values[:, 0].tolist() == [3, 3, 3, 1, 2, 2]
    assert read_sequences(np.array(items, dtype=object)).lengths.tolist() == [3, 1, 2]


def test_a_span_is_a_view_of_some_items() -> None:
    x = read_sequences([np.full((n, 1), n) for n in (3, 1, 2)])
    part = x.span(1, 9)
    assert (part.lengths.tolist(), part.values.ravel().tolist()) == ([1, 2], [1, 2, 2])
    assert np.shares_memory(part.values, x.values)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_missing_value_is_refused_with_its_place(bad: float) -> None:
    items = [np.zeros((3, 2)), np.zeros((5, 2))]
    items[1][4, 1] = bad
    error = refused(items)
    assert error.code == "E105"
    assert "1 missing or infinite" in error.message
    assert "sequence 1, step 4, channel 1" in error.message


@pytest.mark.parametrize(
    ("X", "code", "words"),
    [
        ([], "E104", "no sequences"),
        (np.zeros((0, 4, 2)), "E104", "no sequences"),
        ([np.zeros((2, 1)), np.zeros((0, 1))], "E104", "sequence 1 has no steps"),
        (np.zeros((2, 0, 3)), "E104", "sequence 0 has no steps"),
        (np.zeros((2, 3, 0)), "E104", "0 channels"),
        (np.zeros((4, 5)), "E108", "X has 2 axes, 3 are needed"),
        ([np.zeros(3)], "E108", "sequence 0 has 1 axes, 2 are needed"),
        ([np.zeros((3, 2)), np.zeros((2, 3))], "E108", "sequence 1 has 3 channels, sequence 0 has 2"),
        ("words", "E108", "X is a str"),
        (None, "E108", "X is a NoneType"),
        ({1: 2}, "E108", "X is a dict"),
        ([np.array([["a"]])], "E116", "X holds <U1"),
        (np.zeros((1, 2, 1), complex), "E116", "X holds complex128"),
    ],
)
def test_what_is_no_set_of_sequences_is_refused(X: Any, code: str, words: str) -> None:
    error = refused(X)
    assert error.code == code
    assert words in error.message
    assert error.cause
    assert error.hint


def test_one_channel_gets_the_hint_that_helps() -> None:
    assert "x[:, :, None]" in refused(np.zeros((4, 5))).hint


def test_equal_values_do_not_make_sequences_equal() -> None:
    x = read_sequences(np.zeros((1, 1, 1)))
    assert x != Sequences(x.values, x.offsets)
