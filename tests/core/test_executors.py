"""Executors: results and errors are the same with any number of workers."""

import os
from concurrent.futures import Future

import pytest

from sarto.core.errors import SartoError
from sarto.core.executors import SerialExecutor, available_workers, open_executor


def half(number: int) -> tuple[float, int]:
    """Of an even number; an odd one is refused, and 13 interrupts."""
    if number == 13:
        raise KeyboardInterrupt
    if number % 2:
        raise SartoError("E116", f"{number} is odd", cause="even numbers only", hint="double it")
    return number / 2, os.getpid()


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_results_keep_their_order_and_errors_their_words(workers: int) -> None:
    with open_executor(workers) as executor:
        futures: list[Future[tuple[float, int]]] = [executor.submit(half, n) for n in (8, 3, 2)]
        assert [futures[0].result()[0], futures[2].result()[0]] == [4, 1]
        assert (futures[0].result()[1] == os.getpid()) == (workers <= 1)
        with pytest.raises(SartoError) as caught:
            futures[1].result()
    assert str(caught.value) == "error[E116]: 3 is odd\ncause: even numbers only\nhint: double it"


def test_an_interrupt_is_not_kept_for_later() -> None:
    with pytest.raises(KeyboardInterrupt):
        SerialExecutor().submit(half, 13)


def test_a_process_may_use_at_least_one_processor() -> None:
    assert 1 <= available_workers() <= (os.cpu_count() or 1)
