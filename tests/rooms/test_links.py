"""The suite that every link file passes: sourced numbers, and sending that is never cheaper for more bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.devices.links import UNITS, link, links
from sarto.measure.radio import AIR, ON_AIR, PACKETS, RADIO, sending

pytestmark = pytest.mark.parametrize("name", links())


def test_every_number_has_a_source(name: str) -> None:
    way = link(name)
    assert way.name == name
    assert way.title
    assert way.notes
    assert way.numbers
    for field, number in way.numbers.items():
        assert number.unit == UNITS[field]
        assert len(number.source) > 20  # a document and a place in it
        assert "todo" not in number.source.lower()


def test_its_numbers_are_of_a_radio(name: str) -> None:
    """A factor of a thousand that was forgotten: volts of a battery, currents below an ampere, packets below 4 kB."""
    bounds = {
        "bit_rate_bps": (100, 1e9),
        "supply_v": (1, 6),
        "transmit_a": (1e-3, 1),
        "receive_a": (1e-3, 1),
        "payload_b": (1, 4096),
        "overhead_b": (1, 256),
        "acknowledgement_b": (1, 256),
        "packet_s": (1e-6, 5),
    }
    for field, number in link(name).numbers.items():
        assert bounds[field][0] <= number.value <= bounds[field][1], field


@given(less=st.integers(1, 5000), more=st.integers(0, 5000))
def test_more_bytes_never_cost_less(name: str, less: int, more: int) -> None:
    figures = sending(link(name), np.array([float(less), float(less + more)])).figures
    for what in (PACKETS, ON_AIR, AIR, RADIO):
        values = figures[what].values
        assert (values is None) <= bool(figures[what].lacks)
        if values is not None:
            assert 0 < values[0] <= values[1], what
    if (values := figures[ON_AIR].values) is not None:
        assert values[0] >= less
