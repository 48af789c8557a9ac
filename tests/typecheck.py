"""The type checker that jaxtyping's import hook puts around every function of `sarto` in the tests.

It is beartype with two settings: an `int` may stand where a `float` is asked for, as in every static
checker, and `Self`, which beartype refuses outside a class that it decorated itself, is not checked.
Nor is an annotation whose names are imported under `TYPE_CHECKING` alone (jaxtyping leaves it out), so
import what arrays are annotated with at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, get_args

from beartype import BeartypeConf, beartype

CHECKER = beartype(conf=BeartypeConf(is_pep484_tower=True))


def mentions_self(hint: object) -> bool:
    """Whether `Self` stands anywhere in a type."""
    return hint is Self or any(mentions_self(part) for part in get_args(hint))


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap one function, which jaxtyping made from a signature, so that a call checks its types."""
    for name, hint in function.__annotations__.items():
        if mentions_self(hint):
            function.__annotations__[name] = Any
    return CHECKER(function)
