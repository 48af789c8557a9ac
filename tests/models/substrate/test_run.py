# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""What a substrate is driven with, and what is said when it does not keep its promise."""

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.pooling import POOLINGS, Pooling
from sarto.models.reservoir import esn
from sarto.models.sequences import read_sequences
from sarto.models.states import pooled_features, states
from sarto.models.substrate.black_box import BlackBox
from sarto.models.substrate.crossbar import Crossbar
from sarto.models.substrate.memristor import Memristor
from sarto.models.substrate.oscillators import Oscillators
from sarto.models.substrate.protocol import Range, Substrate, Tunable
from sarto.models.substrate.run import pooled_readings, readings

RNG = np.random.default_rng(0)
X = read_sequences([RNG.normal(size=(steps, 2)) for steps in (3, 9, 1, 20, 9)])
CELL = esn.build(7, 2, seed=0, leak=0.4, radius=0.9, input_scaling=1.0, bias_scaling=0.2)
NOISY = Crossbar.of(CELL, Memristor(read_noise=0.1), seed=2)
RINGING = Oscillators(
    5,
    2,
    growth=-0.5,
    frequency=2.0,
    spread=1.0,
    coupling=0.5,
    neighbours=2,
    input_gain=1.0,
    period=0.4,
    steps=4,
    seed=0,
    noise=0.3,
)


def as_step(state: Any, u: Any) -> Any:
    return (1 - 0.4) * state + 0.4 * np.tanh(state @ CELL.recurrent.T + u @ CELL.inputs.T + CELL.bias)


@pytest.mark.parametrize("at_once", [None, 2, 1])
def test_a_black_box_that_is_a_reservoir_has_its_states(at_once: int | None) -> None:
    box = BlackBox(as_step, channels=2, units=7, at_once=at_once)
    want = states(CELL, X, dtype="float64")
    assert np.abs(readings(box, X) - want).max() < 1e-14
    for kind in POOLINGS:
        pooling = Pooling(kind)
        got = pooled_readings(box, X, pooling)
        assert np.abs(got - pooled_features(CELL, X, pooling, dtype="float64")).max() < 1e-14


def test_a_washout_is_counted_for_each_sequence() -> None:
    long = X.span(3, 5)
    got = pooled_readings(BlackBox(as_step, channels=2, units=7), long, Pooling("mean"), washout=4)
    want = pooled_features(CELL, long, Pooling("mean"), dtype="float64", washout=4)
    assert np.abs(got - want).max() < 1e-14


@pytest.mark.parametrize("substrate", [NOISY, RINGING], ids=["crossbar", "oscillators"])
def test_noise_depends_on_neither_batch_nor_order_nor_threads(substrate: Crossbar | Oscillators) -> None:
    many = read_sequences([RNG.normal(size=(steps, 2)) for steps in RNG.integers(1, 40, 300)])
    whole = pooled_readings(substrate, many, Pooling("mean"), seed=5)
    assert (pooled_readings(substrate, many, Pooling("mean"), seed=5, n_jobs=2) == whole).all()
    parts = [
        pooled_readings(substrate, many.span(i, i + 50), Pooling("mean"), seed=5) for i in range(0, 300, 50)
    ]
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-12
    backwards = read_sequences(
        [many.values[many.offsets[i] : many.offsets[i + 1]] for i in reversed(range(300))]
    )
    assert np.abs(pooled_readings(substrate, backwards, Pooling("mean"), seed=5)[::-1] - whole).max() < 1e-12
    assert np.abs(pooled_readings(substrate, many, Pooling("mean"), seed=6) - whole).max() > 1e-3


def test_all_substrates_are_substrates() -> None:
    for substrate in (NOISY, RINGING, BlackBox(as_step, channels=2, units=7)):
        assert isinstance(substrate, Substrate)
        assert isinstance(substrate, Tunable)
    assert not isinstance(CELL, Substrate)


def test_an_apparatus_is_reset_for_each_sequence_with_a_seed_of_its_own() -> None:
    seen: list[tuple[int, ...]] = []
    box = BlackBox(
        lambda s, u: s + u,
        channels=2,
        units=2,
        at_once=1,
        reset=lambda seeds: seen.append(tuple(seeds.tolist())),
    )
    readings(box, X, seed=0)
    first, again = list(seen), seen.clear()
    assert again is None
    readings(box, X, seed=0)
    assert seen == first
    assert len({seeds[0] for seeds in seen}) == len(X)
    readings(box, X, seed=1)
    assert seen[-1] not in first


def test_one_at_a_time_gets_vectors() -> None:
    shapes: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()

    def step(state: Any, u: Any) -> Any:
        shapes.add((state.shape, u.shape))
        return state

    readings(BlackBox(step, channels=2, units=3, at_once=1), X)
    assert shapes == {((3,), (2,))}


def test_a_session_never_holds_more_than_the_substrate_takes() -> None:
    sizes: list[int] = []

    def step(state: Any, u: Any) -> Any:
        sizes.append(len(u))
        return state

    readings(BlackBox(step, channels=2, units=3, at_once=2), X)
    assert max(sizes) == 2
    assert sum(sizes) == len(X.values)  # no padded step was ever made


def test_states_and_readings_may_differ() -> None:
    box = BlackBox(
        lambda s, u: s + u.sum(axis=1, keepdims=True) * np.array([1.0, 2.0]),
        channels=2,
        units=1,
        state_size=2,
        reading=lambda s: s[:, 1:] ** 2,
        initial=np.array([0.0, 3.0]),
    )
    got = readings(box, read_sequences(np.ones((1, 2, 2))))
    assert got.ravel().tolist() == [49.0, 121.0]


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "shape": ({"function": lambda s, u: s[:, :2]}, "E108", r"a state of the shape \(5, 2\)"),
    "one number": ({"function": lambda s, u: 1.0}, "E108", r"shape \(\)"),
    "no numbers": ({"function": lambda s, u: np.array(["a"])}, "E116", "a state of <U1"),
    "complex": ({"function": lambda s, u: s + 1j}, "E116", "complex128"),
    "not a number": (
        {"function": lambda s, u: np.where(u[:, :1] == X.values[13 + 7, 0], np.nan, s)},
        "E105",
        "nan in place 0, sequence 3, step 7",
    ),
    "infinite": ({"function": lambda s, u: s * 1e200 + 1e200}, "E105", "inf in place 0, sequence 3, step 1"),
    "reading": ({"reading": lambda s: s[:, :1]}, "E108", r"values of the shape \(5, 1\)"),
    "channels": ({"channels": 3}, "E108", "X has 2 channels, the substrate takes 3"),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_a_broken_promise_is_told_with_its_place(what: str) -> None:
    change, code, words = WRONG[what]
    arguments: dict[str, Any] = {"function": lambda s, u: s, "channels": 2, "units": 3, **change}
    box = BlackBox(**arguments)
    with np.errstate(over="ignore"), pytest.raises(InputError, match=words) as error:
        readings(box, X)
    assert error.value.code == code
    assert error.value.hint


def test_a_foreign_substrate_is_checked_as_well() -> None:
    class Wrong:
        channels, states, units, at_once, concurrent, substrate_id = 2, 3, 3, None, False, "wrong"

        def start(self, keys: Any, seed: int) -> Any:
            class Session:
                state = np.zeros((len(keys), 3))

                def step(self, state: Any, u: Any) -> Any:
                    return np.zeros((1, 3))

                def read(self, state: Any) -> Any:
                    return state

            return Session()

    with pytest.raises(InputError, match=r"the state has the shape \(1, 3\) at step 0"):
        readings(Wrong(), X)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "units": ({"units": 0}, "units = 0"),
    "at once": ({"at_once": 0}, "at_once = 0"),
    "states": ({"state_size": 4}, "4 states and 3 units"),
    "initial": ({"initial": np.zeros(2)}, r"shape \(2,\)"),
    "setting": ({"settings": {"gain": 1.0}}, "gain = 1.0"),
    "no value": ({"controls": {"gain": Range(0, 1)}}, "gain has a range and no value"),
    "outside": ({"controls": {"gain": Range(0, 1)}, "settings": {"gain": 2.0}}, "gain = 2.0"),
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_a_black_box_refuses_what_cannot_be(what: str) -> None:
    change, words = REFUSED[what]
    arguments: dict[str, Any] = {"function": lambda s, u: s, "channels": 2, "units": 3, **change}
    with pytest.raises(InputError, match=words):
        BlackBox(**arguments)


def test_the_controls_of_a_black_box_reach_it() -> None:
    box = BlackBox(
        lambda s, u, gain: gain * u,
        channels=2,
        units=2,
        controls={"gain": Range(0, 10)},
        settings={"gain": 1.0},
        name="gain",
    )
    tuned = box.tuned({"gain": 3.0})
    assert (readings(tuned, X) == 3 * readings(box, X)).all()
    assert tuned.substrate_id != box.substrate_id
    with pytest.raises(InputError, match="it must be from 0 to 10"):
        box.tuned({"gain": 11.0})


def test_too_short_for_the_washout() -> None:
    with pytest.raises(InputError, match="washout"):
        pooled_readings(NOISY, X, Pooling("last"), washout=1)


@pytest.mark.parametrize("limits", [Range(0.01, 100.0, log=True), Range(-2.0, 3.0)])
def test_a_range_goes_there_and_back(limits: Range) -> None:
    for place in (0.0, 0.2, 0.5, 1.0):
        assert limits.place(limits.at(place)) == pytest.approx(place, abs=1e-12)
    assert (limits.at(-1.0), limits.at(2.0)) == (limits.low, limits.high)


@pytest.mark.parametrize("values", [(1.0, 1.0, False), (0.0, 1.0, True), (0.0, np.inf, False)])
def test_a_range_that_is_none(values: tuple[float, float, bool]) -> None:
    with pytest.raises(InputError, match="range"):
        Range(*values)
