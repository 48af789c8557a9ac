"""The search in C where this computer has a compiler: the same numbers in every bit, several times as fast.

`kernel.c` is compiled once for a process, on first use, in a folder of its own that is gone afterwards. Without a
compiler, for other numbers than float32, on other devices than the processor, and where a number is not finite, there
is no kernel, and `search` does it in torch. Products and sums are rounded one by one and added up in the same order as
there, so a training comes to the same weights either way.

>>> x, w = torch.ones(1, 3), torch.tensor([[2.0, -1.0, 2.0]])
>>> kernel = library()
>>> kernel is None or [part.tolist() for part in forward(kernel, x, w, 1)] == [[[1.0]], [[[0]]], [[[1]]]]
True
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

TILE = 32
"""Outputs side by side, as in `kernel.c`."""
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-O3", "-ffp-contract=off", "-fPIC", "-shared")
TUNED = (("-march=native",), ())
"""Tried in this order: not every compiler knows its processor."""
MOST = 2**31 - 1
SECONDS = 60


def of(x: Tensor, weight: Tensor) -> ctypes.CDLL | None:
    """Return the kernel if it can take these rows and weight vectors, or None."""
    plain = all(t.dtype == torch.float32 and t.device.type == "cpu" for t in (x, weight))
    if not plain or not x.numel() or not weight.numel() or max(x.numel(), weight.numel()) > MOST:
        return None
    if not math.isfinite(x.sum().item() + weight.sum().item()):
        return None
    return library()


def forward(
    kernel: ctypes.CDLL, x: Float[Tensor, "row input"], weight: Float[Tensor, "neuron input"], splits: int
) -> tuple[Float[Tensor, "row neuron"], Int[Tensor, "split row neuron"], Int[Tensor, "split row neuron"]]:
    """Return the map, and the indices of the largest and of the smallest product in each split."""
    rows, neurons = len(x), len(weight)
    y = torch.zeros(rows, neurons)
    largest = torch.empty(splits, rows, neurons, dtype=torch.int32)
    smallest = torch.empty_like(largest)
    one, other, steps = x.contiguous(), weight.contiguous(), (neurons, 1)
    if neurons % TILE and rows > neurons:  # a product is the same from both sides: few neurons go as the rows
        one, other, steps = other, one, (1, neurons)
    packed = torch.empty(x.shape[1] // splits * TILE)
    sizes = (len(one), x.shape[1], len(other), splits)
    kernel.mam_forward(*sizes, *map(ctypes.c_ssize_t, steps), *_at(one, other, packed, y, largest, smallest))
    return y, largest, smallest


def backward(
    kernel: ctypes.CDLL,
    x: Float[Tensor, "row input"],
    weight: Float[Tensor, "neuron input"],
    outer: Float[Tensor, "row neuron"],
    indices: list[Int[Tensor, "row neuron"]],
) -> tuple[Float[Tensor, "row input"], Float[Tensor, "neuron input"]]:
    """Return the gradients for x and weight."""
    one, other, g = x.contiguous(), weight.contiguous(), outer.contiguous()
    to_x, to_weight = torch.zeros_like(one), torch.zeros_like(other)
    for index in indices:
        kernel.mam_backward(len(x), x.shape[1], len(weight), *_at(one, other, g, index, to_x, to_weight))
    return to_x, to_weight


def _at(*tensors: Tensor) -> list[ctypes.c_void_p]:
    assert all(tensor.is_contiguous() for tensor in tensors)
    return [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None where nothing compiles it."""
    source = files("sarto.models.mam").joinpath("kernel.c").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path, made = Path(folder, "kernel.c"), Path(folder, "kernel.so")
        path.write_text(source, encoding="utf-8")
        for name in COMPILERS:
            for tuned in TUNED if (compiler := shutil.which(name)) else ():
                if _compiled([str(compiler), *FLAGS, *tuned, str(path), "-o", str(made)]):
                    return ctypes.CDLL(str(made))
    return None


def _compiled(command: list[str]) -> bool:
    try:
        return not subprocess.run(command, capture_output=True, timeout=SECONDS, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False
