"""Links over which a sensor sends: one TOML file each, every number with its source. File name = link name.

>>> links()
['ble_1m', 'ieee_802_15_4', 'lorawan_eu868_sf12', 'lorawan_eu868_sf7', 'nb_iot', 'wifi_80211b_1m']
>>> link("ble_1m").number("bit_rate_bps").value
1000000.0
>>> print(link("nb_iot").number("supply_v"))
None

A file has no number that nobody published: what needs it is then not known. A user's own link is a file of the same
form, given by its path; an outside package admits its own by an entry point in the group `sarto.devices.links`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sarto.core.device import Assumption
from sarto.devices._files import assumption, described, files_of, parsed, words

UNITS = {
    "bit_rate_bps": "bit/s",
    "supply_v": "V",
    "transmit_a": "A",
    "receive_a": "A",
    "payload_b": "B",
    "overhead_b": "B",
    "acknowledgement_b": "B",
    "packet_s": "s",
}
"""The numbers of a link: its bit rate; supply voltage of the sender, and its current while it sends and while it
receives; a user's bytes that a packet holds at most; bytes of a packet besides; bytes that are received for each packet
sent; time of a packet that does not follow from its bytes, none where the file has none."""
_WHOLE = {"payload_b", "overhead_b", "acknowledgement_b"}
_ZERO = {"overhead_b", "acknowledgement_b", "packet_s"}
"""What a link may have none of."""


@dataclass(frozen=True)
class Link:
    """A link: `numbers` holds those of `UNITS` that its file gives.

    Attributes:
        name: file name, and choice on the command line.
        title: for people.
        numbers: by field.
        notes: anything a user must know about the numbers.
        leaves_out: what the air time by these numbers does not hold, so that it is a lower bound; else empty.
    """

    name: str
    title: str
    numbers: Mapping[str, Assumption]
    notes: str = ""
    leaves_out: str = ""

    def number(self, field: str) -> Assumption | None:
        """Return the number of `field`, or None where no source was opened."""
        assert field in UNITS, field
        return self.numbers.get(field)


def links() -> list[str]:
    """Return the names of the links, sorted."""
    return sorted(files_of(__name__))


def link(name: str) -> Link:
    """Return the link that the file `name`.toml here describes, or that of the path `name`, which ends in `.toml`.

    Raises:
        SartoError: E111, when there is no such file; E112, when it lacks a field or has one that is unknown or wrong.
    """
    return described(__name__, name, "link", parse_link)


def parse_link(name: str, text: str) -> Link:
    """Return the link that the TOML `text` describes.

    Args:
        name: of the link.
        text: `title`, optional `notes` and `leaves_out`, and a table with `value` and `source` for each number that
            is known.

    Raises:
        SartoError: E112, when a field is missing, unknown or wrong.
    """
    title = f"the link file {name}.toml"
    return parsed(text, lambda fields: _link(name, fields), title, "devices/links/ble_1m.toml")


def _link(name: str, fields: dict[str, Any]) -> Link:
    title = words(fields.pop("title"), "title")
    notes, short = (words(fields.pop(key), key) if key in fields else "" for key in ("notes", "leaves_out"))
    found = {
        key: assumption(fields.pop(key, None), key, unit, zero=key in _ZERO) for key, unit in UNITS.items()
    }
    numbers = {key: number for key, number in found.items() if number is not None}
    for key in _WHOLE & set(numbers):
        if not numbers[key].value.is_integer():
            raise ValueError(f"{key}.value must be a whole number of bytes")
    return Link(name, title, numbers, notes, short)
