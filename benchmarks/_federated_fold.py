"""Ready uploads, and ways to sum them with two threads, each in a process of its own, with its time and memory.

    plain    numbers added to float64, each thread every other block, which stays in the cache for 16 uploads, 53 MB:
             fastest of the ways that were tried; bits depend on the order
    exact    each thread adds every other 8 uploads to its `ExactSum`, then they are merged: bits depend on nothing
    checked  hash, all checks and the order-independent sum of each upload (`Folding`), nothing kept on disk
    journal  the same by a journal: keys, hashes and the sum committed in batches, acknowledged after the commit
    apart    the same with a copy of its own for each upload, which takes time, and the memory that a server takes

Payloads are a few in memory, delivered again and again under other names: making and moving bytes is no part of it.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.core.threads import one_blas_thread
from sarto.learn.exact_sum import ExactSum
from sarto.learn.federated._folding import Folding
from sarto.learn.federated._journal import Journal, Upload
from sarto.learn.kind import Kind
from sarto.learn.payload import How, Limits, packed
from sarto.learn.raw_moments import size_of
from sarto.learn.ridge_sum import RidgeSum

THREADS, BATCH = 2, 500
"""Threads that fold; uploads of one commit."""
GROUP, PLAIN_GROUP, PLAIN_BLOCK = 8, 16, 1 << 16
CLASSES = tuple(range(10))

T = TypeVar("T")


def payloads(features: int, count: int, rows: int, how: How) -> list[bytes]:
    """Return payloads of clients, of rows such as a network's last layer gives: at least 0, correlated, and labels."""
    rng = generator(0, "federated_fold", features, rows)
    mixed = rng.normal(size=(64, features))
    found: list[bytes] = []
    for _ in range(count):
        x = np.maximum(rng.normal(size=(rows, 64)) @ mixed / 8, 0)
        found.append(packed(x, rng.integers(0, len(CLASSES), rows), classes=CLASSES, how=how))
    return found


def empty(features: int) -> RidgeSum:
    """Return the sum of nothing."""
    return RidgeSum(features, len(CLASSES), classes=CLASSES)


def body(payload: bytes, features: int) -> Float[np.ndarray, " value"]:
    """Return the numbers of a triangle in float32, where they lie in the payload."""
    size = size_of(Kind(features, len(CLASSES)))
    return np.frombuffer(payload, "<f4", size, len(payload) - 32 - 4 * size)


def plain(ready: list[bytes], features: int, uploads: int, folder: Path) -> float:
    """Return the seconds in which float64 sums are made."""
    total = np.zeros(size_of(Kind(features, len(CLASSES))))
    blocks = [slice(i, i + PLAIN_BLOCK) for i in range(0, len(total), PLAIN_BLOCK)]

    def add(thread: int) -> None:
        for first in range(0, uploads, PLAIN_GROUP):
            group = range(first, min(first + PLAIN_GROUP, uploads))
            bodies = [body(ready[i % len(ready)], features) for i in group]
            for block in blocks[thread::THREADS]:
                part = total[block]
                for each in bodies:
                    np.add(part, each[block], out=part)

    return seconds(lambda: in_threads(add))


def exact(ready: list[bytes], features: int, uploads: int, folder: Path) -> float:
    """Return the seconds in which order-independent sums are made."""
    sums = [ExactSum(size_of(Kind(features, len(CLASSES)))) for _ in range(THREADS)]

    def add(thread: int) -> None:
        for first in range(thread * GROUP, uploads, THREADS * GROUP):
            group = range(first, min(first + GROUP, uploads))
            sums[thread].add_all([body(ready[i % len(ready)], features) for i in group])

    return seconds(lambda: in_threads(add), lambda: sums[0].merge(sums[1]), lambda: sums[0].values)


def checked(ready: list[bytes], features: int, uploads: int, folder: Path) -> float:
    """Return the seconds in which uploads are hashed, checked and summed."""
    with Folding(empty(features), Limits(), THREADS) as folding:

        def add() -> None:
            waiting = deque[Future[int]]()
            for i in range(uploads):
                if len(waiting) == folding.most:
                    folding.result(waiting.popleft())
                waiting.append(folding.submit(ready[i % len(ready)]))
            for each in waiting:
                folding.result(each)

        return seconds(add, folding.total)


def journal(ready: list[bytes], features: int, uploads: int, folder: Path, *, apart: bool = False) -> float:
    """Return the seconds in which uploads are in the sum, and that on the disk; `apart` copies every payload."""
    made = Journal.create(folder / "journal.sqlite", "scale", empty(features))

    def fold(first: int) -> None:
        states = made.fold_all(sent(first), workers=THREADS)
        assert states == ["new"] * len(states), "every upload is new and sound"

    def sent(first: int) -> Iterator[Upload]:
        for i in range(first, min(first + BATCH, uploads)):
            payload = ready[i % len(ready)]
            yield f"client {i}", 0, bytes(bytearray(payload)) if apart else payload

    took = seconds(*(lambda first=first: fold(first) for first in range(0, uploads, BATCH)))
    assert len(made.clients()) == uploads, "none is missing"
    made.close()
    return took


SIDES: dict[str, Callable[[list[bytes], int, int, Path], float]] = {
    "plain": plain,
    "exact": exact,
    "checked": checked,
    "journal": journal,
    "apart": partial(journal, apart=True),
}


def folded(side: str, ready: list[bytes], features: int, uploads: int) -> dict[str, float]:
    """Return seconds, those of the processors, and bytes of memory: at the start with payloads and imports, at most."""
    return in_own_process(_measured, side, ready, features, uploads)


def in_own_process(work: Callable[..., T], *arguments: Any) -> T:
    """Return what `work` returns in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(work, *arguments).result()


def _measured(side: str, ready: list[bytes], features: int, uploads: int) -> dict[str, float]:
    with one_blas_thread(), tempfile.TemporaryDirectory() as folder:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the high water is now
        before, busy = _resident("VmRSS"), time.process_time()
        took = SIDES[side](ready, features, uploads, Path(folder))
        busy = time.process_time() - busy
        most = _resident("VmHWM")
    return {"seconds": took, "processor": busy, "start": before, "most": most}


def _resident(what: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024.0 * int(next(line.split()[1] for line in lines if line.startswith(f"{what}:")))


def in_threads(work: Callable[[int], None]) -> None:
    """Run work(0) .. work(THREADS - 1) side by side."""
    with ThreadPoolExecutor(THREADS) as pool:
        for each in [pool.submit(work, i) for i in range(THREADS)]:
            each.result()


def seconds(*works: Callable[[], object]) -> float:
    """Return how long they take one after the other."""
    start = time.perf_counter()
    for work in works:
        work()
    return time.perf_counter() - start
