"""Number formats by their names.

| name | what |
|---|---|
| `fp32`, `fp16`, `bf16`, `fp8_e4m3`, `fp8_e5m2` | see `floats` |
| `minifloat(e,m)` | sign, e bits of exponent, m of fraction; see `floats` |
| `fixed(i,f)` | i bits before the point, the sign among them, and f after it; see `fixed` |
| `int8`, `int8(0.02)` | integers of 2 to 32 bits with the scale of the numbers they hold, or a given one; see `fixed` |
| `posit(n,es)` | n bits, es of exponent; see `posit` |

>>> number_format("posit(8, 0)").width, number_format("int4").width, number_format("minifloat(4,3)").width
(8, 4, 8)
"""

from __future__ import annotations

import re

from sarto.core.bits.fixed import Fixed, Integer
from sarto.core.bits.floats import NATIVE, Minifloat, Native
from sarto.core.bits.format import Format
from sarto.core.bits.posit import Posit
from sarto.core.errors import SartoError

_PAIRS = {"minifloat": Minifloat, "fixed": Fixed, "posit": Posit}


def number_format(name: str) -> Format:
    """Return the format of that name.

    Raises:
        SartoError: E144, when there is none, or its numbers are out of range.
    """
    word = name.replace(" ", "").lower()
    if word in NATIVE:
        return Native(word)
    if pair := re.fullmatch(r"(minifloat|fixed|posit)\((\d{1,3}),(\d{1,3})\)", word):
        return _PAIRS[pair[1]](int(pair[2]), int(pair[3]))
    if whole := re.fullmatch(r"int(\d{1,3})(?:\((\d*\.?\d+(?:e[+-]?\d+)?)\))?", word):
        return Integer(int(whole[1]), None if whole[2] is None else float(whole[2]))
    raise SartoError(
        "E144",
        f"there is no number format '{name}'",
        hint=f"known: {', '.join(NATIVE)}, minifloat(e,m), fixed(i,f), posit(n,es), int8",
    )
