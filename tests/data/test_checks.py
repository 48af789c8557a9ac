"""Values that are not there, channels that say nothing and classes that cannot be learned, each with its place."""

from typing import Any

import numpy as np
import pytest

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.checks import check_training_part, check_values


def dataset(values: Any, target: list[int], classes: tuple[str, ...] = ("a", "b")) -> Dataset:
    array = np.asarray(values)
    names = tuple(f"c{i}" for i in range(array.shape[1]))
    steps = len(array) // len(target)
    return Dataset("toy", array, np.arange(0, len(array) + 1, steps), np.array(target), classes, names)


def test_the_first_missing_value_is_named_by_its_place_in_the_file() -> None:
    values = np.zeros((6, 2))
    values[3, 1], values[4, 0], values[5, 0] = np.nan, np.inf, np.nan
    asked: list[tuple[int, int, int]] = []

    def place(item: int, step: int, channel: int) -> str:
        asked.append((item, step, channel))
        return "there"

    with pytest.raises(SartoError) as caught:
        check_values(dataset(values, [0, 1, 0]), np.array([4, 7, 9]), [2, 5], place)
    assert caught.value.code == "E105"
    assert caught.value.message == "3 of 12 values are missing or infinite, in 2 of 3 items"
    assert caught.value.cause == "the first, missing: there"
    assert asked == [(7, 1, 5)]
    values[3, 1] = 0
    with pytest.raises(SartoError, match="2 of 12"):
        check_values(dataset(values, [0, 1, 0]), np.array([4, 7, 9]), [2, 5], place)
    assert asked[-1] == (9, 0, 2)  # the first row of an item belongs to it


def test_infinity_is_called_infinite_and_integers_are_whole() -> None:
    with pytest.raises(SartoError, match="the first, infinite: x"):
        check_values(dataset([[1.0], [-np.inf]], [0, 1]), np.arange(2), [0], lambda item, step, channel: "x")
    check_values(dataset([[1], [2]], [0, 1]), np.arange(2), [0], lambda item, step, channel: "x")


def test_a_channel_is_judged_by_the_training_part_alone() -> None:
    data = dataset([[1, 0], [1, 1], [1, 2], [1, 3], [1, 0], [9, 1]], [0, 1, 0])
    check_training_part(data, np.arange(3))
    for other in (0, 9):  # lower and higher outside the training part
        lifted = dataset([[1, 0], [1, 1], [1, 2], [1, 3], [other, 0], [other, 1]], [0, 1, 0])
        with pytest.raises(SartoError, match="'c0' = 1"):
            check_training_part(lifted, np.arange(2))
    check_training_part(data, np.array([1, 2]))
    with pytest.raises(SartoError) as caught:
        check_training_part(data, np.arange(2))
    assert caught.value.code == "E106"
    assert caught.value.message == "1 of 2 channels is constant in the training part"
    assert caught.value.cause == "'c0' = 1, in all 2 training items"
    assert caught.value.hint == "leave them out by naming the channels to use"
    with pytest.raises(SartoError, match="2 of 2 channels are constant") as caught:
        check_training_part(dataset(np.ones((4, 2)), [0, 1]), np.arange(2))
    assert caught.value.hint == "check the recording"


def test_every_class_needs_a_training_item() -> None:
    data = dataset([[1], [2], [3], [4]], [0, 1, 1, 0])
    with pytest.raises(SartoError) as caught:
        check_training_part(data, np.array([0, 3]))
    assert caught.value.code == "E107"
    assert caught.value.message == "class 'b' has no training item"
    assert caught.value.cause == "all its 2 items are in the test part"
    with pytest.raises(SartoError, match=r"E107.*only one class\ncause: all 2 items are 'rest'"):
        check_training_part(dataset([[1], [2]], [0, 0], ("rest",)), np.arange(2))
