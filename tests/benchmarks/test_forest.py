"""The rival forest: its statistics, its configurations, and that its tuning sees no test item."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import _forest
from sarto.core.dataset import Dataset
from sarto.core.executors import SerialExecutor


def sample(flip: bool = False) -> Dataset:
    """12 subjects with 4 windows of 10 steps; class 1 is louder. The last 4 subjects are tested."""
    random = np.random.default_rng(0)
    target = np.tile([0, 1], 24)
    subject = np.repeat(np.arange(12), 4)
    values = random.standard_normal((48, 10, 2)) * (1 + 2 * target[:, None, None])
    test = subject >= 8
    return Dataset(
        "sample",
        values.reshape(-1, 2),
        np.arange(49) * 10,
        np.where(test & flip, 1 - target, target),
        ("quiet", "loud"),
        ("x", "y"),
        group_name="subject",
        metadata={"subject": subject},
        split=np.where(test, "test", "train"),
    )


def test_statistics_of_a_known_window() -> None:
    one = replace(
        sample(), values=np.array([[1.0], [4.0], [1.0], [2.0]]), offsets=np.array([0, 4]), channels=("x",)
    )
    expected = [2.0, np.sqrt(1.5), 1.0, 4.0, 1.5, 7 / 3, 5.5]
    assert _forest.statistics(one)[0].tolist() == pytest.approx(expected)
    assert _forest.statistics(sample()).shape == (48, 2 * _forest.STATISTICS)


def test_configurations_are_as_many_as_asked_for_and_differ() -> None:
    drawn = _forest.configurations(20, 0)
    assert len(drawn) == 20
    assert drawn[0] == {}
    assert len({repr(c) for c in drawn}) == 20
    assert _forest.configurations(20, 0) == drawn != _forest.configurations(20, 1)


def test_tuning_learns_and_does_not_look_at_the_test_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_forest, "TREES", 10)
    monkeypatch.setattr(_forest, "TUNING_TREES", 10)
    answers, chosen, loss = _forest.tuned(sample(), 3, 0, SerialExecutor())
    assert answers.accuracy > 0.9
    assert set(answers.by_group()) == {"8", "9", "10", "11"}
    flipped = _forest.tuned(sample(flip=True), 3, 0, SerialExecutor())
    assert flipped[1:] == (chosen, loss)
    assert flipped[0].guess == answers.guess
    assert flipped[0].accuracy == pytest.approx(1 - answers.accuracy)
