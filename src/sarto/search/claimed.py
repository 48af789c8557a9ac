"""An output folder belongs to one request: it is claimed before anything is written, and read again when it is whole.

`request.json` says whose it is, and `verdict.json`, which is written last, that it is whole.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sarto import __version__
from sarto.core.errors import SartoError
from sarto.core.store import write_atomic

MARKER = "request.json"
OTHER = "choose another folder with -o, or remove this one"


def whole(out: Path, identity: Callable[[], Mapping[str, Any]]) -> bool:
    """Return whether `out` holds the finished result of a request; asked for its `identity` only if it holds one.

    Raises:
        SartoError: E113, when the folder holds something else; E114, when its marker cannot be read.
    """
    if out.exists() and not out.is_dir():
        raise SartoError(
            "E113",
            f"{out} is a file",
            cause="an output folder is needed",
            hint="choose another folder with -o",
        )
    # What a kill while the marker was written leaves behind is no one else's.
    names = [entry.name for entry in out.iterdir()] if out.exists() else []
    if all(name.startswith(f".{MARKER}.") for name in names):
        return False
    if not (out / MARKER).exists():
        raise SartoError(
            "E113",
            f"{out} is not empty, and not an output folder of Sarto",
            cause=f"there is no {MARKER} in it",
            hint="choose another folder with -o",
        )
    try:
        kept = read_json(out / MARKER)
    except (OSError, ValueError) as error:
        raise damaged(out, error) from error
    wanted = identity()
    if kept != wanted:
        differing = ", ".join(sorted(k for k in wanted if kept.get(k) != wanted[k]))
        raise SartoError(
            "E113",
            f"{out} belongs to another request",
            cause=f"it differs in: {differing}",
            hint=OTHER,
        )
    return (out / "verdict.json").exists()


def claim(out: Path, identity: Mapping[str, Any]) -> None:
    """Mark the folder as belonging to a request, once what it was asked to work on is known to be good."""
    try:
        write_atomic(out / MARKER, json.dumps(identity, sort_keys=True, indent=1))
    except OSError as error:
        raise SartoError(
            "E113",
            f"the folder '{out}' cannot be made",
            cause=error.strerror or type(error).__name__,
            hint="choose another with -o",
        ) from error


@contextmanager
def given_up_if_empty(out: Path) -> Generator[None]:
    """Give a claimed folder up when an error of the request leaves nothing in it that another try could go on from."""
    try:
        yield
    except SartoError:
        if all(path.name == MARKER or path.is_dir() for path in out.rglob("*")):
            shutil.rmtree(out)
        raise


def made_with(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python, Sarto and `packages`, and the platform, for the record of what made a folder."""
    from importlib.metadata import version  # which imports mail and network modules

    own = {"python": platform.python_version(), "platform": sys.platform, "sarto": __version__}
    return own | {name: version(name) for name in packages}


def damaged(out: Path, error: Exception) -> SartoError:
    """Return the error of a folder that a file of is missing, unreadable or changed."""
    return SartoError("E114", f"{out} is damaged", cause=f"a file of it cannot be read: {error}", hint=OTHER)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))
