"""Decoders in plain Python, written from the docstrings alone: integers, one symbol at a time, as one would in C."""

from __future__ import annotations


class Bits:
    """Fields, most significant bit first."""

    def __init__(self, data: bytes) -> None:
        self.bits = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def field(self, size: int) -> int:
        self.at += size
        return int("0" + self.bits[self.at - size : self.at], 2)

    def gamma(self) -> int:
        """A number of at least 1."""
        zeros = 0
        while self.field(1) == 0:
            zeros += 1
        return 1 << zeros | self.field(zeros)

    def signed(self) -> int:
        place = self.gamma() - 1
        return -(place + 1) // 2 if place & 1 else place // 2

    def present(self, alphabet: int) -> list[int]:
        if self.field(1):
            return list(range(alphabet))
        places: list[int] = []
        at, there = 0, True
        while at < alphabet:
            run = self.gamma() - (1 if at == 0 and there else 0)
            if there:
                places += range(at, at + run)
            at += run
            there = not there
        return places

    def rest(self, data: bytes) -> bytes:
        return data[(self.at + 7) // 8 :]


def decode_rans(data: bytes, count: int, alphabet: int) -> list[int]:
    """Of one lane."""
    bits = Bits(data)
    kind = bits.field(2)
    size = (alphabet - 1).bit_length()
    if kind == 0:
        return [bits.field(size)] * count
    f = [0] * alphabet
    most = 0
    if kind == 1:
        k = size if alphabet == 1 << size else min(16, size + 6)
        f = [((s + 1 << k) // alphabet) - ((s << k) // alphabet) for s in range(alphabet)]
    else:
        k, m, most = bits.field(4) + 1, bits.field(4), bits.field(size)
        places = bits.present(alphabet)
        lengths: list[int] = []
        length = max(1, k - len(places).bit_length())
        others = [place for place in places if place != most]
        for _ in others:
            length += bits.signed()
            lengths.append(length)
        for place, length in zip(others, lengths, strict=True):
            after = min(length - 1, m)
            f[place] = (1 << after | bits.field(after)) << (length - 1 - after)
        f[most] = (1 << k) - sum(f)
    assert bits.gamma() == 1, "one lane"
    values = bits.rest(data)
    starts, total = [0] * alphabet, f[most]
    for s in range(alphabet):
        if s != most:
            starts[s] = total
            total += f[s]
    x = at = 0
    out: list[int] = []
    for _ in range(count):
        while x < 1 << 23 and at < len(values):
            x = 256 * x + values[at]
            at += 1
        assert x < 1 << 31
        r = x % (1 << k)
        (s,) = [s for s in range(alphabet) if starts[s] <= r < starts[s] + f[s]]
        x = f[s] * (x >> k) + r - starts[s]
        out.append(s)
    return out


class Range:
    """The range decoder; contexts are made when they are met."""

    def __init__(self, data: bytes) -> None:
        self.data = data + bytes(1000)
        self.range, self.at = 2**32 - 1, 4
        self.code = int.from_bytes(self.data[:4], "big")
        self.contexts: dict[object, tuple[int, int]] = {}

    def bit(self, context: object, start: int = 1 << 21) -> int:
        p, n = self.contexts.get(context, (start, 8))
        bound = (self.range >> 16) * (p >> 6 | 1)
        bit = int(self.code < bound)
        if bit:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        while self.range < 1 << 24:
            self.range *= 256
            self.code = 256 * self.code + self.data[self.at]
            self.at += 1
        p += ((bit << 22) - p) * (2**17 // (2 * n + 3)) >> 16
        self.contexts[context] = p, min(n + 1, 1023)
        return bit


def decode_context(data: bytes, rows: int, columns: int, alphabet: int) -> list[list[int]]:
    """Row by row; every neighbour beyond the edges is 0."""
    exponent, flags, at, numbers = data[0] >> 4, data[0] & 15, 1, [0, 0]
    for which, flag in enumerate((2, 1)):
        if flags & flag:
            shift = 0
            while True:
                numbers[which] |= (data[at] & 127) << shift
                shift += 7
                at += 1
                if data[at - 1] < 128:
                    break
    most, lag = numbers[0], numbers[1] + 2
    if exponent == 15:
        return [[most] * columns for _ in range(rows)]
    coder = Range(data[at:])
    row_alive, column_alive = [1] * rows, [1] * columns
    for name, alive, flag, distance in (("row", row_alive, 8, 1), ("column", column_alive, 4, lag)):
        for place in range(len(alive)) if flags & flag else ():
            before = alive[place - 1] if place >= 1 else 0
            further = alive[place - distance] if place >= distance else 0
            alive[place] = coder.bit((name, before, further))

    def around(numbers: list[int], j: int) -> int:
        weights = {0: 4, 1: 2, -1: 2}
        for offset, weight in ((lag, 2), (-lag, 2), (lag - 1, 1), (lag + 1, 1), (-lag - 1, 1), (-lag + 1, 1)):
            weights[offset] = weights.get(offset, 0) + weight
        return sum(weight * numbers[j + o] for o, weight in weights.items() if 0 <= j + o < columns)

    values = [[0] * columns for _ in range(rows)]
    counts = [0] * columns
    seen = total = i = 0
    depth = max(0, alphabet - 2).bit_length()
    offset = ((1 << depth) - alphabet + 1) // 2
    for row in range(rows):
        if not row_alive[row]:
            continue
        g = ((total << 20) + ((8 << 20) >> exponent)) // (seen + 8)
        d = [
            (2**20 * around(counts, j) + 24 * g) // (around(column_alive, j) * i + 24) for j in range(columns)
        ]
        line = values[row]
        r, expected = 0, 0
        for j in range(columns):
            if not column_alive[j]:
                continue
            q = d[j] * (r + 2 << 20) // (expected + (2 << 20))
            expected += d[j]
            q = min(max(q, 16), 2**20 - 1)
            length = q.bit_length()
            half = q >> (length - 2) & 1
            middle = (5 + 2 * half) << (length - 3) << 2
            left = line[j - 1] if j >= 1 else 0
            further = line[j - lag] if j >= lag else 0
            upper = values[row - 1 if row_alive[row - 1] else _last(row_alive, row)][j] if i else 0
            near = min(2, (left > 0) + (further > 0) + (upper > 0))
            if not coder.bit(("whether", length, half, near), middle):
                continue
            signs = [0 if v == 0 else 1 if v >= (alphabet + 1) // 2 else -1 for v in (left, further)]
            bits: list[int] = []
            for level in range(depth):
                if level == 0:
                    context: object = ("sign", min(max(sum(signs), -1), 1))
                elif level < 8:
                    context = ("path", *bits)
                else:
                    context = ("low", level)
                bits.append(coder.bit(context))
            line[j] = int("0" + "".join(map(str, bits)), 2) - offset + 1
            r += 1
        counts = [c + (v > 0) for c, v in zip(counts, line, strict=True)]
        total += r
        seen += sum(column_alive)
        i += 1
    return [[most if v == 0 else v - (v <= most) for v in line] for line in values]


def _last(alive: list[int], row: int) -> int:
    return max(i for i in range(row) if alive[i])
