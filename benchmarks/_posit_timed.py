"""What `posit` measures, in a process of its own: `python -m benchmarks._posit_timed PAIRS` prints it as JSON."""

# The peers have no types.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from sarto.core.bits.posit import Posit, posit_values

CASES = {"posit8e0": (8, 0), "posit16e1": (16, 1), "posit32": (32, 2)}
ENCODED, TIMED, SCALAR = 100_000, 1_000_000, 10_000
SOFT = {8: "P8", 16: "P16", 32: "P32"}


def soft_encode(values: np.ndarray, n: int) -> np.ndarray:
    """Return SoftPosit's patterns; NaR comes as in a signed word."""
    import softposit

    encode = getattr(softposit, f"convertDoubleTo{SOFT[n]}")
    return np.array([encode(value).v for value in values.tolist()]) % (1 << n)


def soft_decode(patterns: np.ndarray, n: int) -> np.ndarray:
    """Return SoftPosit's numbers."""
    import softposit

    decode, word = getattr(softposit, f"convert{SOFT[n]}ToDouble"), getattr(softposit, f"posit{n}_t")()
    found = list[float]()
    for pattern in patterns.tolist():
        word.fromBits(pattern)
        found.append(decode(word))
    return np.array(found)


def numbers(n: int, es: int) -> np.ndarray:
    """Return the numbers to encode."""
    rng = np.random.default_rng(n)
    third = ENCODED // 3
    reach = 1.1 * 2**es * (n - 2)
    wide = rng.choice([-1.0, 1.0], third) * 2.0 ** rng.uniform(-reach, reach, third)
    middle = posit_values(2 * rng.integers(1, (1 << (n - 1)) - 1, third) + 1, n + 1, es)
    middle *= rng.choice([-1.0, 1.0], third) * rng.choice([1 - 2.0**-50, 1.0, 1 + 2.0**-50], third)
    return np.concatenate([rng.normal(size=ENCODED - 2 * third), wide, middle])


def different(n: int, es: int, name: str) -> dict[str, int]:
    """Return how many patterns and numbers differ between the sides."""
    posit, x = Posit(n, es), numbers(n, es)
    ours = posit.encode(x)
    what = f"posit({n},{es})"
    found = {
        f"{what}: encodings of {len(x):,} that differ from SoftPosit": int((ours != soft_encode(x, n)).sum())
    }
    with np.errstate(over="ignore"):
        import universal_dtypes

        theirs = x.astype(np.dtype(getattr(universal_dtypes, name)))
    key = f"{what}: encodings of {len(x):,} that differ from universal-dtypes"
    found[key] = int((ours != theirs.view(posit.word)).sum())
    if n <= 16:
        every = np.arange(1 << n, dtype=posit.word)
        decoded, soft = posit.decode(every), soft_decode(every, n)
        both = (decoded == soft) | (
            np.isnan(decoded) & ~np.isfinite(soft)
        )  # NaR, which SoftPosit makes infinite
        found[f"{what}: patterns of {len(every):,} that decode otherwise than SoftPosit"] = int((~both).sum())
    return found


def seconds(work: Callable[[], Any]) -> float:
    """Return what one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def timed(n: int, es: int, name: str, pairs: int) -> dict[str, tuple[float, str, tuple[float, float] | None]]:
    """Return speeds, and ratios of times with their spread."""
    import universal_dtypes

    posit, theirs = Posit(n, es), np.dtype(getattr(universal_dtypes, name))
    x = np.random.default_rng(0).normal(size=TIMED).astype(np.float32)
    what = f"posit({n},{es})"
    tables = seconds(lambda: posit.encode(x[:1]))
    patterns, words = posit.encode(x), x.astype(theirs)
    found: dict[str, tuple[float, str, tuple[float, float] | None]] = {
        f"{what}: tables, made once": (tables, "s", None),
        f"{what}: SoftPosit encodes": (
            SCALAR / seconds(lambda: soft_encode(x[:SCALAR], n)) / 1e6,
            "M/s",
            None,
        ),
    }
    works: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "encode": (lambda: posit.encode(x), lambda: x.astype(theirs)),
        "decode": (lambda: posit.decode(patterns), lambda: words.astype(np.float32)),
    }
    for verb, (ours, other) in works.items():
        ours()
        other()
        times = [(seconds(ours), seconds(other)) for _ in range(pairs)]
        ratios = [b / a for a, b in times]
        spread = (min(ratios), max(ratios))
        found[f"{what}: {verb}, universal-dtypes' time over ours"] = (statistics.median(ratios), "1", spread)
        for side, place in (("ours", 0), ("universal-dtypes", 1)):
            speeds = [TIMED / pair[place] / 1e6 for pair in times]
            found[f"{what}: {verb}, {side}"] = (statistics.median(speeds), "M/s", (min(speeds), max(speeds)))
    return found


def main() -> None:
    """Print everything."""
    pairs = int(sys.argv[1])
    apart: dict[str, int] = {}
    times: dict[str, Any] = {}
    for name, (n, es) in CASES.items():
        if n <= 16:
            times |= timed(n, es, name, pairs)
        apart |= different(n, es, name)
    print(json.dumps({"different": apart, "times": times}))


if __name__ == "__main__":
    main()
