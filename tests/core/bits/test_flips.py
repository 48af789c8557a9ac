"""Faults in stored bits, against the same done bit by bit in plain Python."""

from typing import Any

import numpy as np
import pytest

from sarto.core.bits import KINDS, Kind, Places, burst, faulty_words, flip, inject, put, random_places
from sarto.core.errors import SartoError

DTYPES = (
    np.uint8,
    np.int8,
    np.uint16,
    np.int16,
    np.int32,
    np.uint32,
    np.int64,
    np.uint64,
    np.float16,
    np.float32,
    np.float64,
)


def bit_by_bit(content: bytes, addresses: set[int], kind: Kind) -> bytes:
    """Little-endian memory as a list of bits."""
    bits = [byte >> b & 1 for byte in content for b in range(8)]
    for a in addresses:
        bits[a] = {"flip": 1 - bits[a], "stuck0": 0, "stuck1": 1}[kind]
    return bytes(sum(bits[8 * i + b] << b for b in range(8)) for i in range(len(content)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_type_equals_its_memory_bit_by_bit(dtype: Any, kind: Kind) -> None:
    rng = np.random.default_rng(0)
    size, width = 12, 8 * np.dtype(dtype).itemsize
    values = rng.integers(0, 256, size * width // 8, np.uint8).view(dtype).reshape(3, 4)
    places = Places(rng.integers(0, size, 9), rng.integers(0, width, 9))
    expected = bit_by_bit(values.tobytes(), set(places.addresses(width).tolist()), kind)
    before = values.tobytes()
    assert inject(values, places, kind).tobytes() == expected
    assert values.tobytes() == before, "the given array is left alone"
    assert inject(np.asfortranarray(values), places, kind).tobytes() == expected, (
        "words count in reading order"
    )
    turned = values.astype(np.dtype(dtype).newbyteorder(">"))
    assert inject(turned, places, kind).astype(dtype).tobytes() == expected, (
        "bits count from the least significant"
    )
    in_bytes = Places.at(places.addresses(width), 8)
    assert inject(before, in_bytes, kind) == expected
    assert inject(bytearray(before), in_bytes, kind) == bytearray(expected)
    each = faulty_words(values, places, kind)
    for i in range(len(places)):
        alone = inject(values, places[i : i + 1], kind).reshape(-1)[places.element[i]]
        assert each[i].tobytes() == alone.tobytes()


def test_flips_put_twice_are_undone_and_a_place_listed_twice_counts_once() -> None:
    values = np.arange(6, dtype=np.float32)
    places = Places([0, 0, 5], [22, 22, 31])
    put(values, places)
    assert values[5] == -5 and values[0] == np.float32(2.0**-127)
    put(values, places)
    assert values.tolist() == [0, 1, 2, 3, 4, 5]
    put(values, Places([], []))


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8])
def test_fewer_stored_bits_than_the_type_has(dtype: Any) -> None:
    values = np.array([3, 7, 0], dtype)
    signed = np.dtype(dtype).kind == "i"
    assert flip(values, Places([0, 1], [3, 0]), width=4).tolist() == [-5 if signed else 11, 6, 0]
    if signed:
        assert flip(np.array([-5, -1], dtype), Places([0, 1], [3, 1]), width=4).tolist() == [3, -3]
    with pytest.raises(SartoError, match="does not fit into 3 bits"):
        flip(np.array([9], dtype), Places([0], [0]), width=3)


@pytest.mark.parametrize(
    ("memory", "places", "more", "text"),
    [
        (np.zeros(3, np.int8), Places([0, 3], [0, 0]), {}, "bit 0 of word 3.*\n.*3 words of 8 bits"),
        (np.zeros(3, np.int8), Places([-1], [0]), {}, "word -1"),
        (np.zeros(3, np.int8), Places([0], [4]), {"width": 4}, "bit 4"),
        (b"abc", Places([0], [8]), {}, "bit 8 of word 0"),
        (np.zeros(3, np.int8), Places([0], [0]), {"width": 9}, "words of 9 bits"),
        (np.zeros(3, bool), Places([0], [0]), {}, "type bool"),
        (np.zeros(3, complex), Places([0], [0]), {}, "type complex128"),
    ],
)
def test_what_cannot_be_is_refused(memory: Any, places: Places, more: dict[str, Any], text: str) -> None:
    with pytest.raises(SartoError, match=text) as caught:
        inject(memory, places, **more)
    assert caught.value.code == "E143"


def test_bursts_go_on_in_the_next_word_and_end_with_the_memory() -> None:
    values = np.zeros(2, np.uint8)
    assert flip(values, burst(Places([0, 1], [7, 6]), 3, 2, 8)).tolist() == [0b1000_0000, 0b1100_0011]
    assert flip(values, burst(Places([0], [0]), 1, 2, 8)).tolist() == [1, 0]


def test_random_errors_are_binomial_distinct_spread_evenly_and_seeded() -> None:
    counts = [len(random_places(500, 16, 0.02, seed)) for seed in range(300)]
    assert abs(np.mean(counts) - 160) < 4 * np.sqrt(8000 * 0.02 * 0.98 / 300)
    assert 0.75 < np.var(counts) / (8000 * 0.02 * 0.98) < 1.3
    found = random_places(100_000, 16, 0.25, 3)
    addresses = found.addresses(16)
    assert len(np.unique(addresses)) == len(addresses)
    assert np.all(abs(np.bincount(found.bit, minlength=16) - 25_000) < 5 * np.sqrt(100_000 * 0.25 * 0.75))
    assert np.array_equal(addresses, random_places(100_000, 16, 0.25, 3).addresses(16))
    assert not np.array_equal(addresses[:99], random_places(100_000, 16, 0.25, 3, "other").addresses(16)[:99])
    assert len(random_places(5, 8, 1.0, 0)) == 40 and len(random_places(5, 8, 0.0, 0)) == 0
    with pytest.raises(SartoError, match="E143"):
        random_places(5, 8, -0.1, 0)


def test_large_memories_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sarto.core.bits.flips.CHUNK", 1 << 10)
    found = random_places(1000, 8, 1.0, 0).addresses(8)
    assert np.array_equal(found, np.arange(8000))
