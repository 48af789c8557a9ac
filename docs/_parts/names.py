"""The public names: signature and docstring of everything in `sarto.__all__`, and of the methods of its classes.

MkDocs' usual tool for this, mkdocstrings, reads sources without importing them: it does not see names that load on
first use, and drops lines of `Args:` that name no single argument.

>>> "## load" in names()
True
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from typing import Any

import sarto
from docs._parts._sections import sections_as_markdown

LINE = 88
_QUOTED = re.compile(r"(: |-> )(['\"])((?:(?!\2).|\\\2)*)\2(?=,|\)| =|$|\n)")


def names() -> str:
    """Return every public name under a heading of its own."""
    return "\n\n".join(_entry(name, getattr(sarto, name)) for name in sarto.__all__ if name[0] != "_")


def _entry(name: str, value: Any) -> str:
    kind = "class" if inspect.isclass(value) else "def"
    source = f"`from sarto import {name}`, defined in `{value.__module__}`."
    text = inspect.getdoc(value)
    if not text:
        raise LookupError(f"sarto.{name} has no docstring")
    parts = [f"## {name} {{ #{name} }}", _code(f"{kind} {name}", value), source, sections_as_markdown(text)]
    if inspect.isclass(value):
        parts += [_member(name, member, attribute) for member, attribute in _own(value)]
    return "\n\n".join(parts)


def _own(owner: type[Any]) -> list[tuple[str, Any]]:
    """Return the public methods and properties that Sarto wrote, in the order of their names."""
    found: list[tuple[str, Any]] = []
    for member in sorted(dir(owner)):
        attribute = inspect.getattr_static(owner, member)
        function = _function(attribute)
        if member[0] != "_" and function is not None and function.__module__.startswith("sarto."):
            found.append((member, attribute))
    return found


def _function(attribute: Any) -> Callable[..., Any] | None:
    if isinstance(attribute, property):
        return attribute.fget
    function = getattr(attribute, "__func__", getattr(attribute, "func", attribute))
    return function if inspect.isfunction(function) else None


def _member(owner: str, name: str, attribute: Any) -> str:
    function = _function(attribute)
    assert function is not None
    text = sections_as_markdown(inspect.getdoc(function) or "")
    if not text:
        raise LookupError(f"sarto.{owner}.{name} has no docstring")
    heading = f"### {owner}.{name} {{ #{owner}.{name} }}"
    if isinstance(attribute, property) or not inspect.isfunction(getattr(attribute, "__func__", attribute)):
        return f"{heading}\n\n{text}"
    kinds = (("@staticmethod\n", staticmethod), ("@classmethod\n", classmethod))
    first = next((line for line, kind in kinds if isinstance(attribute, kind)), "")
    return f"{heading}\n\n{_code(f'{first}def {name}', function)}\n\n{text}"


def _code(start: str, value: Any) -> str:
    """Return a signature as a block of code, a parameter to a line where it is long."""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return f"```python\n{start}\n```"
    if inspect.isclass(value):
        signature = signature.replace(return_annotation=signature.empty)
        if issubclass(value, Exception) or not dataclasses.is_dataclass(value):
            signature = inspect.signature(value.__init__)
            kept = [p for name, p in signature.parameters.items() if name != "self"]
            signature = signature.replace(parameters=kept, return_annotation=signature.empty)
    shown = f"{start}{signature}"
    if len(shown.splitlines()[-1]) > LINE:
        shown = _broken(start, signature)
    return f"```python\n{_plain(shown)}\n```"


def _broken(start: str, signature: inspect.Signature) -> str:
    lines: list[str] = []
    keywords = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keywords:
            keywords = True
            lines.append("    *,")
        lines.append(f"    {parameter},")
    returned = signature.return_annotation
    end = ")" if returned is signature.empty else f") -> {returned}"
    return "\n".join([f"{start}(", *lines, end])


def _plain(shown: str) -> str:
    """Return a signature without the quotes that `from __future__ import annotations` leaves around annotations."""
    return _QUOTED.sub(lambda found: found[1] + found[3].replace("\\'", "'"), shown)
