"""List the methods of every plug-in room, or of one, with what each is."""

from __future__ import annotations

import click

from sarto.cli import _answer
from sarto.cli._docline import docline
from sarto.cli._failures import nearest
from sarto.cli._verb import json_option, verb
from sarto.core.errors import SartoError

ROOMS = (
    "models/reservoir",
    "search/families",
    "compress/prune",
    "compress/quantize",
    "compress/code",
    "learn/federated",
    "runtime/policies",
    "devices",
    "devices/links",
    "devices/platforms",
    "cli",
)
"""The plug-in rooms: there every public file is a method."""


@verb("methods", example="sarto methods models/reservoir")
@click.argument("room", required=False)
@json_option
def command(room: str | None, as_json: bool) -> None:
    """List the methods: in a plug-in room every file is one, and its name is the choice on the command line."""
    chosen = ROOMS if room is None else [_find(room)]
    found = {name: _methods(name) for name in chosen}
    if as_json:
        _answer.document(found)
        return
    rows = [(name, method, what) for name, methods in found.items() for method, what in methods.items()]
    _answer.table(("room", "method", "what it is"), rows)


def _find(room: str) -> str:
    wanted = room.strip("/").replace(".", "/").removeprefix("sarto/")
    found = next((name for name in ROOMS if wanted in (name, name.rpartition("/")[2])), None)
    if found is None:
        hint = nearest(wanted, ROOMS) or f"the rooms are {', '.join(ROOMS)}"
        raise SartoError(
            "E111",
            f"'{room}' is not a room with methods",
            cause="there is no package of that name",
            hint=hint,
        )
    return found


def _methods(room: str) -> dict[str, str]:
    """Return each method of `room` with the first line of what it says about itself."""
    if room == "devices":
        from sarto.devices import any_device, devices

        return {name: any_device(name).title for name in devices()}
    if room == "devices/links":
        from sarto.devices.links import link, links

        return {name: link(name).title for name in links()}
    if room == "devices/platforms":
        from sarto.devices.platforms import platform, platforms

        return {name: platform(name).title for name in platforms()}
    from sarto.core.rooms import methods

    package = _package(room)
    return {name: docline(f"{package}.{name}") for name in methods(package)}


def _package(room: str) -> str:
    return "sarto." + room.replace("/", ".")
