"""Many rANS coders side by side, a NumPy operation for all of them at once: the arithmetic of `rans` on arrays.

The symbols are cut into as many consecutive parts as there are lanes, the first `n mod lanes` of them one symbol
longer than the rest; each part is coded for itself, so that its bytes are those of a single coder.

Source: Giesen, "Interleaved entropy coders", arXiv 1402.3392 (there the lanes share one stream; here each has its
own, so that a lane costs the length of its stream instead of the rest of its state).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Integer, UInt

from sarto.compress.code._coded import damaged
from sarto.compress.code._frequencies import Frequencies

LOW = 1 << 23
"""Below this a state takes another byte."""


def encode_lanes(
    symbols: Integer[np.ndarray, " n"], table: Frequencies, lanes: int
) -> list[UInt[np.ndarray, " b"]]:
    """Return the bytes of each lane."""
    steps, longer = divmod(len(symbols), lanes)
    f, starts, k = table.of, table.starts, table.bits
    state = np.zeros(lanes, np.int64)
    written: list[UInt[np.ndarray, " b"]] = []
    owners: list[Int[np.ndarray, " b"]] = []

    def emit(which: Int[np.ndarray, " some"]) -> None:
        written.append((state[which] & 255).astype(np.uint8))
        owners.append(which)
        state[which] >>= 8

    def push(part: Integer[np.ndarray, " some"], count: int) -> None:
        frequency = f[part]
        limit = frequency << (31 - k)
        while (full := np.flatnonzero(state[:count] >= limit)).size:
            emit(full)
        whole, rest = np.divmod(state[:count], frequency)
        state[:count] = (whole << k) + rest + starts[part]

    if longer:
        push(symbols[steps : longer * (steps + 1) : steps + 1], longer)
    body = _body(symbols, steps, longer, lanes)
    for step in reversed(range(steps)):
        push(body[step], lanes)
    while (left := np.flatnonzero(state)).size:
        emit(left)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    data = np.concatenate(written)[order]
    ends = np.cumsum(np.bincount(owner, minlength=lanes))
    return [part[::-1] for part in np.split(data, ends[:-1])]


def decode_lanes(
    data: UInt[np.ndarray, " b"], lengths: Int[np.ndarray, " lane"], table: Frequencies, count: int
) -> UInt[np.ndarray, " n"]:
    """Return the `count` symbols that `encode_lanes` took; `lengths` are those of the lanes' bytes in `data`."""
    lanes = len(lengths)
    steps, longer = divmod(count, lanes)
    f, starts, k = table.of, table.starts, table.bits
    slots = slot_symbols(table)
    end = np.cumsum(lengths)
    at = end - lengths
    padded = np.append(data, np.uint8(0)).astype(np.int64)
    state = np.zeros(lanes, np.int64)
    mask = (1 << k) - 1

    def pull(active: int) -> UInt[np.ndarray, " some"]:
        while (low := np.flatnonzero((state < LOW) & (at < end))).size:
            state[low] = state[low] << 8 | padded[at[low]]
            at[low] += 1
        rest = state[:active] & mask
        found = slots[rest]
        state[:active] = f[found] * (state[:active] >> k) + rest - starts[found]
        return found

    out = np.empty((steps, lanes), slots.dtype)
    for step in range(steps):
        out[step] = pull(lanes)
    last = pull(longer) if longer else out[:0, 0]
    if (at != end).any() or state.any():
        raise damaged("the decoder does not come to rest where the encoder started")
    parts = np.concatenate([out[:, :longer], last[None, :longer]]).T.ravel() if longer else last
    return np.concatenate([parts, out[:, longer:].T.ravel()])


def slot_symbols(table: Frequencies) -> UInt[np.ndarray, " slot"]:
    """Return the symbol of each of the `2^k` slots."""
    order = np.concatenate([[table.most], np.delete(np.arange(len(table.of)), table.most)])
    return np.repeat(order, table.of[order]).astype(np.uint16)


def _body(
    symbols: Integer[np.ndarray, " n"], steps: int, longer: int, lanes: int
) -> Integer[np.ndarray, "step lane"]:
    """Return the symbols that every lane has, by step."""
    head = symbols[: longer * (steps + 1)].reshape(longer, steps + 1)[:, :steps]
    tail = symbols[longer * (steps + 1) :].reshape(lanes - longer, steps)
    return np.ascontiguousarray(np.concatenate([head, tail]).T)
