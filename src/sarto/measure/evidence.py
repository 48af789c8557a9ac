"""Evidence from an image and its emulation: what it takes of flash, RAM and instructions, and what follows from that.

Cycles are estimated where the device file has a cycle table, latency and energy where it has what they need besides,
each number with its source:

    latency = cycles per inference / clock
    energy  = cycles per inference * energy per cycle

>>> from sarto.devices import device
>>> counted = Evidence("cycles per inference", 8e5, "cycles", "estimated", "", interval=(4e5, 8e5))
>>> [str(item) for item in estimates(device("cortex_m4"), counted)]
['latency 10 ms (estimated)', 'energy 241.9 µJ (estimated)']
>>> [item.what for item in estimates(device("cortex_m7"), counted)]
['latency']
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Integer, UInt64

from sarto.core.device import AnyDevice
from sarto.core.evidence import Evidence, How
from sarto.core.units import format_quantity
from sarto.measure.emulate import Emulation
from sarto.measure.image import Image


def evidence(
    image: Image, emulation: Emulation, *, command: str = "", subject_sha256: str = ""
) -> list[Evidence]:
    """Return the evidence of `image` as it was emulated.

    Args:
        image: what is flashed.
        emulation: a run of it.
        command: that shows the figures again; the compiler's own when empty.
        subject_sha256: hash of the artifact; that of the flash content when empty.

    Returns:
        `flash`, `static ram` (measured: the linked file says so), `peak stack`, `ram` (static and stack),
        `instructions per sample`, `instructions per inference` (emulated; the largest, with smallest and largest as
        interval), and `cycles per sample`, `cycles after the last sample` (its step and `model_predict`), `latency
        after the last sample`, `cycles per inference`, `latency`, `energy` (estimated) where the device file allows:
        what they take at most, with the least and the most as interval.
    """
    command, subject = command or image.command, subject_sha256 or image.sha256
    linked = f"ELF of {image.toolchain}"
    emulated = f"{emulation.tool}, {image.toolchain}"
    depth = f"{emulated}; stack pointer at every instruction of {emulation.stack_items}, bytes written in all"

    def counted(what: str, counts: UInt64[np.ndarray, " call"]) -> Evidence:
        return ranged(what, counts, "instructions", "emulated", emulated, command, subject)

    items = len(emulation.predict_instructions)
    stack_b, static_b = emulation.peak_stack_b, image.static_ram_b
    rows = [
        Evidence("flash", image.flash_b, "B", "measured", linked, command, subject_sha256=subject),
        Evidence("static ram", static_b, "B", "measured", linked, command, subject_sha256=subject),
        Evidence("peak stack", stack_b, "B", "emulated", depth, command, items, subject_sha256=subject),
        Evidence(
            "ram", static_b + stack_b, "B", "emulated", emulated, command, items, subject_sha256=subject
        ),
        counted("instructions per sample", emulation.step_instructions),
        counted("instructions per inference", emulation.inference_instructions),
    ]
    cycles = image.device.cycles
    if cycles is None:
        return rows
    table = f"{emulated}; cycles from least to most: {cycles.source}; assumes {cycles.assumes}"

    def estimated(what: str, bounds: UInt64[np.ndarray, "call 2"]) -> Evidence:
        return ranged(what, bounds, "cycles", "estimated", table, command, subject)

    rows.append(estimated("cycles per sample", emulation.step_cycles))
    answer = estimated("cycles after the last sample", emulation.answer_cycles)
    rows.append(answer)
    for row in estimates(image.device, answer):
        if row.what == "latency":
            rows.append(replace(row, what="latency after the last sample"))
    rows.append(estimated("cycles per inference", emulation.inference_cycles))
    return [*rows, *estimates(image.device, rows[-1])]


def ranged(
    what: str,
    counts: Integer[np.ndarray, "call *bound"],
    unit: str,
    how: How,
    tool: str,
    command: str,
    subject: str,
) -> Evidence:
    """Return the largest of `counts`, one for each call or its bounds, with the smallest and largest as interval."""
    low, high = (float(counts.min()), float(counts.max())) if len(counts) else (0.0, 0.0)
    return Evidence(what, high, unit, how, tool, command, len(counts), (low, high), None, subject)


def estimates(device: AnyDevice, cycles: Evidence) -> list[Evidence]:
    """Return `latency` and `energy` of an inference of so many `cycles`, as far as the device file goes."""
    rows: list[Evidence] = []
    assumed = f"; assumes {device.cycles.assumes}" if device.cycles and cycles.how == "estimated" else ""
    for what, unit, sourced in (
        ("latency", "s", device.clock_hz),
        ("energy", "J", device.energy_per_cycle_j),
    ):
        if sourced is None:
            continue
        factor = 1 / sourced.value if what == "latency" else sourced.value
        assert cycles.interval is not None
        low, high = (bound * factor for bound in cycles.interval)
        by = "/" if what == "latency" else "x"
        figure = format_quantity(sourced.value, sourced.unit)
        tool = f"{cycles.what} ({cycles.how}) {by} {figure} ({sourced.source}){assumed}"
        rows.append(
            Evidence(
                what,
                cycles.value * factor,
                unit,
                "estimated",
                tool,
                cycles.command,
                cycles.n,
                (low, high),
                None,
                cycles.subject_sha256,
            )
        )
    return rows
