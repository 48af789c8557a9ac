"""Places of a platform file: what is read, and numbers that cannot be."""

from __future__ import annotations

import pytest

from sarto.core.errors import SartoError
from sarto.devices.platforms import parse_platform
from tests.devices.test_platforms import GOOD

PLACE = """
[[places]]
name = "gateway"
title = "A board on mains"
links = ["ble_1m"]
send_b = 784
answer_b = 1
latency_s = 0.004
delay_s = 0.01
timeout_s = 0.5
availability = 0.9
source = "measured in a room"
"""


def test_a_place_names_its_links() -> None:
    (found,) = parse_platform("mine", GOOD + PLACE).places
    assert [way.name for way in found.links] == ["ble_1m"]
    assert (found.send_b, found.availability, found.local_s, found.how) == (784, 0.9, 0.0, "declared")
    assert parse_platform("mine", GOOD).places == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ble_1m", "ble_2m", "'ble_2m' is not a link; did you mean ble_1m?"),
        ('links = ["ble_1m"]', "links = []", "gateway.links must be a list"),
        ("send_b = 784", "send_b = -1", "gateway.send_b must be a whole number"),
        ("send_b = 784", "send_b = 1e300", "gateway.send_b must be a whole number"),
        ("latency_s = 0.004", "latency_s = nan", "gateway.latency_s must lie between"),
        ("latency_s = 0.004", "latency_s = 1e9", "gateway.latency_s must lie between"),
        ("delay_s = 0.01", "delay_s = -0.01", "gateway.delay_s must lie between"),
        ("timeout_s = 0.5", "timeout_s = 0.01", "gateway.timeout_s is shorter"),
        ("availability = 0.9", "availability = 1.1", "gateway.availability must lie between"),
        ("availability = 0.9", "availability = 0.9\nlocal_s = 0.1", "local_s and local_w go together"),
        ("availability = 0.9", "availability = 0.9\nenergy_per_byte_j = 1e-6", "the link file ble_1m tells it"),
        ("availability = 0.9", 'availability = 0.9\nhow = "guessed"', "gateway.how must be"),
        ("availability = 0.9", "availability = 0.9\nspeed = 2", "speed: no such field"),
        ('source = "measured in a room"', "", "source is missing"),
        ('name = "gateway"', 'name = "big"', "two clusters or places 'big'"),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused(old: str, new: str, said: str) -> None:
    assert old in PLACE
    with pytest.raises(SartoError, match=r"E112.*mine\.toml") as caught:
        parse_platform("mine", GOOD + PLACE.replace(old, new, 1))
    assert said in caught.value.cause


def test_joules_per_byte_stand_in_where_the_link_file_has_none() -> None:
    text = PLACE.replace("ble_1m", "nb_iot").replace("timeout_s = 0.5", "timeout_s = 60")
    (found,) = parse_platform("mine", GOOD + text + "energy_per_byte_j = 1e-5\n").places
    assert found.energy_per_byte_j == 1e-5
    with pytest.raises(SartoError) as caught:
        parse_platform("mine", GOOD + text + "energy_per_byte_j = 5\n")
    assert "gateway.energy_per_byte_j must lie between" in caught.value.cause
