"""Integer frequencies for rANS: those that make tables and values together the shortest, and how they are written.

`fitted(counts)` returns a `Frequencies`: `f_s >= 1` for every symbol that occurs, with the sum `2^k`, 4 <= k <= 16. A
symbol then costs `k - log2 f_s` bits. The most frequent symbol `z` gets what the others leave, and is not written.
The others are rounded as binary floating-point numbers with `m` bits after the leading one, since a count `n` only
fixes its frequency to a relative `1/sqrt(n)`, and finer ones would cost more in the table than they save in the
values. `k`, `m` and a common factor `t` of the targets `t n_s 2^k / N` are searched in turn for the least sum of

    sum_s n_s (k - log2 f_s)  +  bits of the table,

the two neighbours of a target being compared by `n_s log2 f_s` against what `f_z` loses; single steps follow while
they save bits.

Table, most significant bit first: `k - 1` and `m` in 4 bits each, `z` in as many bits as a symbol takes; which
symbols occur (`_classes`); for each of them but `z` the changes of `bits(f)`, starting from `k - bits(number of
symbols)`; then their bits after the leading one.

Source: Duda, "Asymmetric numeral systems", arXiv 1311.2540 (section 4.5 on quantised probabilities); Rissanen,
"Modeling by shortest data description", Automatica 14, 1978 (half a logarithm of the count for each parameter).

>>> import numpy as np
>>> f = fitted(np.array([900, 60, 30, 10]))
>>> f.bits, f.of.tolist(), f.most, f.precision
(6, [57, 4, 2, 1], 0, 0)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.compress.code._bits import BitReader, BitWriter
from sarto.compress.code._classes import read_changes, read_presence, write_changes, write_presence
from sarto.compress.code._coded import damaged

LEAST_BITS, MOST_BITS = 4, 16
FACTORS = tuple(2.0 ** (step / 64) for step in range(-24, 25, 3))
"""Common factors of the targets that are tried."""
MANY = 512
"""Symbols from which on single steps are not searched, and every third factor and every other precision is tried."""
STEPS = 200


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Frequencies `of` every symbol, 0 where it does not occur, of sum `2^bits`; `most` gets what the others leave."""

    bits: int
    of: Int[np.ndarray, " symbol"]
    most: int
    precision: int

    @property
    def starts(self) -> Int[np.ndarray, " symbol"]:
        """Where the slots of each symbol start: `most` comes first, then the others in order."""
        rest = self.of.copy()
        rest[self.most] = 0
        starts = self.of[self.most] + np.cumsum(rest) - rest
        starts[self.most] = 0
        return starts

    def cost_bits(self, counts: Int[np.ndarray, " symbol"]) -> float:
        """Return how many bits symbols with these `counts` take."""
        there = counts > 0
        sizes = np.log2(self.of[there])
        first = np.where(np.flatnonzero(there) == self.most, 0, counts[there])
        # The coder starts at 0: the first symbol that is not the most frequent one costs all k bits.
        return float(
            (counts[there] * (self.bits - sizes)).sum() + (first * sizes).sum() / max(1, first.sum())
        )


def fitted(counts: Int[np.ndarray, " symbol"]) -> Frequencies:
    """Return the frequencies that make table and values the shortest; at least two symbols must occur."""
    least = max(LEAST_BITS, int(np.count_nonzero(counts) - 1).bit_length())
    many = np.count_nonzero(counts) > MANY
    factors = FACTORS[::3] if many else FACTORS
    choices = (
        tuple(range(least, min(max(least + 4, 14), MOST_BITS) + 1)),
        tuple(range(0, 12, 2 if many else 1)),
        factors,
    )
    best = [min(max(least + 1, 12), MOST_BITS), 4, 1.0]
    found = _candidate(counts, *best)
    for turn in (1, 0, 2, 1):
        tried = [(*best[:turn], choice, *best[turn + 1 :]) for choice in choices[turn]]
        for settings in tried:
            made = _candidate(counts, *settings)
            if made is not None and (found is None or made[0] < found[0]):
                found, best = made, list(settings)
    assert found is not None, "frequencies of 1 always fit"
    return found[1] if many else _stepped(counts, found[1])


def write_frequencies(writer: BitWriter, table: Frequencies) -> None:
    """Write a table."""
    alphabet = len(table.of)
    writer.field(table.bits - 1, 4)
    writer.field(table.precision, 4)
    writer.field(table.most, (alphabet - 1).bit_length())
    there = table.of > 0
    write_presence(writer, there.tolist())
    there[table.most] = False
    rest: list[int] = table.of[there].tolist()
    write_changes(writer, [f.bit_length() for f in rest], _expected(table.bits, len(rest) + 1))
    for f in rest:
        after = f.bit_length() - 1
        kept = min(after, table.precision)
        writer.field((f >> (after - kept)) - (1 << kept), kept)


def read_frequencies(reader: BitReader, alphabet: int) -> Frequencies:
    """Read a table."""
    bits, precision = reader.field(4) + 1, reader.field(4)
    most = reader.field((alphabet - 1).bit_length())
    places = read_presence(reader, alphabet)
    if most not in places or len(places) > 1 << bits:
        raise damaged("a table of frequencies has no entry for its most frequent symbol, or too many entries")
    rest = [place for place in places if place != most]
    of = np.zeros(alphabet, np.int64)
    for place, size in zip(
        rest, read_changes(reader, len(rest), _expected(bits, len(places)), bits), strict=True
    ):
        kept = min(size - 1, precision)
        of[place] = ((1 << kept) + reader.field(kept)) << (size - 1 - kept)
    if (left := (1 << bits) - int(of.sum())) < 1:
        raise damaged("a table of frequencies has too large a sum")
    of[most] = left
    return Frequencies(bits, of, most, precision)


def _expected(bits: int, symbols: int) -> int:
    return max(1, bits - symbols.bit_length())


def _grid(target: Float[np.ndarray, " rest"], precision: int) -> Int[np.ndarray, " rest"]:
    """Return the largest number up to each target, but at least 1, with `precision` bits after the leading one."""
    whole = np.maximum(target.astype(np.int64), 1)
    shift = np.maximum(_bit_length(whole) - 1 - precision, 0)
    return whole >> shift << shift


def _above(f: Int[np.ndarray, " rest"], precision: int) -> Int[np.ndarray, " rest"]:
    return f + (1 << np.maximum(_bit_length(f) - 1 - precision, 0))


def _below(f: Int[np.ndarray, " rest"], precision: int) -> Int[np.ndarray, " rest"]:
    """Return the next smaller number that can be written; 0 below 1."""
    return np.where(f > 1, _grid(f - 1.0, precision), 0)


def _bit_length(f: Int[np.ndarray, " rest"]) -> Int[np.ndarray, " rest"]:
    return np.frexp(f.astype(np.float64))[1].astype(np.int64)


def _candidate(
    counts: Int[np.ndarray, " symbol"], bits: int | float, precision: int | float, factor: float
) -> tuple[float, Frequencies] | None:
    """Return the frequencies of one choice and the bits of table and values; None when the others leave nothing."""
    k, m = int(bits), int(precision)
    total = 1 << k
    most = int(counts.argmax())
    there = counts > 0
    there[most] = False
    n = counts[there]
    if len(n) >= total:
        return None
    target = factor * total * n / counts.sum()
    low = _grid(target, m)
    high = _above(low, m)
    # What a slot that the most frequent symbol loses is worth, at the frequency that it should have.
    price = counts[most] / np.log(2) / max(1.0, total * counts[most] / counts.sum()) / factor
    f = np.where(n * np.log2(high / low) > price * (high - low), high, low)
    if f.sum() >= total:
        f = low
    if (left := total - int(f.sum())) < 1:
        return None
    of = np.zeros(len(counts), np.int64)
    of[there] = f
    of[most] = left
    made = Frequencies(k, of, most, m)
    return made.cost_bits(counts) + _table_bits(f, k, m), made


def _table_bits(f: Int[np.ndarray, " rest"], bits: int, precision: int) -> float:
    """Return the bits of a table but for its fixed part and the presence of the symbols."""
    size = _bit_length(f)
    change = np.diff(size, prepend=_expected(bits, len(f) + 1))
    place = np.where(change >= 0, 2 * change, -2 * change - 1)
    return float((2 * _bit_length(place + 1) - 1 + np.minimum(size - 1, precision)).sum())


def _stepped(counts: Int[np.ndarray, " symbol"], table: Frequencies) -> Frequencies:
    """Move single frequencies to a neighbour, the best move first, while that saves bits."""
    of = table.of.copy()
    there = of > 0
    there[table.most] = False
    n, most = counts[there], counts[table.most]
    f, left = of[there], int(of[table.most])
    for _ in range(STEPS):
        moves = np.stack([_above(f, table.precision), _below(f, table.precision)])
        gains = np.where(_possible(moves, f, left), _gains(moves, f, left, n, most), -np.inf)
        now = _table_bits(f, table.bits, table.precision)
        direction, place = np.unravel_index(int(gains.argmax()), gains.shape)
        moved = f.copy()
        moved[place] = moves[direction, place]
        if gains[direction, place] + now - _table_bits(moved, table.bits, table.precision) <= 1e-6:
            break
        left -= int(moved[place] - f[place])
        f = moved
    of[there] = f
    of[table.most] = left
    return Frequencies(table.bits, of, table.most, table.precision)


def _possible(
    moves: Int[np.ndarray, "two rest"], f: Int[np.ndarray, " rest"], left: int
) -> Bool[np.ndarray, "two rest"]:
    return (moves >= 1) & (moves - f < left)


def _gains(
    moves: Int[np.ndarray, "two rest"],
    f: Int[np.ndarray, " rest"],
    left: int,
    n: Int[np.ndarray, " rest"],
    most: int | np.integer,
) -> Float[np.ndarray, "two rest"]:
    """Return the bits of values that each move saves."""
    after = np.maximum(left - (moves - f), 1)
    return n * np.log2(np.maximum(moves, 1) / f) + most * np.log2(after / left)
