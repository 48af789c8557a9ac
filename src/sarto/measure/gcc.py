"""GCC for a device, where it is installed: the second compiler that an image can be built with.

The device file names the program and the options of the core, such as `arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sarto.core.errors import SartoError


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
    environment = {"PATH": _path(), "LC_ALL": "C"}
    done = subprocess.run(
        list(words),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = (done.stdout + done.stderr).replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "")
    return done.returncode, said


@cache
def _path() -> str:
    import os

    return os.environ.get("PATH", os.defpath)


@cache
def version(program: str) -> str:
    """Return name and version of `program`, such as `arm-none-eabi-gcc 12.2.1`.

    Raises:
        SartoError: E301, when it is not installed.
    """
    _, said = run([program, "-dumpfullversion"], Path.cwd())
    return f"{program} {said.strip()}"
