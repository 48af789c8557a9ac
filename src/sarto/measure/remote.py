"""What this device spends when a place elsewhere does a job for it: the time until the answer is back, and its energy.

With what the device does first for t_0 at P_0, items of B bytes and answers of A bytes that take T(B) and T(A) over
each link, the delay d of the place, its time t for the platform's job and the share w of it,

    T = t_0 + sum over links of (T(B) + T(A)) + d + w t
    E = P_0 t_0 + radio sending B + radio receiving A, over the first link + P_idle (T - t_0)

What the place itself takes is not in it, nor what keeps a connection. Where the link file does not tell the energy of
the radio and the platform no joules per byte, E is not known. Source: the formulas are what the words mean; the radio
is that of `sarto.measure.radio`.

>>> from sarto.devices.links import link
>>> from sarto.devices.platforms import Place
>>> gateway = Place("gateway", "a board", (link("ble_1m"),), 784, 1, 0.004, 0.01, 0.5, 1.0, "given")
>>> taken = asked_of(gateway, 0.5, 0.05)
>>> round(taken.latency_s, 6), round(taken.energy_j, 6), round(taken.power_w, 4)
(0.01912, 0.001114, 0.0582)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sarto.devices.links import Link
from sarto.devices.platforms import Place
from sarto.measure.radio import AIR, RADIO, sending


@dataclass(frozen=True)
class Taken:
    """What a job elsewhere takes of this device.

    Attributes:
        latency_s: until the answer is back.
        energy_j: of this device; None where it is not known.
        tool: how both were come by.
    """

    latency_s: float
    energy_j: float | None
    tool: str

    @property
    def power_w(self) -> float | None:
        """Power in the mean over the job."""
        return None if self.energy_j is None else self.energy_j / self.latency_s


def asked_of(place: Place, work: float, idle_w: float) -> Taken:
    """Return what a job takes that a place does.

    Args:
        place: that does it.
        work: share of the platform's job.
        idle_w: drawn by this device while it waits; not finite where nobody knows it.
    """
    sent, answered = np.array([float(place.send_b)]), np.array([float(place.answer_b)])
    air = sum(
        figure.mean
        for way in place.links
        for figure in (sending(way, sent).figures[AIR], sending(way, answered).figures[AIR])
    )
    latency = place.local_s + air + place.delay_s + work * place.latency_s
    radio = _radio(place)
    energy = None
    if radio is not None and np.isfinite(idle_w):
        energy = place.local_w * place.local_s + radio + idle_w * (latency - place.local_s)
    over = " and ".join(way.name for way in place.links)
    known = "" if energy is not None else "; energy: not known"
    tool = f"{place.send_b} bytes over {over} and {place.answer_b} back, radio, waiting, work {work:.4g} there{known}"
    return Taken(latency, energy, f"{tool}; {place.source}")


def _radio(place: Place) -> float | None:
    """Return what the radio takes over the first link, as far as the numbers are known."""
    if place.energy_per_byte_j is not None:
        return place.energy_per_byte_j * (place.send_b + place.answer_b)
    sent = sending(place.links[0], np.array([float(place.send_b)])).figures[RADIO]
    received = _received(place.links[0], place.answer_b)
    return None if sent.values is None or received is None else sent.mean + received


def _received(way: Link, answer_b: int) -> float | None:
    supply, current = way.number("supply_v"), way.number("receive_a")
    air = sending(way, np.array([float(answer_b)])).figures[AIR]
    if supply is None or current is None or air.values is None:
        return None
    return supply.value * current.value * air.mean
