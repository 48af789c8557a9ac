"""The refusal of a length or setting with which no series can be made.

>>> at_least("steps", 0, 1)
Traceback (most recent call last):
sarto.core.errors.SartoError: error[E112]: steps = 0
...
"""

from __future__ import annotations

from sarto.core.errors import SartoError


def at_least(name: str, value: int, least: int) -> None:
    """Refuse a whole number below `least` (E112)."""
    if value < least:
        raise SartoError(
            "E112", f"{name} = {value}", cause=f"it must be at least {least}", hint=f"change {name}"
        )
