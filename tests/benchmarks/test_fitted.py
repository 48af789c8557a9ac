"""Answers on test items: pooled over folds, and by group."""

import pytest

from benchmarks._fitted import Answers, pooled

ONE = Answers([0, 0, 1], [0, 1, 1], ["a", "a", "b"])
TWO = Answers([2], [0], ["c"])


def test_scores_of_pooled_answers_count_items_not_folds() -> None:
    both = pooled([ONE, TWO])
    assert both.accuracy == 0.5
    # F1 of class 0: 2 * 1 / (2 + 2), of class 1: 2 * 1 / (1 + 2), of class 2: 0.
    assert both.macro_f1 == pytest.approx((0.5 + 2 / 3 + 0) / 3)
    assert both.by_group() == {"a": 0.5, "b": 1.0, "c": 0.0}
