"""Uploads that mean harm, or went wrong on their way: each is a client, an epoch and bytes, which a journal refuses.

Those of `DAMAGED` are what happens to bytes; those of `SEALED` were made on purpose, with a hash that is right; those
of `DELIVERED` are sound payloads that come at the wrong time, or under a wrong name. `tried` has a journal on disk take
many of them, in a process that may take no more than `MEMORY_B`.

>>> federation = Federation(np.random.default_rng(0))
>>> from sarto.learn.payload import how_of
>>> how_of(federation.sound("tri-f64").payload), len(federation.sound("factor-f32").numbers)
('tri-f64', 81)
"""

from __future__ import annotations

import hashlib
import json
import resource
import struct
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from sarto.core.errors import SartoError
from sarto.learn.federated._journal import Journal
from sarto.learn.payload import MAGIC, Limits, packed
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

Random = np.random.Generator
Upload = tuple[str, int, bytes]
CLASSES, FEATURES, ROWS, RADIUS, ID = ("a", "b", "c"), 12, 40, 1.0, "features"
MEMORY_B = 2 * 2**30
NEW = "mallory"
PREFIX = struct.Struct("<8sHI")
DIGEST_B = 32
TYPES = {"f64": "<f8", "f32": "<f4"}
ODD: tuple[Any, ...] = (
    None, True, -1, -(10**30), 1.5, 1e308, float("nan"), float("inf"), "", "x", [], {}, [[]], {"x": 1}, 10**30, 2**64,
    ["a", "a", "b"], ["a", "b", []], ["a", "b", {}], ["a", "b", None],
)  # fmt: skip
"""What stands in place of a value of the header."""
LARGE = (10**4, 10**5, 10**6, 10**9, 2**31, 2**40, 2**62, 10**30)
"""Features, outputs or rows that nobody has."""


@dataclass(frozen=True)
class Sound:
    """A payload that would be taken, in parts."""

    header: dict[str, Any]
    numbers: Float[np.ndarray, " number"]
    payload: bytes


class Federation:
    """What is known to who attacks: how payloads are made, and all that clients gave so far."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.given = {name: (3, self.sound("tri-f32").payload) for name in ("ann", "bob", "eve")}

    def rows(self, count: int = ROWS, features: int = FEATURES) -> tuple[Any, Any]:
        """Return rows within the radius, and their labels."""
        x = self.random.normal(size=(count, features))
        y = np.array(CLASSES)[self.random.integers(0, len(CLASSES), count)]
        return RADIUS * x / np.linalg.norm(x, axis=1, keepdims=True), y

    def sound(self, how: str = "", count: int = 0) -> Sound:
        """Return a payload of some form."""
        how = how or str(self.random.choice(["tri-f64", "tri-f32", "factor-f64", "factor-f32"]))
        x, y = self.rows(count or (ROWS if how[0] == "t" else 5))
        payload = packed(x, y, classes=CLASSES, features_id=ID, how=cast("Any", how))
        _, _, length = PREFIX.unpack_from(payload)
        body = payload[PREFIX.size + length : -DIGEST_B]
        header = json.loads(payload[PREFIX.size : PREFIX.size + length])
        return Sound(header, np.frombuffer(body, TYPES[how[-3:]]).copy(), payload)


def sealed(header: Any, body: bytes) -> bytes:
    """Return bytes with a hash that is right, of a header that is JSON or already text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-(PREFIX.size + len(text)) % 8)
    data = PREFIX.pack(MAGIC, 1, len(text)) + text + body
    return data + hashlib.sha256(data).digest()


Way = Callable[[Federation], Upload]


def _bytes(change: Callable[[bytes, Random], bytes]) -> Way:
    return lambda f: (NEW, 0, change(f.sound().payload, f.random))


def _flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    changed[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
    return bytes(changed)


DAMAGED: dict[str, Way] = {
    "a bit flipped": _bytes(_flipped),
    "cut off": _bytes(lambda data, random: data[: int(random.integers(len(data)))]),
    "bytes appended": _bytes(lambda data, random: data + random.bytes(int(random.integers(1, 99)))),
    "random bytes": _bytes(lambda data, random: random.bytes(len(data))),
    "random bytes behind the right start": _bytes(lambda data, random: data[:14] + random.bytes(len(data))),
    "another Sarto value": lambda f: (
        NEW, 0, RidgeStatistics.of(*f.rows(), classes=CLASSES, features_id=ID).pack()
    ),
}  # fmt: skip


def _header(change: Callable[[dict[str, Any], Random], dict[str, Any]]) -> Way:
    def way(f: Federation) -> Upload:
        sound = f.sound()
        return NEW, 0, sealed(change(dict(sound.header), f.random), sound.numbers.tobytes())

    return way


def _odd(header: dict[str, Any], random: Random) -> dict[str, Any]:
    key = list(header)[int(random.integers(len(header)))]
    value = ODD[int(random.integers(len(ODD)))]
    if key == "features_id" and isinstance(value, str):
        value = None
    return {**header, key: value}


def _lacking(header: dict[str, Any], random: Random) -> dict[str, Any]:
    del header[list(header)[int(random.integers(len(header)))]]
    return header


def _large(header: dict[str, Any], random: Random) -> dict[str, Any]:
    return {**header, str(random.choice(["features", "outputs"])): int(random.choice(LARGE[:6]))}


def _bomb(f: Federation) -> Upload:
    """Return a factor of no row, or of one, of very many features: few bytes, whose square is none."""
    rows, features = int(f.random.integers(2)), int(f.random.choice([10**4, 2 * 10**4, 10**5]))
    header = {**f.sound("factor-f32").header, "count": rows, "features": features}
    numbers = np.zeros(1 + (1 + rows) * (features + len(CLASSES)), "<f4")
    numbers[0] = rows
    return NEW, 0, sealed(header, numbers.tobytes())


def _nested(f: Federation) -> Upload:
    deep = b"[" * int(f.random.integers(10**4, 10**5))
    return NEW, 0, sealed(deep if f.random.random() < 0.5 else b'{"how":' + deep, f.sound().numbers.tobytes())


def _numbers(change: Callable[[Any, Random], None], how: str = "") -> Way:
    """Return the way that changes the numbers of a triangle in place: w, s_x, s_y, B, T, and A, its diagonal first."""

    def way(f: Federation) -> Upload:
        sound = f.sound(how or str(f.random.choice(["tri-f64", "tri-f32"])))
        change(sound.numbers, f.random)
        return NEW, 0, sealed(sound.header, sound.numbers.tobytes())

    return way


FIRST_B = 1 + FEATURES + len(CLASSES)
FIRST_T = FIRST_B + FEATURES * len(CLASSES)
FIRST_A = FIRST_T + len(CLASSES)


def _not_finite(numbers: Any, random: Random) -> None:
    numbers[int(random.integers(len(numbers)))] = random.choice([np.nan, np.inf, -np.inf])


def _huge(numbers: Any, random: Random) -> None:
    numbers[int(random.integers(len(numbers)))] = float(random.choice([1e38, -1e38, 1e20, -1e9]))


def _negative(numbers: Any, random: Random) -> None:
    where = int(
        random.choice([0, FIRST_T + int(random.integers(3)), FIRST_A + int(random.integers(FEATURES))])
    )
    numbers[where] = -abs(numbers[where]) - 1


def _wrong_sum(numbers: Any, random: Random) -> None:
    numbers[1 + FEATURES + int(random.integers(len(CLASSES)))] += float(random.choice([-5, 5]))


def _indefinite(numbers: Any, random: Random) -> None:
    """Change A so that every pair of features could be, and all together cannot: correlations of -c."""
    numbers[FIRST_A + FEATURES :] = -float(random.uniform(0.3, 0.9)) * float(
        numbers[FIRST_A : FIRST_A + FEATURES].min()
    )
    numbers[1:FIRST_B], numbers[FIRST_B:FIRST_T] = 0, 0
    numbers[1 + FEATURES : FIRST_B] = -numbers[0] / len(CLASSES)


def _in_8_bits(f: Federation) -> Upload:
    """Return the triangle of few rows with A rounded to 8 bits, one scale for all."""
    sound = f.sound("tri-f64", count=6)
    A = sound.numbers[FIRST_A:]
    scale = np.abs(A).max() / 127
    A[:] = np.rint(A / scale) * scale
    return NEW, 0, sealed(sound.header, sound.numbers.tobytes())


def _rows(make: Callable[[Federation], bytes]) -> Way:
    return lambda f: (NEW, 0, make(f))


def _of(
    f: Federation,
    count: int = ROWS,
    features: int = FEATURES,
    scale: float = 1.0,
    classes: tuple[str, ...] | None = CLASSES,
    features_id: str = ID,
) -> bytes:
    x, y = f.rows(count, features)
    targets = f.random.normal(size=(count, len(CLASSES))) if classes is None else y
    return packed(x * scale, targets, classes=classes, features_id=features_id)


SEALED: dict[str, Way] = {
    "an odd value in the header": _header(_odd),
    "a value missing in the header": _header(_lacking),
    "a header of too many features": _header(_large),
    "a factor of very many features": _bomb,
    "a header nested deeply": _nested,
    "a header that is no JSON": lambda f: (NEW, 0, sealed(f.random.bytes(99), f.sound().numbers.tobytes())),
    "numbers missing": lambda f: (NEW, 0, sealed((s := f.sound()).header, s.numbers[:-1].tobytes())),
    "NaN and infinity": _numbers(_not_finite),
    "a huge number": _numbers(_huge),
    "a negative square or weight": _numbers(_negative),
    "classes that do not add up": _numbers(_wrong_sum),
    "not positive semi-definite": _numbers(_indefinite),
    "A in 8 bits": _in_8_bits,
    "a count that is absurd": _header(
        lambda h, r: (
            {**h, "how": "tri-f64", "count": int(r.choice([1000, 10**9, 10**15, 2**39]))}
            if h["how"][0] == "f"
            else {**h, "count": int(r.choice([1000, 10**9, 10**15, 2**39]))}
        )
    ),
    "more rows than the limit": _rows(lambda f: _of(f, count=ROWS + 1 + int(f.random.integers(99)))),
    "rows longer than the limit": _rows(lambda f: _of(f, scale=float(f.random.uniform(1.1, 1e6)))),
    "other features": _rows(lambda f: _of(f, features=int(f.random.choice([1, 11, 13, 200])))),
    "features of another name": _rows(lambda f: _of(f, features_id="other")),
    "other classes": _rows(lambda f: _of(f, classes=("a", "b", "c", "d"))),
    "numbers in place of labels": _rows(lambda f: _of(f, classes=None)),
}


def _again(f: Federation) -> Upload:
    name = str(f.random.choice(list(f.given)))
    return name, f.given[name][0], f.given[name][1]


def _moved(by: int, same: bool) -> Way:
    """Return the way that delivers, for a client that gave something, the same or another payload, epochs later."""

    def way(f: Federation) -> Upload:
        name, epoch, payload = _again(f)
        return name, epoch + by, payload if same else f.sound().payload

    return way


DELIVERED: dict[str, Way] = {
    "replayed": _again,
    "another payload of the same epoch": _moved(0, same=False),
    "an earlier epoch": _moved(-2, same=False),
    "a later epoch without a refresh": _moved(1, same=False),
    "replayed as a later epoch": _moved(1, same=True),
    "of a client that was forgotten": lambda f: ("gone", int(f.random.integers(9)), f.sound().payload),
    "an epoch that is none": lambda f: (NEW, int(f.random.choice([-1, -(2**40)])) * 2**30, f.sound().payload),
    "an epoch of more than 63 bits": lambda f: (NEW, 2 ** int(f.random.integers(63, 200)), f.sound().payload),
    "a name that is no text": lambda f: ("\ud800", 0, f.sound().payload),
}
WAYS = DAMAGED | SEALED | DELIVERED


def tried(count: int, seed: int, ways: Mapping[str, Way] = WAYS) -> dict[str, Any]:
    """Have a journal take hostile uploads in turns, and return what it did, as JSON values.

    Returns:
        refused: how many ended in an error with a code, or a state that says why nothing changed, by code or state.
        faults: how many ended otherwise, by way and what happened.
        spoilt: uploads after which the sum or the clients were others.
        sound: whether the journal then took a sound upload, and its sum is that of one that was never attacked.
        longest_s: of any upload; memory_b: that this process took at most, over what it had before.
    """
    before_b = _high_water()
    federation = Federation(np.random.default_rng(seed))
    refused, faults = Counter[str](), Counter[str]()
    spoilt, longest = 0, 0.0
    with tempfile.TemporaryDirectory(prefix="sarto-") as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        journal, twin = (_journal(Path(folder) / name, federation) for name in ("journal", "twin"))
        state = (journal.total.pack(), journal.clients())
        for i in range(count):
            name = list(ways)[i % len(ways)]
            upload = ways[name](federation)
            start = time.perf_counter()
            outcome, right = _outcome(journal, upload)
            longest = max(longest, time.perf_counter() - start)
            (refused if right else faults)[outcome if right else f"{name}: {outcome}"] += 1
            spoilt += (journal.total.pack(), journal.clients()) != state
        journal.close()
        journal = Journal(Path(folder) / "journal")
        last = federation.sound().payload
        states = [each.fold("last", 0, last) for each in (journal, twin)]
        sound = states == ["new", "new"] and journal.total.pack() == twin.total.pack()
        journal.close()
        twin.close()
    memory = _high_water() - before_b
    return {
        "refused": dict(refused), "faults": dict(faults), "spoilt": spoilt, "sound": sound, "longest_s": longest,
        "memory_b": memory,
    }  # fmt: skip


def _journal(path: Path, federation: Federation) -> Journal:
    """Return a journal with clients in it, one of whom was forgotten."""
    empty = RidgeSum(FEATURES, len(CLASSES), classes=CLASSES, features_id=ID)
    limits = Limits(rows=ROWS, radius=RADIUS, definite=True)
    journal = Journal.create(path, "attacked", empty, keep=True, limits=limits)
    journal.fold_all([(name, *given) for name, given in federation.given.items()])
    journal.fold("gone", 9, federation.given["ann"][1])
    journal.forget("gone")
    return journal


def _outcome(journal: Journal, upload: Upload) -> tuple[str, bool]:
    """Return what became of an upload, and whether that is a refusal with a reason."""
    try:
        state = journal.fold(*upload)
    except SartoError as error:
        return error.code, bool(error.cause or error.hint)
    except Exception as error:  # what is no error with a code is what is looked for
        return type(error).__name__, False
    return state, state != "new"


def limit_memory() -> None:
    """Let this process take no more than `MEMORY_B`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_B, MEMORY_B))


def _high_water() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
