r"""Docstrings as Markdown: formulas stay text in a block of their own, doctests become examples.

A formula is shown as it stands in the source, in Unicode and in a fixed width: it is the same in an editor, in a
terminal and on the page, can be searched and read aloud, and needs neither a network nor a script.

>>> print(as_markdown("What it is.\n\n    y = W x\n\nSource: a book."))
What it is.
<BLANKLINE>
```text
y = W x
```
<BLANKLINE>
**Source:** a book.
"""

from __future__ import annotations

import ast
import inspect
import re
from importlib.util import find_spec
from pathlib import Path


def docstring_of(module: str) -> str:
    """Return the docstring of `module`, read from its source.

    Raises:
        LookupError: when there is no such module, or it has none.
    """
    spec = find_spec(module)
    text = (
        None
        if spec is None or spec.origin is None
        else ast.get_docstring(ast.parse(Path(spec.origin).read_bytes()))
    )
    if text is None:
        raise LookupError(f"{module} has no docstring")
    return text


def as_markdown(docstring: str) -> str:
    """Return a docstring as Markdown, paragraph by paragraph."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(docstring))
    return "\n\n".join(_paragraph(text) for text in paragraphs)


def _paragraph(text: str) -> str:
    if text.startswith(">>>"):
        return f"```pycon\n{text}\n```"
    if all(line.startswith("    ") for line in text.splitlines()):
        return "```text\n" + inspect.cleandoc(text) + "\n```"
    return re.sub(r"\A(Source|Sources|Conventions)([:.]) ", r"**\1\2** ", escaped(text))


def escaped(text: str) -> str:
    r"""Return prose of a docstring with what Markdown would take as a sign made plain; code in backticks stays.

    >>> escaped("W_x and `W_x`, a * b")
    'W\\_x and `W_x`, a \\* b'
    """
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([_*<\[\]])", r"\\\1", part) for part in parts)
