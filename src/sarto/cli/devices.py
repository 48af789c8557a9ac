"""List the devices, or one with the source of each of its numbers."""

from __future__ import annotations

from dataclasses import asdict

import click

from sarto.cli import _answer
from sarto.cli._kinds import DEVICE
from sarto.cli._verb import json_option, verb
from sarto.core.device import AnyDevice, Host, Memory
from sarto.core.units import format_quantity

_UNKNOWN = "no source was opened"


@verb("devices", example="sarto devices cortex_m4")
@click.argument("name", required=False, type=DEVICE)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the devices, or show one: with NAME, every number and the source it was read in."""
    from sarto import devices

    if name is not None:
        chosen = devices.any_device(name)
        if as_json:
            _answer.document(asdict(chosen))
        else:
            _show(chosen)
        return
    all_devices = [devices.any_device(known) for known in devices.devices()]
    if as_json:
        _answer.document([asdict(d) for d in all_devices])
        return
    rows = [
        (
            d.name,
            d.title,
            _size(d.flash),
            _size(d.ram),
            ", ".join(_derived(d)),
        )
        for d in all_devices
    ]
    _answer.table(("device", "what it is", "flash", "RAM", "what can be told"), rows, right=(2, 3))


def _size(memory: Memory | None) -> str:
    return "no limit" if memory is None else format_bytes(memory.size_b)


def format_bytes(size_b: int) -> str:
    """Return a memory size as data sheets write it.

    >>> format_bytes(262144), format_bytes(1500)
    ('256 KiB', '1.5 kB')
    """
    return f"{size_b // 1024} KiB" if size_b % 1024 == 0 else format_quantity(size_b, "B")


def _derived(device: AnyDevice) -> list[str]:
    """Return the figures that a device gives, sizes apart."""
    if isinstance(device, Host):
        return ["time (measured)"]
    if device.cycles is None:
        return ["instructions only"]
    figures = ["instructions", "cycles (estimated)"]
    if device.clock_hz:
        figures.append("time (estimated)")
    if device.energy_per_cycle_j:
        figures.append("energy (estimated)")
    return figures


def _show(device: AnyDevice) -> None:
    _answer.line(f"{device.name}: {device.title}")
    if isinstance(device, Host):
        _show_host(device)
        return
    _answer.line(f"compiled for {device.target}, -mcpu={device.cpu}; emulated as {device.emulator_cpu}")
    _answer.line()
    rows = [
        (name, f"{format_bytes(memory.size_b)} at {memory.origin:#010x}", "declared", memory.source)
        for name, memory in (("flash", device.flash), ("RAM", device.ram))
    ]
    for name, sourced in (("clock", device.clock_hz), ("energy per cycle", device.energy_per_cycle_j)):
        if sourced is None:
            rows.append((name, _UNKNOWN, "", "so nothing that needs it is shown"))
        else:
            rows.append((name, format_quantity(sourced.value, sourced.unit), "declared", sourced.source))
    table = device.cycles
    if table is None:
        rows.append(("cycle table", _UNKNOWN, "", "so no cycles, time or energy is shown"))
    else:
        rows.append(
            ("cycle table", f"{len(table.entries)} kinds", "declared", f"{table.source}; {table.assumes}")
        )
        for kind, low, high in table.entries:
            cycles = f"{low}" if low == high else f"{low} to {high}"
            rows.append((f"  {kind.replace('_', ' ')}", f"{cycles} cycles", "declared", ""))
    _answer.table(("what", "value", "how", "source"), rows)
    if device.notes:
        _answer.line()
        _answer.line(device.notes)


def _show_host(host: Host) -> None:
    from sarto.measure.processor import processor

    _answer.line(f"compiled for {host.target}, -mcpu={host.cpu}; run on {processor()}")
    _answer.line()
    rows = [
        ("flash, RAM", "no limit of its own", "measured", "in the object file and when it runs"),
        ("time", "", "measured", "processor time of one thread"),
        ("instructions", "not counted", "", "so a limit of them is refused"),
        ("energy", "not measured", "", "so a limit of it is refused"),
    ]
    _answer.table(("what", "value", "how", "source"), rows)
    if host.notes:
        _answer.line()
        _answer.line(host.notes)
