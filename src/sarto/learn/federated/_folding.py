"""Payloads read, checked and summed by several threads, each with a sum of its own: merged, they have the bits of one.

Hashes and NumPy's loops run outside of Python's lock. In memory are the sums of the threads and the payloads that wait.

>>> import numpy as np
>>> from sarto.learn.payload import packed
>>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
>>> with Folding(RidgeSum(1, 1), Limits(), workers=2) as folding:
...     rows = [folding.submit(packed(x[i : i + 1], y[i : i + 1])) for i in range(3)]
...     print([each.result() for each in rows], folding.total().statistics.mean_x.tolist())
[1, 1, 1] [1.0]
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from queue import LifoQueue
from types import TracebackType
from typing import Self

from sarto.learn.payload import Limits, opened_payload
from sarto.learn.ridge_sum import RidgeSum


class Folding:
    """Threads at work; a context.

    Args:
        like: a sum of what the payloads have.
        limits: of one client.
        workers: threads.
    """

    def __init__(self, like: RidgeSum, limits: Limits, workers: int) -> None:
        self.workers = workers
        self._kind, self._limits, self._pool = like.kind, limits, ThreadPoolExecutor(workers)
        self._sums = [RidgeSum.like(like) for _ in range(workers)]
        self._free = LifoQueue[RidgeSum]()
        for each in self._sums:
            self._free.put(each)

    def submit(self, payload: bytes) -> Future[int]:
        """Return the number of rows that a payload adds, or the error for which it adds nothing, once it is known."""
        return self._pool.submit(self._add, payload)

    def total(self) -> RidgeSum:
        """Return the sum of all, and keep nothing; every result must be there.

        Raises:
            SartoError: E404, when it has no room.
        """
        first, *others = self._sums
        for other in others:
            first.merge(other)
        self._sums, self._free = [], LifoQueue[RidgeSum]()
        return first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _add(self, payload: bytes) -> int:
        moments = opened_payload(payload, self._limits, self._kind)
        total = self._free.get()
        try:
            total.add(moments)
        finally:
            self._free.put(total)
        return moments.count
