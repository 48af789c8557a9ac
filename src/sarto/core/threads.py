# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Adapter of threadpoolctl: how many threads BLAS uses, within a `with` block or from now on.

One thread within a block lets our threads and processes share the cores.

>>> with one_blas_thread():
...     pass
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    """Find the libraries once: it takes milliseconds, and NumPy's BLAS is loaded with NumPy."""
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which each BLAS call uses one thread."""
    return _controller().limit(limits=1, user_api="blas")


def blas_threads() -> int:
    """Return how many threads a BLAS call uses, the most of all BLAS libraries that are loaded; 1 without any."""
    return max((int(one["num_threads"]) for one in _blas().info()), default=1)


def set_blas_threads(count: int) -> None:
    """Let BLAS calls of the whole process use so many threads from now on."""
    for library in _blas().lib_controllers:
        library.set_num_threads(count)


def _blas() -> ThreadpoolController:
    return _controller().select(user_api="blas")
