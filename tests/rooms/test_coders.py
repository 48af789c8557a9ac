"""What every method of `sarto.compress.code` must do; a new method is judged by this suite without an edit here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.compress.entropy import entropy_bits
from sarto.core.errors import SartoError
from sarto.core.rooms import load_method, methods
from tests.compress.code.weights import Symbols, independent, structured

ROOM = "sarto.compress.code"
pytestmark = pytest.mark.parametrize("method", methods(ROOM))
RNG = np.random.default_rng(7)
ARRAYS: dict[str, tuple[Symbols, int]] = {
    "nothing": (np.zeros(0, np.int64), 4),
    "no rows": (np.zeros((0, 7), np.uint8), 4),
    "no columns": (np.zeros((7, 0), np.uint8), 4),
    "one symbol": (np.array([3]), 4),
    "one of one": (np.zeros((1, 1), np.int64), 1),
    "alphabet of one": (np.zeros((5, 8), np.uint8), 1),
    "all equal": (np.full((6, 9), 200, np.uint8), 256),
    "all the last": (np.full(40, 65535, np.uint16), 65536),
    "two symbols": (RNG.integers(0, 2, 100), 2),
    "first differs": (np.array([1] + [0] * 60), 2),
    "last differs": (np.array([0] * 60 + [1]), 2),
    "two columns": (RNG.integers(0, 3, (40, 2)), 3),
    "one column": (RNG.integers(0, 3, (40, 1)), 3),
    "one row": (RNG.integers(0, 3, (1, 40)), 3),
    "skewed": (independent((50, 60), 0.004, 3), 5),
    "few zeros": (independent((20, 25), 0.97, 6), 7),
    "most frequent is not 0": ((independent((20, 25), 0.2, 4) + 2) % 5, 5),
    "uniform": (RNG.integers(0, 16, (20, 30), np.uint8), 16),
    "no power of two": (RNG.integers(0, 11, (20, 30)), 11),
    "bytes": (np.clip(RNG.normal(128, 9, (20, 30)), 0, 255).astype(np.uint8), 256),
    "257": (RNG.integers(0, 257, 300), 257),
    "all of many, once": (RNG.permutation(700).astype(np.uint16), 700),
    "few of many": (RNG.integers(0, 65536, 50).astype(np.uint16), 65536),
    "structured": (structured(30, 8, 200), 9),
    "not contiguous": (independent((40, 30), 0.1, 3).T[::2], 4),
    "big enough for lanes": (RNG.choice(4, 70_000, p=[0.4, 0.3, 0.2, 0.1]).astype(np.uint8), 4),
}
LARGE = {"big enough for lanes"}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_comes_out_is_what_went_in(method: str, name: str) -> None:
    symbols, alphabet = ARRAYS[name]
    if name in LARGE and method == "context":
        symbols = symbols[:500]  # nothing changes there with size
    coder = load_method(ROOM, method)
    coded = coder.encode(symbols, alphabet)
    back = coder.decode(coded.data, symbols.shape, alphabet)
    assert back.dtype == (np.uint8 if alphabet <= 256 else np.uint16)
    np.testing.assert_array_equal(back, symbols)
    assert coder.parts(coded.data, symbols.shape, alphabet) == coded
    assert coded.tables + coded.values == coded.data


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6), alphabet=st.integers(1, 40), rows=st.integers(0, 9), columns=st.integers(0, 9)
)
def test_any_small_matrix_comes_back(method: str, seed: int, alphabet: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    symbols = (
        rng.integers(0, alphabet, (rows, columns)) * rng.random((rows, columns)) ** rng.integers(4)
    ).astype(int)
    coder = load_method(ROOM, method)
    coded = coder.encode(symbols, alphabet)
    np.testing.assert_array_equal(coder.decode(coded.data, symbols.shape, alphabet), symbols)


def test_an_array_of_one_symbol_has_no_values_and_nothing_to_tell_has_no_bytes(method: str) -> None:
    coder = load_method(ROOM, method)
    for symbol in (0, 5, 299):
        coded = coder.encode(np.full((300, 700), symbol), 300)
        assert coded.values == b""
        assert len(coded.tables) <= 4
    assert coder.encode(np.zeros((30, 70), np.int64), 1).data == b""
    assert coder.encode(np.zeros((0, 70), np.int64), 9).data == b""


@pytest.mark.parametrize(("density", "values"), [(0.02, 4), (0.3, 15), (1.0, 6)])
def test_independent_symbols_take_about_their_entropy(method: str, density: float, values: int) -> None:
    """A code of whole bits is further from it than an arithmetic one."""
    symbols = independent((60, 80), density, values)
    coded = load_method(ROOM, method).encode(symbols, values + 1)
    entropy_b = entropy_bits(symbols) / 8
    assert len(coded.data) > 0.97 * entropy_b
    assert len(coded.data) < 1.05 * entropy_b + 30


def test_what_cannot_be_coded_is_refused(method: str) -> None:
    coder = load_method(ROOM, method)
    wrong: list[tuple[Any, int, str]] = [
        (np.array([0, 4]), 4, "symbol 4 is outside of 0 to 3"),
        (np.array([[-1, 2]]), 4, "symbol -1 is outside of 0 to 3"),
        (np.zeros((2, 2, 2), np.int64), 4, "shape \\(2, 2, 2\\)"),
        (np.array(1), 4, "shape \\(\\)"),
        (np.array([0]), 0, "with 0 symbols"),
        (np.array([0]), 65537, "with 65537 symbols"),
    ]
    for symbols, alphabet, text in wrong:
        with pytest.raises(SartoError, match=text) as caught:
            coder.encode(symbols, alphabet)
        assert caught.value.code == "E116"
    for shape in ((2, 2, 2), (), (-1,)):
        with pytest.raises(SartoError, match="cannot code") as caught:
            coder.decode(b"\1", shape, 4)
        assert caught.value.code == "E116"


def decoded(method: str, data: bytes, shape: tuple[int, ...], alphabet: int) -> Symbols | None:
    """What comes out, in the shape and the alphabet that were asked for; None where that is refused as damaged."""
    try:
        back = load_method(ROOM, method).decode(data, shape, alphabet)
    except SartoError as error:
        if error.code != "E121" or not error.cause:
            raise
        return None
    assert back.shape == shape
    assert not back.size or back.max() < alphabet
    return back


def spoilt(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes with one of the things done to them that happen to files, or that an enemy does."""
    changed = bytearray(data)
    what = int(rng.integers(6))
    at = int(rng.integers(len(data)))
    if what == 0:
        changed[at] ^= 1 << int(rng.integers(8))
    elif what == 1:
        changed[at] = int(rng.choice([0, 255]))
    elif what == 2:
        del changed[at:]
    elif what == 3:
        changed[at:at] = rng.bytes(int(rng.integers(1, 5)))
    elif what == 4:
        changed = bytearray(rng.bytes(int(rng.integers(1, 40))))
    else:
        early = int(rng.integers(min(12, len(data))))
        changed[early] = int(rng.integers(256))
    return bytes(changed)


FUZZED: dict[str, tuple[Symbols, int]] = {
    "structured": (structured(12, 6, 60), 9),
    "uniform": (RNG.integers(0, 16, (9, 10)), 16),
    "many": (RNG.integers(0, 40000, 30), 65536),
    "two": (independent((12, 15), 0.2, 1), 2),
    "plain": (RNG.choice(5, (9, 16), p=[0.1, 0.5, 0.2, 0.1, 0.1]), 5),
}


@pytest.mark.parametrize("name", FUZZED)
def test_damaged_bytes_are_an_error_or_other_symbols_of_the_alphabet(method: str, name: str) -> None:
    symbols, alphabet = FUZZED[name]
    data = load_method(ROOM, method).encode(symbols, alphabet).data
    rng = np.random.default_rng(1)
    results = [decoded(method, spoilt(data, rng), symbols.shape, alphabet) for _ in range(60)]
    assert sum(result is None for result in results) > 15


def test_another_shape_or_alphabet_than_that_of_the_bytes_is_an_error_or_other_symbols(method: str) -> None:
    symbols, alphabet = FUZZED["structured"]
    data = load_method(ROOM, method).encode(symbols, alphabet).data
    tried = [((1, 1), 9), ((12, 37), 9), ((13, 36), 9), ((432,), 2), ((432,), 65536), ((432,), 3)]
    assert any(decoded(method, data, shape, size) is None for shape, size in tried)
    assert decoded(method, data, (0, 3), 9) is None
    assert decoded(method, data, (3,), 1) is None


def test_no_bytes_are_refused_where_there_is_something_to_decode(method: str) -> None:
    coder = load_method(ROOM, method)
    for take in (coder.decode, coder.parts):
        with pytest.raises(SartoError) as caught:
            take(b"", (3, 4), 5)
        assert caught.value.code == "E121"
