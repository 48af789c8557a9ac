"""The host as a device: what the generated C takes here, compiled for this computer and run on it.

Nothing is emulated. The model is compiled once to an object; what is linked around it only feeds and observes it.

    flash   = code + tables + initial values in the object
    RAM     = arena + variables in the object + deepest stack
    latency = the largest of all sequences' medians over `ROUNDS` rounds, each long enough to take `ROUND_S`

The stack is what the model wrote below a painted frame, the deeper of two runs over paint of two kinds; its frame is
aligned, so that no byte depends on where this process has its stack. All but the latency is the same in every run. The
latency is processor time of one thread: what other programs take of the processor is not in it, but they disturb its
clock and its caches. So it is measured once for a program and its sequences, and kept with the program where there is a
folder to keep it in.

>>> header = '''
... #include <stdint.h>
... #define MODEL_CHANNELS 1
... #define MODEL_OUTPUTS 2
... typedef int8_t model_sample;
... typedef struct { int32_t scores[2]; } model_arena;
... void model_init(model_arena *arena);
... int model_step(model_arena *arena, const model_sample *sample);
... int model_predict(model_arena *arena);
... const int32_t *model_scores(const model_arena *arena);
... '''
>>> source = '''
... #include "model.h"
... void model_init(model_arena *a) { a->scores[0] = a->scores[1] = 0; }
... int model_step(model_arena *a, const model_sample *s) { a->scores[*s > 0] += *s; return -1; }
... int model_predict(model_arena *a) { return a->scores[1] > -a->scores[0]; }
... const int32_t *model_scores(const model_arena *a) { return a->scores; }
... '''
>>> program = compile_native({"model.h": header, "model.c": source}, Host("host", "this computer", "native"))
>>> program.outputs([np.array([[3], [-1]])]).scores.tolist()
[[-1, 3]]
>>> [item.what for item in program.evidence([np.array([[3], [-1]])]) if item.how == "measured"]
['flash', 'static ram', 'peak stack', 'ram', 'latency']
"""

from __future__ import annotations

import base64
import ctypes
import platform
import re
import tempfile
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from sarto.core.device import Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.store import Store, content_hash
from sarto.core.table import Table
from sarto.deploy.c.program import COMPILE, SECTIONS
from sarto.measure import zig
from sarto.measure.elf import Part, parts
from sarto.measure.host import run_batch
from sarto.measure.outputs import Outputs
from sarto.measure.probe import link_library, load_library
from sarto.measure.processor import processor

ROUNDS = 7
ROUND_S = 2e-4
"""Each sequence runs this long in a round: a thousand times what a call from Python takes."""
PAINTED_B = 1 << 16
"""Of the stack below the model, see `native.c`."""
PAINTS = (0xA5, 0x5A)
"""A byte that the model writes as it was painted is not seen; none is both."""


def check_host() -> None:
    """Check that a model can be measured on this computer.

    Raises:
        SartoError: E112, when it does not run Linux.
    """
    if platform.system() != "Linux":
        raise SartoError(
            "E112",
            f"a model cannot be measured on this host: it runs {platform.system()}",
            cause="sizes are read from object files of Linux",
            hint="choose another device of `sarto devices`",
        )


def compile_native(
    sources: Mapping[str, str], host: Host, *, optimise: str = "-O2", cache: Path | None = None
) -> Program:
    """Return the model in `sources` compiled for this computer.

    Args:
        sources: file name -> text; of them `model.c` and `model.h` are taken.
        host: what the compiler is told of this computer.
        optimise: the compiler's level.
        cache: folder in which to keep what was compiled and measured.

    Raises:
        SartoError: E112, when this computer does not run Linux; E301 without a compiler; E401 when it refuses the
            sources.
    """
    check_host()
    model = {name: sources[name] for name in ("model.c", "model.h")}
    drivers = {n: (files("sarto.measure") / n).read_text(encoding="utf-8") for n in ("batch.c", "native.c")}
    where = f"{processor()}, {zig.version()} {optimise}"
    store = Store(cache) if cache is not None else None
    key = content_hash("native", model, drivers, repr(host), where)
    kept = store.get(key) if store is not None else None
    if kept is None:
        core = ("-target", host.target, f"-mcpu={host.cpu}")
        compiled = _object(model, (*core, *COMPILE, *SECTIONS, optimise, "-fPIC"))
        header = {"model.h": model["model.h"]}
        library = link_library(
            {**header, **drivers}, *core, "-O2", "-fno-sanitize=all", objects={"model.o": compiled}
        )
        kept = {"object": _packed(compiled), "library": _packed(library)}
        if store is not None:
            store.put(key, kept)
    return Program(model["model.h"], _unpacked(kept["object"]), _unpacked(kept["library"]), where, key, store)


@dataclass(frozen=True, eq=False)
class Program:
    """A model compiled for this computer.

    Attributes:
        header: text of `model.h`.
        compiled: the object file of the model.
        library: the shared library of the object and what feeds it.
        where: processor, compiler and level, for people.
        key: hash of all that the program was made of.
        store: what was measured of it, or None.
    """

    header: str
    compiled: bytes
    library: bytes
    where: str
    key: str
    store: Store | None

    @cached_property
    def _loaded(self) -> ctypes.CDLL:
        library = load_library(self.library)
        for name in ("native_arena", "native_run", "native_stack"):
            library[name].restype = ctypes.c_int64
        return library

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What lies in the object file."""
        return parts(self.compiled)

    @property
    def flash_b(self) -> int:
        """Bytes of code, tables and initial values."""
        return sum(part.size_b for part in self.parts if part.kind != "zeroed")

    @property
    def arena_b(self) -> int:
        """Bytes of the arena."""
        return int(self._loaded.native_arena())

    @property
    def static_ram_b(self) -> int:
        """Bytes of the arena and of variables beside it."""
        return self.arena_b + sum(p.size_b for p in self.parts if p.kind in ("initial values", "zeroed"))

    def memory_map(self) -> Table:
        """Return what each function, table and variable takes, as `Image.memory_map` does."""
        flash = [("flash", p.name, p.kind, p.size_b) for p in self.parts if p.kind != "zeroed"]
        variables = [
            ("RAM", p.name, "variable", p.size_b)
            for p in self.parts
            if p.kind in ("initial values", "zeroed")
        ]
        rows = (*flash, ("RAM", "arena", "variable", self.arena_b), *variables)
        return Table(
            "memory map",
            ("region", "name", "kind", "bytes"),
            ("", "", "", "B"),
            rows,
            ("", "", "", "measured"),
        )

    def outputs(self, sequences: Sequence[Integer[np.ndarray, "_ _"]]) -> Outputs:
        """Return what the model says of `sequences` of raw words, one array of (step, channel) each."""
        return run_batch(self._loaded, self.header, sequences)

    def stack_b(self, sequences: Sequence[Integer[np.ndarray, "_ _"]]) -> int:
        """Return the bytes of stack that the deepest of `sequences` takes.

        Raises:
            SartoError: E203, when the stack is deeper than can be seen.
        """
        return int(self._kept("stack", sequences, self._stack_b))

    def times_s(self, sequences: Sequence[Integer[np.ndarray, "_ _"]]) -> Float[np.ndarray, " sequence"]:
        """Return the median time of an inference of each of `sequences`."""
        return np.array(self._kept("times", sequences, self._times_s), np.float64)

    def evidence(
        self, sequences: Sequence[Integer[np.ndarray, "_ _"]], command: str = "", subject_sha256: str = ""
    ) -> list[Evidence]:
        """Return what the model takes on this computer.

        Args:
            sequences: raw words.
            command: that shows the figures again.
            subject_sha256: hash of the graph.

        Returns:
            `flash`, `static ram`, `peak stack`, `ram`, `latency` (the largest of all sequences' medians, with the
            smallest and largest as interval), all measured.

        Raises:
            SartoError: E203, when the stack is deeper than can be seen.
        """
        stack_b, times, items = self.stack_b(sequences), self.times_s(sequences), len(sequences)
        low, high = float(times.min()), float(times.max())
        timed = f"{self.where}; median of {ROUNDS} rounds for each sequence, processor time of one thread"

        def row(
            what: str, value: float, tool: str, n: int | None = None, unit: str = "B", span: Any = None
        ) -> Evidence:
            return Evidence(what, value, unit, "measured", tool, command, n, span, None, subject_sha256)

        return [
            row("flash", self.flash_b, f"code, tables and initial values in the object file, {self.where}"),
            row("static ram", self.static_ram_b, f"size of the arena, {self.where}"),
            row("peak stack", stack_b, f"bytes written below a painted frame, {self.where}", items),
            row("ram", self.static_ram_b + stack_b, self.where, items),
            row("latency", high, timed, items, "s", (low, high)),
        ]

    def _kept(self, what: str, sequences: Sequence[Integer[np.ndarray, "_ _"]], measure: Any) -> Any:
        """Return what `measure` finds of `sequences`, or found before."""
        if self.store is None:
            return measure(self._runs(sequences))
        shapes = [list(s.shape) for s in sequences]
        key = content_hash(what, self.key, shapes, *(s.astype(np.int64).ravel().tolist() for s in sequences))
        if (kept := self.store.get(key)) is None:
            self.store.put(key, kept := measure(self._runs(sequences)))
        return kept

    def _runs(self, sequences: Sequence[Integer[np.ndarray, "_ _"]]) -> list[_Run]:
        word = np.dtype(re.findall(r"typedef (int\d+)_t model_sample;", self.header)[0])
        return [_Run(self._loaded, np.ascontiguousarray(sequence, word)) for sequence in sequences]

    @staticmethod
    def _stack_b(runs: Sequence[_Run]) -> int:
        deepest = max(run.stack_b(paint) for run in runs for paint in PAINTS)
        if deepest >= PAINTED_B:
            raise SartoError(
                "E203",
                f"the model takes {PAINTED_B} B of stack or more on this host",
                cause="no more was painted to see it",
                hint="choose a smaller model",
            )
        return deepest

    @staticmethod
    def _times_s(runs: Sequence[_Run]) -> list[float]:
        often = [max(int(ROUND_S / max(run.took_s(1), 1e-9)), 1) for run in runs]
        often = [max(int(ROUND_S / max(run.took_s(n), 1e-9)), 1) for run, n in zip(runs, often, strict=True)]
        rounds = [[run.took_s(n) for run, n in zip(runs, often, strict=True)] for _ in range(ROUNDS)]
        return [median(column) for column in zip(*rounds, strict=True)]


class _Run:
    """One sequence, ready to be run by the library."""

    def __init__(self, library: ctypes.CDLL, words: Integer[np.ndarray, "step channel"]) -> None:
        self.library, self.words = library, words
        self.arguments = ctypes.c_void_p(words.ctypes.data), ctypes.c_int64(len(words))

    def stack_b(self, paint: int) -> int:
        return int(self.library.native_stack(*self.arguments, ctypes.c_int(paint)))

    def took_s(self, times: int) -> float:
        """Return the time of one of so many runs."""
        start = time.thread_time()
        self.library.native_run(*self.arguments, ctypes.c_int64(times))
        return (time.thread_time() - start) / times


def _object(model: Mapping[str, str], options: Sequence[str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        inputs = zig.write_sources(model, folder)
        status, said = zig.run(["cc", "-c", *options, *inputs, "-o", "model.o"], folder)
        if status != 0:
            raise zig.failed("the model for this host", said)
        return (folder / "model.o").read_bytes()


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
