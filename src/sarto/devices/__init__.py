"""Devices: one TOML file each, every number with its source. File name = device name.

>>> devices()
['cortex_m0plus', 'cortex_m33', 'cortex_m4', 'cortex_m7', 'host', 'rv32imc']
>>> device("cortex_m4").title
'Arm Cortex-M4'
>>> any_device("host").title
'this computer'

A new device is one new file here and no other edit; an outside package admits its own by an entry point in the
group `sarto.devices`, which names a package that holds `<device>.toml`. A user's own device is a file of the same form,
given by its path.

A file whose target is `native` is a host, the computer that Sarto runs on. `device` returns only what images are built
for, so that no code which builds one can be given a host; `any_device` returns both.
"""

from __future__ import annotations

from typing import Any, cast

from sarto.core.device import KINDS, NATIVE, AnyDevice, CycleTable, Device, Host, Memory
from sarto.core.errors import SartoError
from sarto.devices._files import assumption, described, files_of, parsed, table, words


def devices() -> list[str]:
    """Return the names of the devices, sorted."""
    return sorted(files_of(__name__))


def microcontrollers() -> list[str]:
    """Return the names of the devices that images are built for, sorted."""
    return [name for name in devices() if isinstance(any_device(name), Device)]


def any_device(name: str) -> AnyDevice:
    """Return the device that the file `name`.toml here describes, or that of the path `name`, which ends in `.toml`.

    Raises:
        SartoError: E111, when there is no such file; E112, when it lacks a field or has one that is unknown or wrong,
            or when a file of the user's has the name of one that is here.
    """
    return described(__name__, name, "device", parse_device)


def device(name: str) -> Device:
    """Return the device `name`, as `any_device` does, if images are built for it.

    Raises:
        SartoError: as `any_device`, and E112 for a host.
    """
    return image_device(any_device(name))


def image_device(found: AnyDevice) -> Device:
    """Return `found`, if images are built for it.

    Raises:
        SartoError: E112 for a host.
    """
    if isinstance(found, Host):
        raise SartoError(
            "E112",
            f"no image is built for {found.name}",
            cause="it is this computer, which has no flash to write an image to",
            hint=f"choose one of {', '.join(microcontrollers())}",
        )
    return found


def parse_device(name: str, text: str) -> AnyDevice:
    """Return the device that the TOML `text` describes.

    Args:
        name: of the device, as on the command line.
        text: `title`, `target`, `cpu`, `emulator_cpu`, optional `gcc` and `notes`; tables `flash` and `ram` with
            `origin`, `size_b`, `source`; optional tables `clock_hz`, `energy_per_cycle_j` with `value` and `source`,
            and `cycles` with `source`, `assumes`, and for each kind of `core.device.KINDS` its cycles, a number or
            the least and the most. Where the target is `native`, only `title`, `cpu` and `notes` beside it.

    Raises:
        SartoError: E112, when a field is missing, unknown or wrong.
    """
    title = f"the device file {name}.toml"
    return parsed(text, lambda fields: _device(name, fields), title, "devices/cortex_m4.toml")


def _device(name: str, fields: dict[str, Any]) -> AnyDevice:
    title, target, cpu = (words(fields.pop(key), key) for key in ("title", "target", "cpu"))
    notes = words(fields.pop("notes"), "notes") if "notes" in fields else ""
    if target == NATIVE:
        return Host(name, title, cpu, notes)
    return Device(
        name=name,
        title=title,
        target=target,
        cpu=cpu,
        emulator_cpu=words(fields.pop("emulator_cpu"), "emulator_cpu"),
        flash=_memory(fields.pop("flash"), "flash"),
        ram=_memory(fields.pop("ram"), "ram"),
        cycles=_cycles(fields.pop("cycles", None)),
        clock_hz=assumption(fields.pop("clock_hz", None), "clock_hz", "Hz"),
        energy_per_cycle_j=assumption(fields.pop("energy_per_cycle_j", None), "energy_per_cycle_j", "J"),
        gcc=words(fields.pop("gcc"), "gcc") if "gcc" in fields else "",
        notes=notes,
    )


def _memory(value: object, key: str) -> Memory:
    fields = table(value, key, {"origin", "size_b", "source"})
    origin, size_b = fields["origin"], fields["size_b"]
    if type(origin) is not int or not 0 <= origin < 2**32:
        raise ValueError(f"{key}.origin must be an address of 32 bits")
    if type(size_b) is not int or size_b <= 0 or size_b % 1024 or origin % 1024 or origin + size_b > 2**32:
        raise ValueError(f"{key} must start at, and be, a multiple of 1024 bytes within the address space")
    return Memory(origin, size_b, words(fields["source"], f"{key}.source"))


def _cycles(value: object) -> CycleTable | None:
    if value is None:
        return None
    given = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    kinds = set(given) & set(KINDS)
    fields = table(cast("object", given or value), "cycles", {"source", "assumes", *kinds})
    entries: list[tuple[str, int, int]] = []
    for kind in sorted(kinds, key=KINDS.index):
        entry: Any = fields[kind]
        bounds = cast("list[Any]", entry) if isinstance(entry, list) else [entry, entry]
        low, high = bounds if len(bounds) == 2 else (None, None)
        if type(low) is not int or type(high) is not int or not 0 <= low <= high:
            raise ValueError(f"cycles.{kind} must be a whole number, or the least and the most, as in [1, 3]")
        entries.append((kind, low, high))
    source, assumes = (words(fields[key], f"cycles.{key}") for key in ("source", "assumes"))
    return CycleTable(tuple(entries), source, assumes)
