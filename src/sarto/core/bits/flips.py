"""Faults in stored bits: flipped, stuck at 0 or stuck at 1, one by one, in bursts or at random, in arrays and in bytes.

A fault is a place: the word (its index in the flattened array, or the byte) and the bit in it, counted from the least
significant. Of the words u (patterns of w bits, as unsigned numbers) and the mask m of the places in each word

    flip: u XOR m,      stuck0: u AND NOT m,      stuck1: u OR m.

A place that is listed twice counts once. Numbers are taken by their patterns as they lie in memory: integers in two's
complement, floats as IEEE 754 has them. `width` says how many of the low bits of a word are stored, where there are
fewer than the array's type has (a weight of 4 bits in an int8): bit w - 1 is then the sign of a signed word.

>>> flip(np.array([1.0, 1.0], np.float32), Places([0, 1], [31, 30]))
array([-1., inf], dtype=float32)
>>> stuck1(np.array([0, -3], np.int8), Places([0], [3]), width=4).tolist()
[-8, -3]
>>> stuck0(b"abc", Places([1], [1]))
b'a`c'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from jaxtyping import Int, Shaped, UInt
from numpy.typing import ArrayLike

from sarto.core.errors import SartoError
from sarto.core.seed import generator

Kind = Literal["flip", "stuck0", "stuck1"]
"""What a fault does to its bit."""
KINDS: tuple[Kind, ...] = get_args(Kind)
CHUNK = 1 << 24
"""Bits of which the faulty ones are drawn at once, so that a draw's memory does not grow with the memory drawn from."""

Memory = TypeVar("Memory", np.ndarray, bytes, bytearray)


@dataclass(frozen=True, init=False)
class Places:
    """Where faults are: `bit` of the word at `element`, for each fault."""

    element: Int[np.ndarray, " fault"]
    bit: Int[np.ndarray, " fault"]

    def __init__(self, element: ArrayLike, bit: ArrayLike) -> None:
        pair = np.broadcast_arrays(np.asarray(element, np.int64), np.asarray(bit, np.int64))
        object.__setattr__(self, "element", pair[0].reshape(-1))
        object.__setattr__(self, "bit", pair[1].reshape(-1))

    def __len__(self) -> int:
        return len(self.element)

    def __getitem__(self, chosen: Any) -> Places:
        """Return those that an index, a slice, a mask or an array of indices chooses."""
        return Places(self.element[chosen], self.bit[chosen])

    def addresses(self, width: int) -> Int[np.ndarray, " fault"]:
        """Return the number of each bit in a memory of words of `width` bits, lowest bit of the first word first."""
        return self.element * width + self.bit

    @staticmethod
    def at(addresses: ArrayLike, width: int) -> Places:
        """Return the places of bits by their addresses."""
        found = np.asarray(addresses, np.int64)
        return Places(found // width, found % width)


def stored_bits(memory: Memory) -> int:
    """Return how many bits a word of `memory` has in its type.

    Raises:
        SartoError: E143, when the type has no pattern that could be faulty (complex numbers, objects, truth values).
    """
    if not isinstance(memory, np.ndarray):
        return 8
    if memory.dtype.kind not in "iufV" or memory.dtype.itemsize not in (1, 2, 4, 8):
        raise SartoError(
            "E143",
            f"an array of type {memory.dtype} has no bits to be faulty",
            cause="its words are no integers or floats of 8, 16, 32 or 64 bits",
            hint="view it as unsigned integers of its size",
        )
    return 8 * memory.dtype.itemsize


def put(
    memory: np.ndarray | bytearray, places: Places, kind: Kind = "flip", width: int | None = None
) -> None:
    """Put faults into `memory`, which is changed; flips are undone by putting them again.

    Raises:
        SartoError: E143, when a place lies outside the memory, or a word does not fit into `width` bits.
    """
    words = np.frombuffer(memory, np.uint8) if isinstance(memory, bytearray) else memory
    view, bits = _checked(words, places, width)
    if not len(places):
        return
    elements, inverse = np.unique(places.element, return_inverse=True)
    masks = np.zeros(len(elements), view.dtype)
    np.bitwise_or.at(masks, inverse, _one_hot(places, view.dtype))
    flat = view.reshape(-1) if view.flags.c_contiguous else view.flat
    flat[elements] = _faulty(flat[elements], masks, kind, bits, signed=words.dtype.kind == "i")


def inject(memory: Memory, places: Places, kind: Kind = "flip", width: int | None = None) -> Memory:
    """Return a copy of `memory` with all of the faults in it.

    Raises:
        SartoError: E143, as `put`.
    """
    if isinstance(memory, np.ndarray):
        copy = memory.copy()
        put(copy, places, kind, width)
        return copy
    content = bytearray(memory)
    put(content, places, kind, width)
    return type(memory)(content)


def faulty_words(
    memory: Memory, places: Places, kind: Kind = "flip", width: int | None = None
) -> Shaped[np.ndarray, " fault"]:
    """Return what each fault alone makes of its word: one word per fault, of the memory's type.

    >>> faulty_words(np.array([1, 2], np.int8), Places([0, 0, 1], [0, 7, 1])).tolist()
    [0, -127, 0]

    Raises:
        SartoError: E143, as `put`.
    """
    words = memory if isinstance(memory, np.ndarray) else np.frombuffer(memory, np.uint8)
    view, bits = _checked(words, places, width)
    flat = view.reshape(-1) if view.flags.c_contiguous else view.flat
    found = flat[places.element]
    changed = _faulty(found, _one_hot(places, view.dtype), kind, bits, signed=words.dtype.kind == "i")
    return changed.view(words.dtype)


def flip(memory: Memory, places: Places, width: int | None = None) -> Memory:
    """Return a copy of `memory` in which these bits are the other way round."""
    return inject(memory, places, "flip", width)


def stuck0(memory: Memory, places: Places, width: int | None = None) -> Memory:
    """Return a copy of `memory` in which these bits are 0."""
    return inject(memory, places, "stuck0", width)


def stuck1(memory: Memory, places: Places, width: int | None = None) -> Memory:
    """Return a copy of `memory` in which these bits are 1."""
    return inject(memory, places, "stuck1", width)


def burst(place: Places, length: int, words: int, width: int) -> Places:
    """Return the places of bursts: `length` bits side by side in memory, from each of `place` on.

    A burst goes on in the next word, and ends with the memory of `words` words of `width` bits.

    >>> found = burst(Places([0], [6]), 4, words=2, width=8)
    >>> found.element.tolist(), found.bit.tolist()
    ([0, 0, 1, 1], [6, 7, 0, 1])
    """
    found = (place.addresses(width)[:, None] + np.arange(length)).reshape(-1)
    return Places.at(found[found < words * width], width)


def random_places(words: int, width: int, rate: float, seed: int, *purpose: str | int) -> Places:
    """Return random bit errors: each of the `words` times `width` stored bits is one with probability `rate`.

    The number of errors is binomial and they are drawn without replacement, which is the same as one coin per bit.

    Args:
        words: of the memory.
        width: bits of a word.
        rate: of errors per stored bit, from 0 to 1.
        seed: of the draw.
        purpose: what tells this draw from others of the same seed.

    >>> len(random_places(1000, 8, 0.01, seed=0))
    77
    """
    if not 0 <= rate <= 1:
        raise SartoError("E143", f"{rate:g} errors per bit", cause="a rate lies between 0 and 1")
    rng = generator(seed, "bit errors", *purpose)
    parts = list[np.ndarray]()
    for first in range(0, words * width, CHUNK):
        size = min(CHUNK, words * width - first)
        count = int(rng.binomial(size, rate))
        parts.append(first + rng.choice(size, count, replace=False, shuffle=False))
    return Places.at(np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int64), width)


def _checked(
    words: Shaped[np.ndarray, "..."], places: Places, width: int | None
) -> tuple[UInt[np.ndarray, "..."], int]:
    """Return the patterns of `words`, which share their memory, and how many bits of each are stored."""
    most = stored_bits(words)
    bits = most if width is None else width
    if not 1 <= bits <= most:
        raise SartoError("E143", f"words of {bits} bits", cause=f"the array's words have {most} bits")
    if len(places):
        lowest, highest = int(places.element.min()), int(places.element.max())
        if lowest < 0 or highest >= words.size or places.bit.min() < 0 or places.bit.max() >= bits:
            bad = (
                (places.element < 0)
                | (places.element >= words.size)
                | (places.bit < 0)
                | (places.bit >= bits)
            )
            first = int(np.flatnonzero(bad)[0])
            raise SartoError(
                "E143",
                f"a fault in bit {places.bit[first]} of word {places.element[first]}",
                cause=f"there are {words.size} words of {bits} bits",
                hint="words and bits are counted from 0",
            )
    return words.view(np.dtype(f"u{words.dtype.itemsize}").newbyteorder(words.dtype.byteorder)), bits


def _one_hot(places: Places, dtype: np.dtype[Any]) -> UInt[np.ndarray, " fault"]:
    return np.left_shift(np.uint64(1), places.bit.astype(np.uint64)).astype(dtype)


def _faulty(
    found: UInt[np.ndarray, " word"], masks: UInt[np.ndarray, " word"], kind: Kind, bits: int, *, signed: bool
) -> UInt[np.ndarray, " word"]:
    """Return the patterns with the bits of the masks changed, signs extended where fewer bits are stored."""
    if bits < 8 * found.dtype.itemsize:
        low = found.dtype.type((1 << bits) - 1)
        if not np.array_equal(_extended(found & low, bits, signed=signed), found):
            raise SartoError(
                "E143",
                f"a word that does not fit into {bits} bits",
                cause="it has more bits than are said to be stored",
                hint="give the width of the stored words",
            )
        found = found & low
    changed = {"flip": found ^ masks, "stuck0": found & ~masks, "stuck1": found | masks}[kind]
    return _extended(changed, bits, signed=signed)


def _extended(found: UInt[np.ndarray, " word"], bits: int, *, signed: bool) -> UInt[np.ndarray, " word"]:
    """Return patterns of `bits` bits as words of their type, with the sign in all of the higher bits."""
    spare = 8 * found.dtype.itemsize - bits
    if not signed or not spare:
        return found
    shifted = (found << found.dtype.type(spare)).view(
        np.dtype(f"i{found.dtype.itemsize}").newbyteorder(found.dtype.byteorder)
    )
    return (shifted >> spare).view(found.dtype)
