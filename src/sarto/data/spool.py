"""Arrays that are too large for memory, kept in one temporary file that is gone when nobody needs it any more.

A `Spool` takes parts of columns in any order and gives them back, joined or side by side, as read-only memory maps.
What has been read of a map lies in memory that the system may take back at any time; `let_go` and `spans` give it back
at once.

>>> import numpy as np
>>> with Spool() as spool:
...     parts = [spool.put(np.array([1, 2], np.int16)), spool.put(np.array([0.5], np.float32))]
...     column = spool.joined(parts)
>>> column.tolist(), column.dtype
([1.0, 2.0, 0.5], dtype('float32'))
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

import numpy as np
from jaxtyping import Shaped

SPAN = 1 << 18
"""Rows that are worked on at once."""
ROOM = 256 * 2**20
"""Bytes of text up to which columns are kept in memory; they take about as much room as the text, at most twice."""


@dataclass(frozen=True)
class Part:
    """Where a part of a column lies in a spool."""

    at: int
    dtype: np.dtype[Any]
    count: int


@dataclass
class Spool:
    """A temporary file of arrays; the maps that it gave stay after it is closed, and the file with them."""

    file: IO[bytes] = field(default_factory=partial(tempfile.TemporaryFile, prefix="sarto-"))
    end: int = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def put(self, array: Shaped[np.ndarray, "..."]) -> Part:
        """Write a part of a column, and return where it is."""
        at = self.end
        self.file.seek(at)
        self.file.write(np.ascontiguousarray(array).data)
        self.end += array.nbytes
        return Part(at, array.dtype, len(array))

    def get(self, part: Part) -> Shaped[np.ndarray, " row"]:
        """Return a part, read into memory."""
        self.file.seek(part.at)
        return np.frombuffer(self.file.read(part.count * part.dtype.itemsize), part.dtype)

    def joined(self, parts: Sequence[Part]) -> Shaped[np.ndarray, " row"]:
        """Return the parts of one column, one after the other, in the type that holds them all."""
        dtype = np.result_type(*(part.dtype for part in parts))
        return self.written((self.get(part).astype(dtype) for part in parts), dtype)

    def written(
        self, arrays: Iterator[Shaped[np.ndarray, "..."]], dtype: np.dtype[Any], width: tuple[int, ...] = ()
    ) -> Shaped[np.ndarray, "..."]:
        """Return arrays of one type and one `width`, one after the other, each written before the next is asked for."""
        at = self.end
        total = sum(self.put(array).count for array in arrays)
        self.file.flush()
        if not total:
            return np.empty((0, *width), dtype)
        return np.memmap(self.file, dtype, "r", at, (total, *width))


def spans(total: int, *columns: Shaped[np.ndarray, "..."], overlap: int = 0) -> Iterator[slice]:
    """Yield slices that cover `total` rows, each of which begins `overlap` rows before the end of the one before.

    Args:
        total: rows.
        columns: what is read between two slices; the part of a map that was read is taken out of memory again.
        overlap: rows.
    """
    for start in range(0, max(total - overlap, 0), SPAN):
        yield slice(start, min(start + SPAN + overlap, total))
        for column in columns:
            let_go(column)


def let_go(column: Any) -> None:
    """Take out of memory what was read of a map; other arrays stay as they are."""
    while column is not None and not isinstance(column, mmap.mmap):
        column = column.base if isinstance(column, np.ndarray) else None
    if column is not None and hasattr(column, "madvise"):
        column.madvise(mmap.MADV_DONTNEED)
