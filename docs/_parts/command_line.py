"""The command line: what `sarto --help` and `sarto VERB --help` print, asked of the program itself."""

from __future__ import annotations

import click

from sarto.cli._docline import docline
from sarto.cli._program import PROGRAM, ROOM

WIDTH = 78
"""Columns: what click prints on a terminal of 80."""


def command_line() -> str:
    """Return the help of the program, then that of each verb under a heading of its own."""
    parts = [_block("sarto --help", _help(PROGRAM, None))]
    with click.Context(PROGRAM, info_name="sarto") as context:
        for name in PROGRAM.list_commands(context):
            command = PROGRAM.get_command(context, name)
            assert command is not None, name
            parts.append(f"## sarto {name} {{ #{name} }}\n\n{docline(f'{ROOM}.{name}')}")
            parts.append(_block(f"sarto {name} --help", _help(command, context)))
    return "\n\n".join(parts)


def _help(command: click.Command, parent: click.Context | None) -> str:
    name = command.name if parent else "sarto"
    with command.make_context(name, [], parent, resilient_parsing=True, terminal_width=WIDTH) as context:
        return command.get_help(context)


def _block(title: str, text: str) -> str:
    return f'```text title="{title}"\n{text}\n```'
