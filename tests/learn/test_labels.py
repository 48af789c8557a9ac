"""Labels that no classifier can learn: refused in words by all three."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.graph_readout import GraphESNClassifier
from sarto.learn.labels import checked_labels
from sarto.learn.readout import ESNClassifier
from sarto.learn.substrate_readout import SubstrateClassifier
from sarto.models.substrate.black_box import BlackBox

X = [np.random.default_rng(0).normal(size=(9, 1)) for _ in range(4)]
PATH = np.ones((3, 1)), np.array([[0, 1], [1, 2]])


def moved(state: Any, u: Any) -> Any:
    return 0.5 * state + u


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a", None, "b", None], "E105.*2 missing labels, the first in row 1"),
        (np.array(["a", "b", np.nan, "b"], object), "E105.*1 missing labels, the first in row 2"),
        (np.array(["a", 1, "b", 2], object), "E116.*several kinds: int, str"),
    ],
)
def test_labels_that_are_missing_or_mixed_are_refused(labels: Any, words: str) -> None:
    with pytest.raises(SartoError, match=words):
        ESNClassifier(units=3).fit(X, labels)
    with pytest.raises(SartoError, match=words):
        GraphESNClassifier(units=3).fit([PATH] * 4, labels)
    box = BlackBox(moved, channels=1, units=1)
    with pytest.raises(SartoError, match=words):
        SubstrateClassifier(box).fit(X, labels)


def test_labels_of_one_kind_are_as_given() -> None:
    assert checked_labels(np.array(["b", "a"], object)).tolist() == ["b", "a"]
    assert checked_labels([2, 1]).tolist() == [2, 1]
