"""The program: finds its verbs, runs the one that was named, and turns every ending into an exit code.

>>> PROGRAM.main(["explain", "E9"], standalone_mode=False)
2
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from functools import cache
from typing import Any

import click

from sarto.cli import _answer
from sarto.cli._call import Call
from sarto.cli._docline import docline
from sarto.cli._failures import UNEXPECTED, as_json, as_sarto_error, coloured, show
from sarto.cli._family import Nearest
from sarto.cli._verb import debug_option
from sarto.core.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, error_pages
from sarto.core.rooms import load_method, methods

ROOM = "sarto.cli"
_HELP = """Cut AI models to measure: data and a budget in, a model that fits a microcontroller out, with the evidence.

\b
  sarto fit BasicMotions --device cortex_m4 --flash 32KiB --ram 4KiB -o out/
"""
_EPILOG = """\b
Exit codes: 0 done and fits, 1 failed, 2 usage or input, 3 the budget is not met,
4 a tool is missing, 5 a gate failed, 130 interrupted.
Completion: eval "$(_SARTO_COMPLETE=bash_source sarto)"; also zsh_source, fish_source.
"""


@cache
def _verbs() -> tuple[str, ...]:
    """Return the names of the verbs; the room is looked through once."""
    return tuple(methods(ROOM))


class Program(Nearest):
    """The group of the verbs, which are the public files of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the verbs, sorted."""
        return list(_verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, or None when there is no such file."""
        if cmd_name not in _verbs():
            return None
        command = load_method(ROOM, cmd_name).command
        assert isinstance(command, click.Command), f"{ROOM}.{cmd_name} lacks its command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each verb with the first line of its file, which need not be imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, docline(f"{ROOM}.{name}")) for name in _verbs()])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs first, then the options."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the program; leave with its exit code, or return it when not `standalone_mode`."""
        call = Call(tuple(sys.argv[1:] if args is None else args))
        code = self._outcome(call, complete_var, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _outcome(self, call: Call, complete_var: str | None, extra: dict[str, Any]) -> int:
        for stream in (sys.stdout, sys.stderr):
            if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
                reconfigure(errors="replace")  # a terminal that lacks a sign, such as µ, shows another
        try:
            words = list(call.arguments)
            code = super().main(words, "sarto", complete_var, standalone_mode=False, obj=call, **extra)
            sys.stdout.flush()
            return code if isinstance(code, int) else EXIT_DONE
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            return EXIT_USAGE
        except (click.Abort, KeyboardInterrupt):
            click.echo(coloured(call.interrupted, bold=True), err=True)
            if call.wants_json:
                _answer.document({"error": {"message": call.interrupted}})
            return EXIT_INTERRUPTED
        except Exception as error:
            failure = as_sarto_error(error)
            if call.debug and failure.code == UNEXPECTED:
                traceback.print_exception(error)
            show(failure)
            if call.wants_json:
                _answer.document(as_json(failure))
            return failure.exit_code if failure.code in error_pages() else EXIT_FAILED


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        import sarto

        _answer.line(f"sarto {sarto.__version__}")
        context.exit()


PROGRAM = Program(
    "sarto",
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        ),
        debug_option(),
    ],
)
