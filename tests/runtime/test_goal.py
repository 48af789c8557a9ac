"""Goals: an accuracy is a share, and limits of another kind are told how to be said."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.runtime.goal import Goal
from tests.cli.stand_in import environment

WRONG = """
from sarto.core.errors import SartoError
from sarto.runtime.goal import Goal
for given in ({"deadline": .4}, {"power": 2}, {"energy": [1]}, {"accuracy": "0.65"}, {"accuracy": True}):
    try:
        Goal.of(**given)
    except SartoError as error:
        print(error.code, error.message, error.hint, sep="|")
"""


@pytest.mark.parametrize(
    ("accuracy", "hint"), [(65.0, "0.65 for 65 %"), (1.5, "0.015 for 1.5 %"), (float("inf"), "such as 0.65")]
)
def test_an_accuracy_is_a_share(accuracy: float, hint: str) -> None:
    for made in (lambda: Goal.of(accuracy=accuracy), lambda: Goal(accuracy=accuracy)):
        with pytest.raises(SartoError, match="E116") as caught:
            made()
        assert caught.value.hint == hint
    assert (Goal.of(accuracy=1).accuracy, Goal(accuracy=-3.0).accuracy) == (1.0, -3.0)
    assert Goal.of(accuracy=float(np.float32(0.5))).accuracy == 0.5


def test_limits_of_another_kind_are_told_how_to_be_said() -> None:
    """In a process of its own, since tests check types at run time and users' programs do not."""
    words = [sys.executable, "-c", WRONG]
    said = subprocess.run(words, env=environment(), capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        'E116|a goal of deadline 0.4|such as deadline="400ms"',
        'E116|a goal of power 2|such as power="900mW"',
        'E116|a goal of energy [1]|such as energy="60mJ"',
        "E116|a goal of accuracy '0.65'|such as accuracy=0.65",
        "E116|a goal of accuracy True|such as accuracy=0.65",
    ]
