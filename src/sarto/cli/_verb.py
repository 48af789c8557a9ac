"""A verb: a click command with an example, options under headings, and `--debug`.

>>> @verb("greet", example="sarto greet World")
... @click.argument("name")
... def command(name: str) -> None:
...     "Say hello."
>>> command.example, command.params[-1].name
('sarto greet World', 'debug')
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from sarto.cli._call import Call
from sarto.cli._settings import Setting
from sarto.core.errors import SartoError


class Verb(click.Command):
    """A command of `sarto`; its callback returns the exit code, or None for 0."""

    def __init__(self, name: str, example: str = "", **fields: Any) -> None:
        super().__init__(name, **fields)
        self.example = example
        self.params.append(debug_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words after the verb; what is wrong with them knows which verb it was."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those that are settings under their headings."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                sections.setdefault(param.section if isinstance(param, Setting) else "Options", []).append(
                    record
                )
        last = sections.pop("Options", [])
        for heading, records in [*sections.items(), ("Options", last)]:
            with formatter.section(heading):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example, and where settings may also stand."""
        if self.example:
            with formatter.section("Example"):
                formatter.write_text(self.example)
        if any(isinstance(param, Setting) for param in self.params):
            formatter.write_paragraph()
            formatter.write_text(
                "Options under a heading of their own may also stand in the environment (SARTO_MIN_ACCURACY=0.85), or "
                "in sarto.toml or [tool.sarto] of pyproject.toml in the working folder (min-accuracy = 0.85). A flag "
                "wins over the environment, and that over the file."
            )


def verb(name: str, example: str = "") -> Callable[[Callable[..., Any]], Verb]:
    """Return the decorator that makes a `Verb` of a function.

    The function's docstring is the help, and the first line of its module's the verb's line in a list.
    """

    def decorate(function: Callable[..., Any]) -> Verb:
        return click.command(
            name,
            cls=Verb,
            example=example,
            short_help=(sys.modules[function.__module__].__doc__ or "").partition("\n")[0],
            context_settings={"help_option_names": ["-h", "--help"]},
        )(function)

    return decorate


def debug_option() -> click.Option:
    """Return the option `--debug`, which is the same before and after the verb."""
    return click.Option(
        ["--debug"], is_flag=True, is_eager=True, expose_value=False, callback=_set_debug,
        help="Show where an unexpected failure came from.",
    )  # fmt: skip


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`, which every verb with an answer has; the callback gets it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON document.")(
        function
    )


def one_form(wanted: Mapping[str, bool]) -> None:
    """Refuse more than one form of the answer.

    Args:
        wanted: flag -> whether it was given.

    Raises:
        SartoError: E112, when two were.
    """
    chosen = [flag for flag, given in wanted.items() if given]
    if len(chosen) > 1:
        message = f"{' and '.join(chosen)} exclude each other"
        raise SartoError("E112", message, cause="one call prints one answer", hint="call it once for each")


def _set_debug(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    call = context.find_root().obj
    if wanted and isinstance(call, Call):
        call.debug = True
