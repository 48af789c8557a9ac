"""One BLAS thread."""

from typing import Any, cast

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from sarto.core.threads import one_blas_thread


def threads() -> set[int]:
    libraries = cast("list[dict[str, Any]]", threadpool_info())
    return {lib["num_threads"] for lib in libraries if lib["user_api"] == "blas"}


def test_one_thread_inside_and_as_many_as_before_outside() -> None:
    assert (np.ones((2, 2)) @ np.ones((2, 2))).sum() == 8
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == before
