from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.learn.readout import ESNClassifier, ESNRegressor, ReservoirTransformer
from sarto.learn.statistics import RidgeStatistics
from tests.learn.oracles import GridSearchCV, RidgeClassifier, clone, cross_val_score, make_pipeline

ANY_ESTIMATOR = pytest.mark.parametrize("kind", [ReservoirTransformer, ESNClassifier, ESNRegressor])


def motions(items: int = 60, seed: int = 0) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Noisy sines of three frequencies, of unequal length."""
    rng = np.random.default_rng(seed)
    labels = np.array(["fast", "mid", "slow"])[np.arange(items) % 3]
    rate = {"slow": 0.2, "mid": 0.5, "fast": 1.1}
    X: list[NDArray[Any]] = []
    for label in labels:
        angle = rate[label] * np.arange(rng.integers(20, 50)) + rng.uniform(0, 6)
        X.append(np.stack([np.sin(angle), np.cos(angle)], axis=1) + 0.1 * rng.normal(size=(len(angle), 2)))
    return X, labels


def refused(call: Any, code: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert isinstance(caught.value, SartoError)
    assert caught.value.code == code


def test_a_classifier_learns_and_generalises() -> None:
    X, y = motions()
    model = ESNClassifier(pooling="mean_square", units=40).fit(X, y)
    assert model.score(*motions(seed=1)) >= 0.95
    assert model.classes_.tolist() == ["fast", "mid", "slow"]
    assert model.coef_.shape == (3, 80)
    assert (model.n_features_in_, model.ridge_) == (2, model.solution_.ridge)


def test_the_classifier_is_the_transformer_and_scikit_learns_ridge() -> None:
    X, y = motions()
    ours = ESNClassifier(units=30, ridge=0.5, dtype="float64").fit(X, y)
    parts = make_pipeline(
        ReservoirTransformer(units=30, dtype="float64"), RidgeClassifier(alpha=0.5, solver="svd")
    )
    oracle = parts.fit(X, y)
    np.testing.assert_allclose(ours.decision_function(X), oracle.decision_function(X), atol=1e-9)
    np.testing.assert_array_equal(ours.predict(X), oracle.predict(X))
    two = np.array(y) != "mid"
    X2, y2 = [x for x, keep in zip(X, two, strict=True) if keep], y[two]
    np.testing.assert_allclose(
        clone(ours).fit(X2, y2).decision_function(X2), parts.fit(X2, y2).decision_function(X2), atol=1e-9
    )


def test_search_and_pipelines_take_lists_of_sequences() -> None:
    X, y = motions()
    search = GridSearchCV(
        ESNClassifier(units=20), {"pooling": ["last", "mean_square"], "units": np.array([10, 20])}, cv=3
    ).fit(X, y)
    assert search.best_params_["pooling"] == "mean_square"
    assert search.best_estimator_.predict(X[:2]).shape == (2,)
    scores = cross_val_score(
        make_pipeline(ReservoirTransformer(pooling="mean_square"), RidgeClassifier()), X, y, cv=3
    )
    assert scores.min() > 0.5


@ANY_ESTIMATOR
def test_parameters_are_kept_as_they_were_given(kind: Any) -> None:
    given = {"cell": "ring", "units": 7, "leak": 0.2, "segments": 3, "washout": 2, "seed": 9, "n_jobs": 2}
    params = clone(kind(**given)).get_params()
    assert {name: params[name] for name in given} == given
    assert kind("ring", 7).get_params()["units"] == 7
    assert "leak=0.2" in repr(kind(leak=0.2))


@ANY_ESTIMATOR
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"leak": 0.0}, "leak = 0.0"),
        ({"radius": float("nan")}, "radius = nan"),
        ({"units": 0}, "units = 0"),
        ({"pooling": "max"}, "pooling = 'max'"),
        ({"segments": 0}, "segments = 0"),
        ({"segments": 2, "segment_steps": 0}, "segment_steps = 0"),
        ({"washout": -1}, "washout = -1"),
        ({"units": 2.5}, "units = 2.5"),
        ({"segments": "two"}, "segments = 'two'"),
        ({"leak": "0.3"}, "leak = '0.3'"),
        ({"dtype": "float16"}, "dtype = 'float16'"),
        ({"n_jobs": 0}, "n_jobs = 0"),
    ],
)
@pytest.mark.usefixtures("unchecked_types")
def test_bad_parameters_are_refused_when_fitting(kind: Any, changed: dict[str, Any], words: str) -> None:
    X, _ = motions(12)
    y = np.arange(12) % 2
    refused(lambda: kind(**({"units": 5} | changed)).fit(X, y).transform(X), "E116", words)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("kind", [ESNClassifier, ESNRegressor])
@pytest.mark.parametrize("ridge", ["loo", -1.0, None])
def test_a_bad_ridge_is_refused(kind: Any, ridge: Any) -> None:
    refused(lambda: kind(ridge=ridge).fit(motions(4)[0], [0, 1, 0, 1]), "E116", "ridge = ")


def test_an_unknown_cell_names_the_nearest() -> None:
    with pytest.raises(SartoError, match="did you mean ring") as caught:
        ESNClassifier(cell="rings").fit(*motions(6))
    assert caught.value.code == "E111"


def test_a_cells_own_options_reach_it() -> None:
    X, y = motions(12)
    fast = ESNClassifier(units=10, cell_options={"init": "fast"}).fit(X, y)
    assert fast.reservoir_.reservoir_id != ESNClassifier(units=10).fit(X, y).reservoir_.reservoir_id


@ANY_ESTIMATOR
def test_missing_values_short_sequences_and_other_channels_are_refused(kind: Any) -> None:
    X, _ = motions(12)
    y = np.arange(12) % 2
    holed = [x.copy() for x in X]
    holed[3][5, 1] = np.nan
    refused(lambda: kind(units=5).fit(holed, y), "E105", "sequence 3, step 5, channel 1")
    refused(lambda: kind(units=5, washout=25).fit(X, y), "E115", "the washout is 25")
    model = kind(units=5, washout=15).fit(X, y)
    use = model.transform if kind is ReservoirTransformer else model.predict
    refused(lambda: use([x[:15] for x in X]), "E115", "sequence 0 has 15 steps, the washout is 15")
    refused(lambda: use(holed), "E105", "sequence 3")
    refused(lambda: use([x[:, :1] for x in X]), "E108", "1 channels, the model was fitted on 2")


def test_targets_that_do_not_fit_are_refused() -> None:
    X, y = motions(12)
    refused(lambda: ESNClassifier().fit(X, y[:5]), "E108", "12 sequences, 5 targets")
    refused(lambda: ESNClassifier().fit(X), "E104", "the target y is None")
    refused(lambda: ESNClassifier().fit(X, ["one"] * 12), "E107", "1 class only: 'one'")
    refused(lambda: ESNRegressor().fit(X), "E104", "the target y is None")
    refused(lambda: ESNRegressor().fit(X, np.zeros((12, 2, 2))), "E108", "y has 3 axes")
    refused(lambda: ESNRegressor().fit(X, y), "E116", "y holds <U4")
    per_step = ESNRegressor(return_sequences=True)
    refused(lambda: per_step.fit(X, [np.zeros(3)] * 12), "E108", r"y\[0\] has 3 steps, sequence 0 has")
    refused(lambda: per_step.fit(X, np.zeros(12)), "E108", r"y\[0\] has 0 axes")


def test_the_seed_decides_the_bits_and_nothing_is_carried_from_call_to_call() -> None:
    X, y = motions()
    model = ESNClassifier(units=20, seed=1).fit(X, y)
    first = model.decision_function(X)
    np.testing.assert_array_equal(model.decision_function(X), first)
    np.testing.assert_array_equal(
        ESNClassifier(units=20, seed=1, n_jobs=2).fit(X, y).decision_function(X), first
    )
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).decision_function(X), first)
    assert not np.array_equal(ESNClassifier(units=20, seed=2).fit(X, y).decision_function(X), first)
    np.testing.assert_array_equal(model.fit(X, y).decision_function(X), first)


def test_partial_fits_are_one_fit() -> None:
    X, y = motions()
    whole = ESNClassifier(
        units=20, standardise=False, segments=2, segment_steps=10, ridge=0.1, dtype="float64"
    )
    whole.fit(X, y)
    model = clone(whole)
    for start in range(0, 60, 15):  # the first part has all classes; the next test has new ones later
        model.partial_fit(X[start : start + 15], y[start : start + 15])
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model.intercept_, whole.intercept_, rtol=1e-9)
    assert model.statistics_.count == 60


def test_new_classes_may_come_later_and_the_first_call_fixes_the_scaling() -> None:
    items, labels = motions()
    order = np.argsort(labels, kind="stable")
    X = [items[int(i)] for i in order]
    y = labels[order]
    model = ESNClassifier(units=20).partial_fit(X[:30], y[:30])
    scale = model.feature_map_.scale
    assert model.classes_.tolist() == ["fast", "mid"]
    model.partial_fit(X[30:], y[30:])
    assert model.classes_.tolist() == ["fast", "mid", "slow"]
    assert model.feature_map_.scale is scale
    refused(lambda: ESNClassifier().partial_fit(X[:3], y[:3]), "E107", "1 class only")
    named = ESNClassifier(units=20).partial_fit(X[:3], y[:3], classes=["fast", "mid", "slow"])
    assert named.predict(X[:2]).tolist() == ["fast", "fast"]


def test_what_was_learned_can_be_forgotten() -> None:
    X, y = motions()
    model = ESNClassifier(units=20, ridge=0.1, dtype="float64").fit(X, y)
    without = model.statistics_ - model.statistics(X[:20], y[:20])
    never = model.statistics(X[20:], y[20:])
    forgot = model.refit(without).coef_
    np.testing.assert_allclose(forgot, model.refit(never).coef_, rtol=1e-8, atol=1e-10)
    other = ESNClassifier(units=20, seed=5).fit(X, y)
    refused(lambda: model.refit(other.statistics_), "E116", "the estimator computes")


def test_statistics_of_one_place_can_be_merged_with_another() -> None:
    X, y = motions()
    template = ESNClassifier(units=20, standardise=False, ridge=0.1, dtype="float64")
    parts = [template.statistics(X[a::3], y[a::3]) for a in range(3)]
    assert not hasattr(template, "statistics_")
    model = clone(template).fit(X[:3], y[:3]).refit(RidgeStatistics.merge(parts))
    np.testing.assert_allclose(model.coef_, clone(template).fit(X, y).coef_, rtol=1e-8, atol=1e-10)


def test_a_failed_fit_leaves_what_was_learned_before() -> None:
    X, y = motions()
    model = ESNClassifier(units=20).fit(X, y)
    before = model.decision_function(X)
    refused(lambda: model.fit(X, ["one"] * 60), "E107", "1 class")
    np.testing.assert_array_equal(model.decision_function(X), before)


def test_a_data_set_brings_its_own_targets() -> None:
    X, y = motions()
    names, codes = np.unique(y, return_inverse=True)
    offsets = np.concatenate([[0], np.cumsum([len(x) for x in X])])
    data = Dataset("m", np.concatenate(X), offsets, codes, tuple(names.tolist()), ("x", "y"))
    model = ESNClassifier(units=20).fit(data)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.score(data) == model.score(X, codes)


def test_the_transformer_gives_features_with_names_or_states() -> None:
    X, _ = motions(5)
    pooled: Any = ReservoirTransformer(units=4, pooling="mean_square", segments=2).fit(X)
    assert pooled.transform(X).shape == (5, 16)
    assert pooled.get_feature_names_out()[[0, -1]].tolist() == [
        "reservoirtransformer0",
        "reservoirtransformer15",
    ]
    assert pooled.pooling_.segment_steps == -(-max(map(len, X)) // 2)
    per_step = ReservoirTransformer(units=4, return_sequences=True).fit(X)
    rows = per_step.transform(X)
    assert [r.shape for r in rows] == [(len(x), 4) for x in X]
    last = ReservoirTransformer(units=4).fit(X).transform(X)
    np.testing.assert_array_equal([r[-1] for r in rows], last)


def test_segments_are_counted_after_the_washout() -> None:
    X = np.random.default_rng(0).normal(size=(3, 23, 1))
    assert ReservoirTransformer(segments=4, washout=3).fit(X).pooling_.segment_steps == 5
    assert ReservoirTransformer(segments=4, segment_steps=9).fit(X).pooling_.segment_steps == 9


def test_a_regressor_keeps_the_shape_of_its_targets() -> None:
    X, _ = motions()
    amount = np.array([x[-1, 0] for x in X])
    flat = ESNRegressor(units=40, leak=1.0).fit(X, amount)
    assert flat.predict(X).shape == (60,)
    assert flat.score(X, amount) > 0.9
    both = ESNRegressor(units=40, leak=1.0).fit(X, np.stack([amount, 2 * amount + 1], axis=1))
    assert both.predict(X).shape == (60, 2)
    np.testing.assert_allclose(both.predict(X)[:, 1], 2 * both.predict(X)[:, 0] + 1, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(flat.partial_fit(X, amount).predict(X).shape, (60,))


@pytest.mark.parametrize("axes", [1, 2])
def test_a_regressor_per_step_remembers_the_input(axes: int) -> None:
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1, 1, (n, 1)) for n in (400, 300, 200)]
    y = [np.roll(x, 3, axis=0) for x in X]  # the input three steps ago; the first three are beyond any memory
    if axes == 1:
        y = [target[:, 0] for target in y]
    model = ESNRegressor(units=50, leak=1.0, washout=10, return_sequences=True, ridge=1e-6).fit(X[:2], y[:2])
    assert model.statistics_.count == 680
    assert [p.shape for p in model.predict(X)] == [target.shape for target in y]
    assert model.score(X[2:], y[2:]) > 0.97
    early = [np.concatenate([np.full_like(target[:10], 99), target[10:]]) for target in y]
    assert model.score(X[2:], early[2:]) == model.score(X[2:], y[2:])
    more = clone(model).partial_fit(X[:1], y[:1]).partial_fit(X[1:2], y[1:2])
    assert more.statistics_.count == 680


def test_a_regressor_takes_the_numbers_of_a_data_set() -> None:
    random = np.random.default_rng(0)
    goals = random.normal(size=(30, 1))
    values = np.repeat(goals, 8, axis=0) + 0.1 * random.normal(size=(240, 1))
    data = Dataset(
        "toy", values, np.arange(31) * 8, np.zeros(30, np.int64), (), ("x",), goals=goals, outputs=("y",)
    )
    model = ESNRegressor(units=20, pooling="mean").fit(data)
    assert model.predict(data).shape == (30,)
    assert model.score(data) > 0.9
    with pytest.raises(ValueError, match="a classifier learns from labels"):
        ESNClassifier(units=20).fit(data)


SERIES = [np.random.default_rng(i).normal(size=(20 + i, 2)) * (1 + i % 2) for i in range(6)]
LABELS = ["a", "b"] * 3


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_values_whose_squares_leave_the_range_are_scaled_as_any(size: float) -> None:
    plain = ESNClassifier(units=10, dtype="float64").fit(SERIES, LABELS)
    far = ESNClassifier(units=10, dtype="float64").fit([x * size for x in SERIES], LABELS)
    wanted = plain.decision_function(SERIES)
    np.testing.assert_allclose(far.decision_function([x * size for x in SERIES]), wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": -1}, "seed = -1"),
        ({"cell_options": {"activaton": "relu"}}, "'activaton'\ncause: the cell esn has init, connectivity"),
        ({"cell_options": {"leak": 0.5}}, "cell_options with 'leak'"),
        ({"cell": "seeded", "cell_options": {"init": "fast"}}, "the cell seeded has no options"),
    ],
)
def test_seeds_and_options_that_are_not_there_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SartoError, match=words):
        ESNClassifier(units=5, **settings).fit(SERIES, LABELS)
