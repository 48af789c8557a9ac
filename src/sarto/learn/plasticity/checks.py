"""Checks of the parameters of plasticity: what is refused has the code E116.

>>> check_count("epochs", 3)
>>> check_above("sigma", 0.0, 0)
Traceback (most recent call last):
sarto.models.input_error.InputError: error[E116]: sigma = 0.0
...
"""

from __future__ import annotations

import math
from numbers import Integral, Real

from sarto.models.input_error import InputError


def check_above(name: str, value: object, least: float) -> None:
    """Refuse what is no finite number above `least`."""
    if not (isinstance(value, Real) and math.isfinite(value) and float(value) > least):
        raise InputError(
            "E116",
            f"{name} = {value}",
            cause=f"{name} must be finite and above {least:g}",
            hint=f"change {name}",
        )


def check_count(name: str, value: object) -> None:
    """Refuse what is no whole number of at least 1."""
    if not (isinstance(value, Integral) and int(value) >= 1):
        raise InputError(
            "E116",
            f"{name} = {value}",
            cause=f"{name} must be a whole number of at least 1",
            hint=f"change {name}",
        )
