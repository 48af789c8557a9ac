"""Payloads read, checked and summed by several threads, each with a sum of its own: merged, they have the bits of one.

Hashes and NumPy's loops run outside of Python's lock. In memory are the sums of the threads and the payloads that are
under way, at most two for each thread and two more.

>>> import numpy as np
>>> from sarto.learn.payload import packed
>>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
>>> with Folding(RidgeSum(1, 1), Limits(), workers=2) as folding:
...     rows = [folding.submit(packed(x[i : i + 1], y[i : i + 1])) for i in range(3)]
...     print([folding.result(each) for each in rows], folding.total().statistics.mean_x.tolist())
[1, 1, 1] [1.0]
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import LifoQueue
from types import TracebackType
from typing import Self

from sarto.core.errors import SartoError
from sarto.learn.payload import Limits, opened_payload
from sarto.learn.raw_moments import RawMoments
from sarto.learn.ridge_sum import RidgeSum

GROUP = 2
"""Payloads that a thread adds at once, which takes less time and more memory."""


class Folding:
    """Threads at work; a context.

    Args:
        like: a sum of what the payloads have.
        limits: of one client.
        workers: threads.

    Attributes:
        most: payloads that are best under way.
    """

    def __init__(self, like: RidgeSum, limits: Limits, workers: int) -> None:
        self.most = (workers + 1) * GROUP
        self._kind, self._limits, self._pool = like.kind, limits, ThreadPoolExecutor(workers)
        self._sums = [RidgeSum.like(like) for _ in range(workers)]
        self._free = LifoQueue[RidgeSum]()
        for each in self._sums:
            self._free.put(each)
        self._group: dict[Future[int], bytes] = {}

    def submit(self, payload: bytes) -> Future[int]:
        """Return the number of rows that a payload adds, or the error for which it adds nothing, when it is known.

        Ask for it by `result`.
        """
        rows = Future[int]()
        self._group[rows] = payload
        if len(self._group) == GROUP:
            self._start()
        return rows

    def result(self, rows: Future[int]) -> int:
        """Wait for what `submit` returned.

        Raises:
            SartoError: for which the payload adds nothing.
        """
        if rows in self._group:
            self._start()
        return rows.result()

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

    def _start(self) -> None:
        self._pool.submit(self._add, self._group)
        self._group = {}

    def _add(self, group: dict[Future[int], bytes]) -> None:
        """Add the payloads of a group, together; where that cannot be, one after the other."""
        sound: dict[Future[int], RawMoments] = {}
        for rows, payload in group.items():
            with _told(rows):
                sound[rows] = opened_payload(payload, self._limits, self._kind)
        total = self._free.get()
        try:
            total.add_all(list(sound.values()))
        except SartoError:
            for rows, moments in sound.items():
                with _told(rows):
                    total.add(moments)
                    rows.set_result(moments.count)
        except BaseException as error:
            for rows in sound:
                rows.set_exception(error)
        else:
            for rows, moments in sound.items():
                rows.set_result(moments.count)
        finally:
            self._free.put(total)


@contextmanager
def _told(rows: Future[int]) -> Generator[None]:
    """Tell an error where the result is waited for."""
    try:
        yield
    except BaseException as error:
        rows.set_exception(error)
