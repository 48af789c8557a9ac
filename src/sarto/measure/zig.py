"""The C compiler: zig's clang, which pip installs, for this host and for every device.

>>> run(["cc", "--version"], Path("."))[0]
0
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sarto.core.errors import SartoError
from sarto.measure.program import run_in

ERROR_LINES = 5
"""How many of the compiler's own lines an error shows."""


def run(arguments: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run `zig arguments` in `folder`; return its exit status and what it said, without the folder's path.

    Raises:
        SartoError: E301, when zig is not installed.
    """
    package = find_spec("ziglang")
    if package is None:
        raise SartoError(
            "E301",
            "the C compiler zig is not installed",
            cause="there is no Python package ziglang",
            hint="python -m pip install 'sarto[mcu]'",
        )
    # The program that the package starts, without starting Python first; elsewhere it may have another name.
    program = Path(package.origin).with_name("zig") if package.origin else None
    words = [str(program)] if program and program.is_file() else [sys.executable, "-m", "ziglang"]
    return run_in([*words, *arguments], folder)


@cache
def version() -> str:
    """Return zig's version and that of the clang within, such as `zig cc 0.17.0 (clang 21.1.0)`.

    Raises:
        SartoError: E301, when zig is not installed.
    """
    _, zig = run(["version"], Path.cwd())
    _, clang = run(["cc", "--version"], Path.cwd())
    words = clang.split()
    number = words[words.index("version") + 1] if "version" in words else "unknown"
    return f"zig cc {zig.strip()} (clang {number})"


def write_sources(sources: Mapping[str, str], folder: Path) -> list[str]:
    """Write `sources` (name -> text) into `folder`; return the names of the C files among them, sorted."""
    for name, text in sources.items():
        assert Path(name).name == name, f"{name} must be a plain file name"
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(name for name in sources if name.endswith(".c"))


def failed(what: str, said: str) -> SartoError:
    """Return the error E401 of a build of `what`, with the first lines in which the compiler says why."""
    lines = [line.strip() for line in said.splitlines() if "error:" in line or "undefined reference" in line]
    lines = [line for line in lines if not line.startswith("collect2:")] or lines
    lines = lines or [line.strip() for line in said.splitlines() if line.strip()]
    return SartoError(
        "E401",
        f"{what} did not compile",
        cause="\n".join(lines[:ERROR_LINES]) or "the compiler said nothing",
        hint="if you edited the generated files, undo that; else this is a fault of sarto: please report it",
    )
