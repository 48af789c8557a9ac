r"""The sections of a docstring, `Args:`, `Returns:` and so on, as lists in Markdown.

>>> print(sections_as_markdown("Add.\n\nArgs:\n    a: the first,\n        a number.\n    As `b`, and"))
Add.
<BLANKLINE>
**Args**
<BLANKLINE>
- `a`: the first, a number.
- As `b`, and
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from docs._parts._docstrings import as_markdown, escaped

_TITLES = ("Args", "Attributes", "Raises", "Returns", "Yields")
_HEADING = re.compile(rf"^({'|'.join(_TITLES)}):\n", flags=re.MULTILINE)
_ITEM = re.compile(r"([\w*]+(?:, [\w*]+)*)( \([^)]*\))?: (.*)", flags=re.DOTALL)


def sections_as_markdown(docstring: str) -> str:
    """Return a docstring as Markdown, each section a list under its name."""
    text, *pieces = _HEADING.split(inspect.cleandoc(docstring))
    parts = [as_markdown(text)] if text.strip() else []
    for title, body in zip(pieces[::2], pieces[1::2], strict=True):
        inside, rest = _split(body)
        parts += [f"**{title}**", "\n".join(f"- {_item(entry)}" for entry in _entries(inside))]
        if rest:
            parts.append(as_markdown(rest))
    return "\n\n".join(parts)


def argument_list(docstring: str, function: Callable[..., Any]) -> str:
    """Return the arguments of `function` as a list, those with a default value with it.

    Raises:
        LookupError: when the docstring leaves one out.
    """
    found = _HEADING.split(inspect.cleandoc(docstring))
    body = dict(zip(found[1::2], found[2::2], strict=True)).get("Args", "")
    described = {entry.partition(":")[0]: entry for entry in _entries(_split(body)[0])}
    lines: list[str] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in described:
            raise LookupError(f"the docstring of {function.__module__}.{function.__name__} leaves out {name}")
        default = "" if parameter.default is parameter.empty else f" Default `{parameter.default!r}`."
        lines.append(f"- {_item(described[name])}{default}")
    return "\n".join(lines)


def _split(body: str) -> tuple[str, str]:
    """Return the indented lines of a section, and what comes after them."""
    lines = body.splitlines()
    end = next((i for i, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
    return "\n".join(lines[:end]), "\n".join(lines[end:]).strip()


def _entries(inside: str) -> list[str]:
    """Return the entries of a section, each with its continued lines in one."""
    entries: list[str] = []
    for line in inspect.cleandoc("\n" + inside).splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += " " + line.strip()
        elif line.strip():
            entries.append(line.strip())
    return entries


def _item(entry: str) -> str:
    matched = _ITEM.fullmatch(entry)
    if matched is None:
        return escaped(entry)
    names = ", ".join(f"`{name}`" for name in matched[1].split(", "))
    return f"{names}{escaped(matched[2] or '')}: {escaped(matched[3])}"
