"""What sending over a link takes: packets, bytes with headers, time on the air, energy of the radio that sends.

For B bytes over a link whose file has the numbers

    n       = ceil(B / payload of a packet)                          packets
    on air  = B + n * headers                                        bytes
    T       = 8 * on air / bit rate + n * other time of a packet     air time
    energy  = supply * transmit current * T
              + supply * receive current * n * 8 * acknowledgement / bit rate
    each byte of payload = energy / B

What the file does not tell is not known; a sum with something unknown in it is a lower bound, and says so.
Source: the formulas are what the words mean; each number cites its own in the link file.

>>> from sarto.devices.links import link
>>> sent = sending(link("ble_1m"), np.array([1200.0]))
>>> [f"{figure.mean:.6g} {figure.unit}" for figure in sent.figures.values()]
['1200 B', '5 packets', '1305 B', '0.01044 s', '0.000230172 J', '1.9181e-07 J']
>>> sending(link("nb_iot"), np.array([1200.0])).figures[RADIO].lacks[0]
'supply voltage (the link file nb_iot has none)'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sarto.core.device import Assumption
from sarto.devices.links import Link

SENT, PACKETS, ON_AIR, AIR, RADIO, EACH = (
    "payload sent", "packets", "sent with headers", "air time", "energy of sending", "energy of sending each byte",
)  # fmt: skip
_WORDS = {
    "bit_rate_bps": "bit rate",
    "supply_v": "supply voltage",
    "transmit_a": "transmit current",
    "receive_a": "receive current",
    "payload_b": "payload of a packet",
    "overhead_b": "headers of a packet",
    "acknowledgement_b": "acknowledgement",
}


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure for each item, or the reasons why there is none.

    Attributes:
        values: one for each item; None when nothing of it is known.
        unit: of the values.
        tool: formula, factors and their sources.
        lacks: what of it is not known; with values, these are a lower bound.
    """

    values: Float[np.ndarray, " item"] | None
    unit: str
    tool: str = ""
    lacks: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """The mean over the items."""
        assert self.values is not None
        return float(self.values.mean())

    @property
    def at_least(self) -> bool:
        """Whether the values are a lower bound."""
        return self.values is not None and bool(self.lacks)

    def __add__(self, other: Figure) -> Figure:
        known = [figure.values for figure in (self, other) if figure.values is not None]
        values = known[0] + known[1] if len(known) == 2 else known[0] if known else None
        tool = " + ".join(f.tool for f in (self, other) if f.values is not None and f.tool)
        return Figure(values, self.unit, tool, tuple(dict.fromkeys(self.lacks + other.lacks)))

    def scaled(self, factor: float, unit: str, tool: str) -> Figure:
        """Return the figure times `factor`, in another unit and with the formula `tool`."""
        values = None if self.values is None else self.values * factor
        return Figure(values, unit, tool, self.lacks)


@dataclass(frozen=True, eq=False)
class Sending:
    """What is sent over a link for one inference: figures by name."""

    link: Link
    figures: Mapping[str, Figure]


def sending(link: Link, payload_b: Float[np.ndarray, " item"], what: str = "payload") -> Sending:
    """Return what sending `payload_b` bytes for each item takes, as far as the link file tells; they are of `what`."""
    sent = Figure(payload_b, "B", what)
    packets, on_air = _packets(link, payload_b)
    air = _air(link, packets, on_air)
    radio = _transmitting(link, air) + _receiving(link, packets)
    each = None if radio.values is None else radio.values / payload_b
    figures = {SENT: sent, PACKETS: packets, ON_AIR: on_air, AIR: air, RADIO: radio}
    return Sending(link, {**figures, EACH: Figure(each, "J", f"{RADIO} / {SENT}", radio.lacks)})


def said(number: Assumption) -> str:
    """Return a number with its unit and source, for the formula of a figure."""
    return f"{number.value:g} {number.unit} ({number.source})"


def _without(link: Link, unit: str, *fields: str) -> Figure:
    """Return a figure that is not known, because the link file has none of some numbers."""
    lacks = (f"{_WORDS[f]} (the link file {link.name} has none)" for f in fields if link.number(f) is None)
    return Figure(None, unit, "", tuple(lacks))


def _packets(link: Link, payload_b: Float[np.ndarray, " item"]) -> tuple[Figure, Figure]:
    """Return packets, and bytes with headers."""
    size, headers = link.number("payload_b"), link.number("overhead_b")
    lacks = _without(link, "B", "payload_b", "overhead_b").lacks
    if size is None:
        return _without(link, "packets", "payload_b"), Figure(payload_b, "B", SENT, lacks)
    count = np.ceil(payload_b / size.value)
    packets = Figure(count, "packets", f"link file {link.name}: {SENT} / {said(size)}, rounded up")
    if headers is None:
        return packets, Figure(payload_b, "B", SENT, lacks)
    tool = f"link file {link.name}: {SENT} + {PACKETS} x {said(headers)}"
    return packets, Figure(payload_b + count * headers.value, "B", tool)


def _air(link: Link, packets: Figure, on_air: Figure) -> Figure:
    rate, other = link.number("bit_rate_bps"), link.number("packet_s")
    if rate is None or on_air.values is None:
        return _without(link, "s", "bit_rate_bps")
    seconds, tool = 8 * on_air.values / rate.value, f"link file {link.name}: {ON_AIR} x 8 bits / {said(rate)}"
    if other is not None and packets.values is not None:
        seconds, tool = seconds + packets.values * other.value, f"{tool} + {PACKETS} x {said(other)}"
    short = (f"{link.leaves_out} (the link file {link.name} leaves it out)",) if link.leaves_out else ()
    return Figure(seconds, "s", tool, (*on_air.lacks, *short))


def _transmitting(link: Link, air: Figure) -> Figure:
    supply, current = link.number("supply_v"), link.number("transmit_a")
    if supply is None or current is None or air.values is None:
        lacks = _without(link, "J", "supply_v", "transmit_a").lacks
        return Figure(None, "J", "", (*lacks, *air.lacks))
    power_w = supply.value * current.value
    tool = f"link file {link.name}: {said(supply)} x {said(current)} x {AIR}"
    return Figure(air.values * power_w, "J", tool, air.lacks)


def _receiving(link: Link, packets: Figure) -> Figure:
    """Return what the acknowledgements of packets take; waiting for them is not in it."""
    fields = ("supply_v", "receive_a", "acknowledgement_b", "bit_rate_bps")
    numbers = [number for field in fields if (number := link.number(field)) is not None]
    if len(numbers) < len(fields) or packets.values is None:
        return Figure(None, "J", "", (*_without(link, "J", *fields).lacks, *packets.lacks))
    supply, current, size, rate = numbers
    energy_j = supply.value * current.value * packets.values * 8 * size.value / rate.value
    time = f"8 bits x {said(size)} / {said(rate)}"
    return Figure(energy_j, "J", f"{PACKETS} x {said(supply)} x {said(current)} x {time}")
