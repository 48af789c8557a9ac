"""The families of models that the search chooses from."""

from __future__ import annotations

from docs._parts._docstrings import as_markdown, docstring_of
from sarto.core.rooms import methods

ROOM = "sarto.search.families"


def families() -> str:
    """Return what each family's file says of it, under a heading of its own."""
    return "\n\n".join(
        f"### {name} {{ #{name} }}\n\n{as_markdown(docstring_of(f'{ROOM}.{name}'))}" for name in methods(ROOM)
    )
