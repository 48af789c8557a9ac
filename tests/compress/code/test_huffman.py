"""Huffman codes: against a heap, worked by hand, and as Deep Compression stores a layer."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
import pytest

from sarto.compress.code._prefix import code_lengths, codes, pack
from sarto.compress.code.huffman import decode, encode
from sarto.compress.relative_index import fixed_bits
from sarto.core.errors import SartoError
from tests.compress.code.weights import independent


def heap_cost(counts: list[int]) -> int:
    """Bits of an unlimited Huffman code: the sum of all merged weights."""
    heap = [count for count in counts if count]
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        cost += merged
        heapq.heappush(heap, merged)
    return cost


@pytest.mark.parametrize("symbols", [2, 3, 7, 40, 300])
def test_without_a_limit_that_binds_it_is_huffmans_code(symbols: int) -> None:
    rng = np.random.default_rng(symbols)
    counts = rng.integers(0, 200, symbols) + (np.arange(symbols) < 2)
    assert int((code_lengths(counts, 15) * counts).sum()) == heap_cost(counts.tolist())


def test_with_a_limit_no_other_code_is_shorter() -> None:
    """All lengths up to 4 that fulfil Kraft's equation, for counts whose Huffman code has 5 bits."""
    counts = np.array([1, 1, 2, 4, 8, 16])
    lengths = code_lengths(counts, 4)
    best = min(
        sum(n * length for n, length in zip(counts, tried, strict=True))
        for tried in itertools.product(range(1, 5), repeat=6)
        if sum(2.0**-length for length in tried) <= 1
    )
    assert lengths.max() == 4
    assert int((lengths * counts).sum()) == best
    assert heap_cost(counts.tolist()) < best


def test_codes_are_canonical() -> None:
    lengths = np.array([3, 1, 0, 3, 3, 3])
    assert codes(lengths).tolist() == [0b100, 0b0, 0, 0b101, 0b110, 0b111]


def test_packing_worked_by_hand() -> None:
    assert pack(np.array([0b101, 0b0, 0xFFFF, 0b1]), np.array([3, 1, 16, 1])) == bytes(
        [0b10101111, 255, 0b11111000]
    )
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 17, 500)
    values = rng.integers(0, 1 << lengths)
    text = "".join(f"{value:0{length}b}" for value, length in zip(values, lengths, strict=True) if length)
    assert (
        pack(values, lengths).hex() == f"{int(text + '0' * (-len(text) % 8), 2):0{(len(text) + 7) // 8 * 2}x}"
    )


def test_the_stream_worked_by_hand() -> None:
    """Plain symbols 0 0 0 1 2 2: lengths 1, 2, 2 and so 0 0 0 10 11 11."""
    coded = encode(np.array([0, 0, 0, 1, 2, 2]), 3, gap_bits=0)
    assert coded.values == bytes([0b00010111, 0b10000000])
    # 0000: plain; 1: all there; changes from bits(3) = 2: -1, +1, 0 as gammas of 2, 3, 1.
    assert coded.tables == bytes([0b00001010, 0b01110000])


def test_gaps_and_values_alternate() -> None:
    """Places 1, 4 and 15 in 3 bits: gaps less one 1 2 7 2, values 3 2 0 3."""
    weights = np.zeros(16, np.int64)
    weights[[1, 4, 15]] = [3, 2, 3]
    coded = encode(weights, 4, gap_bits=3)
    # Gaps: 2 twice -> 0, 1 -> 10, 7 -> 11. Values: 3 twice -> 0, 0 -> 10, 2 -> 11.
    assert coded.values == bytes([0b10_0_0_11_11, 0b10_0_0_0000])
    np.testing.assert_array_equal(decode(coded.data, (16,), 4), weights)


def test_the_bits_of_a_gap_that_are_chosen_are_the_best_and_huffman_saves() -> None:
    symbols = independent((100, 120), 0.03, 4)
    sizes = {bits: len(encode(symbols, 5, gap_bits=bits).data) for bits in range(16)}
    assert len(encode(symbols, 5).data) <= min(sizes.values()) + 2
    assert sizes[5] < fixed_bits(symbols, 5, 5) / 8
    for bits in (1, 5, 15):
        coded = encode(symbols, 5, gap_bits=bits)
        np.testing.assert_array_equal(decode(coded.data, symbols.shape, 5), symbols)


def test_the_format_stays_what_it_is() -> None:
    """Files are written by one version and read by another."""
    assert (
        encode(independent((6, 20), 0.2, 3), 4, gap_bits=3).data.hex()
        == "38ed26d35d3200d97da9b8505b7db29a767e71c621644e50"
    )


@pytest.mark.parametrize("bits", [-1, 16])
def test_gaps_of_impossible_bits_are_refused(bits: int) -> None:
    with pytest.raises(SartoError, match=f"gap_bits = {bits}"):
        encode(np.array([0, 1]), 2, gap_bits=bits)
