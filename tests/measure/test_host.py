"""The generated C on this host: the same answers, and undefined behaviour found."""

from __future__ import annotations

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.measure.host import run_on_host
from sarto.measure.outputs import Outputs, check_equal
from tests.measure.example import SEQUENCES, SOURCES, changed, expected


@pytest.mark.parametrize("sanitize", [False, True])
def test_outputs_are_those_of_the_model(sanitize: bool) -> None:
    outputs = run_on_host(SOURCES, SEQUENCES, sanitize=sanitize)
    check_equal(outputs, expected(SEQUENCES), "this host", "NumPy")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("arena->spare = 2147483647; arena->spare += sample[0] * sample[0] + 1;", "add overflow"),
        ("arena->spare = sample[0] * sample[0] + 2; arena->spare *= 2147483647;", "mul overflow"),
        ("arena->spare = 1 << (32 + (sample[0] & 1));", "shift out of bounds"),
        ("arena->spare = weights[sample[0] & 1][2 + (sample[1] & 1)];", "out of bounds"),
        ("arena->spare = *(const int32_t *)((const char *)arena + 1);", "type mismatch"),
        ("arena->spare = 3 / (sample[0] - sample[0]);", "divrem overflow"),
    ],
)
def test_undefined_behaviour_is_found(statement: str, kind: str) -> None:
    with pytest.raises(SartoError, match="E402") as caught:
        run_on_host(changed(new=statement), SEQUENCES, sanitize=True)
    assert caught.value.cause == f"{kind} on this host"


def test_broken_sources_are_refused() -> None:
    with pytest.raises(SartoError, match=r"E401[\s\S]*model.c:42:\d+: error"):
        run_on_host(changed(new="nothing;"), SEQUENCES)


def test_channels_must_be_the_models() -> None:
    with pytest.raises(SartoError, match="E108"):
        run_on_host(SOURCES, [np.zeros((2, 3), np.int8)])


def test_any_integers_will_do() -> None:
    small = [np.array([[1, 2], [255, 4]], np.uint8)]
    check_equal(run_on_host(SOURCES, small), expected(small), "this host", "NumPy")


def outputs(scores: list[list[int]], windows: list[list[int]]) -> Outputs:
    rows = [[i, -1, int(np.argmax(s)), *s] for i, s in enumerate(scores)]
    return Outputs.from_rows(np.array([*windows, *rows], np.int32))


def test_a_single_bit_of_difference_is_an_error() -> None:
    mine = outputs([[1, 2], [5, 3]], [[0, 2, 0, 7, 6]])
    check_equal(mine, outputs([[1, 2], [5, 3]], [[0, 2, 0, 7, 6]]), "host", "NumPy")
    with pytest.raises(
        SartoError, match=r"E403.*host and NumPy disagree[\s\S]*1 of 2 scores; number 1: \[5, 3\] .*\[5, 4\]"
    ):
        check_equal(mine, outputs([[1, 2], [5, 4]], [[0, 2, 0, 7, 6]]), "host", "NumPy")
    with pytest.raises(SartoError, match=r"1 of 1 windows; number 0: \[0, 2\] against \[0, 3\]"):
        check_equal(mine, outputs([[1, 2], [5, 3]], [[0, 3, 0, 7, 6]]), "host", "NumPy")
    with pytest.raises(SartoError, match="1 of 1 window scores"):
        check_equal(mine, outputs([[1, 2], [5, 3]], [[0, 2, 0, 7, 5]]), "host", "NumPy")
    with pytest.raises(SartoError, match="1 windows against 0"):
        check_equal(mine, outputs([[1, 2], [5, 3]], []), "host", "NumPy")
    with pytest.raises(SartoError, match="2 scores against 1"):
        check_equal(mine, outputs([[1, 2]], [[0, 2, 0, 7, 6]]), "host", "NumPy")
    other = Outputs(
        mine.classes + np.int32(1), mine.scores, mine.windows, mine.window_classes, mine.window_scores
    )
    with pytest.raises(SartoError, match="2 of 2 classes"):
        check_equal(mine, other, "host", "NumPy")


def test_a_window_may_end_with_the_first_sample() -> None:
    said = outputs([[7, 6]], [[0, 0, 1, 5, 6]])
    assert said.classes.tolist() == [0]
    assert (said.windows.tolist(), said.window_classes.tolist()) == ([[0, 0]], [1])
    assert (said.scores.tolist(), said.window_scores.tolist()) == ([[7, 6]], [[5, 6]])


def test_the_first_sequences_alone() -> None:
    mine = expected(SEQUENCES)
    check_equal(mine.first(3), expected(SEQUENCES[:3]), "cut", "NumPy")
