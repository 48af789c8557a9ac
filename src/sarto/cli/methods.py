"""List the methods of every plug-in room, or of one, with what each is."""

from __future__ import annotations

from importlib.util import find_spec
from pkgutil import iter_modules

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
    "cli",
)
"""The plug-in rooms: there every public file is a method. Those without a resident yet are not shown."""


@verb("methods", example="sarto methods models/reservoir")
@click.argument("room", required=False)
@json_option
def command(room: str | None, as_json: bool) -> None:
    """List the methods: in a plug-in room every file is one, and its name is the choice on the command line."""
    rooms = list(filter(_has_residents, ROOMS))
    chosen = rooms if room is None else [_find(room, rooms)]
    found = {name: _methods(name) for name in chosen}
    if as_json:
        _answer.document(found)
        return
    rows = [(name, method, what) for name, methods in found.items() for method, what in methods.items()]
    _answer.table(("room", "method", "what it is"), rows)


def _has_residents(room: str) -> bool:
    try:
        spec = find_spec(_package(room))
    except ModuleNotFoundError:  # the room above it is not built yet
        return False
    if spec is None:
        return False
    # Devices are files of TOML, methods of the other rooms are modules.
    return room.startswith("devices") or any(
        not module.name.startswith("_") for module in iter_modules(spec.submodule_search_locations)
    )


def _find(room: str, rooms: list[str]) -> str:
    wanted = room.strip("/").replace(".", "/").removeprefix("sarto/")
    found = next((name for name in rooms if wanted in (name, name.rpartition("/")[2])), None)
    if found is None:
        hint = nearest(wanted, rooms) or f"the rooms are {', '.join(rooms)}"
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
    from sarto.core.rooms import methods

    package = _package(room)
    return {name: docline(f"{package}.{name}") for name in methods(package)}


def _package(room: str) -> str:
    return "sarto." + room.replace("/", ".")
