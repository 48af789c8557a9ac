"""Evidence from an image and its emulation: what it takes of flash, RAM and instructions, and what follows from that.

Latency and energy are estimated, and only where the device file has what they need, each number with its source:

    latency = instructions per inference * cycles per instruction / clock
    energy  = instructions per inference * cycles per instruction * energy per cycle

>>> from dataclasses import replace
>>> from sarto.core.device import Assumption
>>> from sarto.devices import device
>>> counted = Evidence("instructions per inference", 1e6, "instructions", "emulated", "", interval=(9e5, 1e6))
>>> estimates(device("cortex_m4"), counted)
[]
>>> core = replace(device("cortex_m4"), cycles_per_instruction=Assumption(2, "cycles", "made up"))
>>> [str(item) for item in estimates(core, counted)]
['latency 25 ms (estimated)', 'energy 604.8 µJ (estimated)']
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt64

from sarto.core.device import Device
from sarto.core.evidence import Evidence
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
        interval), and `latency`, `energy` (estimated) where the device file allows.
    """
    command, subject = command or image.command, subject_sha256 or image.sha256
    linked = f"ELF of {image.toolchain}"
    emulated = f"{emulation.tool}, {image.toolchain}"
    depth = f"{emulated}; stack pointer at every instruction of {emulation.stack_items}, bytes written in all"

    def counted(what: str, counts: UInt64[np.ndarray, " call"]) -> Evidence:
        low, high = (float(counts.min()), float(counts.max())) if len(counts) else (0.0, 0.0)
        return Evidence(
            what, high, "instructions", "emulated", emulated, command, len(counts), (low, high), None, subject
        )

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
    return [*rows, *estimates(image.device, rows[-1])]


def estimates(device: Device, instructions: Evidence) -> list[Evidence]:
    """Return `latency` and `energy` of an inference of so many `instructions`, as far as the device file goes."""
    cycles, clock, energy = device.cycles_per_instruction, device.clock_hz, device.energy_per_cycle_j
    rows: list[Evidence] = []
    for what, unit, factors in (("latency", "s", (cycles, clock)), ("energy", "J", (cycles, energy))):
        per_instruction, rate = factors
        if per_instruction is None or rate is None:
            continue
        factor = (
            per_instruction.value / rate.value if what == "latency" else per_instruction.value * rate.value
        )
        tool = "instructions x " + ", ".join(
            f"{a.value:g} {a.unit} ({a.source})" for a in (per_instruction, rate)
        )
        assert instructions.interval is not None
        low, high = (bound * factor for bound in instructions.interval)
        rows.append(
            Evidence(
                what,
                instructions.value * factor,
                unit,
                "estimated",
                tool,
                instructions.command,
                instructions.n,
                (low, high),
                None,
                instructions.subject_sha256,
            )
        )
    return rows
