"""Numbers by their bits: the formats that they are stored in, and faults in the bits that are stored."""

from sarto.core.bits.flips import (
    KINDS,
    Kind,
    Places,
    burst,
    faulty_words,
    flip,
    inject,
    put,
    random_places,
    stored_bits,
    stuck0,
    stuck1,
)

__all__ = [
    "KINDS",
    "Kind",
    "Places",
    "burst",
    "faulty_words",
    "flip",
    "inject",
    "put",
    "random_places",
    "stored_bits",
    "stuck0",
    "stuck1",
]
