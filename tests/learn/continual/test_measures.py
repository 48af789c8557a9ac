from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.learn.continual.measures import (
    accuracy_table,
    average_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
    measures_table,
)
from sarto.models.input_error import InputError

R = np.array([[0.9, 0.3, 0.2], [0.95, 0.8, 0.4], [0.5, 0.7, 0.6]])
UNTRAINED = np.array([0.1, 0.2, 0.25])


def test_the_measures_are_those_worked_out_by_hand() -> None:
    """ACC (.5 + .7 + .6) / 3; BWT ((.5 - .9) + (.7 - .8)) / 2; FWT ((.3 - .2) + (.4 - .25)) / 2;

    F ((.95 - .5) + (.8 - .7)) / 2.
    """
    assert average_accuracy(R) == pytest.approx(0.6)
    assert backward_transfer(R) == pytest.approx(-0.25)
    assert forward_transfer(R, UNTRAINED) == pytest.approx(0.125)
    assert forgetting(R) == pytest.approx(0.275)
    assert [value for _, value in measures_table(R, UNTRAINED).rows] == pytest.approx(
        [0.6, -0.25, 0.125, 0.275]
    )


def test_a_single_experience_transfers_and_forgets_nothing() -> None:
    one = np.array([[0.7]])
    assert (backward_transfer(one), forward_transfer(one, one[0]), forgetting(one)) == (0, 0, 0)
    assert average_accuracy(one) == 0.7


def test_the_table_has_a_row_for_each_experience_learned() -> None:
    table = accuracy_table(R, ("s1", "s2", "s3"))
    assert table.column("learned") == ("s1", "s2", "s3")
    assert table.column("s2") == (0.3, 0.8, 0.7)


def test_what_is_no_matrix_of_experiences_is_refused() -> None:
    calls: list[Any] = [
        lambda: average_accuracy(R[:2]),
        lambda: forgetting(np.full((2, 2), np.nan)),
        lambda: average_accuracy(np.zeros((0, 0))),
        lambda: accuracy_table(R, ("s1",)),
        lambda: forward_transfer(R, UNTRAINED[:2]),
    ]
    for call in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "E168"
