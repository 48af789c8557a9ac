"""Files of memories below their nominal voltage: what they say, and what no memory does."""

from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.devices.voltages import curve, curves, parse_curve

GOOD = """
title = "An SRAM"
source = "a paper, figure 2"
nominal_v = 0.9
[[point]]
voltage_v = 0.6
bit_error_rate = 1e-4
power = 0.45
[[point]]
voltage_v = 0.7
bit_error_rate = 1e-6
power = 0.55
"""


def test_a_file_is_read_from_the_highest_voltage_on_and_nothing_is_drawn_between(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD)
    found = curve(str(file))
    assert [point.voltage_v for point in found.points] == [0.7, 0.6]
    at = {rate: found.at(rate) for rate in (1e-7, 1e-6, 9e-5, 1e-4, 0.1)}
    assert at[1e-7] is None
    assert [None if p is None else p.voltage_v for p in at.values()] == [None, 0.7, 0.7, 0.6, 0.6]
    assert curves() == [], "none is made up"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('source = "a paper, figure 2"\n', "", "source is missing"),
        ("nominal_v = 0.9", "nominal_v = 0.65", "above the nominal"),
        ("bit_error_rate = 1e-4", "bit_error_rate = 1e-7", "fewer bits are wrong"),
        ("power = 0.45", "power = 0.6", "more power is drawn"),
        ("power = 0.45", "power = 1.5", "at most 1"),
        ("bit_error_rate = 1e-4", "bit_error_rate = true", "bit_error_rate must be a number"),
        ("voltage_v = 0.6", "voltage_v = 0.7", "two points have 0.7 V"),
        ("power = 0.45", "power = 0.45\nnoise = 1", "noise: no such field"),
        ("[[point]]", "[[dot]]", "point is missing"),
    ],
)
def test_what_no_memory_does_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(SartoError, match=said) as caught:
        parse_curve("mine", GOOD.replace(old, new))
    assert caught.value.code == "E112"


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(SartoError) as caught:
        curve("nothing.toml")
    assert caught.value.code == "E111"
