"""The files around a model's C: the program of an image, its linker script, and the harness for a board.

>>> sorted(image_sources())
['board.c', 'board.h', 'link.ld', 'main.c', 'startup.c']
>>> sorted(harness_sources([np.array([[3, -1]], np.int16)], "5eed"))
['counter.c', 'counter.h', 'harness.c', 'inputs.c', 'inputs.h', 'say.c', 'say.h']
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np
from jaxtyping import Integer

from sarto.core.device import Memory

COMPILE = (
    "-std=c99",
    "-ffreestanding",
    "-fomit-frame-pointer",
    "-fno-exceptions",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
)
"""How every C file of an image is compiled, by whichever compiler."""
WARN = ("-Wall", "-Wextra", "-pedantic")
GCC = ("-fno-tree-loop-distribute-patterns",)
"""GCC would call memset for a loop that clears, which a program without a C library does not have."""
SECTIONS = ("-ffunction-sections", "-fdata-sections")
LINK = ("-Wl,--gc-sections", "-Wl,-z,max-page-size=4", "-Wl,--entry=reset")
GNU_LD = ("-Wl,--nmagic",)
"""GNU ld would load the file's own headers below the vectors."""


def _folder(name: str, kinds: tuple[str, ...]) -> dict[str, str]:
    folder = files("sarto") / "deploy" / "c" / name
    return {f.name: f.read_text(encoding="utf-8") for f in folder.iterdir() if f.name.endswith(kinds)}


def image_sources() -> dict[str, str]:
    """Return the files around every model: `main.c`, `board.c`, `board.h`, `startup.c` and the template `link.ld`."""
    return _folder("image", (".c", ".h", ".ld"))


def native_sources() -> dict[str, str]:
    """Return the files around a model for this host: `main.c` of every image, with a board that is a terminal."""
    whole = {**image_sources(), **_folder("native", (".c",))}
    return {name: whole[name] for name in ("board.c", "board.h", "main.c")}


def cmake_templates(native: bool = False) -> dict[str, str]:
    """Return the templates of the files of a CMake project, with `@NAME@` for what depends on the device.

    Args:
        native: for this host, instead of for a device that is flashed.
    """
    return _folder("native" if native else "cmake", (".txt", ".cmake"))


def linker_script(flash: Memory, ram: Memory, stack_b: int, template: str) -> str:
    """Return the linker script `template` with the memories, and `stack_b` bytes of stack, filled in."""
    return filled(
        template,
        {
            "FLASH_ORIGIN": f"{flash.origin:#x}",
            "FLASH_SIZE": f"{flash.size_b:#x}",
            "RAM_ORIGIN": f"{ram.origin:#x}",
            "RAM_SIZE": f"{ram.size_b:#x}",
            "STACK_SIZE": f"{stack_b:#x}",
        },
    )


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return `template` with every `@NAME@` replaced by its value.

    >>> filled("a @B@", {"B": "c"})
    'a c'
    """
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], template)


def harness_sources(sequences: Sequence[Integer[np.ndarray, "_ _"]], model: str) -> dict[str, str]:
    """Return the files of the harness with `sequences` of raw words in it, in place of `main.c` and `board.c`.

    Args:
        sequences: raw words, one array of (step, channel) each.
        model: hash of the graph, for whoever reads what the board says.
    """
    words = np.concatenate([np.asarray(s).reshape(-1) for s in sequences])
    steps = [len(s) for s in sequences]
    header = (
        '/* The inputs that the harness runs. */\n#ifndef INPUTS_H\n#define INPUTS_H\n#include "model.h"\n\n'
        f'#define INPUTS_MODEL "{model}"\n#define INPUTS_HASH "{inputs_hash(sequences)}"\n'
        f"#define INPUT_SEQUENCES {len(steps)}\n"
        "extern const int32_t input_steps[INPUT_SEQUENCES];\nextern const model_sample input_words[];\n\n#endif\n"
    )
    table = (
        '#include "inputs.h"\n\n'
        f"const int32_t input_steps[INPUT_SEQUENCES] = {{{_values(steps)}}};\n"
        f"const model_sample input_words[] = {{{_values(words.tolist() or [0])}}};\n"
    )
    return {**_folder("board", (".c", ".h")), "inputs.h": header, "inputs.c": table}


def inputs_hash(sequences: Sequence[Integer[np.ndarray, "_ _"]]) -> str:
    """Return the hash of `sequences` of raw words, which does not depend on the width that they are stored in."""
    digest = hashlib.sha256()
    for sequence in sequences:
        digest.update(np.array(sequence.shape, "<i8").tobytes())
        digest.update(np.ascontiguousarray(sequence, "<i4").tobytes())
    return digest.hexdigest()


def _values(values: Sequence[int]) -> str:
    rows = [", ".join(map(str, values[i : i + 20])) for i in range(0, len(values), 20)]
    return "\n    " + ",\n    ".join(rows) + "\n"
