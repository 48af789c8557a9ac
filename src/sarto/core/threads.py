# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Adapter of threadpoolctl: one BLAS thread inside a `with` block, so that our threads and processes share the cores.

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
