"""Devices, platforms and links: every number of their files beside the source that it was read in."""

from __future__ import annotations

from docs._parts._docstrings import escaped
from docs._parts._tables import table
from sarto import devices as room
from sarto.core.device import Assumption, CycleTable, Device, Memory
from sarto.core.units import format_quantity
from sarto.devices import links as link_room
from sarto.devices import platforms as platform_room
from sarto.devices.platforms import Platform

COLUMNS = ("what", "value", "source")


def devices() -> str:
    """Return the devices that images are built for: a table, then each with the source of every number."""
    known = [room.device(name) for name in room.microcontrollers()]
    rows = [
        (
            f"[{device.name}](#{device.name})",
            device.title,
            _bytes(device.flash),
            _bytes(device.ram),
            _yes(device.cycles),
            _yes(device.clock_hz),
            _yes(device.energy_per_cycle_j),
        )
        for device in known
    ]
    columns = ("device", "core", "flash", "RAM", "cycles", "time", "energy")
    return "\n\n".join([table(columns, rows, right=(2, 3)), *map(_device, known)])


def links() -> str:
    """Return each link with the source of every number, under a heading of its own."""
    return "\n\n".join(_link(link_room.link(name)) for name in link_room.links())


def platforms() -> str:
    """Return each platform with the source of every number, under a heading of its own."""
    return "\n\n".join(_platform(platform_room.platform(name)) for name in platform_room.platforms())


def _platform(platform: Platform) -> str:
    rows = [
        (
            str(setting),
            format_quantity(setting.latency_s, "s"),
            format_quantity(setting.power_w, "W"),
            format_quantity(setting.energy_j, "J"),
        )
        for setting in platform.settings
    ]
    costs = (
        ("between jobs", platform.idle_w),
        ("another clock", platform.frequency_change_s),
        ("another cluster", platform.move_s),
    )
    sources = sorted({cluster.source for cluster in platform.clusters})
    found = [str(finding) for finding in platform.findings]
    parts = [
        f"### {platform.title} {{ #{platform.name} }}\n\n`--platform {platform.name}`: {escaped(platform.job)}",
        escaped(platform.notes),
        table(("setting", "time", "power", "power times time"), rows, right=(1, 2, 3)),
        escaped(f"{'; '.join(sources)}."),
        *map(escaped, found),
        table(COLUMNS, [_number(name, number) for name, number in costs]),
    ]
    return "\n\n".join(filter(None, parts))


def _device(device: Device) -> str:
    rows = [
        (name, f"{_bytes(memory)} at {memory.origin:#010x}", escaped(memory.source))
        for name, memory in (("flash", device.flash), ("RAM", device.ram))
    ]
    assumed = (("clock", device.clock_hz), ("energy of a cycle", device.energy_per_cycle_j))
    rows += [_number(name, number) for name, number in assumed if number is not None]
    if device.gcc:
        rows.append(("GCC", f"`{device.gcc}`", "how the deployed project is compiled"))
    parts = [f"### {device.title} {{ #{device.name} }}\n\n`--device {device.name}`", escaped(device.notes)]
    parts += [table(COLUMNS, rows), _cycles(device.cycles) if device.cycles else ""]
    return "\n\n".join(filter(None, parts))


def _cycles(cycles: CycleTable) -> str:
    rows = [
        (f"`{kind}`", str(low) if low == high else f"{low} to {high}") for kind, low, high in cycles.entries
    ]
    intro = f"Cycles by the kind of an instruction: {escaped(cycles.source)}; {escaped(cycles.assumes)}."
    return f"{intro}\n\n{table(('kind', 'cycles'), rows, right=(1,))}"


def _link(link: link_room.Link) -> str:
    rows = [_number(f"`{name}`", number) for name, number in link.numbers.items()]
    parts = [f"### {link.title} {{ #{link.name} }}\n\n`--placement {link.name}`", escaped(link.notes)]
    if link.leaves_out:
        parts.append(f"The air time leaves out: {escaped(link.leaves_out)}")
    return "\n\n".join(filter(None, [*parts, table(COLUMNS, rows)]))


def _number(name: str, number: Assumption) -> tuple[str, str, str]:
    return name, format_quantity(number.value, number.unit), escaped(number.source)


def _bytes(memory: Memory) -> str:
    kib, rest = divmod(memory.size_b, 1024)
    assert not rest, "a memory is a multiple of 1024 B"
    return f"{kib} KiB"


def _yes(value: object) -> str:
    return "yes" if value is not None else "no source"
