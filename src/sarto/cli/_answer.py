"""The answer, on stdout: a table, lines, or one JSON document.

On a terminal tables are drawn by rich and fold to its width; elsewhere they are plain aligned text that is never cut.

>>> table(("device", "flash"), [("cortex_m4", "512 KiB"), ("m0", "8 KiB")], right=(1,))
device       flash
cortex_m4  512 KiB
m0           8 KiB
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

_GAP = "  "


def on_terminal() -> bool:
    """Return whether stdout is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def line(text: str = "") -> None:
    """Print one line or paragraph; a terminal gets it broken between words."""
    if on_terminal():
        console().print(text, markup=False)
    else:
        click.echo(text)


def remark(text: str) -> None:
    """Print a warning or a finding, which may be long.

    A terminal gets it broken between words, all lines but the first indented, so that each begins where the eye looks
    for it. Elsewhere it is one line, so that a filter such as grep sees it whole.
    """
    if on_terminal():
        wide = max(console().width, 20)
        broken = textwrap.wrap(
            text, wide, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        console().print("\n".join(broken), markup=False)
    else:
        click.echo(text)


def verbatim(text: str) -> None:
    """Print `text` as it is, also on a terminal: a line of Markdown that is broken is another one."""
    click.echo(text)


def document(value: Any) -> None:
    """Print `value` as one JSON document."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    styles: Sequence[str] = (),
) -> None:
    """Print rows under column names.

    Args:
        columns: the names.
        rows: one text for each column.
        right: indices of the columns that end flush, such as numbers.
        styles: rich's style for each row, such as `red`; shown on a terminal only, so it may not carry meaning alone.
    """
    if on_terminal():
        _drawn(columns, rows, right, styles)
    else:
        line("\n".join(aligned([columns, *rows], right)))


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return `rows` as lines with every column as wide as its longest text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [
        [
            text.rjust(width) if i in right else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    return [_GAP.join(row).rstrip() for row in cells]


def markdown(title: str, text: str) -> None:
    """Print a page of Markdown under its title: set on a terminal, as it is elsewhere."""
    if not on_terminal():
        line(f"{title}\n\n{text}")
        return
    from rich.markdown import Markdown
    from rich.text import Text

    terminal = console()
    terminal.print(Text(title, style="bold"))
    terminal.print()
    terminal.print(Markdown(text))


def console() -> Console:
    """Return rich's console for stdout as it is now; rich itself heeds NO_COLOR, COLUMNS and TERM."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=False)


def _drawn(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int], styles: Sequence[str]
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold", pad_edge=False, padding=(0, 1))
    for index, name in enumerate(columns):
        drawn.add_column(Text(name), justify="right" if index in right else "left", overflow="fold")
    for index, row in enumerate(rows):
        drawn.add_row(*map(Text, row), style=styles[index] if styles else "")
    console().print(drawn)
