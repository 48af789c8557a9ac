r"""Tables in Markdown.

>>> print(table(("name", "flash"), [("a|b", "1 kB")], right=(1,)))
| name | flash |
| :-- | --: |
| a\|b | 1 kB |
"""

from __future__ import annotations

from collections.abc import Sequence


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Return a table; the columns numbered in `right` end flush."""
    rule = ["--:" if index in right else ":--" for index in range(len(columns))]
    lines = [columns, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
