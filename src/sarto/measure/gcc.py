"""GCC for a device, where it is installed: the second compiler that an image can be built with.

The device file names the program and the options of the core, such as `arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sarto.core.errors import SartoError
from sarto.measure.program import run_in


def run(words: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run `words` in `folder`; return the exit status and what was said, without the folder's path.

    Raises:
        SartoError: E301, when the program is not installed.
    """
    if shutil.which(words[0]) is None:
        raise SartoError(
            "E301",
            f"the C compiler {words[0]} is not installed",
            cause="there is no program of that name in PATH",
            hint="on Debian: apt-get install gcc-arm-none-eabi gcc-riscv64-unknown-elf",
        )
    return run_in(words, folder)


@cache
def version(program: str) -> str:
    """Return name and version of `program`, such as `arm-none-eabi-gcc 12.2.1`.

    Raises:
        SartoError: E301, when it is not installed.
    """
    _, said = run([program, "-dumpfullversion"], Path.cwd())
    return f"{program} {said.strip()}"
