"""Small changes along the data: against finite differences of the equations, and exponents that are known."""

import math
from typing import Any

import numpy as np
import pytest

from sarto.models.diagnosis.tangent import Changes, changing, growth, largest_exponent
from sarto.models.reservoir import paralesn, ring
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import AnyReservoir, stacked
from sarto.models.sequences import Sequences
from sarto.models.states import states
from tests.models.diagnosis.oracle import Array, Walker, every_kind

STEPS = 6
KINDS = every_kind()


def path_of(reservoir: AnyReservoir, x: Array) -> Array:
    return states(reservoir, Sequences(x, np.array([0, len(x)])), dtype="float64")


def finite_differences(reservoir: AnyReservoir, x: Array, size: float = 1e-6) -> Array:
    rows = sum(map(changing, reservoir.layers))
    columns: list[Any] = []
    for direction in np.eye(rows):
        ends: list[Any] = []
        for sign in (1, -1):
            walker = Walker.at(reservoir, sign * size * direction)
            ends.append([walker.step(row) for row in x][-1])
        columns.append((ends[0] - ends[1]) / (2 * size))
    return np.array(columns).T


@pytest.mark.parametrize("name", KINDS)
def test_the_product_of_jacobians_is_that_of_finite_differences(name: str) -> None:
    reservoir = KINDS[name]
    x = np.random.default_rng(3).normal(size=(STEPS, 2))
    path = path_of(reservoir, x)
    wanted = finite_differences(reservoir, x)
    changes = Changes(reservoir, np.eye(len(wanted)))
    before = np.zeros(reservoir.units)
    for after in path:
        changes.step(before, after)
        before = after
    np.testing.assert_allclose(changes.columns, wanted, atol=2e-9)
    assert np.abs(wanted).max() > 0.01
    grown = growth(reservoir, path, (0, STEPS))
    at = 0
    for index, layer in enumerate(reservoir.layers):
        size = changing(layer)
        block = wanted[at : at + size, at : at + size]
        at += size
        assert grown.largest[:, index] == pytest.approx([1, np.linalg.norm(block, 2)], rel=1e-6)
        assert grown.mean[:, index] == pytest.approx([1, np.linalg.norm(block) / math.sqrt(size)], rel=1e-6)


def test_a_diagonal_layer_and_a_stack_of_them_against_finite_differences() -> None:
    usual: dict[str, Any] = dict(leak=0.5, radius=0.9, input_scaling=0.8, bias_scaling=0.3)
    deep = stacked(paralesn.build, 9, 2, layers=2, seed=1, **usual)
    x = np.random.default_rng(3).normal(size=(STEPS, 2))

    def walk(changed: Array) -> tuple[Array, Array]:
        at = 0
        hs: list[Any] = []
        for layer in deep.layers:
            n = layer.units
            hs.append(changed[at : at + n] + 1j * changed[at + n : at + 2 * n])
            at += 2 * n
        said: list[Array] = []
        for row in x:
            seen: Any = row
            outputs: list[Any] = []
            for index, layer in enumerate(deep.layers):
                assert isinstance(layer, Diagonal)
                into = layer.inputs @ seen if layer.inputs.ndim == 2 else layer.inputs * np.roll(seen, 1)
                hs[index] = layer.factors * hs[index] + layer.beta * (into + layer.bias)
                mixed: Any = np.correlate(hs[index], np.conj(layer.kernel), "full")
                reach = len(layer.kernel) // 2
                seen = np.tanh(mixed[reach : reach + layer.units].real + layer.offset)
                outputs.append(seen)
            said.append(np.concatenate(outputs))
        parts: list[Any] = [part for h in hs for part in (np.real(h), np.imag(h))]
        return np.concatenate(parts), np.array(said)

    path = path_of(deep, x)
    np.testing.assert_allclose(walk(np.zeros(18))[1], path, atol=1e-12)
    wanted = np.array([(walk(1e-6 * d)[0] - walk(-1e-6 * d)[0]) / 2e-6 for d in np.eye(18)]).T
    changes = Changes(deep, np.eye(18))
    for before, after in zip([np.zeros(9), *path[:-1]], path, strict=True):
        changes.step(before, after)
    np.testing.assert_allclose(changes.columns, wanted, atol=1e-8)


@pytest.mark.parametrize("name", KINDS)
def test_the_oracle_walks_as_the_kernel_does(name: str) -> None:
    reservoir = KINDS[name]
    x = np.random.default_rng(3).normal(size=(STEPS, 2))
    rows = sum(map(changing, reservoir.layers))
    walker = Walker.at(reservoir, np.zeros(rows))
    said: list[Any] = []
    for row in x:
        walker.step(row)
        said.append(np.concatenate(walker.output))
    np.testing.assert_allclose(path_of(reservoir, x), said, atol=1e-12)


@pytest.mark.parametrize(("leak", "radius"), [(1.0, 0.8), (0.3, 0.8), (0.5, 1.1)])
def test_the_exponent_of_a_linear_ring_is_the_logarithm_of_its_radius(leak: float, radius: float) -> None:
    linear = Reservoir(
        "ring", np.full(6, radius), np.zeros((6, 1)), np.zeros(6), 1 - leak, leak, activation="identity"
    )
    found = largest_exponent(linear, np.zeros((4000, 6)), np.array([0, 4000]))
    assert found == pytest.approx(math.log(1 - leak + leak * radius), abs=2e-4)
    assert math.exp(found) == pytest.approx(linear.effective_radius(), abs=2e-4)


def test_the_exponent_of_one_neuron_is_the_mean_of_its_slopes() -> None:
    one = Reservoir("esn", np.array([[1.7]]), np.array([[0.9]]), np.array([0.2]), 0.4, 0.6)
    x = np.random.default_rng(0).normal(size=(500, 1))
    h = 0.0
    slopes: list[float] = []
    for value in x[:, 0]:
        z = 1.7 * h + 0.9 * value + 0.2
        slopes.append(0.4 + 0.6 * 1.7 / math.cosh(z) ** 2)
        h = 0.4 * h + 0.6 * math.tanh(z)
    found = largest_exponent(one, path_of(one, x), np.array([0, 500]))
    assert found == pytest.approx(np.log(slopes[50:]).mean(), abs=1e-12)


def test_each_sequence_begins_at_rest() -> None:
    one = Reservoir("esn", np.array([[1.7]]), np.array([[0.9]]), np.array([0.2]), 0.4, 0.6)
    x = np.random.default_rng(0).normal(size=(20, 1))
    alone = path_of(one, x)
    twice = largest_exponent(one, np.concatenate([alone] * 40), np.arange(41) * 20)
    long = largest_exponent(one, path_of(one, np.tile(x, (40, 1))), np.array([0, 800]))
    z = [(after - 0.4 * before) / 0.6 for before, after in zip([0, *alone[:-1, 0]], alone[:, 0], strict=True)]
    slopes = [0.4 + 0.6 * 1.7 * (1 - a**2) for a in z]
    assert twice == pytest.approx(np.log(slopes).mean(), abs=1e-9)
    assert abs(long - twice) > 1e-6


def test_a_delay_line_ends_every_change() -> None:
    line = Reservoir(
        "ring", np.array([0.0, 1, 1, 1]), np.zeros((4, 1)), np.zeros(4), 0, 1, activation="identity"
    )
    path = np.zeros((20, 4))
    assert largest_exponent(line, path, np.array([0, 20])) == -math.inf
    assert growth(line, path, (0, 1, 3, 4, 9)).largest[:, 0] == pytest.approx([1, 1, 1, 0, 0])
    assert growth(line, path, (0, 1, 3)).mean[:, 0] == pytest.approx([1, math.sqrt(3 / 4), math.sqrt(1 / 4)])


def test_growth_beyond_every_number_is_shown_as_the_largest() -> None:
    wild = Reservoir("ring", np.full(3, 20.0), np.zeros((3, 1)), np.zeros(3), 0, 1, activation="identity")
    grown = growth(wild, np.zeros((400, 3)), (0, 100, 400))
    assert grown.largest[1, 0] == pytest.approx(20.0**100)
    assert math.isfinite(grown.largest[2, 0]) and grown.largest[2, 0] > 1e300


def test_chaos_has_a_positive_exponent_and_order_a_negative_one() -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(80, 80)) / math.sqrt(80)
    x = np.zeros((600, 1))
    for factor, sign in ((0.5, -1), (2.5, 1)):
        cell = Reservoir("esn", factor * weights, np.ones((80, 1)), rng.normal(size=80) / 100, 0.0, 1.0)
        assert sign * largest_exponent(cell, path_of(cell, x), np.array([0, 600])) > 0.1


def test_a_ring_of_units_has_the_same_exponent_as_its_dense_matrix() -> None:
    cell = ring.build(7, 2, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.1)
    dense = Reservoir("esn", cell.recurrent_matrix(), cell.inputs, cell.bias, cell.alpha, cell.beta)
    path = path_of(cell, np.random.default_rng(0).normal(size=(60, 2)))
    ends = np.array([0, 60])
    assert largest_exponent(cell, path, ends) == pytest.approx(largest_exponent(dense, path, ends), abs=1e-9)
