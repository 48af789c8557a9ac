"""A small model whose answers can be said in advance, as C (`model.c`, `model.h`) and as NumPy."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Int

from sarto.core.device import Device
from sarto.measure.outputs import Outputs

FOLDER = Path(__file__).parent
SOURCES = {name: (FOLDER / name).read_text(encoding="utf-8") for name in ("model.c", "model.h")}
WEIGHTS = np.array([[1, 0], [0, 1], [1, 1]])
STEP_END = "arena->steps++;"
"""A place in `model_step` at which a test adds its own statements."""
SEQUENCES = [
    np.random.default_rng(k).integers(-3000, 3000, (length, 2)).astype(np.int16)
    for k, length in enumerate([4, 1, 9, 0, 6, 3])
]


def changed(old: str = STEP_END, new: str = "", *, name: str = "model.c") -> dict[str, str]:
    """Return the sources with `old` followed by `new`; `old` must occur once."""
    assert SOURCES[name].count(old) == 1
    return {**SOURCES, name: SOURCES[name].replace(old, f"{old} {new}")}


def replaced(old: str, new: str, *, name: str = "model.c") -> dict[str, str]:
    """Return the sources with `old`, which must occur once, replaced by `new`."""
    assert SOURCES[name].count(old) == 1
    return {**SOURCES, name: SOURCES[name].replace(old, new)}


def needs_program(compiler: str, core: Device) -> None:
    """Skip where the GCC of `core` is not installed."""
    program = core.gcc.partition(" ")[0]
    if compiler == "gcc" and shutil.which(program) is None:
        pytest.skip(f"needs the program {program}")


def needs_qemu() -> None:
    """Skip where QEMU is not installed."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("needs the program qemu-system-arm")


def expected(sequences: Sequence[Int[np.ndarray, "_ _"]]) -> Outputs:
    """Return what the model says: scores round(3/4 sum), at every third step and at the end."""
    rows: list[list[int]] = []
    for item, sequence in enumerate(sequences):
        sums = np.zeros(3, np.int64)
        for step, sample in enumerate(sequence):
            sums += WEIGHTS @ sample.astype(np.int64)
            if step % 3 == 2:
                rows.append(_row(item, step, sums))
        rows.append(_row(item, -1, sums))
    return Outputs.from_rows(np.array(rows, np.int32))


def _row(item: int, step: int, sums: Int[np.ndarray, " class"]) -> list[int]:
    scores = (sums * 3 + 2) >> 2
    return [item, step, int(scores.argmax()), *scores.tolist()]
