"""A nested model at each of its widths: what it takes there, and a program of it on this host.

`widths_evidence` is what `measure_model` finds of the model with `MODEL_WIDTH` set, beside the integer graph of that
width, from which no answer may differ. One image has all widths: its flash is the same at each, and so is its arena,
which is that of one group and what is kept. `flash of width k alone` is of an image of the ordinary C of that width.

`WidthProgram` is the model compiled for this computer, called at any width as a device would call it.

>>> at_width({"model.h": "#define MODEL_WIDTH 4 /* that */", "model.c": ""}, 2)["model.h"]
'#define MODEL_WIDTH 2 /* that */'
"""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.device import AnyDevice
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph
from sarto.core.graph.widths import cut
from sarto.deploy.c.emit import arena_b, emit
from sarto.measure.image import constants
from sarto.measure.model import PINNED, RawSequences, measure_model
from sarto.measure.probe import compile_library

OF_A_WIDTH = (
    "instructions per inference",
    "cycles per inference",
    "latency",
    "energy",
    "static ram",
    "ram",
    "flash",
)
"""Evidence that is told of each width."""


def at_width(sources: Mapping[str, str], width: int) -> dict[str, str]:
    """Return the sources of a nested model whose `model_predict` runs at a width."""
    text, count = re.subn(r"(#define MODEL_WIDTH) \d+", rf"\1 {width}", sources["model.h"])
    assert count == 1, "the model has widths"
    return {**sources, "model.h": text}


def widths_evidence(
    graph: Graph,
    sources: Mapping[str, str],
    device: AnyDevice,
    sequences: RawSequences,
    *,
    optimise: str,
    command: str,
    on_device: int = PINNED,
    cache: Path | None = None,
    target: Int[np.ndarray, " item"] | None = None,
) -> list[Evidence]:
    """Return what a nested model takes at each width; see `measure_model` for the arguments.

    Args:
        graph: nested.
        sources, device, sequences, optimise, command, on_device, cache: see there.
        target: class of each sequence, of test items, for the accuracy at each width.

    Raises:
        SartoError: as `measure_model`, E403 where a width says something else than its graph.
    """
    rows: list[Evidence] = []
    for width in range(1, graph.groups + 1):
        narrow = cut(graph, width)
        common: dict[str, Any] = dict(optimise=optimise, command=command, cache=cache)
        found = measure_model(
            narrow, at_width(sources, width), device, sequences, on_device=on_device, **common
        )
        alone = measure_model(narrow, emit(narrow), device, sequences.pinned(1), on_device=1, **common)
        rows += [_of(row, f"at width {width}") for row in found.evidence if row.what in OF_A_WIDTH]
        rows += [
            _of(row, f"of width {width} alone") for row in alone.evidence if row.what in ("flash", "ram")
        ]
        sizes = {f"arena at width {width}": arena_b(graph), f"arena of width {width} alone": arena_b(narrow)}
        tool = "size of the arena in the header of the generated C"
        rows += [Evidence(what, size, "B", "measured", tool, command) for what, size in sizes.items()]
        if target is not None:
            right = int(np.count_nonzero(found.outcome.classes == target)) / len(target)
            by = "integer interpreter, equal to the generated C on every item"
            what = f"test accuracy at width {width}"
            rows.append(Evidence(what, right, "1", "measured", by, command, n=len(target)))
    return [replace(row, subject_sha256=graph.sha256) for row in rows]


def _of(row: Evidence, which: str) -> Evidence:
    return replace(row, what=f"{row.what} {which}")


class WidthProgram:
    """A nested model compiled for this computer.

    Args:
        sources: what `emit` made of a nested graph, named `model`.
        optimise: the compiler's level.
        more: further words for the compiler.

    Raises:
        SartoError: E301 without a compiler; E401 when it refuses the sources.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        *,
        optimise: str = "-O2",
        more: Sequence[str] = ("-fno-sanitize=all",),
    ) -> None:
        model = {name: sources[name] for name in ("model.c", "model.h")}
        driver = {"widths.c": (files("sarto.measure") / "widths.c").read_text(encoding="utf-8")}
        self._library = compile_library({**model, **driver}, optimise, *more)
        for name in ("run", "extend", "cascade", "groups", "series"):
            self._library[f"width_{name}"].restype = ctypes.c_int64
        self._library.width_scores.restype = ctypes.POINTER(ctypes.c_int32)
        fixed = constants(model["model.h"])
        self.widths, self.outputs = fixed["MODEL_WIDTHS"], fixed["MODEL_OUTPUTS"]
        self._word = np.dtype(re.findall(r"typedef (u?int\d+)_t model_sample;", model["model.h"])[0])

    def give(self, lines: Integer[np.ndarray, "line number"]) -> None:
        """Begin an item with its lines."""
        words = np.ascontiguousarray(lines, self._word)
        self._library.width_give(ctypes.c_void_p(words.ctypes.data), ctypes.c_int64(len(words)))

    def run(self, width: int) -> int:
        """Return the class of the item at a width.

        Raises:
            SartoError: E173, when there is no such width.
        """
        return self._answer(int(self._library.width_run(ctypes.c_int64(width))), width)

    def classes(self, items: Integer[np.ndarray, "item line number"], width: int) -> Int[np.ndarray, " item"]:
        """Return the classes of items at a width, each given anew; the interpreter is free meanwhile.

        Raises:
            SartoError: E173, when there is no such width.
        """
        words, found = np.ascontiguousarray(items, self._word), np.zeros(len(items), np.int64)
        given = ctypes.c_void_p(words.ctypes.data), ctypes.c_int64(words.shape[1]), ctypes.c_int64(len(words))
        self._library.width_classes(*given, ctypes.c_int64(width), ctypes.c_void_p(found.ctypes.data))
        if len(found):
            self._answer(int(found.min()), width)
        return found

    def extend(self) -> int:
        """Return the class of the item with one group more.

        Raises:
            SartoError: E173, when all have run.
        """
        return self._answer(int(self._library.width_extend()), self.groups + 1)

    def cascade(self, least: Int[np.ndarray, " width"]) -> int:
        """Return the class of the item as soon as its lead is at least that of the width, in counts of scores."""
        counts = np.ascontiguousarray(least, np.int32)
        assert counts.shape == (self.widths - 1,), "a lead for every width but the last"
        return int(self._library.width_cascade(ctypes.c_void_p(counts.ctypes.data)))

    @property
    def groups(self) -> int:
        """Groups that have run on the item."""
        return int(self._library.width_groups())

    @property
    def scores(self) -> Int[np.ndarray, " output"]:
        """The scores behind the last answer."""
        found = self._library.width_scores()
        return np.array([found[i] for i in range(self.outputs)], np.int64)

    def time_s(self, lines: Integer[np.ndarray, "line number"], widths: Sequence[int]) -> float:
        """Return the processor time of one item after the other, each at its width."""
        words, numbers = np.ascontiguousarray(lines, self._word), np.array(widths, np.int64)
        given = ctypes.c_void_p(words.ctypes.data), ctypes.c_int64(len(words))
        series = ctypes.c_void_p(numbers.ctypes.data), ctypes.c_int64(len(numbers))
        start = time.thread_time()
        self._library.width_series(*given, *series)
        return time.thread_time() - start

    def _answer(self, found: int, width: int) -> int:
        if found < 0:
            raise SartoError(
                "E173",
                f"a width of {width} groups",
                cause=f"the model has {self.widths}",
                hint=f"take 1 to {self.widths}",
            )
        return found
