"""The two compilers that an image can be built with: zig's clang, which pip installs, and GCC.

Each says how to link an image (`command`), and reads from what was said which symbols are missing and by how many
bytes a memory is too small.

>>> GCC.missing("x.c:(.text+0x4): undefined reference to `__aeabi_lmul'"), ZIG.missing("error: undefined symbol: f")
(['__aeabi_lmul'], ['f'])
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sarto.core.device import Device
from sarto.core.errors import SartoError
from sarto.deploy.c import program
from sarto.measure import gcc, zig

Name = Literal["zig", "gcc"]


class Compiler(ABC):
    """A compiler of images."""

    name: Name

    @abstractmethod
    def version(self, device: Device) -> str:
        """Return name and version of what compiles for `device`.

        Raises:
            SartoError: E301, when it is not installed.
        """

    @abstractmethod
    def command(self, device: Device, optimise: str, library: bool) -> list[str]:
        """Return the words before the options that both compilers share; with the compiler's own `library`, or not."""

    @abstractmethod
    def tail(self, device: Device, library: bool) -> list[str]:
        """Return the words after the sources."""

    @abstractmethod
    def run(self, words: Sequence[str], folder: Path) -> tuple[int, str]:
        """Run `words`, as `command` gives them, in `folder`; return the exit status and what was said."""

    @abstractmethod
    def missing(self, said: str) -> list[str]:
        """Return the symbols that the linker did not find, sorted."""

    @abstractmethod
    def overflow(self, said: str, region: str) -> int:
        """Return by how many bytes the memory `region` is too small, 0 when it is not."""


class Zig(Compiler):
    """Clang and lld, as zig brings them."""

    name = "zig"

    def version(self, device: Device) -> str:
        """Return the versions of zig and clang."""
        return zig.version()

    def command(self, device: Device, optimise: str, library: bool) -> list[str]:
        """Return `python -m ziglang cc` with target and core."""
        # -Os strips the symbols unless there is debug information; lines only, and no path of this machine in them.
        lines = ["-gline-tables-only", "-fdebug-compilation-dir=."]
        own = [] if library else ["-nostdlib"]
        core = ["-target", device.target, f"-mcpu={device.cpu}", optimise]
        return ["python", "-m", "ziglang", "cc", *own, *core, *lines]

    def tail(self, device: Device, library: bool) -> list[str]:
        """Return nothing: zig links its library unless told not to."""
        return []

    def run(self, words: Sequence[str], folder: Path) -> tuple[int, str]:
        """Run zig, whichever `python` this is."""
        return zig.run(words[3:], folder)

    def missing(self, said: str) -> list[str]:
        """Return what lld calls undefined symbols."""
        return sorted(set(re.findall(r"undefined symbol: (\S+)", said)))

    def overflow(self, said: str, region: str) -> int:
        """Return the largest overflow that lld tells of."""
        found = re.findall(rf"will not fit in region '{region}': overflowed by (\d+) bytes", said)
        return max(map(int, found), default=0)


class Gcc(Compiler):
    """GCC and GNU ld for the device's core."""

    name = "gcc"

    def version(self, device: Device) -> str:
        """Return program and version."""
        if not device.gcc:
            raise SartoError(
                "E112",
                f"GCC cannot build for {device.name}",
                cause="its device file has no field 'gcc'",
                hint='add one, such as gcc = "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb"',
            )
        return gcc.version(device.gcc.split()[0])

    def command(self, device: Device, optimise: str, library: bool) -> list[str]:
        """Return the program with the core's options."""
        return [*device.gcc.split(), "-nostdlib", optimise, *program.GCC, *program.GNU_LD, "-g1"]

    def tail(self, device: Device, library: bool) -> list[str]:
        """Return the compiler's own library, which must follow what needs it."""
        return ["-lgcc"] if library else []

    def run(self, words: Sequence[str], folder: Path) -> tuple[int, str]:
        """Run GCC; the image has no path of this machine in it."""
        compiler, *rest = words
        return gcc.run([compiler, f"-fdebug-prefix-map={folder}=.", *rest], folder)

    def missing(self, said: str) -> list[str]:
        """Return what GNU ld calls undefined references."""
        return sorted(set(re.findall(r"undefined reference to `([^']+)'", said)))

    def overflow(self, said: str, region: str) -> int:
        """Return the largest overflow that GNU ld tells of."""
        return max(map(int, re.findall(rf"region `{region}' overflowed by (\d+) bytes", said)), default=0)


ZIG, GCC = Zig(), Gcc()
COMPILERS: dict[Name, Compiler] = {"zig": ZIG, "gcc": GCC}
