"""Ratios of scales as integers: a multiplier m and a shift s, with `ratio` about `m 2^-s`, for `requantise`.

| ratio | m | s |
|---|---|---|
| from 1/2 on | 15 significant bits | 1 to 15 |
| from 2^-18 on, below 1/2 | 15 significant bits | 16 to 32 |
| below 2^-18 | round(ratio 2^32) | 32 |

With a shift from 16 to 32 a multiplier `m 2^(32 - s)` is one of 31 bits, so that a device has

    (acc m + 2^(s - 1)) >> s  =  (acc m 2^(32 - s) + 2^31) >> 32,

the upper half of a product of two 32-bit numbers, rounded: one instruction where there is one for it. A ratio of 1/2 or
more asks for more than 31 bits; it occurs where numbers keep their scale (sums, joins) and in scores of 32 bits.
A multiplier of fewer bits than 15 costs nothing that could be seen: below 2^-18 it is off by at most 1/2 2^-32, which
of the largest sum of 32 bits makes a quarter of a count.

>>> rescaling(0.3), rescaling(0.75), rescaling(2.0**-20), rescaling(1e-12)
((19661, 16), (24576, 15), (4096, 32), (0, 32))
"""

from __future__ import annotations

from sarto.core.graph.operations import multiplier

MOST_SHIFT = 32
_LEAST_OF_ALL_BITS = 2.0**-18


def rescaling(ratio: float) -> tuple[int, int]:
    """Return m and s of a ratio, which is not negative; m is 0 where nothing could come through.

    Raises:
        ValueError: when the ratio is not finite, or beyond what a shift of 1 can express.
    """
    if 0 <= ratio < _LEAST_OF_ALL_BITS:
        return round(ratio * 2.0**MOST_SHIFT), MOST_SHIFT
    return multiplier(ratio)
