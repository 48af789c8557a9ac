"""Places other than the device itself where a job can run: what is sent there over which links, and what that takes.

A place stands in a platform file as `[[places]]`. Its links are named, files of `devices/links` or paths; the numbers
of the radio stay where they are. What a link file does not tell, joules per byte, may be given with the place.

>>> from sarto.devices.platforms import parse_platform
>>> found = place({"name": "gateway", "title": "A board on mains", "links": ["ble_1m"], "send_b": 784, "answer_b": 1,
...                "latency_s": 0.004, "delay_s": 0.008, "timeout_s": 0.5, "availability": 0.97,
...                "source": "measured in a room"}, "places 1")
>>> found.links[0].title, found.energy_per_byte_j
('Bluetooth LE, 1 Mbit/s, notifications', None)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from sarto.core.errors import SartoError
from sarto.devices._files import LEAST, table, words
from sarto.devices.links import Link, link

LONGEST_S = 86400.0
"""Of times of a place: what takes longer than a day is no answer to a job."""
MOST_B = 2**40
APART = ";"
MOST_W = 1e6
"""Of a power: what draws a megawatt is no device, and a unit was mistaken."""
MOST_JOULES = 1.0
"""For a byte; a satellite modem takes a thousandth of it."""
NEEDED = {
    "name", "title", "links", "send_b", "answer_b", "latency_s", "delay_s", "timeout_s", "availability", "source",
}  # fmt: skip
OPTIONAL = {"local_s", "local_w", "energy_per_byte_j", "how"}


@dataclass(frozen=True)
class Place:
    """Somewhere else that a job can run.

    Attributes:
        name: short, such as `gateway`.
        title: for people.
        links: over which an item goes there and its answer comes back, from this device on.
        send_b: bytes of an item.
        answer_b: bytes of an answer.
        latency_s: time of the platform's job there.
        delay_s: time besides: waking, waiting for a turn.
        timeout_s: after which the link is taken for lost.
        availability: share of the time in which the place answers.
        source: of these numbers.
        local_s, local_w: what this device does first, such as compressing, and what it draws meanwhile.
        energy_per_byte_j: that this device takes to send or receive a byte; None where the link file tells it.
        how: the times were come by.
    """

    name: str
    title: str
    links: tuple[Link, ...]
    send_b: int
    answer_b: int
    latency_s: float
    delay_s: float
    timeout_s: float
    availability: float
    source: str
    local_s: float = 0.0
    local_w: float = 0.0
    energy_per_byte_j: float | None = None
    how: Literal["declared", "measured"] = "declared"


def places(value: object, taken: set[str]) -> tuple[Place, ...]:
    """Return the places of a file; `taken` are names of clusters, which are not used again.

    Raises:
        ValueError: when a field is missing, unknown or wrong.
    """
    if not isinstance(value, list):
        raise ValueError("places must be a list of tables, [[places]]")
    found = [place(one, f"places {number}") for number, one in enumerate(cast("list[object]", value), 1)]
    names = [*taken, *(one.name for one in found)]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"there are two clusters or places '{min(twice)}'")
    return tuple(found)


def place(value: object, key: str) -> Place:
    """Return the place of a table.

    Raises:
        ValueError: when a field is missing, unknown or wrong, or the numbers cannot be true together.
    """
    given = set(cast("dict[str, object]", value)) if isinstance(value, dict) else set[str]()
    fields = table(cast("object", value), key, NEEDED | (OPTIONAL & given))
    name, title, source = (words(fields[part], f"{key}.{part}") for part in ("name", "title", "source"))
    if APART in name:
        raise ValueError(f"{key}.name may have no '{APART}', which stands between names in a trace")
    ways = _links(fields["links"], f"{name}.links")
    latency, delay, timeout, local = (
        _number(fields.get(part, 0), f"{name}.{part}", LONGEST_S, zero=part in ("delay_s", "local_s"))
        for part in ("latency_s", "delay_s", "timeout_s", "local_s")
    )
    if timeout < latency + delay:
        raise ValueError(f"{name}.timeout_s is shorter than its own latency_s and delay_s")
    if bool(local) != bool(fields.get("local_w", 0)):
        raise ValueError(f"{name}: local_s and local_w go together")
    how = fields.get("how", "declared")
    if how not in ("declared", "measured"):
        raise ValueError(f"{name}.how must be 'declared' or 'measured'")
    return Place(
        name,
        title,
        ways,
        _bytes(fields["send_b"], f"{name}.send_b"),
        _bytes(fields["answer_b"], f"{name}.answer_b"),
        latency,
        delay,
        timeout,
        _number(fields["availability"], f"{name}.availability", 1.0),
        source,
        local,
        _number(fields.get("local_w", 0), f"{name}.local_w", MOST_W, zero=True),
        _joules(fields.get("energy_per_byte_j"), name, ways[0]),
        how,
    )


def _links(value: object, key: str) -> tuple[Link, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{key} must be a list of names of links, such as ['ble_1m']")
    try:
        found = tuple(link(words(name, key)) for name in cast("list[Any]", value))
    except SartoError as error:
        raise ValueError(f"{key}: {error.message}; {error.hint}") from error
    for way in found:
        if way.number("bit_rate_bps") is None:
            raise ValueError(f"{key}: the link file {way.name} has no bit rate, so no time follows from it")
    return found


def _joules(value: object, name: str, first: Link) -> float | None:
    known = all(first.number(field) is not None for field in ("supply_v", "transmit_a", "receive_a"))
    if value is None:
        return None
    if known:
        raise ValueError(
            f"{name}.energy_per_byte_j: the link file {first.name} tells it already; leave it out"
        )
    return _number(value, f"{name}.energy_per_byte_j", MOST_JOULES)


def _number(value: object, key: str, most: float, *, zero: bool = False) -> float:
    good = type(value) in (int, float) and (LEAST <= cast("float", value) <= most or (zero and value == 0))
    if not good:
        raise ValueError(f"{key} must lie between {LEAST:g} and {most:g}{', or be 0' if zero else ''}")
    return float(cast("float", value))


def _bytes(value: object, key: str) -> int:
    if type(value) is not int or not 1 <= value <= MOST_B:
        raise ValueError(f"{key} must be a whole number of bytes from 1 to {MOST_B}")
    return value
