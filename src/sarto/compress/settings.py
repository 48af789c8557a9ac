"""Settings of a step as they were typed, held against what the step takes: returns them as it wants them.

A setting is a number, a truth, a word, one of a few words, or several words with a + between them; which of them, the
annotation of the step's own argument says.

>>> def step(*, rounds: int = 1, norm: Literal["l1", "l2"] = "l2", layers: Sequence[str] = ()) -> None: ...
>>> checked("px", {"rounds": 20, "layers": "fc1+fc2"}, step)
{'rounds': 20, 'layers': ('fc1', 'fc2')}
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sarto.models.input_error import InputError

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
_NOT_SO = object()


def checked(name: str, settings: Mapping[str, Any], step: Callable[..., Any]) -> dict[str, Any]:
    """Return the settings of the step called `name` as `step` takes them; those that it does not know stay as they are.

    Raises:
        InputError: E133, when one is of another kind than its argument; the message names it.
    """
    function = step.__init__ if inspect.isclass(step) else step
    wanted = get_type_hints(function)
    found: dict[str, Any] = {}
    for key, value in settings.items():
        kind = _without_none(wanted.get(key, Any))
        found[key] = _as(kind, value)
        if found[key] is _NOT_SO:
            raise InputError("E133", f"step '{name}': {key}={value}", cause=f"{key} is {_said(kind)}")
    return found


def _without_none(kind: Any) -> Any:
    """Return what an argument takes that may be None."""
    if get_origin(kind) in (Union, UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind


def _as(kind: Any, value: Any) -> Any:
    """Return a value as its argument takes it, or that it is not so."""
    if kind is Any:
        return value
    if get_origin(kind) is Literal:
        return value if value in get_args(kind) else _NOT_SO
    if get_origin(kind) is Sequence:
        return tuple(str(value).split("+"))
    if kind is float and type(value) in (int, float):
        return value if math.isfinite(value) else _NOT_SO
    return value if type(value) is kind else _NOT_SO


def _said(kind: Any) -> str:
    """Return in words what an argument takes."""
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    return KINDS.get(kind, str(kind))
