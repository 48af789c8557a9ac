"""The cells whose carried state is rotated: es2n, resesn, rmn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.reservoir import es2n, esn, resesn, rmn
from sarto.models.reservoir._cell import Reservoir
from sarto.models.sequences import read_sequences
from sarto.models.states import states

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.2, "radius": 0.9, "input_scaling": 0.5, "bias_scaling": 0.1}


def usual(**changed: Any) -> dict[str, Any]:
    return {**USUAL, **changed}


def run(cell: Reservoir, x: Any) -> np.ndarray[Any, np.dtype[Any]]:
    return states(cell, read_sequences(np.asarray(x, float).reshape(1, len(x), -1)), dtype="float64")


def test_es2n_shares_alpha_and_beta_and_resesn_does_not() -> None:
    assert (es2n.build(5, 1, **USUAL).alpha, es2n.build(5, 1, **USUAL).beta) == (0.8, 0.2)
    free = resesn.build(5, 1, **USUAL, carry=0.95)
    assert (free.alpha, free.beta) == (0.95, 0.2)
    assert resesn.build(5, 1, **USUAL).alpha == 0.8
    assert resesn.build(5, 1, **usual(leak=1.0)).alpha == 1.0


def test_two_steps_of_a_turned_state_by_hand() -> None:
    """O turns before it is added: h2 = alpha O h1 + beta tanh(W h1 + W_x x2 + b)."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    W, W_x, b = np.array([[0.0, 0.5], [-0.25, 0.0]]), np.array([[1.0], [2.0]]), np.array([0.1, -0.1])
    cell = Reservoir("es2n", W, W_x, b, alpha=0.75, beta=0.5, rotation=turn)
    first = 0.5 * np.tanh([1.1, 1.9])
    second = 0.75 * np.array([-first[1], first[0]])
    second = second + 0.5 * np.tanh([0.5 * first[1] - 0.9, -0.25 * first[0] - 2.1])
    np.testing.assert_allclose(run(cell, [1.0, -1.0]), [first, second], rtol=1e-14)


@pytest.mark.parametrize("kind", ["random", "ring"])
def test_rotations_are_orthogonal_and_of_radius_1(kind: Any) -> None:
    cell = es2n.build(31, 1, **USUAL, rotation=kind)
    turn = cell.rotation_matrix()
    np.testing.assert_allclose(turn @ turn.T, np.eye(31), atol=1e-10)
    assert not np.allclose(turn, np.eye(31))


def test_random_rotations_are_uniform_not_biased_by_the_decomposition() -> None:
    """QR alone gives signs that depend on the method: of a uniform O the trace has mean 0 and variance 1."""
    traces = [np.trace(es2n.build(8, 1, **usual(seed=seed)).rotation_matrix()) for seed in range(300)]
    assert abs(np.mean(traces)) < 0.2
    assert 0.7 < np.var(traces) < 1.4


def test_identity_and_equal_shares_make_a_leaky_network() -> None:
    leaky = es2n.build(9, 2, **USUAL, rotation="identity")
    assert leaky.rotation is None
    assert leaky.effective_radius() == pytest.approx(
        np.abs(0.8 + 0.2 * np.linalg.eigvals(leaky.recurrent)).max(), rel=1e-12
    )
    same = Reservoir("esn", leaky.recurrent, leaky.inputs, leaky.bias, alpha=0.8, beta=0.2)
    x = np.random.default_rng(0).normal(size=(20, 2))
    np.testing.assert_array_equal(run(leaky, x), run(same, x))


def test_a_small_share_remembers_an_impulse_that_the_leaky_network_forgets() -> None:
    x = np.zeros(300)
    x[0] = 1.0
    quiet = usual(leak=0.01, bias_scaling=0.0)
    turned = np.linalg.norm(run(es2n.build(40, 1, **quiet), x), axis=1)
    leaky = np.linalg.norm(run(esn.build(40, 1, **usual(bias_scaling=0.0, leak=0.5)), x), axis=1)
    assert turned[-1] > 0.02 * turned[0]
    assert leaky[-1] < 1e-4 * leaky[0]


def test_a_memory_is_a_delay_line_that_the_neurons_see() -> None:
    """Three slots, entered at the first: m'_i = v_i m_{i-1} + (V_x x)_i, seen by W_m in the same step."""
    cell = rmn.build(2, 1, **USUAL, memory_units=3, memory_radius=0.5)
    assert cell.memory is not None
    V_x, W_m = cell.memory.inputs[:, 0], cell.memory.outputs
    x = [1.0, -2.0]
    m = V_x * x[0]
    h = 0.2 * np.tanh(cell.inputs[:, 0] * x[0] + W_m @ m + cell.bias)
    m = 0.5 * np.array([m[2], m[0], m[1]]) + V_x * x[1]
    h2 = 0.8 * h + 0.2 * np.tanh(cell.recurrent @ h + cell.inputs[:, 0] * x[1] + W_m @ m + cell.bias)
    np.testing.assert_allclose(run(cell, x), [h, h2], rtol=1e-13)


def test_a_memory_keeps_what_the_neurons_forget() -> None:
    """With radius 1 an impulse comes round after M steps undiminished, so the neurons feel it again."""
    x = np.zeros(200)
    x[0] = 1.0
    quiet = usual(bias_scaling=0.0, leak=1.0)
    kept = run(rmn.build(20, 1, **quiet, memory_units=7), x)
    np.testing.assert_allclose(kept[190], kept[183], rtol=1e-6)
    assert np.abs(kept[190]).max() > 0.05
    fading = run(rmn.build(20, 1, **quiet, memory_units=7, memory_radius=0.9), x)
    assert np.abs(fading[190]).max() < 1e-6


def test_the_radius_of_a_memory_counts() -> None:
    quiet = usual(leak=1.0)
    assert rmn.build(10, 1, **quiet, memory_radius=0.95).effective_radius() == pytest.approx(0.95)
    assert rmn.build(10, 1, **quiet, memory_radius=0.5).effective_radius() == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("build", "name", "value"),
    [
        (resesn.build, "carry", 0.0),
        (resesn.build, "carry", 1.1),
        (rmn.build, "carry", -0.5),
        (rmn.build, "memory_units", 0),
        (rmn.build, "memory_radius", 1.5),
        (rmn.build, "memory_radius", 0.0),
        (rmn.build, "memory_scaling", -1.0),
        (rmn.build, "memory_coupling", float("inf")),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(build: Any, name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name} = {value}") as caught:
        build(10, 1, **USUAL, **{name: value})
    assert caught.value.code == "E116"


@pytest.mark.usefixtures("unchecked_types")
def test_another_rotation_is_refused() -> None:
    with pytest.raises(InputError, match="rotation = 'half'"):
        es2n.build(5, 1, **USUAL, rotation="half")  # pyright: ignore[reportArgumentType]


def test_the_id_covers_rotation_and_memory() -> None:
    kinds: list[Any] = ["random", "ring", "identity"]
    ids = {es2n.build(6, 1, **USUAL, rotation=kind).reservoir_id for kind in kinds}
    ids |= {
        rmn.build(6, 1, **USUAL, memory_units=m, memory_radius=r).reservoir_id
        for m in (3, 4)
        for r in (1, 0.9)
    }
    assert len(ids) == 7


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("build", [es2n.build, resesn.build, rmn.build])
def test_the_fast_draw_comes_near_the_radius_and_is_the_exact_one_unscaled(build: Any) -> None:
    exact: Reservoir = build(300, 1, **USUAL)
    fast: Reservoir = build(300, 1, **USUAL, init="fast")
    assert np.abs(exact.eigenvalues()).max() == pytest.approx(0.9, rel=1e-9)
    radius = float(np.abs(fast.eigenvalues()).max())
    assert radius == pytest.approx(0.9, rel=0.07)
    np.testing.assert_allclose(fast.recurrent * (0.9 / radius), exact.recurrent, rtol=1e-9)
    with pytest.raises(InputError, match="init = slow"):
        build(5, 1, **USUAL, init="slow")
