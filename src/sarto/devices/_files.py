"""What the files of devices and links share: where they lie, and how their texts and numbers are read.

>>> sorted(files_of("sarto.devices"))[:2]
['cortex_m0plus', 'cortex_m33']
>>> assumption({"value": 80e6, "source": "a data sheet"}, "clock_hz", "Hz").value
80000000.0
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

from sarto.core.device import Assumption
from sarto.core.errors import SartoError
from sarto.core.rooms import entry_points

T = TypeVar("T")


def files_of(room: str) -> dict[str, Traversable]:
    """Return the TOML files of the package `room` by name, those of outside packages (entry points) included."""
    found = {f.name.removesuffix(".toml"): f for f in files(room).iterdir() if f.name.endswith(".toml")}
    for entry in entry_points(room):
        found[entry.name] = files(entry.value) / f"{entry.name}.toml"
    return found


def text_of(room: str, name: str, what: str) -> str:
    """Return the text of the file `name`.toml of `room`.

    Raises:
        SartoError: E111, when there is none; it says that `name` is not `what`, such as `a device`.
    """
    known = files_of(room)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
        raise SartoError("E111", f"'{name}' is not {what}", cause="there is no file of that name", hint=hint)
    return known[name].read_text(encoding="utf-8")


def own_text(path: str, what: str, known: Sequence[str]) -> tuple[str, str]:
    """Return the name and the text of a TOML file of the user's.

    Args:
        path: of the file, which ends in `.toml`.
        what: it is, such as `device`.
        known: names that are taken, so that a figure which names one of them is about that one.

    Raises:
        SartoError: E111, when it cannot be read; E112, when its name is taken.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = "it is no text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
        hint = f"give a TOML file, or one of {', '.join(known)}"
        raise SartoError(
            "E111", f"the {what} file '{path}' cannot be read", cause=cause, hint=hint
        ) from error
    name = re.sub(r"[^\w.+-]", "_", Path(path).stem)
    if name in known:
        raise SartoError(
            "E112",
            f"the {what} file '{path}' has the name of another {what}",
            cause=f"Sarto has a {what} {name}, and figures tell {what}s by their names",
            hint=f"rename the file, or name the {what} without a path: {name}",
        )
    return name, text


def described(room: str, name: str, what: str, parse: Callable[[str, str], T]) -> T:
    """Return what a file describes: `name`.toml of `room`, or the user's own of the path `name`, which ends in `.toml`.

    Args:
        room: package of the files.
        name: of the file, or a path.
        what: it describes, such as `device`.
        parse: (name, text) -> what it describes.

    Raises:
        SartoError: E111, when it cannot be found or read; E112, when its name is taken; and those of `parse`.
    """
    if not name.endswith(".toml"):
        return parse(name, text_of(room, name, f"a {what}"))
    return parse(*own_text(name, what, sorted(files_of(room))))


def parsed(text: str, build: Callable[[dict[str, Any]], T], title: str, like: str) -> T:
    """Return what `build` makes of the fields of a TOML `text`; it takes out (`pop`) all that it knows.

    Args:
        text: the file.
        build: raises KeyError or ValueError for a field that is missing or wrong.
        title: how an error calls the file.
        like: a file to compare it with.

    Raises:
        SartoError: E112, when a field is missing, unknown or wrong.
    """
    try:
        fields = tomllib.loads(text)
        value = build(fields)
        if fields:
            raise ValueError(f"{', '.join(sorted(fields))}: no such field")
    except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        hint = f"compare it with {like}; every number needs its source"
        raise SartoError("E112", f"{title} cannot be read", cause=reason, hint=hint) from error
    return value


LEAST, MOST = 1e-15, 1e15
"""Of a physical number in SI units; what lies beyond is a slip, and products of such numbers stay finite."""


def words(value: object, key: str) -> str:
    """Return `value`, which must be a text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be text")
    return value.strip()


def table(value: object, key: str, wanted: set[str]) -> Mapping[str, Any]:
    """Return `value`, which must be a table of exactly the `wanted` fields."""
    if not isinstance(value, dict):
        raise ValueError(f"{key} must be a table")
    fields = cast("dict[str, Any]", value)
    if missing := wanted - set(fields):
        raise ValueError(f"{key}.{min(missing)} is missing")
    if unknown := set(fields) - wanted:
        raise ValueError(f"{key}.{min(unknown)}: no such field")
    return fields


def assumption(value: object, key: str, unit: str, *, zero: bool = False) -> Assumption | None:
    """Return a number above zero, or zero where it may be, with its source; None where the file has none."""
    if value is None:
        return None
    fields = table(value, key, {"value", "source"})
    number = fields["value"]
    if type(number) not in (int, float) or not (LEAST <= number <= MOST or (zero and number == 0)):
        raise ValueError(f"{key}.value must lie between {LEAST:g} and {MOST:g}{', or be 0' if zero else ''}")
    return Assumption(float(number), unit, words(fields["source"], f"{key}.source"))
