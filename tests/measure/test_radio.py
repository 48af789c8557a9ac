"""Sending over a link that was worked out by hand, and over links whose files lack a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sarto.core.device import Assumption
from sarto.devices.links import UNITS, Link, link
from sarto.measure.radio import AIR, EACH, ON_AIR, PACKETS, RADIO, SENT, Figure, sending

NUMBERS = {
    "bit_rate_bps": 1000.0,
    "supply_v": 3.0,
    "transmit_a": 0.01,
    "receive_a": 0.02,
    "payload_b": 100.0,
    "overhead_b": 25.0,
    "acknowledgement_b": 5.0,
    "packet_s": 0.5,
}


def radio(without: Sequence[str] = (), **changed: float) -> Link:
    """A link with round numbers, without some of them."""
    numbers = {
        field: Assumption(value, UNITS[field], f"source of {field}")
        for field, value in {**NUMBERS, **changed}.items()
        if field not in without
    }
    return Link("made_up", "Made up", numbers)


def values(link: Link, *payload_b: float) -> dict[str, list[float] | None]:
    figures = sending(link, np.array(payload_b)).figures
    return {what: None if f.values is None else f.values.tolist() for what, f in figures.items()}


def test_sending_by_hand() -> None:
    """250 B are 3 packets, 325 B on air: 2.6 s and 1.5 s, 30 mW; 3 x 5 B received in 0.12 s at 60 mW."""
    assert values(radio(), 250.0, 100.0, 101.0) == {
        SENT: [250.0, 100.0, 101.0],
        PACKETS: [3.0, 1.0, 2.0],
        ON_AIR: [325.0, 125.0, 151.0],
        AIR: pytest.approx([4.1, 1.5, 2.208]),
        RADIO: pytest.approx([0.1302, 0.0474, 0.07104]),
        EACH: pytest.approx([0.1302 / 250, 0.0474 / 100, 0.07104 / 101]),
    }
    figures = sending(radio(), np.array([250.0])).figures
    assert not any(f.lacks for f in figures.values())
    for field in NUMBERS:
        assert any(f"source of {field}" in f.tool for f in figures.values()), field


def test_what_the_air_time_leaves_out_makes_it_a_lower_bound() -> None:
    figures = sending(replace(radio(), leaves_out="the weather"), np.array([250.0])).figures
    assert {what for what, f in figures.items() if f.at_least} == {AIR, RADIO, EACH}
    assert figures[AIR].lacks == ("the weather (the link file made_up leaves it out)",)


def test_bluetooth_by_hand() -> None:
    """1200 B in 5 notifications: 1305 B, 10.44 ms at 3 V and 7.1 mA; five times 80 us at 6.5 mA."""
    sent = values(link("ble_1m"), 1200.0)
    assert sent[AIR] == pytest.approx([0.01044])
    assert sent[RADIO] == pytest.approx([3 * 7.1e-3 * 0.01044 + 5 * 3 * 6.5e-3 * 80e-6])


def test_lora_is_the_formula_of_its_data_sheet_but_for_rounding_up() -> None:
    """SX1276 data sheet, 4.1.1.7: CR 1, explicit header, CRC; low data rate optimisation with SF12."""
    for sf, slow in ((12, 1), (7, 0)):
        for payload in (1, 20, 51):
            symbols = 8 + max(-(-(8 * (payload + 13) - 4 * sf + 28 + 16) // (4 * (sf - 2 * slow))) * 5, 0)
            exact = (12.25 + symbols) * 2**sf / 125e3
            (found,) = values(link(f"lorawan_eu868_sf{sf}"), float(payload))[AIR] or [0.0]
            assert 0 <= exact - found + 1e-9 < 5 * 2**sf / 125e3


@pytest.mark.parametrize(
    ("field", "unknown", "at_least"),
    [
        ("bit_rate_bps", {AIR, RADIO, EACH}, set[str]()),
        ("supply_v", {RADIO, EACH}, set[str]()),
        ("payload_b", {PACKETS}, {ON_AIR, AIR, RADIO, EACH}),
        ("overhead_b", set[str](), {ON_AIR, AIR, RADIO, EACH}),
        ("transmit_a", set[str](), {RADIO, EACH}),
        ("receive_a", set[str](), {RADIO, EACH}),
        ("acknowledgement_b", set[str](), {RADIO, EACH}),
        ("packet_s", set[str](), set[str]()),
    ],
)
def test_what_a_file_lacks_is_not_known_or_makes_a_lower_bound(
    field: str, unknown: set[str], at_least: set[str]
) -> None:
    whole = sending(radio(), np.array([250.0])).figures
    figures = sending(radio(without=[field]), np.array([250.0])).figures
    assert {what for what, f in figures.items() if f.values is None} == unknown
    assert {what for what, f in figures.items() if f.at_least} == at_least
    for what in unknown | at_least:
        assert any("the link file made_up has none" in lack for lack in figures[what].lacks)
    for what in at_least:
        assert 0 < figures[what].mean < whole[what].mean


def test_a_sum_with_something_unknown_is_a_lower_bound() -> None:
    known, unknown = Figure(np.array([2.0]), "J", "a"), Figure(None, "J", "", ("b is not known",))
    total = known + unknown + known
    assert (total.mean, total.at_least, total.lacks) == (4.0, True, ("b is not known",))
    assert not (known + known).at_least
    nothing = unknown + unknown
    assert nothing.values is None
    assert not nothing.at_least
