"""The entropy of order 0, `H = sum_s n_s log2(N / n_s)` bits for counts `n_s` of sum `N`.

No coder goes below it that takes the symbols as independent and alike, with one table for all of them.

Source: Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27, 1948.

>>> import numpy as np
>>> entropy_bits(np.array([[0, 0, 1, 2], [0, 0, 1, 2]]))
12.0
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer


def entropy_bits(symbols: Integer[np.ndarray, "..."]) -> float:
    """Return the entropy of all symbols together, in bits, with their own frequencies and no table."""
    counts = np.unique(symbols, return_counts=True)[1]
    return float((counts * np.log2(symbols.size / counts)).sum()) if symbols.size else 0.0
