"""Streams against the batch answers of the same estimator, and what they must not touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.adaptive import AdaptiveStream
from sarto.learn.forecast import ESNForecaster
from sarto.learn.online import NLMS
from sarto.learn.readout import ESNClassifier, ESNRegressor, ReservoirTransformer
from sarto.learn.recursive import RLS
from sarto.learn.statistics import RidgeStatistics

RNG = np.random.default_rng(5)
X = [RNG.normal(size=(steps, 2)) for steps in (30, 45, 38, 50, 33, 41)]
LABELS = ["a", "b", "c"] * 2
NUMBERS = np.arange(12.0).reshape(6, 2)
TOLERANCE = {"float32": 2e-5, "float64": 1e-11}


def refused(call: Any, code: str, words: str) -> None:
    with pytest.raises(SartoError, match=words) as caught:
        call()
    assert caught.value.code == code


def fitted(kind: str, **settings: Any) -> Any:
    usual: Any = {"units": 14, "washout": 3} | settings
    per_step: Any = usual | {"return_sequences": True}
    return {
        "pooled": lambda: ReservoirTransformer(pooling="mean_square_last", segments=3, **usual).fit(X),
        "states": lambda: ReservoirTransformer(**per_step).fit(X),
        "classes": lambda: ESNClassifier(pooling="mean", **usual).fit(X, LABELS),
        "numbers": lambda: ESNRegressor(pooling="last", **usual).fit(X, NUMBERS),
        "flat": lambda: ESNRegressor(**per_step).fit(X, [x[:, 0] for x in X]),
        "steps": lambda: ESNRegressor(**per_step).fit(X, X),
        "forecasts": lambda: ESNForecaster(horizons=(1, 3), expansion="squares", **usual).fit(X),
    }[kind]()


def batch(model: Any, series: Any) -> list[Any]:
    """What the estimator says of a series after each of its steps, from rest every time; None in the washout."""
    if getattr(model, "return_sequences", False) or isinstance(model, ESNForecaster):
        return list(
            (model.transform if isinstance(model, ReservoirTransformer) else model.predict)([series])[0]
        )
    use = model.transform if isinstance(model, ReservoirTransformer) else model.predict
    return [None if t < 3 else use([series[: t + 1]])[0] for t in range(len(series))]


def alike(got: Any, wanted: Any, dtype: str) -> None:
    if wanted is None or isinstance(wanted, str):
        assert got == wanted
        return
    assert np.shape(got) == np.shape(wanted)
    size = 1 + float(np.abs(wanted).max())
    np.testing.assert_allclose(got, wanted, atol=TOLERANCE[dtype] * size)


KINDS = ["pooled", "states", "classes", "numbers", "flat", "steps", "forecasts"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_answers_as_the_batch_after_every_step(kind: str, dtype: str) -> None:
    model = fitted(kind, dtype=dtype)
    stream = model.stream()
    for x, wanted in zip(X[3], batch(model, X[3]), strict=True):
        alike(stream.step(x), wanted, dtype)


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "ring", "layers": 2},
        {"cell": "rmn"},
        {"cell": "es2n", "layers": 3},
        {"cell": "eusn", "leak": 0.1},
        {"cell": "paralesn"},
    ],
)
def test_streams_of_every_kind_of_state(settings: Any) -> None:
    model = fitted("pooled", dtype="float64", **settings)
    stream = model.stream()
    for x, wanted in zip(X[3], batch(model, X[3]), strict=True):
        alike(stream.step(x), wanted, "float64")


@pytest.mark.parametrize("kind", KINDS)
def test_parallel_streams_are_independent_and_restart_one_by_one(kind: str) -> None:
    model = fitted(kind, dtype="float64")
    stream = model.stream(3)
    wanted = [batch(model, x) for x in X[:3]]
    for t in range(20):
        found = stream.step(np.stack([x[t] for x in X[:3]]))
        for index in range(3):
            alike(None if found is None else found[index], wanted[index][t], "float64")
    stream.reset([1])
    assert stream.taken.tolist() == [20, 0, 20]
    for t in range(8):
        found = stream.step(np.stack([X[0][20 + t], X[1][t], X[2][20 + t]]))
        if found is None:
            assert wanted[1][t] is None
            continue
        alike(found[1], wanted[1][t], "float64")
        alike(found[2], wanted[2][20 + t], "float64")


@pytest.mark.parametrize("kind", ["pooled", "flat", "forecasts"])
@pytest.mark.parametrize("settings", [{}, {"cell": "rmn", "layers": 2}])
def test_a_snapshot_goes_through_a_file_and_goes_on_bit_by_bit(
    kind: str, settings: Any, tmp_path: Path
) -> None:
    model = fitted(kind, **settings)
    stream = model.stream()
    for x in X[3][:20]:
        stream.step(x)
    np.savez(tmp_path / "state.npz", **stream.snapshot())
    rest = [stream.step(x) for x in X[3][20:]]
    other = model.stream()
    with np.load(tmp_path / "state.npz", allow_pickle=False) as file:
        other.restore(file)
    np.testing.assert_array_equal(rest, [other.step(x) for x in X[3][20:]])
    stream.reset()
    fresh = model.stream()
    np.testing.assert_array_equal([stream.step(x) for x in X[0]][3:], [fresh.step(x) for x in X[0]][3:])


def test_a_foreign_snapshot_is_refused_and_nothing_changes() -> None:
    model = fitted("flat")
    stream = model.stream()
    stream.step(X[0][0])
    kept = stream.snapshot()
    refused(lambda: stream.restore(fitted("flat", seed=1).stream().snapshot()), "E116", "another estimator")
    refused(lambda: stream.restore(model.stream(2).snapshot()), "E116", "another stream")
    refused(lambda: stream.restore({}), "E116", "another estimator")
    for name, array in stream.snapshot().items():
        np.testing.assert_array_equal(array, kept[name])


@pytest.mark.parametrize("kind", KINDS)
def test_an_estimator_carries_nothing_over_and_a_stream_disturbs_nothing(kind: str) -> None:
    model = fitted(kind)

    def answers() -> Any:
        return model.transform(X) if isinstance(model, ReservoirTransformer) else model.predict(X)

    first = answers()
    stream = model.stream()
    for x in X[0]:
        stream.step(x)
    for a, b in zip(first, answers(), strict=True):
        np.testing.assert_array_equal(a, b)
    # The order of the series is nothing to each of them.
    turned = [X[i] for i in (3, 1)]
    swapped = model.transform(turned) if isinstance(model, ReservoirTransformer) else model.predict(turned)
    for index, i in enumerate((3, 1)):
        alike(swapped[index] if not isinstance(swapped[index], str) else str(swapped[index]),
              first[i] if not isinstance(first[i], str) else str(first[i]), "float32")  # fmt: skip


def test_a_stream_keeps_what_was_learned_when_it_began() -> None:
    model = fitted("flat")
    stream = model.stream()
    wanted = model.predict([X[3]])[0]
    model.fit(X, [10 - x[:, 1] for x in X])
    got = [stream.step(x) for x in X[3]]
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    assert np.abs(model.predict([X[3]])[0] - wanted).max() > 1


def test_samples_that_are_none_are_refused() -> None:
    model = fitted("flat")
    refused(lambda: model.stream().step(X[0][:1]), "E108", r"\(1, 2\), \(2,\) is needed")
    refused(lambda: model.stream(3).step(X[0][0]), "E108", r"\(2,\), \(3, 2\) is needed")
    refused(lambda: model.stream().step(np.array([1.0, np.nan])), "E105", "missing or infinite")
    refused(lambda: model.stream(0), "E116", "count = 0")


def test_an_adaptive_stream_with_rls_is_the_batch_fit_on_all_that_it_saw() -> None:
    model = ESNRegressor(units=14, return_sequences=True, ridge=0.3, dtype="float64").fit(X, X)
    target = [np.cumsum(x, axis=0) for x in X]
    live = AdaptiveStream(model, RLS(0.3))
    for x, y in zip(X, target, strict=True):
        live.reset()
        for row, wanted in zip(x, y, strict=True):
            live.update(row, wanted)
    model.fit(X, target)
    np.testing.assert_allclose(live.readout.weights, model.coef_, atol=1e-8)
    np.testing.assert_allclose(live.readout.intercept, model.intercept_, atol=1e-8)
    np.testing.assert_allclose(
        RLS(0.3).start_from(model.statistics_).weights, live.readout.weights, atol=1e-8
    )


def test_an_adaptive_stream_learns_late_targets_and_many_streams_and_goes_on_from_a_snapshot() -> None:
    model = fitted("states", dtype="float64")
    early, late = AdaptiveStream(model, NLMS(0.5)), AdaptiveStream(model, NLMS(0.5))
    refused(lambda: late.learn(X[0][0]), "E104", "0 steps")
    early.update(X[0][0], X[0][1])
    late.readout.start(14, 2)
    for t in range(29):
        if t:
            early.update(X[0][t], X[0][t + 1])
        before = late.step(X[0][t])
        np.testing.assert_array_equal(late.learn(X[0][t + 1]), before)
    np.testing.assert_array_equal(early.readout.weights, late.readout.weights)
    kept = late.snapshot()
    wanted = [late.update(x, x) for x in X[1]]
    again = AdaptiveStream(model, NLMS(0.5))
    again.restore(kept)
    np.testing.assert_array_equal(wanted, [again.update(x, x) for x in X[1]])

    many = AdaptiveStream(model, RLS(0.1), 3)
    for t in range(20):
        many.update(np.stack([x[t] for x in X[:3]]), np.stack([x[t, :1] for x in X[:3]]))
    states = model.transform([x[:20] for x in X[:3]])
    batch_solution = RidgeStatistics.of(
        np.concatenate(states), np.concatenate([x[:20, :1] for x in X[:3]])
    ).solve(0.1)
    np.testing.assert_allclose(many.readout.weights, batch_solution.weights, atol=1e-8)
    refused(lambda: many.learn(np.zeros(3)), "E108", r"y has the shape \(3,\)")
