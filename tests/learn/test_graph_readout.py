from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sarto.learn.graph_readout import GraphESNClassifier, GraphESNRegressor, GraphReservoirTransformer
from sarto.models.graphs.node_graphs import NodeGraphs, joined, read_node_graphs
from sarto.models.input_error import InputError
from tests.learn.oracles import GridSearchCV, RidgeClassifier, clone, cross_val_score, make_pipeline

ANY_ESTIMATOR = pytest.mark.parametrize(
    "kind", [GraphReservoirTransformer, GraphESNClassifier, GraphESNRegressor]
)


def trees(count: int = 40, seed: int = 0, directed: bool = False) -> tuple[NodeGraphs, NDArray[Any]]:
    """Trees of 12 nodes whose nodes hang from the one before (`long`) or from the first few (`wide`)."""
    rng = np.random.default_rng(seed)
    labels = np.array(["long", "wide"])[np.arange(count) % 2]
    made: list[NodeGraphs] = []
    for label in labels:
        low = [max(0, v - 2) if label == "long" else 0 for v in range(12)]
        high = [v if label == "long" else min(v, 3) for v in range(12)]
        edges = [(int(rng.integers(low[v], high[v])), v) for v in range(1, 12)]
        made.append(read_node_graphs(rng.normal(size=(12, 2)), edges, directed=directed))
    return joined(made), labels


def citations(seed: int = 0) -> tuple[NodeGraphs, NDArray[Any]]:
    """One graph of two communities; a node's feature is its own only in one case of four, and else noise."""
    rng = np.random.default_rng(seed)
    community = np.arange(120) % 2
    chance = np.where(community[:, None] == community, 0.12, 0.01)
    edges = np.argwhere(np.triu(rng.random((120, 120)) < chance, 1))
    known = rng.random(120) < 0.25
    features = np.where(known, 2 * community - 1, 0) + 0.3 * rng.normal(size=120)
    return read_node_graphs(features[:, None], edges), np.array(["art", "law"])[community]


@pytest.mark.parametrize("iteration", ["fixed_point", "fixed_steps"])
@pytest.mark.parametrize(("directed", "least"), [(False, 0.95), (True, 0.8)])
def test_a_classifier_learns_structure_and_generalises(iteration: Any, directed: bool, least: float) -> None:
    """A directed tree tells less: every node hears its parent alone, so a state knows its depth."""
    X, y = trees(directed=directed)
    model = GraphESNClassifier(iteration=iteration, units=20, layers=2, input_scaling=0.1, most=300).fit(X, y)
    assert model.score(*trees(seed=1, directed=directed)) >= least
    assert model.classes_.tolist() == ["long", "wide"]
    assert model.coef_.shape == (2, 20)
    assert (model.n_features_in_, model.ridge_) == (2, model.solution_.ridge)


def test_a_regressor_learns_and_keeps_the_shape_of_y() -> None:
    X, _ = trees(60)
    leaves = np.add.reduceat((X.degrees == 1).astype(float), X.offsets[:-1])
    both = np.column_stack([leaves, -leaves])
    X_new, _ = trees(60, seed=1)
    leaves_new = np.add.reduceat((X_new.degrees == 1).astype(float), X_new.offsets[:-1])
    one = GraphESNRegressor(input_scaling=0.05).fit(X, leaves)
    assert one.score(X_new, leaves_new) > 0.9
    assert one.predict(X_new).shape == (60,)
    two = GraphESNRegressor(input_scaling=0.05).fit(X, both)
    np.testing.assert_allclose(two.predict(X_new)[:, 0], -two.predict(X_new)[:, 1], atol=1e-9)


def test_nodes_are_classified_from_those_that_are_labelled() -> None:
    X, y = citations()
    labelled = np.random.default_rng(0).random(120) < 0.4
    model = GraphESNClassifier(level="node", units=30, input_scaling=1.0).fit(X, y, labelled=labelled)
    assert model.predict(X).shape == (120,)
    assert model.statistics_.count == labelled.sum()
    got = float((model.predict(X) == y)[~labelled].mean())
    assert got == pytest.approx(model.score(X, y, sample_weight=(~labelled).astype(float)))
    own = GraphESNClassifier(level="node", units=30, input_scaling=1.0)
    alone = read_node_graphs(X.features, [])
    blind = (own.fit(alone, y, labelled=labelled).predict(alone) == y)[~labelled].mean()
    assert got > blind + 0.15, "neighbours tell more than a node's own feature"


def test_the_labels_of_other_nodes_are_not_seen() -> None:
    X, y = citations()
    labelled = np.arange(120) < 40
    spoilt = np.where(labelled, y, "law")
    a, b = (GraphESNClassifier(level="node").fit(X, t, labelled=labelled).coef_ for t in (y, spoilt))
    np.testing.assert_array_equal(a, b)


def test_the_classifier_is_the_transformer_and_scikit_learns_ridge() -> None:
    X, y = trees()
    ours = GraphESNClassifier(units=15, ridge=0.5, dtype="float64").fit(X, y)
    parts = make_pipeline(
        GraphReservoirTransformer(units=15, dtype="float64"), RidgeClassifier(alpha=0.5, solver="svd")
    ).fit(list(X), y)
    np.testing.assert_allclose(ours.decision_function(X), parts.decision_function(list(X)), atol=1e-9)


def test_it_works_in_cross_validation_and_grids() -> None:
    X, y = trees()
    model = GraphESNClassifier(units=15, input_scaling=0.1, pooling="mean")
    assert cross_val_score(model, X, y, cv=4).mean() > 0.9
    grid = GridSearchCV(model, {"input_scaling": [0.01, 5.0], "layers": [1, 2]}, cv=4).fit(X, y)
    assert grid.best_params_["input_scaling"] == 0.01


def test_by_the_norm_the_largest_training_graph_has_the_gain() -> None:
    X, y = trees()
    model = GraphESNClassifier(gain=0.8, layers=2).fit(X, y)
    found = model.stability(X)
    assert found.sufficient.max() == pytest.approx(0.8, rel=1e-10)
    assert not found.not_certain()
    by_radius = GraphESNClassifier(gain=0.8, bound="radius").fit(X, y).stability(X)
    assert by_radius.necessary.max() == pytest.approx(0.8, rel=1e-10)
    assert by_radius.sufficient.max() > 0.8


def star(leaves: int) -> NodeGraphs:
    edges = [(0, v) for v in range(1, leaves + 1)]
    return read_node_graphs(np.zeros((leaves + 1, 2)), edges, graph=["hub"] * (leaves + 1))


def test_a_graph_that_breaks_the_bound_is_named() -> None:
    X, y = trees()
    model = GraphESNClassifier(most=400).fit(X, y)
    both = joined([X[0], star(30)])
    with pytest.warns(ConvergenceWarning, match=r"1 graphs \(hub\) break the sufficient condition"):
        assert model.predict(both).shape == (2,)
    assert model.stability(both).not_certain() == ("hub",)
    loose = GraphESNClassifier(bound="radius", most=400).fit(X, y)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        loose.predict(star(30))
    assert any("(hub) break the necessary condition" in str(warning.message) for warning in said)


def test_what_does_not_come_to_rest_is_named() -> None:
    X, y = trees()
    with pytest.warns(
        ConvergenceWarning, match=r"40 graphs \(0, 1, 2, 3, 4, ...\) did not come to rest in 2 sweeps"
    ):
        model = GraphESNClassifier(most=2).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        assert len(model.encode(X).unsettled()) == 40


def test_fixed_steps_have_no_bound_to_break() -> None:
    X, y = trees()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = GraphESNClassifier(iteration="fixed_steps", gain=3.0, steps=3).fit(X, y)
        assert model.encode(star(30)).sweeps.tolist() == [[3]]


def test_learning_in_parts_is_learning_at_once() -> None:
    X, y = trees()
    whole = GraphESNClassifier(dtype="float64").fit(X, y)
    parts = GraphESNClassifier(dtype="float64").partial_fit(X, y)
    first = clone(whole).fit(X, y)
    first.refit(first.statistics(X.span(0, 20), y[:20]) + first.statistics(X.span(20, 40), y[20:]))
    np.testing.assert_array_equal(parts.coef_, whole.coef_)
    np.testing.assert_allclose(first.coef_, whole.coef_, rtol=1e-6)
    more = parts.partial_fit(*trees(seed=1))
    assert more.statistics_.count == 80
    with pytest.raises(InputError, match="statistics of features"):
        GraphESNClassifier(seed=1).fit(X, y).refit(whole.statistics_)


def test_constant_features_stay_an_input_and_nothing_at_all_is_refused() -> None:
    ones = [(np.ones((4, 1)), [(0, 1), (1, 2), (2, 3)]), (np.ones((4, 1)), [(0, 1), (0, 2), (0, 3)])]
    model = GraphESNClassifier(bias_scaling=0.0, units=5).fit(ones, [0, 1])
    assert model.predict(ones).tolist() == [0, 1]
    with pytest.raises(InputError, match="bias_scaling = 0, and the nodes have no input"):
        GraphESNClassifier(bias_scaling=0.0).fit([(np.zeros((4, 1)), e) for _, e in ones], [0, 1])


def test_threads_do_not_change_a_bit() -> None:
    X, y = trees()
    one, two = (GraphESNClassifier(n_jobs=n).fit(X, y) for n in (1, 2))
    np.testing.assert_array_equal(one.coef_, two.coef_)


def bad_features() -> NodeGraphs:
    return trees()[0].with_features(np.full((480, 2), 1e300))


CLASSIFIER: Any = GraphESNClassifier
REGRESSOR: Any = GraphESNRegressor
XS, YS = trees()


@pytest.mark.parametrize(
    ("code", "words", "call"),
    [
        ("E108", "40 graphs, 480 targets", lambda: CLASSIFIER().fit(XS, np.repeat(YS, 12))),
        ("E108", "480 nodes, 40 targets", lambda: CLASSIFIER(level="node").fit(XS, YS)),
        ("E104", "the target y is None", lambda: CLASSIFIER().fit(XS)),
        ("E107", "1 class only: 'long'", lambda: CLASSIFIER().fit(XS.select([0, 2]), YS[[0, 2]])),
        ("E116", "y holds <U4", lambda: REGRESSOR().fit(XS, YS)),
        ("E108", "y has 3 axes", lambda: REGRESSOR().fit(XS, np.ones((40, 1, 1)))),
        ("E108", "labelled has the shape", lambda: CLASSIFIER().fit(XS, YS, labelled=np.ones(40, bool))),
        ("E108", "labelled has the shape", lambda: CLASSIFIER(level="node").fit(
            XS, np.repeat(YS, 12), labelled=np.zeros(480, bool))),
        ("E116", "units = 2.5", lambda: CLASSIFIER(units=2.5).fit(XS, YS)),
        ("E116", "gain = 'x'", lambda: CLASSIFIER(gain="x").fit(XS, YS)),
        ("E116", "norm = -", lambda: CLASSIFIER(gain=-1.0).fit(XS, YS)),
        ("E116", "level = 'edge'", lambda: CLASSIFIER(level="edge").fit(XS, YS)),
        ("E116", "bound = 'x'", lambda: CLASSIFIER(bound="x").fit(XS, YS)),
        ("E116", "iteration = 'x'", lambda: CLASSIFIER(iteration="x").fit(XS, YS)),
        ("E116", "pooling = 'x'", lambda: CLASSIFIER(pooling="x").fit(XS, YS)),
        ("E116", "ridge = -1", lambda: CLASSIFIER(ridge=-1.0).fit(XS, YS)),
        ("E108", "nodes have 1 features", lambda: CLASSIFIER().fit(XS, YS).predict(
            XS.with_features(XS.features[:, :1]))),
        ("E108", "directed=True; the model", lambda: CLASSIFIER().fit(XS, YS).predict(
            trees(directed=True)[0])),
        ("E105", "features overflow float32", lambda: CLASSIFIER(standardise=False).fit(
            bad_features(), YS)),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("unchecked_types")
def test_what_cannot_be_learned_from_is_refused_in_words(code: str, words: str, call: Any) -> None:
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert caught.value.code == code


@ANY_ESTIMATOR
def test_what_is_not_fitted_says_so(kind: Any) -> None:
    for call in ("encode", "stability"):
        with pytest.raises(NotFittedError):
            getattr(kind(), call)(trees()[0])
    assert clone(kind(units=7, leak=0.3)).get_params() == kind(units=7, leak=0.3).get_params()


def test_the_transformer_names_its_features() -> None:
    X, _ = trees()
    model = GraphReservoirTransformer(units=3, layers=2, readout_layers="all").fit(X)
    assert model.transform(X).shape == (40, 6)
    names: Any = model.get_feature_names_out()  # pyright: ignore[reportUnknownMemberType]
    assert names[-1] == "graphreservoirtransformer5"
    node = GraphReservoirTransformer(units=3, level="node").fit(X)
    assert node.transform(X).shape == (480, 3)
