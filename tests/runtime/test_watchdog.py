"""The watchdog: jobs that do not end are noticed while they have not, and the run goes on."""

from __future__ import annotations

import threading
import time

import pytest

from sarto.core.errors import SartoError
from sarto.runtime.watchdog import Overrun, Watchdog


def test_a_job_that_hangs_is_noticed_while_it_does_and_can_be_let_go() -> None:
    letting_go = threading.Event()
    seen: list[Overrun] = []

    def act(overrun: Overrun) -> None:
        seen.append(overrun)
        letting_go.set()

    with Watchdog(0.3, act) as dog:
        with dog.over("large"):
            assert letting_go.wait(30)
            assert dog.overrun == Overrun("large", 0.3)
        assert dog.overrun is None
        with dog.over("small"):
            pass
    assert (seen, dog.overruns) == ([Overrun("large", 0.3)], 1)


def test_jobs_in_time_are_left_alone_and_one_thread_watches_them_all() -> None:
    before = threading.active_count()
    with Watchdog(30.0) as dog:
        for _ in range(200):
            with dog.over("job"):
                pass
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert dog.overruns == 0


def test_it_outlives_what_it_calls() -> None:
    def act(_overrun: Overrun) -> None:
        raise ZeroDivisionError

    with Watchdog(0.01, act) as dog:
        for _ in range(2):
            count = dog.overruns
            with dog.over("job"):
                until = time.monotonic() + 30
                while dog.overruns == count and time.monotonic() < until:
                    time.sleep(0.005)
    assert dog.overruns == 2
    assert isinstance(dog.failed, ZeroDivisionError)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_is_a_time(limit: float) -> None:
    with pytest.raises(SartoError, match="E178"):
        Watchdog(limit)
