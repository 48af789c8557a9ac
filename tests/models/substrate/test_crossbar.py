"""The simulated array against the plain reservoir, and each of its effects against its formula."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.reservoir import esn, paralesn, ring
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import stacked
from sarto.models.sequences import read_sequences
from sarto.models.states import states
from sarto.models.substrate.crossbar import Crossbar, converted
from sarto.models.substrate.memristor import Memristor, PhaseChange
from sarto.models.substrate.protocol import Range
from sarto.models.substrate.run import readings

RNG = np.random.default_rng(1)
X = read_sequences([RNG.normal(size=(steps, 3)) for steps in (30, 5, 17)])
SETTINGS: dict[str, Any] = {"leak": 0.3, "radius": 0.9, "input_scaling": 0.7, "bias_scaling": 0.2}
CELL = esn.build(40, 3, seed=0, **SETTINGS)


@pytest.mark.parametrize("cell", [CELL, ring.build(12, 3, seed=0, **SETTINGS)], ids=["esn", "ring"])
@pytest.mark.parametrize("on_off", [np.inf, 10.0])
def test_an_ideal_array_is_the_plain_reservoir(cell: Any, on_off: float) -> None:
    array = Crossbar.of(cell, Memristor(on_off=on_off), seed=7)
    assert np.abs(readings(array, X) - states(cell, X, dtype="float64")).max() < 1e-13


def test_pairs_hold_the_sign_and_the_range() -> None:
    array = Crossbar.of(CELL, Memristor(on_off=20), seed=0)
    plus, minus = array.conductances
    assert np.minimum(plus, minus) == pytest.approx(np.full(plus.shape, 1 / 20))
    assert (plus.max(), minus.max()) <= (1.0, 1.0)
    assert max(plus[:, :40].max(), minus[:, :40].max()) == pytest.approx(1.0)  # each block fills the range
    assert max(plus[:, 40:43].max(), minus[:, 40:43].max()) == pytest.approx(1.0)


@pytest.mark.parametrize("bits", range(1, 9))
def test_bits_give_levels(bits: int) -> None:
    cell = esn.build(60, 3, seed=0, **SETTINGS)
    array = Crossbar.of(cell, Memristor(on_off=50, bits=bits), seed=0)
    levels = np.unique(array.conductances.round(12))
    assert len(levels) == 2**bits
    assert np.diff(levels) == pytest.approx(np.full(2**bits - 1, (1 - 1 / 50) / (2**bits - 1)))
    wanted = np.hstack([cell.recurrent, cell.inputs, cell.bias[:, None]])
    half = array.scales * (1 - 1 / 50) / (2**bits - 1) / 2
    assert (np.abs(array.weights - wanted) <= half * (1 + 1e-12)).all()


def test_drift_is_the_power_of_the_age() -> None:
    memristor = Memristor(drift_mean=0.05, drift_start_s=20.0)
    young = Crossbar.of(CELL, memristor, seed=0)
    old = replace(young, age_s=20.0 * 1e4)
    assert old.weights == pytest.approx(young.weights * 1e4**-0.05)
    assert replace(young, age_s=20.0).weights == pytest.approx(young.weights)
    assert replace(young, age_s=3.0).weights == pytest.approx(young.weights)
    mended = replace(old, compensated=True)
    assert mended.compensation == pytest.approx(1e4**0.05)
    assert readings(mended, X) == pytest.approx(readings(young, X), abs=1e-12)


def test_exponents_differ_from_element_to_element() -> None:
    memristor = Memristor(drift_mean=0.05, drift_deviation=0.01, drift_start_s=1.0)
    young = Crossbar.of(esn.build(100, 3, seed=0, **SETTINGS), memristor, seed=0)
    old = replace(young, age_s=1e6)
    large = young.conductances > 0.05
    nu = -np.log(old.conductances[large] / young.conductances[large]) / np.log(1e6)
    assert nu.mean() == pytest.approx(0.05, abs=0.0005)
    assert nu.std() == pytest.approx(0.01, rel=0.03)
    assert (nu >= 0).all()
    again = replace(young, age_s=1e3)
    nu_then = -np.log(again.conductances[large] / young.conductances[large]) / np.log(1e3)
    assert nu_then == pytest.approx(nu)  # an element keeps its exponent


def test_what_is_written_scatters_as_stated() -> None:
    cell = esn.build(100, 3, seed=0, **SETTINGS)
    exact = Crossbar.of(cell, Memristor(on_off=2), seed=0)
    array = Crossbar.of(cell, Memristor(on_off=2, write_noise=0.03), seed=0)
    errors = array.conductances - exact.conductances
    assert errors.std() == pytest.approx(0.03, rel=0.02)
    assert abs(errors.mean()) < 0.001
    assert (Crossbar.of(cell, Memristor(on_off=2, write_noise=0.03), seed=0).weights == array.weights).all()
    assert (Crossbar.of(cell, Memristor(on_off=2, write_noise=0.03), seed=1).weights != array.weights).any()


def test_no_conductance_is_negative() -> None:
    array = Crossbar.of(CELL, Memristor(write_noise=0.2), seed=0)
    assert array.conductances.min() == 0.0


@pytest.mark.parametrize("memristor", [Memristor(read_noise=0.04), PhaseChange(read_scale=3.0)])
def test_readings_scatter_as_if_each_element_were_drawn(memristor: Memristor) -> None:
    """The one draw for a neuron against a draw for each of its elements, by mean and deviation of the next state."""
    array = Crossbar.of(CELL, memristor, seed=0)
    array = replace(array, alpha=0.0, beta=1.0, age_s=1e5, input_gain=0.5)
    u = np.array([0.8, -0.3, 0.5])
    trials = 4000
    same = read_sequences(np.tile(u, (trials, 1, 1)))
    got = np.arctanh(readings(array, same))
    volts = np.concatenate([np.zeros(40), 0.5 * u, [1.0]])
    plus, minus = array.conductances
    s_plus, s_minus = memristor.read_deviation(array.targets, array.conductances, 1e5)
    rng = np.random.default_rng(0)
    drawn = (plus + s_plus * rng.standard_normal((trials, *plus.shape))) - (
        minus + s_minus * rng.standard_normal((trials, *minus.shape))
    )
    want = (drawn * array.scales) @ volts
    error = want.std(axis=0) / np.sqrt(trials)
    assert (np.abs(got.mean(axis=0) - want.mean(axis=0)) < 6 * error).all()
    ratio = got.std(axis=0) / want.std(axis=0)
    assert (np.abs(ratio - 1) < 6 / np.sqrt(trials)).all()
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)


def test_a_read_deviation_is_the_stated_one() -> None:
    """An input of 1 V on one line, no bias: y = w + c N(0, 2 s^2), two elements a weight."""
    inputs = np.array([[0.5], [-1.0]])
    array = Crossbar(np.zeros((2, 2)), inputs, np.zeros(2), 0.0, 1.0, Memristor(read_noise=0.01), 0)
    got = np.arctanh(readings(array, read_sequences(np.full((20000, 1, 1), 0.5)))) / 0.5
    assert got.mean(axis=0) == pytest.approx(np.array([0.5, -1.0]), abs=5e-4)
    assert got.std(axis=0) == pytest.approx(np.full(2, 0.01 * np.sqrt(2)), rel=0.02)


def test_every_access_is_read_anew() -> None:
    array = Crossbar.of(CELL, Memristor(read_noise=0.2), seed=0)
    array = replace(array, alpha=0.0, beta=1.0, recurrent_gain=0.0)
    got = np.arctanh(readings(array, read_sequences(np.ones((1, 400, 3)))))
    assert abs(np.corrcoef(got[:-1, 0], got[1:, 0])[0, 1]) < 0.2
    assert np.abs(np.corrcoef(got.T)[~np.eye(40, dtype=bool)]).max() < 0.3


def test_converters_have_so_many_values_and_saturate() -> None:
    x = np.linspace(-3, 3, 10001)
    got = converted(x, 3, 2.0)
    assert np.unique(got).tolist() == [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5]
    inside = np.abs(x) < 1.5
    assert np.abs(got - x)[inside].max() <= 0.25
    assert (converted(x, None, 2.0) == np.clip(x, -2, 2)).all()
    assert converted(x, None, None) is x


def test_converters_are_where_they_belong() -> None:
    array = Crossbar.of(CELL, Memristor(), seed=0)
    coarse = replace(array, alpha=0.0, beta=1.0, adc_bits=3, adc_range=1.0)
    values = np.unique(np.arctanh(readings(coarse, X)).round(9))
    assert set(values.tolist()) <= {-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75}
    limited = replace(array, dac_range=0.5)
    clipped = read_sequences(
        [np.clip(X.values[a:b], -0.5, 0.5) for a, b in zip(X.offsets, X.offsets[1:], strict=False)]
    )
    alone = replace(array, recurrent_gain=0.0, bias_gain=0.5)
    assert readings(replace(alone, dac_range=0.5), X) == pytest.approx(readings(alone, clipped), abs=1e-13)
    assert (readings(limited, X) != readings(array, X)).any()


def test_gains_are_voltages() -> None:
    array = replace(
        Crossbar.of(CELL, Memristor(), seed=0), recurrent_gain=0.5, input_gain=2.0, bias_gain=-1.0
    )
    cell = replace(CELL, recurrent=0.5 * CELL.recurrent, inputs=2.0 * CELL.inputs, bias=-CELL.bias)
    assert readings(array, X) == pytest.approx(states(cell, X, dtype="float64"), abs=1e-13)


def test_knobs_turn_the_same_array() -> None:
    controls = {"leak": Range(0.01, 1, log=True), "input_gain": Range(0.1, 3)}
    array = replace(Crossbar.of(CELL, Memristor(write_noise=0.1), seed=3), controls=controls)
    turned = array.tuned({"leak": 0.25, "input_gain": 2.0})
    assert (turned.alpha, turned.beta, turned.input_gain, turned.recurrent_gain) == (0.75, 0.25, 2.0, 1.0)
    assert (turned.weights == array.weights).all()
    assert turned.substrate_id != array.substrate_id
    assert array.tuned({}).substrate_id == array.substrate_id
    with pytest.raises(InputError, match=r"recurrent_gain = 1\.0"):
        array.tuned({"recurrent_gain": 1.0})


def test_a_cell_with_another_step_is_refused() -> None:
    class Other(Reservoir):
        """Its matrix is not the one that the kernel takes."""

        def recurrent_matrix(self) -> Any:
            return -self.recurrent

    other = Other("other", CELL.recurrent, CELL.inputs, CELL.bias, alpha=0.7, beta=0.3)
    with pytest.raises(InputError, match="cell other on a crossbar"):
        Crossbar.of(other, Memristor(), seed=0)


BAD: dict[str, dict[str, Any]] = {
    "age": {"age_s": -1.0},
    "gain": {"input_gain": np.inf},
    "dac_bits = 0": {"dac_bits": 0, "dac_range": 1.0},
    "adc_bits = 8 without adc_range": {"adc_bits": 8},
    "dac_range = 0": {"dac_range": 0.0},
    "age_s cannot be set": {"controls": {"age_s": Range(0, 1)}},
}


@pytest.mark.parametrize("words", list(BAD))
def test_electronics_that_cannot_be(words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(Crossbar.of(CELL, Memristor(), seed=0), **BAD[words])


def test_stacks_and_diagonal_reservoirs_are_refused_in_words() -> None:
    usual = dict[str, Any](seed=0, leak=0.4, radius=0.9, input_scaling=0.5, bias_scaling=0.1)
    for reservoir, words in (
        (stacked(esn.build, 6, 2, layers=2, **usual), "2 layers on a crossbar"),
        (paralesn.build(6, 2, **usual), "cell paralesn on a crossbar"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            Crossbar.of(reservoir, Memristor(), seed=0)
        assert caught.value.code == "E116"
