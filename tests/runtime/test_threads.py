"""The threads of BLAS as a knob."""

from __future__ import annotations

import pytest

from sarto.core.threads import blas_threads
from sarto.runtime.knobs import Knobs
from sarto.runtime.threads import Threads


def test_threads_are_set_read_back_and_set_back() -> None:
    before = blas_threads()
    wanted = "2" if before == 1 else "1"
    with Knobs([Threads()], act=True) as held:
        assert held.set("threads", wanted).state == "set"
        assert blas_threads() == int(wanted)
    assert blas_threads() == before


@pytest.mark.parametrize("value", ["", "0", "-1", "two", "1.5", "9999"])
def test_what_is_no_number_of_threads_is_refused(value: str) -> None:
    before = blas_threads()
    with Knobs([Threads()], act=True) as held:
        assert held.set("threads", value).state == "refused"
        assert blas_threads() == before


def test_a_number_is_the_same_with_zeros_in_front() -> None:
    with Knobs([Threads()], act=True) as held:
        assert held.set("threads", f"0{blas_threads()}").state == "unchanged"
