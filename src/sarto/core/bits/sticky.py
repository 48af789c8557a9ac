"""A float64 as the float32 from which any shorter format is rounded as from the float64 itself (rounding to odd).

    x is cut off to 24 significant bits; if anything was cut off, the last bit kept becomes 1.

Rounding twice goes wrong where the first rounding makes a tie: 1 + 2^-8 + 2^-40 lies above the middle of two bfloat16
numbers, and as a float32 exactly in it. The odd last bit keeps what was cut off in mind, for formats of at most 22
significant bits.

Source: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd",
IEEE Transactions on Computers 57(4), 2008, section 3.

>>> [value.hex() for value in odd_float32(np.array([1 + 2.0**-8 + 2.0**-40, 1.5])).tolist()]
['0x1.0100020000000p+0', '0x1.8000000000000p+0']
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32


def odd_float32(values: Float[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """Return float64 numbers rounded to odd as float32; numbers of shorter types are themselves."""
    if values.dtype.itemsize <= 4:
        return values.astype(np.float32, copy=False)
    with np.errstate(over="ignore", under="ignore"):  # an infinity and a 0 are mended below
        near = values.astype(np.float32)
    back = near.astype(np.float64)
    inexact = (back != values) & ~np.isnan(values)
    patterns = near.view(np.uint32).copy()  # 0-d arrays too
    patterns -= (np.abs(back) > np.abs(values)).astype(np.uint32)  # cut off: one step towards 0
    patterns |= inexact.astype(np.uint32)
    return patterns.view(np.float32)
