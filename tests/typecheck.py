"""The type checker that jaxtyping's import hook puts around every function of `sarto` in the tests.

It is beartype with two settings: an `int` may stand where a `float` is asked for, as in every static
checker, and `Self`, which beartype refuses outside a class that it decorated itself, is not checked.
Nor is an annotation whose names are imported under `TYPE_CHECKING` alone (jaxtyping leaves it out), so
import what arrays are annotated with at run time.

A check costs some tenth of a millisecond, which a loop over steps pays several times a step. So in each test the first
`FIRST` calls of a function are checked, and of those after them one in `SHARE`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Self, get_args

import jaxtyping
from beartype import BeartypeConf, beartype

FIRST, SHARE = 32, 64
_test = 0
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


def begin_test() -> None:
    """Check the first calls of every function anew."""
    global _test
    _test += 1


def sampled(plain: Callable[..., Any], checked: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is `checked` for some calls, and `plain` for the others."""
    calls, last = 0, -1

    @functools.wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        nonlocal calls, last
        if last != _test:
            calls, last = 0, _test
        calls += 1
        if calls > FIRST and calls % SHARE:
            return plain(*args, **kwargs)
        return checked(*args, **kwargs)

    return call


def sample_calls() -> None:
    """Let jaxtyping's decorator, which its import hook writes above every function, check some calls only."""
    package: Any = jaxtyping
    original: Any = package.jaxtyped

    @functools.wraps(original)
    def jaxtyped(*functions: Any, **options: Any) -> Any:
        if not functions:
            return functools.partial(jaxtyped, **options)
        made = original(*functions, **options)
        # A class comes back as it is, a property or class method made of functions that came through here.
        return sampled(functions[0], made) if inspect.isfunction(functions[0]) and options else made

    decorator: Any = inspect.getmodule(original)
    decorator.jaxtyped = package.jaxtyped = jaxtyped
