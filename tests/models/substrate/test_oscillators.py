"""The oscillators against closed forms: one alone, two coupled, one driven, one shaken."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.sequences import read_sequences
from sarto.models.substrate.noise import NoiseStreams
from sarto.models.substrate.oscillators import Oscillators
from sarto.models.substrate.protocol import Range
from sarto.models.substrate.run import readings

ONE = Oscillators(
    1,
    1,
    growth=0.5,
    frequency=2.0,
    spread=0.0,
    coupling=0.0,
    neighbours=0,
    input_gain=0.0,
    period=0.1,
    steps=20,
    seed=0,
)


def run(network: Oscillators, z: Any, steps: int) -> Any:
    """States after `steps` inputs of 0, from the complex state z (item, oscillator)."""
    session = network.start(np.arange(len(z), dtype=np.uint64), 0)
    state = np.hstack([z.real, z.imag])
    for _ in range(steps):
        state = session.step(state, np.zeros((len(z), network.channels)))
    return state[:, : network.oscillators] + 1j * state[:, network.oscillators :]


@pytest.mark.parametrize("growth", [0.5, -0.7])
def test_one_alone_has_the_closed_form(growth: float) -> None:
    """r^2(t) = a / (1 + (a / r0^2 - 1) exp(-2 a t)), phase omega t."""
    network = replace(ONE, growth=growth)
    z = run(network, np.array([[0.3 + 0j]]), 25)[0, 0]
    r2 = growth / (1 + (growth / 0.09 - 1) * np.exp(-2 * growth * 2.5))
    assert abs(z - np.sqrt(r2) * np.exp(2j * 2.5)) < 2e-4


def test_the_scheme_is_of_second_order() -> None:
    r2 = 0.5 / (1 + (0.5 / 0.09 - 1) * np.exp(-2.5))
    exact = np.sqrt(r2) * np.exp(5j)
    errors = [abs(run(replace(ONE, steps=n), np.array([[0.3 + 0j]]), 25)[0, 0] - exact) for n in (10, 20, 40)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


def test_coupling_pulls_by_the_difference() -> None:
    """Two small alike oscillators: z1 - z2 decays with a - 2 K, z1 + z2 with a."""
    two = replace(ONE, oscillators=2, neighbours=1, coupling=0.6, growth=-0.2)
    z = np.array([[1e-4 + 0j, -3e-4 + 1e-4j]])
    after = run(two, z, 10)[0]
    turn = np.exp(2j * 1.0)
    assert abs((after.sum() - z[0].sum() * np.exp(-0.2) * turn) / z[0].sum()) < 1e-3
    difference = z[0, 0] - z[0, 1]
    assert abs((after[0] - after[1] - difference * np.exp(-0.2 - 1.2) * turn) / difference) < 1e-3


def test_the_coupling_is_shared_among_the_neighbours() -> None:
    network = replace(ONE, oscillators=9, neighbours=3, coupling=0.6)
    matrix = network.coupling_matrix
    assert matrix.sum(axis=1) == pytest.approx(np.zeros(9))
    assert np.sort(matrix, axis=1)[:, -3:] == pytest.approx(np.full((9, 3), 0.2))
    assert np.diag(matrix) == pytest.approx(np.full(9, -0.6))


def test_the_input_drives_the_real_part() -> None:
    """Damped and slow, weakly driven for long: z -> G B u / (-a - i omega)."""
    network = replace(
        ONE, oscillators=4, channels=2, growth=-1.0, frequency=0.5, input_gain=1e-3, period=1.0, steps=200
    )
    u = np.array([0.7, -0.2])
    got = readings(network, read_sequences(np.tile(u, (1, 30, 1))))[-1]
    want = 1e-3 * (network.input_weights @ u) / (1.0 - 0.5j)
    assert got[:4] + 1j * got[4:] == pytest.approx(want, rel=1e-4)


def test_noise_spreads_as_the_langevin_equation_says() -> None:
    """Damped and weakly shaken, each quadrature has the variance s^2 / (2 |a|)."""
    network = replace(ONE, oscillators=50, growth=-1.0, noise=0.02, period=0.5, steps=50)
    values = readings(network, read_sequences(np.random.default_rng(0).normal(size=(60, 20, 1))), seed=1)
    settled = values.reshape(60, 20, 100)[:, 12:]
    assert settled.std() == pytest.approx(0.02 / np.sqrt(2), rel=0.03)


def test_frequencies_lie_within_the_spread() -> None:
    network = replace(ONE, oscillators=500, spread=0.5)
    assert network.frequencies.min() == pytest.approx(1.5, abs=0.02)
    assert network.frequencies.max() == pytest.approx(2.5, abs=0.02)
    assert (replace(network, seed=1).frequencies != network.frequencies).any()


def test_an_integration_that_is_too_coarse_is_reported() -> None:
    network = replace(ONE, input_gain=1e3, period=10.0, steps=1)
    with pytest.raises(InputError, match=r"the state is (nan|inf|-inf) in place") as error:
        readings(network, read_sequences(np.ones((1, 50, 1))))
    assert "integration step" in (error.value.hint or "")


def test_knobs() -> None:
    network = replace(ONE, controls={"coupling": Range(0, 1)})
    assert network.tuned({"coupling": 0.25}).coupling == 0.25
    with pytest.raises(InputError, match="coupling = 2"):
        network.tuned({"coupling": 2.0})


@pytest.mark.parametrize(
    "change",
    [
        {"oscillators": 0},
        {"neighbours": 1},
        {"steps": 0},
        {"growth": np.nan},
        {"spread": -1.0},
        {"noise": np.inf},
        {"period": 0.0},
        {"controls": {"seed": Range(0, 1)}},
    ],
)
def test_networks_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(change)) if "controls" not in change else "seed"):
        replace(ONE, **change)


def test_the_predictor_is_shaken_too() -> None:
    """From rest, with a shake so small that all is linear: z' = k + (a + i omega) k dt / 2, k = s sqrt(dt) n."""
    network = replace(ONE, growth=-3.0, noise=1e-6, period=0.1, steps=1)
    keys = np.array([4], np.uint64)
    session = network.start(keys, 0)
    got = session.step(session.state, np.zeros((1, 1)))[0]
    n = NoiseStreams(0, "oscillators", keys, 2).normal(0, 1)[0]
    kick = 1e-6 * np.sqrt(0.1) * (n[0] + 1j * n[1])
    assert got[0] + 1j * got[1] == pytest.approx(kick * (1 + (-3 + 2j) * 0.05), rel=1e-9)
