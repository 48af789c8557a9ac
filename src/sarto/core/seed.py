"""Random generators: one independent stream per purpose, from one seed.

>>> generator(0, "esn", "input weights").integers(100) == generator(0, "esn", "input weights").integers(100)
np.True_
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return a Philox generator for `purpose`; other purposes and seeds are independent of it.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox).
    """
    digest = hashlib.sha256(repr(purpose).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))
