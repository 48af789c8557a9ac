"""The first line of a method's docstring, read from its source: nothing heavy is imported for it.

>>> docline("sarto.cli._docline")
"The first line of a method's docstring, read from its source: nothing heavy is imported for it."
"""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path


def docline(module: str) -> str:
    """Return the first line of the docstring of `module`, or nothing; only the packages above it are imported."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return ""
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_bytes())) or ""
    return text.partition("\n")[0]
