"""rANS: its format, its size, and frequencies that are the best."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sarto.compress.code._bits import BitReader, BitWriter
from sarto.compress.code._frequencies import Frequencies, fitted, read_frequencies, write_frequencies
from sarto.compress.code._lanes import encode_lanes
from sarto.compress.code.rans import decode, encode
from sarto.compress.entropy import entropy_bits
from sarto.core.errors import SartoError
from tests.compress.code.slow import decode_rans
from tests.compress.code.weights import independent


def test_states_worked_by_hand() -> None:
    """Frequencies 3 and 1 of 4. From the last symbol: 0, 0 -> 0; 1 -> 3; 0: 3 div 3 = 1 -> 4; 1 -> 4 * 4 + 3 = 19."""
    table = Frequencies(2, np.array([3, 1]), 0, 0)
    (stream,) = encode_lanes(np.array([1, 0, 1, 0, 0]), table, 1)
    assert stream.tolist() == [19]


def test_a_state_that_is_full_gives_a_byte_away() -> None:
    """One symbol of frequency 1 in 2^8 after another multiplies the state by 256: 1, 257, ... until 2^23 <= x."""
    table = Frequencies(8, np.array([255, 1]), 0, 0)
    (stream,) = encode_lanes(np.array([1] * 5), table, 1)
    assert stream.tolist() == [255] * 5


@pytest.mark.parametrize(
    ("symbols", "alphabet"),
    [
        (independent((40, 30), 0.05, 3), 4),
        (independent((20, 30), 1.0, 9), 12),
        (np.random.default_rng(0).integers(0, 11, 200), 11),
        (np.random.default_rng(0).integers(0, 8, 100), 8),
        (np.full(12, 5), 7),
    ],
)
def test_a_decoder_written_from_the_description_agrees(symbols: np.ndarray, alphabet: int) -> None:
    assert decode_rans(encode(symbols, alphabet).data, symbols.size, alphabet) == symbols.ravel().tolist()


def test_the_format_stays_what_it_is() -> None:
    """Files are written by one version and read by another."""
    assert encode(independent((6, 20), 0.2, 3), 4).data.hex() == "8c0ee010705fe1443fcef680b0a34bf1261666"
    assert encode(np.arange(11), 11).data.hex() == "601818a026c9b7"


@pytest.mark.parametrize(("density", "values"), [(0.02, 4), (0.5, 8), (1.0, 3)])
def test_266200_independent_symbols_are_within_a_hundredth_of_the_entropy(
    density: float, values: int
) -> None:
    symbols = independent((300, 888), density, values)
    coded = encode(symbols, values + 1)
    assert len(coded.data) < 1.005 * entropy_bits(symbols) / 8 + 10
    np.testing.assert_array_equal(decode(coded.data, symbols.shape, values + 1), symbols)


def test_a_small_table_takes_a_few_bytes() -> None:
    assert len(encode(independent((100, 784), 0.02, 3), 4).tables) <= 5


def test_lanes_cost_two_bytes_each() -> None:
    symbols = np.random.default_rng(0).choice(4, 150_000, p=[0.4, 0.3, 0.2, 0.1])
    coded = encode(symbols, 4)
    lanes = 64
    assert len(coded.tables) < 1.2 * lanes
    assert len(coded.data) - entropy_bits(symbols) / 8 < 2.2 * lanes
    damaged = bytearray(coded.data)
    damaged[-1000] ^= 1
    with pytest.raises(SartoError, match="come to rest"):
        decode(bytes(damaged), symbols.shape, 4)


def total_bits(table: Frequencies, counts: np.ndarray) -> float:
    writer = BitWriter()
    write_frequencies(writer, table)
    return table.cost_bits(counts) + 8 * len(writer.data())


@pytest.mark.parametrize("counts", [[900, 60, 30, 10], [40, 35, 5, 1], [5000, 3000, 2000, 1]])
def test_no_other_frequencies_are_shorter(counts: list[int]) -> None:
    """All of sum 32, with the least precision for each, against what was found, up to a byte that is not full."""
    found = total_bits(fitted(np.array(counts)), np.array(counts))
    for rest in itertools.product(range(1, 12), repeat=3):
        if sum(rest) < 32:
            of = np.array([32 - sum(rest), *rest])
            precision = max(f.bit_length() - (f & -f).bit_length() for f in rest)
            assert found <= total_bits(Frequencies(5, of, 0, precision), np.array(counts)) + 8


@pytest.mark.parametrize("alphabet", [2, 9, 300, 5000])
def test_frequencies_are_near_what_they_should_be_and_survive_writing(alphabet: int) -> None:
    rng = np.random.default_rng(alphabet)
    counts = np.bincount(np.minimum(rng.geometric(0.02, 100_000), alphabet) - 1, minlength=alphabet)
    table = fitted(counts)
    assert table.of.sum() == 1 << table.bits
    assert ((table.of > 0) == (counts > 0)).all()
    writer = BitWriter()
    write_frequencies(writer, table)
    back = read_frequencies(BitReader(writer.data()), alphabet)
    np.testing.assert_array_equal(back.of, table.of)
    there = counts > 0
    entropy = float((counts[there] * np.log2(counts.sum() / counts[there])).sum())
    assert table.cost_bits(counts) < 1.004 * entropy + 20


def test_equal_frequencies_need_no_table_and_are_equal() -> None:
    symbols = np.tile(np.arange(1000), 3)
    coded = encode(symbols, 1000)
    assert len(coded.tables) == 1
    assert len(coded.values) <= np.ceil(3000 * np.log2(1000) / 8) + 3
