from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.learn import features as module
from sarto.learn.features import FeatureMap, channel_scaling
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from sarto.models.pooling import Pooling
from sarto.models.reservoir import esn, ring
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import pooled_features, states

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.5, "radius": 0.9, "input_scaling": 1.0, "bias_scaling": 0.2}


def some(items: int = 30) -> Sequences:
    rng = np.random.default_rng(0)
    return read_sequences([rng.normal(size=(n, 2)) * [1, 100] + [0, 7] for n in rng.integers(3, 20, items)])


def a_map(**changed: Any) -> FeatureMap:
    mean, scale = channel_scaling(some())
    usual = FeatureMap(mean, scale, esn.build(9, 2, **USUAL), Pooling("mean"), "float32", 0)
    return replace(usual, **changed)


def test_scaling_is_over_all_steps_and_leaves_constants_alone() -> None:
    x = read_sequences([np.array([[1, 0.1, 0], [3, 0.1, 0]]), np.array([[5, 0.1, 0]])])
    mean, scale = channel_scaling(x)
    np.testing.assert_allclose(mean, [3, 0.1, 0])
    np.testing.assert_allclose(scale, [np.sqrt(8 / 3), 1.0, 1.0])
    scaled = FeatureMap(mean, scale, esn.build(3, 3, **USUAL), Pooling("last"), "float32", 0).scaled(x)
    assert scaled.values.dtype == np.float32
    np.testing.assert_allclose(scaled.values[:, 0], [-1.2247449, 0, 1.2247449], rtol=1e-6)
    np.testing.assert_allclose(scaled.values[:, 1:], 0, atol=1e-12)


def test_features_are_the_kernels_on_scaled_inputs() -> None:
    x, m = some(), a_map(washout=2, pooling=Pooling("mean_square", 2, 5))
    wanted = pooled_features(m.reservoir, m.scaled(x), m.pooling, washout=2)
    np.testing.assert_array_equal(m.features(x), wanted)
    assert wanted.shape == (len(x), m.width)
    np.testing.assert_array_equal(m.states(x), states(m.reservoir, m.scaled(x)))


def test_the_id_changes_with_whatever_changes_the_features() -> None:
    m = a_map()
    others = [
        a_map(mean=m.mean + 1e-12),
        a_map(scale=2 * m.scale),
        a_map(reservoir=ring.build(9, 2, **USUAL)),
        a_map(pooling=Pooling("last")),
        a_map(pooling=Pooling("mean", 2, 5)),
        a_map(pooling=Pooling("mean", 2, 6)),
        a_map(dtype="float64"),
        a_map(washout=1),
    ]
    assert len({m.features_id, *(other.features_id for other in others)}) == 9
    assert a_map().features_id == m.features_id


def test_statistics_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, m = some(), a_map(dtype="float64")
    labels = np.arange(30) % 2
    whole = m.statistics(x, labels, (0, 1))
    np.testing.assert_allclose(
        whole.C_xx, RidgeStatistics.of(m.features(x), labels, classes=(0, 1)).C_xx, rtol=1e-12, atol=1e-14
    )
    monkeypatch.setattr(module, "CHUNK_ITEMS", 7)
    pieces = m.statistics(x, labels, (0, 1))
    assert pieces.features_id == m.features_id
    np.testing.assert_allclose(pieces.C_xx, whole.C_xx, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(pieces.C_xy, whole.C_xy, rtol=1e-10, atol=1e-12)


def test_statistics_per_step_leave_the_washout_out_and_follow_their_rows() -> None:
    x, m = some(), a_map(dtype="float64", washout=2)
    targets = np.random.default_rng(1).normal(size=(len(x.values), 2))
    keep = np.ones(len(targets), bool)
    for start in x.offsets[:-1]:
        keep[start : start + 2] = False
    wanted = RidgeStatistics.of(m.states(x)[keep], targets[keep])
    one, two = m.step_statistics(x, targets), m.step_statistics(x, targets, n_jobs=2)
    assert one.count == keep.sum()
    assert one.pack() == two.pack()
    for name in ("mean_x", "mean_y", "C_xx", "C_xy", "C_yy"):
        np.testing.assert_allclose(getattr(one, name), getattr(wanted, name), rtol=1e-10, atol=1e-11)


def test_per_step_statistics_of_many_blocks_have_the_bits_of_one_thread() -> None:
    rng = np.random.default_rng(0)
    x = read_sequences([rng.normal(size=(n, 2)) for n in rng.integers(3, 30, 400)])
    m = FeatureMap(np.zeros(2), np.ones(2), ring.build(9, 2, **USUAL), Pooling("last"), "float32", 0)
    targets = rng.normal(size=(len(x.values), 1))
    assert m.step_statistics(x, targets, 1).pack() == m.step_statistics(x, targets, 3).pack()


def test_what_cannot_be_scaled_is_refused() -> None:
    with pytest.raises(InputError, match="3 channels, the model was fitted on 2") as caught:
        a_map().features(read_sequences(np.zeros((1, 2, 3))))
    assert caught.value.code == "E108"
    with pytest.raises(InputError, match="X overflows float32") as caught:
        a_map().features(read_sequences(np.full((1, 2, 2), 1e300)))
    assert caught.value.code == "E105"
    assert np.isfinite(a_map(dtype="float64").features(read_sequences(np.full((1, 2, 2), 1e300)))).all()


@pytest.mark.parametrize("call", ["features", "statistics", "step_statistics"])
def test_short_sequences_are_refused_before_the_work(call: str) -> None:
    m, x = a_map(washout=19), some()
    arguments: dict[str, tuple[Any, ...]] = {
        "features": (),
        "statistics": (np.zeros(len(x)), (0, 1)),
        "step_statistics": (np.zeros((len(x.values), 1)),),
    }
    with pytest.raises(InputError, match="the washout is 19") as caught:
        getattr(m, call)(x, *arguments[call])
    assert caught.value.code == "E115"


def test_chunks_of_time_give_the_same_statistics_and_features_of_their_own_name() -> None:
    rng = np.random.default_rng(5)
    series = read_sequences([rng.normal(size=(steps, 2)) for steps in (3000, 40, 2500)])
    targets = rng.normal(size=(len(series.values), 1))
    cell = esn.build(20, 2, seed=0, leak=0.3, radius=0.9, input_scaling=0.5, bias_scaling=0.1)
    plain = FeatureMap(np.zeros(2), np.ones(2), cell, Pooling("last"), "float64", 7)
    chunked = replace(plain, time_chunks=True)
    assert plain.features_id != chunked.features_id
    np.testing.assert_allclose(chunked.states(series), plain.states(series), rtol=0, atol=1e-13)
    one, other = plain.step_statistics(series, targets), chunked.step_statistics(series, targets)
    assert one.count == other.count == len(targets) - 3 * 7
    np.testing.assert_allclose(other.C_xx, one.C_xx, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(other.C_xy, one.C_xy, rtol=1e-9, atol=1e-9)
