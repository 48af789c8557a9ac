"""The published constants of phase-change elements, against numbers worked out by hand, and refused constants."""

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.substrate.memristor import Memristor, PhaseChange


def test_what_a_phase_change_element_writes() -> None:
    """In microsiemens of 25: .2635 at 0; -1.1731/4 + 1.965/2 + .2635 at one half; 1.0554 at 1."""
    deviation = PhaseChange().write_deviation(np.array([0.0, 0.5, 1.0])) * 25
    assert deviation == pytest.approx([0.2635, 0.952725, 1.0554])


def test_how_a_phase_change_element_drifts() -> None:
    """ln .01 = -4.60517: m = .0958, d = .05166 cut to .045; at 1: m = .0244 raised to .049, d raised to .008."""
    rng = np.random.default_rng(0)
    for target, mean, deviation in ((1.0, 0.049, 0.008), (0.1, 0.0600901, 0.0228823), (0.0, 0.1, 0.045)):
        nu = PhaseChange().drift_exponents(np.full(200_000, target), rng)
        drawn = np.abs(mean + deviation * np.random.default_rng(1).standard_normal(200_000))
        assert nu.mean() == pytest.approx(drawn.mean(), abs=4e-4)
        assert nu.std() == pytest.approx(drawn.std(), rel=0.01)


def test_how_a_phase_change_element_is_read() -> None:
    """At a day: sqrt(ln(86400 / 500e-9)) = 5.086787; Q = .0088 at 1, .2 from .0082 down."""
    element = PhaseChange()
    present = np.array([0.8, 0.5, 0.001])
    got = element.read_deviation(np.array([1.0, 0.5, 0.001]), present, 86400.0)
    share = np.array([0.0088, 0.0088 / 0.5**0.65, 0.2])
    assert got == pytest.approx(present * share * 5.086787, rel=1e-5)


def test_drift_starts_after_twenty_seconds() -> None:
    element, nu = PhaseChange(), np.array([0.05])
    assert element.drifted(np.ones(1), nu, 10.0).tolist() == [1.0]
    assert element.drifted(np.ones(1), nu, 2000.0) == pytest.approx([100**-0.05])


def test_each_effect_can_be_scaled_or_left_out() -> None:
    quiet, loud = (PhaseChange(write_scale=s, read_scale=s, drift_scale=s) for s in (0.0, 2.0))
    g, usual = np.array([0.2, 0.9]), PhaseChange()
    assert (quiet.written(g, np.random.default_rng(0)) == g).all()
    assert (quiet.drift_exponents(g, np.random.default_rng(0)) == 0).all()
    assert (quiet.read_deviation(g, g, 1.0) == 0).all()
    assert loud.write_deviation(g) == pytest.approx(2 * usual.write_deviation(g))
    assert loud.read_deviation(g, g, 1.0) == pytest.approx(2 * usual.read_deviation(g, g, 1.0))
    twice = 2 * usual.drift_exponents(g, np.random.default_rng(0))
    assert loud.drift_exponents(g, np.random.default_rng(0)) == pytest.approx(twice)


@pytest.mark.parametrize(
    "change",
    [
        {"on_off": 1.0},
        {"bits": 0},
        {"bits": 17},
        {"write_noise": -0.1},
        {"read_noise": float("nan")},
        {"drift_mean": -0.1},
        {"drift_deviation": float("inf")},
        {"drift_start_s": 0.0},
    ],
)
def test_constants_that_no_element_has(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        Memristor(**change)


def test_a_target_lies_within_the_range() -> None:
    element = Memristor(on_off=4, bits=1)
    assert element.target(np.array([0.0, 0.49, 0.51, 1.0])).tolist() == [0.25, 0.25, 1.0, 1.0]
