"""Arrays of sequences become rows and offsets without a change of value or kind."""

from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.rows import rows_of


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("u1", "uint8"),
        ("i2", "int16"),
        (">i4", "int32"),
        ("i8", "int64"),
        ("?", "uint8"),
        ("f2", "float32"),
        ("f4", "float32"),
        (">f8", "float64"),
        ("g", "float64"),
    ],
)
def test_integers_stay_integers_and_half_becomes_single(given: str, kept: str) -> None:
    array = np.array([[1, 0, 1], [0, 1, 1]]).astype(given)
    values, offsets = rows_of(array, None, "x")
    assert values.dtype == np.dtype(kept)
    assert values.dtype.isnative
    assert values.ravel().tolist() == [1, 0, 1, 0, 1, 1]
    assert offsets.tolist() == [0, 3, 6]


def test_items_steps_and_channels_keep_their_places() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    values, offsets = rows_of(array, None, "x")
    for item in range(2):
        assert np.array_equal(values[offsets[item] : offsets[item + 1]], array[item])


@pytest.mark.parametrize(
    ("array", "offsets", "code", "words"),
    [
        (np.zeros(5), None, "E108", "'x' has shape (5,)"),
        (np.zeros((2, 2, 2, 2)), None, "E108", "(item, step, channel) or (item, step) is needed"),
        (np.array(1.0), None, "E108", "'x' has shape ()"),
        (np.zeros((2, 3, 2)), np.array([0, 2]), "E108", "leave 'offsets' out"),
        (np.zeros((0, 3, 2)), None, "E104", "its shape is (0, 3, 2)"),
        (np.zeros((3, 0)), None, "E104", "its shape is (3, 0)"),
        (np.zeros((0, 3)), np.array([0, 0]), "E104", "its shape is (0, 3)"),
        (np.zeros(3), np.array([0]), "E104", "'x' holds no item"),
        (np.zeros(3), np.array([1, 3]), "E108", "they run from 1 to 3, and 'x' has 3 rows"),
        (np.zeros(3), np.array([0, 2]), "E108", "they run from 0 to 2, and 'x' has 3 rows"),
        (np.zeros(3), np.array([0, 2, 1, 3]), "E108", "item 1 would run from row 2 to row 1"),
        (np.zeros(3), np.array([0, 5, 3], np.uint64), "E108", "item 1 would run from row 5 to row 3"),
        (np.zeros(3), np.array([0, 1, 1, 3]), "E104", "item 1 has no steps"),
        (np.zeros(3), np.array([0, 0, 3, 3]), "E104", "item 0 and 1 more has no steps"),
        (np.zeros(3), np.array([0.0, 3.0]), "E108", "they are float64 of shape (2,)"),
        (np.zeros(3), np.array([[0, 3]]), "E108", "they are int64 of shape (1, 2)"),
        (np.array([["a", "b"]]), None, "E103", "its type is <U1"),
        (np.zeros((2, 2), complex), None, "E103", "its type is complex128"),
    ],
)
def test_what_is_no_sequence(array: Any, offsets: Any, code: str, words: str) -> None:
    with pytest.raises(SartoError) as caught:
        rows_of(array, offsets, "x")
    assert caught.value.code == code
    assert words in str(caught.value)
