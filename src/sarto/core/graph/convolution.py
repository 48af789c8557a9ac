"""Random convolution kernels of the integer network: how often each is above its threshold, in a pooling segment.

A kernel has nine taps, three of weight 2 and six of weight -1, `dilation` steps apart, on one channel:

    v_t = 3 (x_(t - (8 - p) d) + x_(t - (8 - q) d) + x_(t - (8 - r) d)) - sum_j x_(t - (8 - j) d),   j = 0..8

with zeros before the first sample of a sequence. A feature is the share of a segment's steps with `v_t > b 2^4`.
A kernel's p, q and r are four bits each of one word, the first lowest.

Source: Dempster, Schmidt and Webb, "MiniRocket: a very fast (almost) deterministic transform for time series
classification", KDD 2021, section 3; there with padding on both sides, and thresholds in real numbers.

>>> x, rows = np.array([[0], [5], [0], [0]]), PooledRows.of(np.array([0, 4]), 1, 0)
>>> groups = Groups(channel=np.array([0]), dilation=np.array([1]), end=np.array([2]))
>>> taps = np.array([8 | 7 << 4 | 6 << 8, 0 | 1 << 4 | 2 << 8])
>>> (convolution(x, rows, groups, taps, np.array([0, 0])) / 2**30).tolist()
[[[0.75, 0.0]]]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.rows import PooledRows

TAPS = 9
THRESHOLD_SHIFT = 4
"""Thresholds are in counts of 2^4, so that 16 bits reach every value that nine 16-bit taps can have."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Kernels that share their taps: channel and dilation of each group, and where its kernels end."""

    channel: Integer[np.ndarray, " group"]
    dilation: Integer[np.ndarray, " group"]
    end: Integer[np.ndarray, " group"]


def convolution(
    x: Integer[np.ndarray, "row channel"],
    rows: PooledRows,
    groups: Groups,
    taps: Integer[np.ndarray, " kernel"],
    threshold: Integer[np.ndarray, " kernel"],
) -> Int[np.ndarray, "item segment kernel"]:
    """Return the shares of every kernel, with 30 fractional bits, on standardised inputs `x`."""
    count = np.zeros((len(rows.starts), len(taps)), np.int64)
    for kernel, value in responses(x, rows, groups, taps):
        above = value > int(threshold[kernel]) << THRESHOLD_SHIFT
        count[:, kernel] = rows.reduce(np.add, above[:, None].view(np.int8))[:, 0]
    return rows.place(rows.mean(count))


def responses(
    x: Integer[np.ndarray, "row channel"],
    rows: PooledRows,
    groups: Groups,
    taps: Integer[np.ndarray, " kernel"],
) -> Iterator[tuple[int, Int[np.ndarray, " row"]]]:
    """Yield each kernel's number and its v_t at every row."""
    begin = 0
    for channel, dilation, end in zip(groups.channel, groups.dilation, groups.end, strict=True):
        window = _window(x[:, channel].astype(np.int32), rows.step, int(dilation))
        total = window.sum(axis=0, dtype=np.int32)
        for kernel in range(begin, int(end)):
            word = int(taps[kernel])
            three = window[word & 15] + window[word >> 4 & 15] + window[word >> 8]
            yield kernel, (3 * three - total).astype(np.int64)
        begin = int(end)


def _window(
    x: Integer[np.ndarray, " row"], step: Int[np.ndarray, " row"], dilation: int
) -> Integer[np.ndarray, "tap row"]:
    """Return the taps of every row: tap j is the sample (8 - j) dilations before, 0 before the sequence began."""
    window = np.zeros((TAPS, len(x)), np.int32)
    for tap in range(TAPS):
        back = (TAPS - 1 - tap) * dilation
        if back < len(x):
            window[tap, back:] = np.where(step[back:] >= back, x[: len(x) - back], 0)
    return window
