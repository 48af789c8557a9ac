"""The command line: every public file here is a verb and lists itself; `_name.py` files are what verbs share.

A verb's module has one public name, `command`, a `click.Command`. stdout is the answer and stderr the talk. Heavy
libraries are imported within functions only, so that help, names and usage errors are answered at once.

>>> main(["explain", "E203", "--json"])  # doctest: +ELLIPSIS
Traceback (most recent call last):
SystemExit: 0
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code.

    Args:
        arguments: the words after `sarto`; by default those this process was started with.

    Raises:
        SystemExit: always. 0 done and fits, 1 failed, 2 usage or input, 3 the budget is not met, 4 a tool is missing,
            5 a gate failed, 130 interrupted.
    """
    from sarto.cli._program import PROGRAM

    PROGRAM.main(arguments)
    raise AssertionError("the program leaves by SystemExit")
