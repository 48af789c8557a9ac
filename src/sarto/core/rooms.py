"""Plug-in rooms: every public file of a room is a method, and lists itself.

>>> "esn" in methods("sarto.models.reservoir")
True
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sarto.core.errors import SartoError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_points(group: str) -> Iterable[EntryPoint]:
    """Return the entry points of installed packages in `group`.

    Reading them properly imports mail and network modules, so it is only done when some package has such a group.
    """
    if not _mentioned(group, tuple(sys.path)):
        return ()
    from importlib import metadata

    return metadata.entry_points(group=group)


@cache
def _mentioned(group: str, folders: tuple[str, ...]) -> bool:
    """Return whether a package installed in one of `folders` speaks of `group` in its entry points."""
    heading = f"[{group}]".encode()
    files = (file for folder in folders for file in Path(folder).glob("*-info/entry_points.txt"))
    return any(heading in file.read_bytes() for file in files)


def methods(room: str) -> list[str]:
    """Return the names of the methods in package `room`, those of entry points included, sorted.

    An outside package admits a method by an entry point in the group named like the room.
    """
    package = importlib.import_module(room)
    inside = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    return sorted(inside | {e.name for e in entry_points(room)})


def load_method(room: str, name: str) -> ModuleType:
    """Return the module of method `name` in package `room`.

    Raises:
        SartoError: E111, when the room has no such method; the hint names the nearest ones.
    """
    known = methods(room)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise SartoError(
            "E111", f"'{name}' is not a method of {room}", cause="there is no file of that name", hint=hint
        )
    for entry in entry_points(room):
        if entry.name == name:
            loaded = entry.load()
            assert isinstance(loaded, ModuleType), f"entry point {name} of {room} must be a module"
            return loaded
    return importlib.import_module(f"{room}.{name}")
