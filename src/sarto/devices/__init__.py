"""Devices: one TOML file each, every number with its source. File name = device name.

>>> devices()
['cortex_m0plus', 'cortex_m33', 'cortex_m4', 'cortex_m7', 'rv32imc']
>>> device("cortex_m4").title
'Arm Cortex-M4'

A new device is one new file here and no other edit; an outside package admits its own by an entry point in the
group `sarto.devices`, which names a package that holds `<device>.toml`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, cast

from sarto.core.device import KINDS, Assumption, CycleTable, Device, Memory
from sarto.core.errors import SartoError
from sarto.core.rooms import entry_points

_UNITS = {"clock_hz": "Hz", "energy_per_cycle_j": "J"}


def _files() -> dict[str, Traversable]:
    found = {f.name.removesuffix(".toml"): f for f in files(__name__).iterdir() if f.name.endswith(".toml")}
    for entry in entry_points(__name__):
        found[entry.name] = files(entry.value) / f"{entry.name}.toml"
    return found


def devices() -> list[str]:
    """Return the names of the devices, sorted."""
    return sorted(_files())


def device(name: str) -> Device:
    """Return the device that the file `name`.toml describes.

    Raises:
        SartoError: E111, when there is no such file; E112, when it lacks a field or has one that is unknown or wrong.
    """
    known = _files()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
        raise SartoError(
            "E111", f"'{name}' is not a device", cause="there is no file of that name", hint=hint
        )
    return parse_device(name, known[name].read_text(encoding="utf-8"))


def parse_device(name: str, text: str) -> Device:
    """Return the device that the TOML `text` describes.

    Args:
        name: of the device, as on the command line.
        text: `title`, `target`, `cpu`, `emulator_cpu`, optional `gcc` and `notes`; tables `flash` and `ram` with
            `origin`, `size_b`, `source`; optional tables `clock_hz`, `energy_per_cycle_j` with `value` and `source`,
            and `cycles` with `source`, `assumes`, and for each kind of `core.device.KINDS` its cycles, a number or
            the least and the most.

    Raises:
        SartoError: E112, when a field is missing, unknown or wrong.
    """
    try:
        return _device(name, tomllib.loads(text))
    except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise SartoError(
            "E112",
            f"the device file {name}.toml cannot be read",
            cause=reason,
            hint="compare it with devices/cortex_m4.toml; every number needs its source",
        ) from error


def _device(name: str, fields: dict[str, Any]) -> Device:
    device = Device(
        name=name,
        title=_text(fields.pop("title"), "title"),
        target=_text(fields.pop("target"), "target"),
        cpu=_text(fields.pop("cpu"), "cpu"),
        emulator_cpu=_text(fields.pop("emulator_cpu"), "emulator_cpu"),
        flash=_memory(fields.pop("flash"), "flash"),
        ram=_memory(fields.pop("ram"), "ram"),
        cycles=_cycles(fields.pop("cycles", None)),
        clock_hz=_assumption(fields.pop("clock_hz", None), "clock_hz"),
        energy_per_cycle_j=_assumption(fields.pop("energy_per_cycle_j", None), "energy_per_cycle_j"),
        gcc=_text(fields.pop("gcc"), "gcc") if "gcc" in fields else "",
        notes=_text(fields.pop("notes"), "notes") if "notes" in fields else "",
    )
    if fields:
        raise ValueError(f"{', '.join(sorted(fields))}: no such field")
    return device


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be text")
    return value.strip()


def _table(value: object, key: str, wanted: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{key} must be a table")
    table = cast("dict[str, Any]", value)
    if missing := wanted - set(table):
        raise ValueError(f"{key}.{min(missing)} is missing")
    if unknown := set(table) - wanted:
        raise ValueError(f"{key}.{min(unknown)}: no such field")
    return table


def _memory(value: object, key: str) -> Memory:
    table = _table(value, key, {"origin", "size_b", "source"})
    origin, size_b = table["origin"], table["size_b"]
    if type(origin) is not int or not 0 <= origin < 2**32:
        raise ValueError(f"{key}.origin must be an address of 32 bits")
    if type(size_b) is not int or size_b <= 0 or size_b % 1024 or origin % 1024 or origin + size_b > 2**32:
        raise ValueError(f"{key} must start at, and be, a multiple of 1024 bytes within the address space")
    return Memory(origin, size_b, _text(table["source"], f"{key}.source"))


def _cycles(value: object) -> CycleTable | None:
    if value is None:
        return None
    given = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    kinds = set(given) & set(KINDS)
    table = _table(cast("object", given or value), "cycles", {"source", "assumes", *kinds})
    entries: list[tuple[str, int, int]] = []
    for kind in sorted(kinds, key=KINDS.index):
        entry: Any = table[kind]
        bounds = cast("list[Any]", entry) if isinstance(entry, list) else [entry, entry]
        low, high = bounds if len(bounds) == 2 else (None, None)
        if type(low) is not int or type(high) is not int or not 0 <= low <= high:
            raise ValueError(f"cycles.{kind} must be a whole number, or the least and the most, as in [1, 3]")
        entries.append((kind, low, high))
    source, assumes = (_text(table[key], f"cycles.{key}") for key in ("source", "assumes"))
    return CycleTable(tuple(entries), source, assumes)


def _assumption(value: object, key: str) -> Assumption | None:
    if value is None:
        return None
    table = _table(value, key, {"value", "source"})
    number = table["value"]
    if type(number) not in (int, float) or not 0 < number < float("inf"):
        raise ValueError(f"{key}.value must be above zero")
    return Assumption(float(number), _UNITS[key], _text(table["source"], f"{key}.source"))
