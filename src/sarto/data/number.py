"""Numbers in text files: decimal, with a point, an exponent, and a few ways to say that a value is missing.

>>> read_number(" -1.5e3 "), read_number("?"), read_number("NA"), read_number("1_000"), read_number("abc")
(-1500.0, nan, nan, None, None)
"""

from __future__ import annotations

import re

MISSING = ("", "?", "na", "n/a", "nan", "null", "none")
"""Tokens for a missing value, whatever their capitals."""
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity)")


def read_number(token: str) -> float | None:
    """Return the number in `token`, NaN for a missing one, None for anything else."""
    text = token.strip().lower()
    if text in MISSING:
        return float("nan")
    return float(text) if _NUMBER.fullmatch(text) else None
