"""Failures in words: what a person reads on stderr, and the JSON document of a call with `--json`.

`as_sarto_error` returns every exception as a `SartoError`, so that all look alike:

>>> print(as_sarto_error(click.UsageError("Got unexpected extra argument (x)")))
error[E112]: got unexpected extra argument (x)
hint: `sarto --help` shows how it is called
"""

from __future__ import annotations

import difflib
import errno
import os
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

import click
from click.core import ParameterSource

from sarto.core.errors import NotWrittenError, SartoError

UNEXPECTED = "E000"
"""The code of a failure that nobody foresaw."""
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
"""What the file system answers when a folder cannot be written to."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `did you mean X?` for the nearest of the known names, or nothing."""
    by_lower = {entry.lower(): entry for entry in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]}?" if near else ""


def place_of(param: click.Option, context: click.Context | None) -> str:
    """Return where the value of `param` was given: `--flash`, `SARTO_FLASH`, or `flash in sarto.toml`."""
    flag = max(param.opts, key=len)
    source = context.get_parameter_source(param.name or "") if context is not None else None
    if source is ParameterSource.ENVIRONMENT:
        return str(param.envvar)
    if source is ParameterSource.DEFAULT_MAP and context is not None:
        return f"{flag.lstrip('-')} in {context.meta['sarto.config']}"
    return flag


def as_sarto_error(error: Exception) -> SartoError:
    """Return `error` as the error a user reads; one that nobody foresaw becomes E000."""
    if isinstance(error, SartoError):
        return error
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, NotWrittenError) or (isinstance(error, OSError) and error.errno in _DENIED):
        return SartoError(
            "E113",
            f"{_name(error.filename)} cannot be written",
            cause=os.strerror(error.errno or 0),
            hint="give another place, or make room; an interrupted search resumes",
        )
    words = " ".join(str(error).split())
    return SartoError(
        UNEXPECTED,
        f"{type(error).__name__}: {words}" if words else type(error).__name__,
        cause="this is a fault of Sarto, not of what you typed",
        hint="run it again with --debug and report what it prints; `sarto explain E000` says where and what else",
    )


def show(error: SartoError) -> None:
    """Print `error` on stderr."""
    text = str(error)
    if sys.stderr.isatty():  # broken between words, and only there: a hint may be a command
        import shutil  # of a failure alone: it takes a tenth of the time of `--help`

        width = shutil.get_terminal_size().columns
        text = "\n".join(
            textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
            for line in text.splitlines()
        )
    head, *rest = text.splitlines()
    code, colon, message = head.partition(":")
    lines = [coloured(code, fg="red", bold=True) + colon + message]
    for line in rest:
        label, colon, text = line.partition(":")
        lines.append(coloured(label, bold=True) + colon + text if label in ("cause", "hint") else line)
    click.echo("\n".join(lines), err=True)


def coloured(text: str, **style: Any) -> str:
    """Return `text` in a style where stderr is a terminal that shows one, and as it is elsewhere."""
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty()
    return text if plain else click.style(text, **style)


def as_json(error: SartoError) -> dict[str, Any]:
    """Return `error` as plain JSON values."""
    return {"error": {"code": error.code, "message": error.message, "cause": error.cause, "hint": error.hint}}


def _usage(error: click.ClickException) -> SartoError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "sarto"
    how = f"`{path} --help` shows how it is called"
    if isinstance(error, click.NoSuchOption):
        known = [name for p in context.command.get_params(context) for name in p.opts] if context else []
        hint = nearest(error.option_name, [name for name in known if name.startswith("--")])
        return SartoError("E112", f"{error.option_name} is not an option of {path}", hint=hint or how)
    if isinstance(error, click.MissingParameter):
        param = error.param
        name = "an argument" if param is None else _shown(param, None)
        example = str(getattr(context.command, "example", "")) if context is not None else ""
        return SartoError("E112", f"{path} needs {name}", hint=f"as in: {example}" if example else how)
    message, _, cause = error.message.partition(". ")
    message = (message[:1].lower() + message[1:]).rstrip(".")
    if isinstance(error, click.BadParameter) and error.param is not None:
        message = f"{_shown(error.param, context)}: {message}"
    cause = (cause[:1].lower() + cause[1:]).rstrip(".")
    return SartoError("E112", message.replace("option '", "'"), cause=cause, hint=how)


def _shown(param: click.Parameter, context: click.Context | None) -> str:
    """Return a parameter as a person typed it."""
    return (
        place_of(param, context)
        if isinstance(param, click.Option)
        else (param.metavar or param.name or "").upper()
    )


def _name(filename: object) -> str:
    return f"'{filename}'" if filename else "a file"
