"""What a job elsewhere takes of this device, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sarto.devices.links import link
from sarto.devices.platforms import Place
from sarto.measure.remote import asked_of

BLE = link("ble_1m")
GATEWAY = Place("gateway", "a board", (BLE,), 784, 1, 0.004, 0.01, 0.5, 1.0, "given", 0.002, 0.3)


def test_time_and_energy_are_those_of_the_parts() -> None:
    # 784 bytes are 4 packets, 868 bytes on the air; an answer of a byte is one, of 22 bytes.
    sent, answered = 8 * 868e-6, 8 * 22e-6
    found = asked_of(GATEWAY, 0.5, 0.05)
    assert found.latency_s == pytest.approx(0.002 + sent + answered + 0.01 + 0.5 * 0.004)
    radio = 3 * (7.1e-3 * sent + 6.5e-3 * (4 * 80e-6 + answered))
    energy = 0.3 * 0.002 + radio + 0.05 * (found.latency_s - 0.002)
    assert found.energy_j == pytest.approx(energy)
    assert found.power_w == pytest.approx(energy / found.latency_s)


def test_a_second_link_takes_time_and_none_of_this_devices_energy() -> None:
    one, two = (asked_of(replace(GATEWAY, links=ways), 1.0, 0.0) for ways in ((BLE,), (BLE, BLE)))
    assert two.latency_s - one.latency_s == pytest.approx(8 * (868e-6 + 22e-6))
    assert two.energy_j == pytest.approx(one.energy_j)


def test_what_nobody_knows_of_the_radio_or_of_waiting_is_not_known() -> None:
    dark = replace(GATEWAY, links=(link("nb_iot"),))
    assert (asked_of(dark, 1.0, 0.1).energy_j, asked_of(GATEWAY, 1.0, float("nan")).power_w) == (None, None)
    assert "energy: not known" in asked_of(dark, 1.0, 0.1).tool
    told = asked_of(replace(dark, energy_per_byte_j=1e-5, local_s=0.0, local_w=0.0), 1.0, 0.0)
    assert told.energy_j == pytest.approx(785e-5)
