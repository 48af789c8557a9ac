"""The host as a device: what the generated C takes here, compiled for this computer and run on it.

Nothing is emulated: code and tables are measured in the compiled object, the arena by its size, the stack by the bytes
that the model wrote below a painted frame, and the time of an inference by the clock of this computer. The time of a
sequence is the median of `ROUNDS` rounds over all sequences, each run often enough to take `ROUND_S`.

>>> header = '''
... #include <stdint.h>
... #define MODEL_CHANNELS 1
... typedef int8_t model_sample;
... typedef struct { int32_t scores[2]; } model_arena;
... void model_init(model_arena *arena);
... int model_step(model_arena *arena, const model_sample *sample);
... int model_predict(model_arena *arena);
... '''
>>> source = '''
... #include "model.h"
... void model_init(model_arena *a) { a->scores[0] = a->scores[1] = 0; }
... int model_step(model_arena *a, const model_sample *s) { a->scores[*s > 0] += *s; return -1; }
... int model_predict(model_arena *a) { return a->scores[1] > -a->scores[0]; }
... '''
>>> found = measure_native({"model.h": header, "model.c": source}, [np.array([[3], [-1]], np.int8)], "-Os", "", "")
>>> [item.what for item in found if item.how == "measured"]
['code and tables', 'static ram', 'peak stack', 'ram', 'latency']
"""

from __future__ import annotations

import ctypes
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from statistics import median

import numpy as np
from jaxtyping import Float, Integer

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.deploy.c.program import COMPILE, SECTIONS
from sarto.measure import zig
from sarto.measure.elf import content_b
from sarto.measure.probe import compile_library

NAME = "host"
"""In place of the name of a device file."""
ROUNDS = 7
ROUND_S = 2e-4
"""Each sequence runs this long in a round: a thousand times what a call from Python takes."""
PAINTED_B = 1 << 16
"""Of the stack below the model, see `native.c`."""


def measure_native(
    sources: Mapping[str, str],
    sequences: Sequence[Integer[np.ndarray, "_ _"]],
    optimise: str,
    command: str,
    subject_sha256: str,
) -> list[Evidence]:
    """Return what the model takes on this host.

    Args:
        sources: file name -> text: `model.c`, `model.h`.
        sequences: raw words, one array of (step, channel) each, of the type of the model's samples.
        optimise: the compiler's level.
        command: that shows the figures again.
        subject_sha256: hash of the graph.

    Returns:
        `code and tables`, `static ram`, `peak stack`, `ram`, `latency` (the largest of all sequences' medians, with the
        smallest and largest as interval).

    Raises:
        SartoError: E112, when this computer does not run Linux; E203, when the stack is deeper than can be seen; E301
            without a compiler; E401 when it refuses the sources.
    """
    if platform.system() != "Linux":
        raise SartoError(
            "E112",
            f"a model cannot be measured on this host: it runs {platform.system()}",
            cause="sizes are read from object files of Linux",
            hint="measure on a device of `sarto devices`",
        )
    model = {name: sources[name] for name in ("model.c", "model.h")}
    driver = {"native.c": (files("sarto.measure") / "native.c").read_text(encoding="utf-8")}
    library = compile_library({**model, **driver}, optimise)
    for name in ("native_arena", "native_run", "native_stack"):
        library[name].restype = ctypes.c_int64
    runs = [_Run(library, sequence) for sequence in sequences]
    arena_b, stack_b = int(library.native_arena()), max(run.stack_b() for run in runs)
    if stack_b >= PAINTED_B:
        raise SartoError(
            "E203",
            f"the model takes {PAINTED_B} B of stack or more on this host",
            cause="no more was painted to see it",
            hint="choose a smaller model",
        )
    times = _times(runs)
    where = f"{_processor()}, {zig.version()} {optimise}"

    def row(what: str, value: float, unit: str, tool: str, n: int | None = None) -> Evidence:
        return Evidence(what, value, unit, "measured", tool, command, n, None, None, subject_sha256)

    timed = f"{where}; median of {ROUNDS} rounds for each sequence, one thread"
    return [
        row("code and tables", _content_b(model, optimise), "B", f"object file, {where}"),
        row("static ram", arena_b, "B", f"size of the arena, {where}"),
        row("peak stack", stack_b, "B", f"bytes written below a painted frame, {where}", len(runs)),
        row("ram", arena_b + stack_b, "B", where, len(runs)),
        Evidence(
            "latency",
            float(times.max()),
            "s",
            "measured",
            timed,
            command,
            len(runs),
            (float(times.min()), float(times.max())),
            None,
            subject_sha256,
        ),
    ]


class _Run:
    """One sequence, ready to be run by the library."""

    def __init__(self, library: ctypes.CDLL, sequence: Integer[np.ndarray, "step channel"]) -> None:
        self.library, self.words = library, np.ascontiguousarray(sequence)
        self.arguments = ctypes.c_void_p(self.words.ctypes.data), ctypes.c_int64(len(sequence))

    def stack_b(self) -> int:
        return int(self.library.native_stack(*self.arguments))

    def took_s(self, times: int) -> float:
        """Return the time of one of so many runs."""
        start = time.perf_counter()
        self.library.native_run(*self.arguments, ctypes.c_int64(times))
        return (time.perf_counter() - start) / times


def _times(runs: Sequence[_Run]) -> Float[np.ndarray, " sequence"]:
    """Return the time of an inference of each sequence in seconds."""
    often = [max(int(ROUND_S / max(run.took_s(1), 1e-9)), 1) for run in runs]
    often = [max(int(ROUND_S / max(run.took_s(n), 1e-9)), 1) for run, n in zip(runs, often, strict=True)]
    rounds = [[run.took_s(n) for run, n in zip(runs, often, strict=True)] for _ in range(ROUNDS)]
    return np.array([median(column) for column in zip(*rounds, strict=True)])


def _content_b(model: Mapping[str, str], optimise: str) -> int:
    """Return the bytes of code, tables and initial values of the model's object file."""
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        inputs = zig.write_sources(model, folder)
        words = ["cc", "-c", *COMPILE, *SECTIONS, optimise, *inputs, "-o", "model.o"]
        status, said = zig.run(words, folder)
        if status != 0:
            raise zig.failed("the model for this host", said)
        return content_b((folder / "model.o").read_bytes())


def _processor() -> str:
    """Return what the system says of the processor, such as `AMD EPYC 7B13`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names and names[0] else platform.machine()
