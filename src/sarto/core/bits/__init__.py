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
from sarto.core.bits.format import Format
from sarto.core.bits.names import number_format

__all__ = [
    "KINDS",
    "Format",
    "Kind",
    "Places",
    "burst",
    "faulty_words",
    "flip",
    "inject",
    "number_format",
    "put",
    "random_places",
    "stored_bits",
    "stuck0",
    "stuck1",
]
