"""A linear recurrence over time, many steps at once: h_t = a h_{t-1} + d_t, for every number of a state.

The composition of two steps is a step again, so the recurrence need not be run one step at a time: the steps are cut
into chunks, all chunks advance side by side from 0, the end of each chunk is carried into the next, and a power of a
times what was carried is added to every step. That takes about 2 sqrt(steps) passes of NumPy in place of `steps`.

Source: Blelloch, "Prefix sums and their applications", CMU-CS-90-190 (1990), for recurrences as scans.

>>> d = np.ones((4, 1, 1), complex)
>>> scan(np.array([0.5 + 0j]), d, np.zeros((1, 1), complex))[:, 0, 0].real.tolist()
[1.0, 1.5, 1.75, 1.875]
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Complex

WIDE = 1 << 14
"""Numbers of a state, over all items, from which on one pass per step is not bound by its overhead."""


def scan(
    a: Complex[np.ndarray, " number"],
    d: Complex[np.ndarray, "step item number"],
    start: Complex[np.ndarray, "item number"],
) -> Complex[np.ndarray, "step item number"]:
    """Return the states after each step, from `start` on; `d` is overwritten with them.

    Args:
        a: the factor of each number, of modulus at most 1.
        d: what each step adds.
        start: the state before the first step.
    """
    steps, items, numbers = d.shape
    length = 1 if items * numbers >= WIDE else math.isqrt(steps)
    if length < 2:
        _run(a, d, start)
        return d
    whole = steps // length * length
    chunks = d[:whole].reshape(-1, length, items, numbers)
    for step in range(1, length):
        chunks[:, step] += a * chunks[:, step - 1]
    powers = (a.astype(np.complex128) ** np.arange(1, length + 1)[:, None]).astype(a.dtype)
    carried = np.empty_like(chunks[:, 0])
    carried[0] = start
    for chunk in range(1, len(chunks)):
        carried[chunk] = chunks[chunk - 1, -1] + powers[-1] * carried[chunk - 1]
    chunks += powers[:, None] * carried[:, None]
    _run(a, d[whole:], d[whole - 1])
    return d


def _run(
    a: Complex[np.ndarray, " number"],
    d: Complex[np.ndarray, "step item number"],
    h: Complex[np.ndarray, "item number"],
) -> None:
    """Overwrite what each step adds by the state after it."""
    for added in d:
        added += a * h
        h = added
