"""Noise that depends on what is run, not on how: each sequence draws from a stream of its own.

Philox is a counter-based generator: a key and a counter give the numbers. The key is a hash of seed and purpose, the
counter starts at (0, 0, block of steps, key of the sequence). So the draws of a sequence at a step are the same
whatever the batch it runs in, the number of threads, or the step at which one starts. The key of a sequence is a hash
of its values, so that it keeps its noise in another order or alone; the k-th copy of a sequence in one set has a
further key.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox; independent streams by
counter).

>>> noise = NoiseStreams(0, "read", np.array([7, 9], np.uint64), 3)
>>> alone = NoiseStreams(0, "read", np.array([9], np.uint64), 3)
>>> bool((noise.normal(20, 2)[1] == alone.normal(20, 1)[0]).all())
True
"""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
from jaxtyping import Float, UInt64

from sarto.models.sequences import Sequences

BLOCK_STEPS = 16
"""Steps whose noise is drawn at once: a generator is then set up for every 16 steps of a sequence, which costs a tenth
of the draws at 100 units, and a block of 128 sequences holds 1.6 MB."""


def sequence_keys(sequences: Sequences) -> UInt64[np.ndarray, " item"]:
    """Return a key for each sequence: a hash of its values and its number among equal ones."""
    seen: Counter[bytes] = Counter()
    keys = np.empty(len(sequences), np.uint64)
    for item in range(len(sequences)):
        rows = sequences.values[sequences.offsets[item] : sequences.offsets[item + 1]]
        digest = hashlib.blake2b(np.ascontiguousarray(rows, "<f8").tobytes(), digest_size=8).digest()
        copy = hashlib.blake2b(digest + seen[digest].to_bytes(8, "little"), digest_size=8).digest()
        keys[item] = int.from_bytes(copy, "little")
        seen[digest] += 1
    return keys


def stream_key(seed: int, purpose: str) -> UInt64[np.ndarray, "2"]:
    """Return the Philox key of all streams of one seed and purpose."""
    digest = hashlib.sha256(repr((int(seed), purpose)).encode()).digest()
    return np.frombuffer(digest[:16], "<u8").astype(np.uint64)


class NoiseStreams:
    """Standard normal draws for some sequences, `width` of them at each step."""

    def __init__(self, seed: int, purpose: str, keys: UInt64[np.ndarray, " item"], width: int) -> None:
        self._keys = keys
        self._philox = np.random.Philox(key=stream_key(seed, purpose))
        self._generator = np.random.Generator(self._philox)
        self._fresh = self._philox.state
        self._block = -1
        self._draws = np.empty((len(keys), BLOCK_STEPS, width))

    def normal(self, step: int, live: int) -> Float[np.ndarray, "live width"]:
        """Return the draws of the first `live` sequences at `step`.

        Steps may come in any order. The array is a view that a later block of steps overwrites. Within a block `live`
        must not grow.
        """
        block, place = divmod(step, BLOCK_STEPS)
        if block != self._block:
            for item in range(live):
                self._rewind(block, int(self._keys[item]))
                self._generator.standard_normal(out=self._draws[item])
            self._block = block
        return self._draws[:live, place]

    def _rewind(self, block: int, key: int) -> None:
        """Set the counter to where the stream of `key` starts its `block`, with nothing left over in the buffer."""
        self._fresh["state"]["counter"][:] = (0, 0, block, key)
        self._philox.state = self._fresh
