"""A MAM layer in plain C, compiled here: what the best loop that was found takes, forward and backward, on one thread.

    pass 1: h = max_k x_k w_ik and l = min_k x_k w_ik,      pass 2: the first k whose product is h, and that for l,
    backward: each winner passes the outer gradient to both of its factors.

32 outputs lie side by side, so that gcc holds their extremes in vector registers, and their weights are packed once for
all rows. Tried and slower: one output at a time, whole rows of outputs (as fast as this where they fit the cache), one
pass that carries the indices along, 16, 64, 128 and 256 outputs, two rows at a time.

>>> import torch
>>> kernel = TwoPass(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.5, -1.0, 0.25]]).repeat(32, 1))
>>> kernel.forward()
>>> kernel.y[0, 0].item(), kernel.largest[0, 0].item(), kernel.smallest[0, 0].item()
(-1.25, 2, 1)
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from sarto.core.errors import SartoError

TILE = 32
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")
SOURCE = """
#include <stdint.h>
#include <string.h>
#define T 32

static void tile(int n, const float *restrict x, const float *restrict w, float *restrict y,
                 int32_t *restrict largest, int32_t *restrict smallest)
{
    float h[T], l[T];
    int32_t p[T], q[T];
    for (int i = 0; i < T; i++) { h[i] = l[i] = x[0] * w[i]; p[i] = q[i] = 0; }
    for (int k = 1; k < n; k++) {
        const float a = x[k];
        for (int i = 0; i < T; i++) {
            const float v = a * w[k * T + i];
            h[i] = v > h[i] ? v : h[i];
            l[i] = v < l[i] ? v : l[i];
        }
    }
    for (int k = n - 1; k >= 0; k--) {
        const float a = x[k];
        for (int i = 0; i < T; i++) {
            const float v = a * w[k * T + i];
            p[i] = v == h[i] ? k : p[i];
            q[i] = v == l[i] ? k : q[i];
        }
    }
    for (int i = 0; i < T; i++) { y[i] = h[i] + l[i]; largest[i] = p[i]; smallest[i] = q[i]; }
}

void forward(int rows, int n, int m, const float *x, const float *w, float *packed, float *y,
             int32_t *largest, int32_t *smallest)
{
    for (int i = 0; i < m; i += T) {
        for (int k = 0; k < n; k++)
            for (int j = 0; j < T; j++) packed[k * T + j] = w[(i + j) * n + k];
        for (int b = 0; b < rows; b++)
            tile(n, x + b * n, packed, y + b * m + i, largest + b * m + i, smallest + b * m + i);
    }
}

void backward(int rows, int n, int m, const float *x, const float *w, const float *g, const int32_t *largest,
              const int32_t *smallest, float *to_x, float *to_w)
{
    memset(to_x, 0, sizeof(float) * rows * n);
    memset(to_w, 0, sizeof(float) * m * n);
    for (int b = 0; b < rows; b++)
        for (int i = 0; i < m; i++) {
            const int p = largest[b * m + i], q = smallest[b * m + i];
            const float s = g[b * m + i];
            to_x[b * n + p] += s * w[i * n + p];
            to_w[i * n + p] += s * x[b * n + p];
            to_x[b * n + q] += s * w[i * n + q];
            to_w[i * n + q] += s * x[b * n + q];
        }
}
"""


class TwoPass:
    """One layer and one batch, with room for all that is found.

    Args:
        x: (row, input), float32.
        weight: (neuron, input), the neurons a multiple of 32.
    """

    def __init__(self, x: Tensor, weight: Tensor) -> None:
        (self.rows, self.inputs), self.neurons = x.shape, len(weight)
        assert self.neurons % TILE == 0 and x.dtype == weight.dtype == torch.float32
        self.x, self.weight = x.detach().contiguous(), weight.detach().contiguous()
        self.packed = x.new_empty(self.inputs * TILE)
        self.y = x.new_empty(self.rows, self.neurons)
        self.largest = torch.empty(self.rows, self.neurons, dtype=torch.int32)
        self.smallest = torch.empty_like(self.largest)
        self.to_x, self.to_weight = torch.empty_like(self.x), torch.empty_like(self.weight)

    def forward(self) -> None:
        """Find `y`, `largest` and `smallest`."""
        parts = (self.x, self.weight, self.packed, self.y, self.largest, self.smallest)
        self._call("forward", *parts)

    def backward(self, outer: Tensor) -> None:
        """Find `to_x` and `to_weight`."""
        parts = (self.x, self.weight, outer, self.largest, self.smallest, self.to_x, self.to_weight)
        self._call("backward", *parts)

    def _call(self, name: str, *parts: Tensor) -> None:
        pointers = [ctypes.c_void_p(part.data_ptr()) for part in parts]
        library()[name](self.rows, self.inputs, self.neurons, *pointers)


@cache
def library() -> ctypes.CDLL:
    """Return the compiled kernel.

    Raises:
        SartoError: E301, when there is no gcc.
    """
    if (gcc := shutil.which("gcc")) is None:
        raise SartoError("E301", "this benchmark needs gcc", cause="it is not on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "two_pass.c"), Path(folder, "two_pass.so")
        source.write_text(SOURCE, encoding="utf-8")
        subprocess.run([gcc, *FLAGS, str(source), "-o", str(made)], check=True)
        return ctypes.CDLL(str(made))
