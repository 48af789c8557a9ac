"""The pages of the reservoir cells: what the file of each says of it, and whether every cell has its page.

>>> cell_names()[:2] == sorted(cell_names())[:2]
True
"""

from __future__ import annotations

import inspect
from pathlib import Path

from docs._parts._docstrings import as_markdown, docstring_of, escaped
from docs._parts._sections import argument_list
from docs._parts._tables import table
from sarto.core.rooms import load_method, methods

ROOM = "sarto.models.reservoir"
HEADINGS = ("## When to use it", "## Measured")
"""What the page of a cell has, besides the formula, the source and the example of its file."""


def cell_names() -> list[str]:
    """Return the cells that come with Sarto: those of other packages have pages of their own."""
    return [name for name in methods(ROOM) if load_method(ROOM, name).__name__ == f"{ROOM}.{name}"]


def cell(name: str) -> str:
    """Return what the file of a cell says: equation, source, example, and the arguments of `build`."""
    text = as_markdown(docstring_of(f"{ROOM}.{name}"))
    build = load_method(ROOM, name).build
    heading = f'## Its arguments\n\n`cell="{name}"` of the estimators, or `{ROOM}.{name}.build`:'
    return f"{text}\n\n{heading}\n\n{argument_list(inspect.getdoc(build) or '', build)}"


def cells() -> str:
    """Return a table of the cells, each with a link to its page and the first line of its file."""
    rows = [
        (
            f"[{name}]({name}.md)",
            escaped(docstring_of(f"{ROOM}.{name}").partition("\n")[0].partition(": ")[0]),
        )
        for name in cell_names()
    ]
    return table(("cell", "what it is"), rows)


def unwritten(folder: Path) -> list[str]:
    """Return what is missing from the pages of the cells in `folder`, one line for each; nothing when all is there."""
    lines: list[str] = []
    known = cell_names()
    for name in known:
        page = folder / f"{name}.md"
        if not page.is_file():
            lines.append(
                f"the cell {name} (src/sarto/models/reservoir/{name}.py) has no page: write docs/cells/{name}.md "
                f'like docs/cells/ring.md, with {{{{ cell("{name}") }}}}, when to use it, and measured figures'
            )
            continue
        text = page.read_text(encoding="utf-8")
        wanted = (f'{{{{ cell("{name}") }}}}', *HEADINGS)
        lines += [f"docs/cells/{name}.md lacks '{part}'" for part in wanted if part not in text]
    strangers = sorted({page.stem for page in folder.glob("*.md")} - {*known, "index"})
    lines += [f"docs/cells/{name}.md is about a cell that there is not" for name in strangers]
    return lines
