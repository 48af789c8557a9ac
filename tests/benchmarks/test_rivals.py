"""The front that methods are compared by."""

from dataclasses import replace

from benchmarks._rivals import front, values
from sarto.search.loop import Trial
from sarto.search.trial import Score
from tests.search.planted import RING


def trial(number: int, error: float, flash_b: int, ram_b: int) -> Trial:
    candidate = replace(RING, seed=number)
    return Trial(number, candidate, Score(error, 0.5, 0.1, 100, 0.0), flash_b, ram_b)


def test_the_front_keeps_what_nothing_beats_and_of_equals_the_first() -> None:
    trials = [
        trial(0, 0.2, 10, 10),
        trial(1, 0.1, 20, 10),
        trial(2, 0.1, 20, 10),
        trial(3, 0.1, 20, 20),
        trial(4, 0.2, 5, 10),
    ]
    assert [t.number for t in front(trials)] == [1, 4]
    assert values(trials[3]) == (trials[3].score.loss, 20.0, 20.0)
