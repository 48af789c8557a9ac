"""A verb with verbs of its own: `sarto federate simulate`; they are listed with the first line of each.

>>> family = Family("demo", [click.Command("one", help="Do one thing.")], help="Demo.", example="sarto demo one")
>>> family.list_commands(click.Context(family))
['one']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from sarto.cli._failures import nearest
from sarto.cli._verb import Verb
from sarto.core.errors import SartoError


class Nearest(click.Group):
    """A group that names the nearest verb where there is none of that name."""

    @property
    def spoken(self) -> str:
        """The words before a verb."""
        return "sarto"

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that `args` begin with.

        Raises:
            SartoError: E111, when there is no such verb.
        """
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            hint = nearest(args[0], known) or f"the commands are {', '.join(known)}"
            raise SartoError("E111", f"'{args[0]}' is not a command of {self.spoken}", hint=hint)
        return super().resolve_command(ctx, args)


class Family(Verb, Nearest):
    """A group of verbs that is one itself."""

    def __init__(self, name: str, verbs: Sequence[click.Command], example: str = "", **fields: Any) -> None:
        super().__init__(
            name,
            example=example,
            no_args_is_help=True,
            context_settings={"help_option_names": ["-h", "--help"]},
            **fields,
        )
        for verb in verbs:
            self.add_command(verb)

    @property
    def spoken(self) -> str:
        """The words before a verb."""
        return f"sarto {self.name}"

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs first, then the options."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.commands[name].get_short_help_str(200)) for name in self.list_commands(ctx)]
            )
        super().format_options(ctx, formatter)
