"""The emulator's C half (`probe.c`), compiled for this host: board registers and counters at full speed."""

from __future__ import annotations

import ctypes
import platform
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from sarto.measure import zig

INIT, STEP, PREDICT, MAIN = range(4)
FUNCTIONS = ("model_init", "model_step", "model_predict", "main")
OK, RUNAWAY, OUTSIDE_CODE, TOO_MANY_RESULTS = range(4)


class Probe(ctypes.Structure):
    """The `probe` of `probe.c`, field by field."""

    _fields_ = [
        ("words", ctypes.c_void_p),
        ("steps", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("sequences", "channels", "classes")),
        *((name, ctypes.c_int64) for name in ("sequence", "step", "channel", "word")),
        ("results", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("rows", "capacity", "score")),
        ("ordinals", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("origin", ctypes.c_uint64),
        ("halfwords", ctypes.c_uint64),
        ("entries", ctypes.c_uint64 * 4),
        ("counts", ctypes.c_void_p * 4),
        ("cycles", ctypes.c_void_p * 2),
        ("taken", ctypes.c_void_p * 2),
        ("bounds", ctypes.c_void_p * 4),
        ("cycled", ctypes.c_uint64 * 2),
        ("cycled_before", ctypes.c_uint64 * 2),
        ("previous", ctypes.c_uint64),
        ("calls", ctypes.c_int64 * 4),
        ("rooms", ctypes.c_int64 * 4),
        ("inside", ctypes.c_int64),
        *((name, ctypes.c_uint64) for name in ("back", "began", "total", "since", "limit", "lowest_stack")),
        ("failure", ctypes.c_int64),
        ("reg_read", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("link_register", ctypes.c_int64),
        ("stack_register", ctypes.c_int64),
    ]


def compile_library(sources: Mapping[str, str], *flags: str) -> ctypes.CDLL:
    """Return the shared library of the C `sources`, compiled for this host without a C library.

    Raises:
        SartoError: E301 without a compiler; E401 when it refuses the sources.
    """
    return load_library(link_library(sources, *flags))


def link_library(
    sources: Mapping[str, str], *flags: str, objects: Mapping[str, bytes] = MappingProxyType({})
) -> bytes:
    """Return the file of the shared library of the C `sources` and of `objects` that are compiled already.

    Raises:
        SartoError: E301 without a compiler; E401 when it refuses the sources.
    """
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        inputs = zig.write_sources(sources, folder)
        for file, content in objects.items():
            (folder / file).write_bytes(content)
        always = ["-std=c99", "-shared", "-nostdlib", "-ffreestanding", "-Wall", "-Wextra", "-pedantic"]
        words = ["cc", *always, *flags, *inputs, *objects, "-o", "library"]
        status, said = zig.run(words, folder)
        if status != 0:
            raise zig.failed("a library for this host", said)
        return (folder / "library").read_bytes()


def load_library(content: bytes) -> ctypes.CDLL:
    """Return the library of a file with `content`, loaded into this process."""
    suffix = ".dll" if platform.system() == "Windows" else ".so"
    with tempfile.TemporaryDirectory(prefix="sarto-", ignore_cleanup_errors=True) as name:
        path = Path(name) / f"library{suffix}"
        path.write_bytes(content)
        return ctypes.CDLL(str(path))


@cache
def probe_library() -> ctypes.CDLL:
    """Return the compiled `probe.c`.

    Raises:
        SartoError: E301 without a compiler.
    """
    text = (files("sarto.measure") / "probe.c").read_text(encoding="utf-8")
    return compile_library({"probe.c": text}, "-O2")
