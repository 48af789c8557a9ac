from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.models.chunked import chunked_states, default_tolerance
from sarto.models.input_error import InputError
from sarto.models.reservoir import es2n, esn, eusn, ring, rmn
from sarto.models.reservoir._stack import AnyReservoir, stacked
from sarto.models.sequences import read_sequences
from sarto.models.states import states

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.3, "radius": 0.9, "input_scaling": 0.5, "bias_scaling": 0.1}


def usual(**changed: Any) -> dict[str, Any]:
    return {**USUAL, **changed}


FORGETTING: dict[str, AnyReservoir] = {
    "esn": esn.build(30, 2, **USUAL),
    "ring": ring.build(30, 2, **USUAL),
    "deep": stacked(esn.build, 30, 2, layers=2, **USUAL),
    "rmn": rmn.build(30, 2, **USUAL, memory_units=5, memory_radius=0.8),
}
KEEPING: dict[str, AnyReservoir] = {
    "eusn": eusn.build(30, 2, **usual(leak=0.01)),
    "es2n": es2n.build(30, 2, **usual(leak=0.01)),
    "ring of radius 1": ring.build(
        30, 2, **usual(leak=1.0, radius=1.0, input_scaling=1e-6, bias_scaling=0.0)
    ),
    "rmn of radius 1": rmn.build(30, 2, **USUAL),
}


def series(steps: int = 6000) -> NDArray[Any]:
    return np.random.default_rng(0).normal(size=(steps, 2))


def serially(reservoir: AnyReservoir, x: NDArray[Any], dtype: Any) -> NDArray[Any]:
    return states(reservoir, read_sequences(x[None]), dtype=dtype)


@pytest.mark.parametrize("name", FORGETTING)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_reservoir_that_forgets_is_computed_in_chunks_within_the_tolerance(name: str, dtype: Any) -> None:
    x = series()
    run = chunked_states(FORGETTING[name], x, dtype=dtype)
    assert run.chunks > 4
    assert run.reason == ""
    assert run.gap <= run.tolerance == default_tolerance(dtype)
    wanted = serially(FORGETTING[name], x, dtype)
    assert run.states.dtype == dtype
    np.testing.assert_allclose(run.states, wanted, rtol=0, atol=2 * run.tolerance)


@pytest.mark.parametrize("name", KEEPING)
def test_a_reservoir_that_does_not_forget_is_computed_serially_and_says_so(name: str) -> None:
    x = series(3000)
    run = chunked_states(KEEPING[name], x)
    assert run.chunks == 1
    assert "differ by more than" in run.reason or "needs" in run.reason
    np.testing.assert_array_equal(run.states, serially(KEEPING[name], x, "float32"))


def test_what_no_chunk_has_forgotten_is_serial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of chunks too short to forget some meet their first run late or never; then the result is no guess."""
    monkeypatch.setattr("sarto.models.chunked.LEAST_CHUNK", 16)
    x = series(16 * 32)
    run = chunked_states(FORGETTING["esn"], x)
    assert run.chunks == 1
    assert "differ by more than" in run.reason
    np.testing.assert_array_equal(run.states, serially(FORGETTING["esn"], x, "float32"))


def test_chunks_that_forget_late_run_again_until_all_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state forgets in about 60 steps where the input drives it and in hundreds where it is at rest."""
    monkeypatch.setattr("sarto.models.chunked.LEAST_CHUNK", 96)
    x = np.where(np.arange(96 * 32)[:, None] // 96 % 8 == 5, 0.0, 3.0) * series(96 * 32)
    slow = esn.build(30, 2, **usual(leak=0.4, radius=1.0, input_scaling=1.0))
    run = chunked_states(slow, x, dtype="float64", tolerance=1e-4)
    assert run.chunks == 32
    assert run.warm_up == 96
    np.testing.assert_allclose(run.states, serially(slow, x, "float64"), rtol=0, atol=2e-4)


def test_a_looser_tolerance_needs_a_shorter_warm_up() -> None:
    loose, tight = (chunked_states(FORGETTING["esn"], series(), tolerance=t) for t in (1e-2, 1e-6))
    assert 0 < loose.warm_up < tight.warm_up
    off = np.abs(loose.states - serially(FORGETTING["esn"], series(), "float32")).max()
    assert 1e-7 < off <= 2e-2


def test_the_bits_do_not_depend_on_threads() -> None:
    one, two = (chunked_states(FORGETTING["esn"], series(), n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one.states, two.states)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 40])
def test_series_too_short_to_be_cut_are_computed_all_the_same(steps: int) -> None:
    x = series(steps)
    run = chunked_states(FORGETTING["esn"], x)
    assert run.chunks == 1
    np.testing.assert_array_equal(run.states, serially(FORGETTING["esn"], x, "float32"))


def test_one_chunk_is_serial_and_nonsense_is_refused() -> None:
    assert chunked_states(FORGETTING["esn"], series(), chunks=1).reason == "one chunk was asked for"
    refused: list[dict[str, Any]] = [{"chunks": 0}, {"tolerance": 0.0}, {"tolerance": float("nan")}]
    for arguments in refused:
        with pytest.raises(InputError) as caught:
            chunked_states(FORGETTING["esn"], series(), **arguments)
        assert caught.value.code == "E116"
