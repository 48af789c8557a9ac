"""How a table of small numbers, most of them alike or 0, is written: which are there, then their changes.

Code lengths (`huffman`) and binary magnitudes of frequencies (`rans`) go this way. One bit says that all `alphabet`
entries are there; else runs of entries that are there and of those that are not follow in turn up to the end, in
Elias gamma codes (the first run, which may be 0, plus 1). Each entry that is there is written as its change from the
one before, in zigzag and Elias gamma.

>>> writer = BitWriter()
>>> write_presence(writer, [True, True, False, False])
>>> writer.data().hex()
'34'
>>> read_presence(BitReader(bytes.fromhex("34")), 4)
[0, 1]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sarto.compress.code._bits import BitReader, BitWriter, unzigzag, zigzag
from sarto.compress.code._coded import damaged


def write_presence(writer: BitWriter, present: Sequence[bool]) -> None:
    """Write which entries are there."""
    writer.field(int(all(present)), 1)
    if all(present):
        return
    runs = [len(list(run)) for _, run in groupby(present)]
    if not present[0]:
        runs = [0, *runs]
    for i, run in enumerate(runs):
        writer.golomb(run if i == 0 else run - 1)


def read_presence(reader: BitReader, alphabet: int) -> list[int]:
    """Return the places of the entries that are there."""
    if reader.field(1):
        return list(range(alphabet))
    places: list[int] = []
    at, there, first = 0, True, True
    while at < alphabet:
        run = reader.golomb() + (0 if first else 1)
        if run > alphabet - at:
            raise damaged("a table has more entries than there are symbols")
        if there:
            places += range(at, at + run)
        at, there, first = at + run, not there, False
    return places


def write_changes(writer: BitWriter, classes: Sequence[int], before: int) -> None:
    """Write numbers as their changes; the first one as that from `before`."""
    for number in classes:
        writer.golomb(zigzag(number - before))
        before = number


def read_changes(reader: BitReader, count: int, before: int, largest: int) -> list[int]:
    """Return `count` numbers, each of 1 to `largest`."""
    classes: list[int] = []
    for _ in range(count):
        before += unzigzag(reader.golomb())
        if not 1 <= before <= largest:
            raise damaged(f"a table has the entry {before}, which is not in 1 to {largest}")
        classes.append(before)
    return classes
