from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.models.graphs.reservoir import FixedPoint, FixedSteps, build, spectral_norm
from sarto.models.input_error import InputError


def test_weights_have_the_sizes_that_were_asked_for() -> None:
    by_norm = build(20, 3, seed=0, iteration=FixedPoint(), layers=3, norm=0.4)
    by_radius = build(20, 3, seed=0, iteration=FixedPoint(), layers=3, radius=0.4)
    for a, b in zip(by_norm.layers, by_radius.layers, strict=True):
        assert (a.norm, b.radius) == (pytest.approx(0.4, rel=1e-11), pytest.approx(0.4, rel=1e-11))
        assert a.radius < 0.4 < b.norm
        np.testing.assert_allclose(a.recurrent / a.norm, b.recurrent / b.norm, rtol=1e-10)
    assert [layer.inputs.shape for layer in by_norm.layers] == [(20, 3), (20, 20), (20, 20)]


def test_scalings_bound_the_weights_of_their_layers() -> None:
    cell = build(
        200, 9, seed=0, iteration=FixedPoint(), layers=2, norm=1.0, input_scaling=3, inter_scaling=2, bias_scaling=1
    )  # fmt: skip
    first, second = cell.layers
    for array, bound in ((first.inputs, 3), (second.inputs, 2), (first.bias, 1), (second.bias, 1)):
        assert 0.98 * bound < np.abs(array).max() <= bound
        assert abs(array.mean()) < bound * 4 / np.sqrt(3 * array.size)


def test_every_matrix_has_a_draw_of_its_own_and_the_seed_decides() -> None:
    def drawn(seed: int) -> list[np.ndarray]:
        cell = build(6, 6, seed=seed, iteration=FixedPoint(), layers=2, norm=1.0)
        return [a for x in cell.layers for a in (x.recurrent / x.recurrent[0, 0], x.inputs, x.bias)]

    a, b, again = drawn(0), drawn(1), drawn(0)
    for x, y, z in zip(a, b, again, strict=True):
        np.testing.assert_array_equal(x, z)
        assert not np.array_equal(x, y)
    assert len({array.tobytes() for array in (*a, *b)}) == 12


def test_the_id_is_of_all_that_states_depend_on() -> None:
    cell = build(4, 2, seed=0, iteration=FixedPoint(), layers=2, norm=0.5)
    layer = cell.layers[1]
    others = [
        replace(cell, iteration=FixedPoint(tolerance=1e-6)),
        replace(cell, iteration=FixedPoint(most=9)),
        replace(cell, iteration=FixedSteps()),
        replace(cell, layers=cell.layers[:1]),
        *(
            replace(cell, layers=(cell.layers[0], replace(layer, **{name: getattr(layer, name) * 1.01})))
            for name in ("recurrent", "inputs", "bias")
        ),
    ]
    assert len({other.reservoir_id for other in (cell, *others)}) == 8
    again = build(4, 2, seed=0, iteration=FixedPoint(), layers=2, norm=0.5)
    assert again.reservoir_id == cell.reservoir_id


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("units = 0", {"units": 0}),
        ("layers = 0", {"layers": 0}),
        ("norm = None, radius = None", {"norm": None}),
        ("norm = 0.5, radius = 0.5", {"radius": 0.5}),
        ("norm = -1", {"norm": -1.0}),
        ("radius = inf", {"norm": None, "radius": np.inf}),
        ("bias_scaling = -1", {"bias_scaling": -1.0}),
        ("inter_scaling = nan", {"inter_scaling": np.nan}),
    ],
)
def test_what_no_reservoir_can_have_is_refused(words: str, settings: dict[str, Any]) -> None:
    good: dict[str, Any] = {"units": 3, "channels": 1, "seed": 0, "iteration": FixedPoint(), "norm": 0.5}
    with pytest.raises(InputError, match=words) as caught:
        build(**(good | settings))
    assert caught.value.code == "E116"


@pytest.mark.parametrize(
    ("words", "kind", "settings"),
    [
        ("tolerance = 0", FixedPoint, {"tolerance": 0.0}),
        ("tolerance = nan", FixedPoint, {"tolerance": np.nan}),
        ("most = 0", FixedPoint, {"most": 0}),
        ("steps = 0", FixedSteps, {"steps": 0}),
        ("leak = 0", FixedSteps, {"leak": 0.0}),
        ("leak = 1.1", FixedSteps, {"leak": 1.1}),
    ],
)
def test_what_no_iteration_can_be_is_refused(words: str, kind: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=words):
        kind(**settings)


def test_a_norm_is_told_to_twelve_digits() -> None:
    assert spectral_norm(np.array([[1 / 3]])) == 0.333333333333
