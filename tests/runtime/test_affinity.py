"""Cores of threads, really set; and lists of cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.runtime.affinity import Affinity, core_list, cores_of
from sarto.runtime.knobs import Knobs


@pytest.fixture
def cores() -> list[int]:
    """Two cores that this process may use."""
    found = sorted(os.sched_getaffinity(0))
    if len(found) < 2:
        pytest.fail("one core says nothing of affinity")
    return found[:2]


@contextmanager
def thread(cores: set[int]) -> Generator[int]:
    """Run a thread on these cores, and give its number."""
    told, over = threading.Event(), threading.Event()

    def wait() -> None:
        os.sched_setaffinity(0, cores)
        told.set()
        over.wait()

    running = threading.Thread(target=wait)
    running.start()
    told.wait()
    try:
        assert running.native_id is not None
        yield running.native_id
    finally:
        over.set()
        running.join()


def test_every_thread_is_set_and_set_back_to_its_own_cores(cores: list[int]) -> None:
    before = os.sched_getaffinity(0)
    with thread({cores[1]}) as early, Knobs([Affinity()], act=True) as held:
        assert held.set("affinity", str(cores[0])).state == "set"
        assert os.sched_getaffinity(early) == os.sched_getaffinity(0) == {cores[0]}
        with thread({cores[0]}) as late:
            assert held.restore() == {}
            # It was not there before: it gets what the process had.
            assert os.sched_getaffinity(late) == before
        assert os.sched_getaffinity(early) == {cores[1]}
    assert os.sched_getaffinity(0) == before
    assert held.failed == {}


def test_a_thread_elsewhere_is_no_reason_to_leave_cores_as_they_are(cores: list[int]) -> None:
    before = os.sched_getaffinity(0)
    with thread({cores[1]}) as other, Knobs([Affinity()], act=True) as held:
        applied = held.set("affinity", core_list(before))
        assert applied.state == "set"
        assert os.sched_getaffinity(other) == before
        assert Affinity().read() == core_list(before)
    assert held.failed == {}


def test_a_list_is_set_however_it_is_written(cores: list[int]) -> None:
    a, b = cores
    with Knobs([Affinity()], act=True) as held:
        held.set("affinity", str(a))
        assert held.set("affinity", f"{b},{a}").state == "set"
        assert held.set("affinity", f"{a}-{b}" if b == a + 1 else f"{a},{b}").state == "unchanged"
        assert os.sched_getaffinity(0) == set(cores)


def test_cores_that_are_not_there_are_refused_and_the_others_stay(cores: list[int]) -> None:
    with Knobs([Affinity()], act=True) as held:
        held.set("affinity", str(cores[1]))
        # The kernel would take the one that there is.
        for value in (f"{cores[0]},9999", "9999", "", "x", "1-", "2-1", "0-99999999999"):
            assert held.set("affinity", value).state == "refused", value
            assert os.sched_getaffinity(0) == {cores[1]}
    assert held.failed == {}


def test_what_cannot_be_put_back_is_told(cores: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    affinity = Affinity()
    with Knobs([affinity], act=True) as held:
        held.set("affinity", str(cores[0]))
        with monkeypatch.context() as patched:
            patched.setattr(os, "sched_setaffinity", Mock())
            assert "in place of" in held.restore()["affinity"]
    assert held.failed == {}


def test_a_thread_that_has_just_ended_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.sched_getaffinity(0)
    for number in (os.getpid(), 2**22 + 1):
        (tmp_path / str(number)).mkdir()
    monkeypatch.setattr("sarto.runtime.affinity.TASKS", tmp_path)
    assert Affinity().read() == core_list(here)
    Affinity().write(core_list(here))


@settings(max_examples=50)
@given(st.frozensets(st.integers(0, 20), min_size=1))
def test_a_list_says_which_cores_there_are(cores: frozenset[int]) -> None:
    text = core_list(cores)
    assert cores_of(text) == cores
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    assert all(one[-1] + 1 < other[0] for one, other in pairwise(ends))


def test_lists_as_the_kernel_documents_them() -> None:
    # cpuset(7), list format.
    assert cores_of("0-4,9") == {0, 1, 2, 3, 4, 9}
    assert core_list({0, 1, 2, 7, 12, 13, 14}) == "0-2,7,12-14"
