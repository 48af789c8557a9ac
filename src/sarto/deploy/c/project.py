"""A CMake project around a model: its library, the example program, and the harness for a board.

`cmake_project` returns the files that `sarto deploy --to cmake` adds to those of the artifact. They build with the GCC
that the device file names, with the options that the image was measured with. `native_project` returns those for this
host, which any compiler builds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer

from sarto.core.device import Device, Host, Memory
from sarto.core.errors import SartoError
from sarto.deploy.c.program import (
    COMPILE,
    GCC,
    GNU_LD,
    LINK,
    SECTIONS,
    WARN,
    cmake_templates,
    filled,
    harness_sources,
    image_sources,
    linker_script,
)


def cmake_project(
    device: Device,
    optimise: str,
    sequences: Sequence[Integer[np.ndarray, "_ _"]],
    model: str,
    stack_b: int,
) -> dict[str, str]:
    """Return the files of the project besides those of the artifact: name -> text.

    Args:
        device: to build for.
        optimise: the compiler's level.
        sequences: that the harness runs.
        model: hash of the graph.
        stack_b: RAM set aside for the harness's stack.

    Raises:
        SartoError: E112, when the device file names no GCC.
    """
    if not device.gcc:
        raise SartoError(
            "E112",
            f"--to cmake: GCC cannot build for {device.name}",
            cause="its device file has no field 'gcc'",
            hint="deploy with --to c",
        )
    compiler, *core = device.gcc.split()
    values = {
        "DEVICE": device.title,
        "COMPILE": " ".join((*COMPILE, *WARN, *SECTIONS, *GCC)),
        "OPTIMISE": optimise,
        "LINK": " ".join((*LINK, *GNU_LD)),
        "COMPILER": compiler,
        "SIZE": re.sub("gcc$", "size", compiler),
        "CORE": " ".join(core),
    }
    written = {name: filled(text, values) for name, text in cmake_templates().items()}
    harness = {f"harness/{name}": text for name, text in harness_sources(sequences, model).items()}
    script = linker_script(device.flash, device.ram, stack_b, image_sources()["link.ld"])
    return {**written, **harness, "harness.ld": script}


def native_project(device: Host, optimise: str) -> dict[str, str]:
    """Return the files of the project for this host besides those of the artifact: name -> text."""
    values = {
        "DEVICE": device.title,
        "COMPILE": " ".join((*COMPILE, *WARN, *SECTIONS)),
        "OPTIMISE": optimise,
    }
    return {name: filled(text, values) for name, text in cmake_templates(native=True).items()}


def harness_stack_b(ram: Memory, static_ram_b: int) -> int:
    """Return the RAM for the harness's stack: half of what the model's variables leave, in steps of 16 bytes.

    >>> harness_stack_b(Memory(0, 4096, ""), 1000)
    1536
    """
    return (ram.size_b - static_ram_b) // 2 // 16 * 16
