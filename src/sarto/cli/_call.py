"""One call of the command line: what was typed, and what is to happen when it ends early.

>>> Call(("fit", "my data.npz")).command("--seed", "1")
"sarto fit 'my data.npz' --seed 1"
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import click


@dataclass
class Call:
    """The words after `sarto`, whether `--debug` was among them, and what Ctrl-C has to say."""

    arguments: tuple[str, ...]
    debug: bool = False
    interrupted: str = "interrupted"

    def command(self, *more: str) -> str:
        """Return the command line as a shell takes it, with `more` words at its end."""
        return shlex.join(("sarto", *self.arguments, *more))

    @property
    def wants_json(self) -> bool:
        """Whether `--json` was typed; known even where the words could not be understood."""
        return "--json" in self.arguments


def current_call() -> Call:
    """Return the call that is being answered."""
    call = click.get_current_context().find_root().obj
    assert isinstance(call, Call), "verbs run within the program"
    return call
