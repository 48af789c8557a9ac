"""The sum that guards compute on a device, word by word; see `sarto.deploy.guard` for what it finds.

>>> rotating_sum(np.array([1, 0, 0], np.uint32)), rotating_sum(np.array([0, 3], np.uint32))
(1073741824, 3)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt32


def rotating_sum(words: UInt32[np.ndarray, " word"]) -> int:
    """Return the sum over words, as the guard computes it."""
    total = 0
    for word in words.tolist():
        total = ((total << 31 | total >> 1) & 0xFFFFFFFF) ^ word
    return total
