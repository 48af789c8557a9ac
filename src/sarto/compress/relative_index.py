"""Relative indices of Deep Compression: where the values of a sparse array are, as gaps of a fixed number of bits.

`relative_index(symbols, bits)` returns for each entry its gap to the entry before, 1 to `2^bits` places, the first
one from the place -1, and its symbol. Where two values are further apart, fillers of gap `2^bits` and symbol 0 stand
between them:

    place_i = sum_{e <= i} gap_e - 1.

`fixed_bits` is the size that the paper counts before Huffman coding, `entries (bits + ceil(log2 A))`: the codebook
has an entry for the zero of the fillers, as in the published decoder. What the codebook itself takes is counted
elsewhere.

Source: Han, Mao and Dally, "Deep Compression", ICLR 2016, arXiv 1510.00149, section 2 and figure 2; the decoder of
its compressed AlexNet (`cumsum(index + 1) - 1`).

>>> import numpy as np
>>> weights = np.zeros(16, np.int64)
>>> weights[[1, 4, 15]] = [3, 2, 1]
>>> gaps, symbols = relative_index(weights, 3)
>>> gaps.tolist(), symbols.tolist(), fixed_bits(weights, 4, 3)
([2, 3, 8, 3], [3, 2, 0, 1], 20)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Integer


def relative_index(
    symbols: Integer[np.ndarray, " n"], bits: int
) -> tuple[Int[np.ndarray, " entry"], Int[np.ndarray, " entry"]]:
    """Return gap and symbol of every entry, fillers among them."""
    places = np.flatnonzero(symbols)
    gaps = np.diff(places, prepend=-1)
    fillers = (gaps - 1) >> bits
    ends = np.cumsum(fillers + 1) - 1
    entries = int(ends[-1]) + 1 if len(ends) else 0
    gap, symbol = np.full(entries, 1 << bits, np.int64), np.zeros(entries, np.int64)
    gap[ends] = gaps - (fillers << bits)
    symbol[ends] = symbols[places]
    return gap, symbol


def fixed_bits(symbols: Integer[np.ndarray, "..."], alphabet: int, bits: int) -> int:
    """Return the bits of all entries, each a gap of `bits` bits and an index of a codebook of `alphabet` entries."""
    gaps, _ = relative_index(symbols.ravel(), bits)
    return len(gaps) * (bits + (alphabet - 1).bit_length())
