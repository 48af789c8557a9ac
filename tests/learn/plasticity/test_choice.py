"""Plasticity as a parameter of the estimators."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.plasticity.adapted import plastic_layers
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.learn.plasticity.synaptic import SynapticPlasticity
from sarto.learn.readout import ESNClassifier, ReservoirTransformer
from sarto.models.sequences import read_sequences
from tests.learn.oracles import GridSearchCV, clone

RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(n, 2)) * (1 + i % 2) for i, n in enumerate((22, 17, 25, 19, 21, 18))]
Y = np.array(["calm", "wild"] * 3)
RULES: list[Any] = [
    IntrinsicPlasticity(sigma=0.4, epochs=1),
    SynapticPlasticity("bcm", learning_rate=1e-3),
]
EITHER = pytest.mark.parametrize("rule", RULES)


@EITHER
def test_an_estimator_adapts_its_reservoir_to_the_scaled_sequences(rule: Any) -> None:
    plain = ReservoirTransformer(units=10, dtype="float64").fit(X)
    plastic = ReservoirTransformer(units=10, dtype="float64", plasticity=rule).fit(X)
    scaled = plain.feature_map_.scaled(read_sequences(X))
    wanted = rule.adapt(plain.reservoir_, scaled).reservoir
    assert plastic.reservoir_.reservoir_id == wanted.reservoir_id != plain.reservoir_.reservoir_id


@EITHER
def test_statistics_from_before_do_not_mix_with_those_after(rule: Any) -> None:
    plain = ESNClassifier(units=10).fit(X, Y)
    plastic = ESNClassifier(units=10, plasticity=rule).fit(X, Y)
    with pytest.raises(SartoError, match="features"):
        plastic.refit(plain.statistics_)
    with pytest.raises(SartoError):
        _ = plastic.statistics_ + plain.statistics_


@EITHER
def test_a_saved_estimator_keeps_its_rule_and_its_reservoir(rule: Any, tmp_path: Path) -> None:
    model = ESNClassifier(units=10, plasticity=rule).fit(X, Y)
    model.save(tmp_path / "m.npz")
    loaded = ESNClassifier.load(tmp_path / "m.npz")
    assert loaded.get_params() == model.get_params()
    assert loaded.feature_map_.features_id == model.feature_map_.features_id
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    assert clone(loaded).fit(X, Y).feature_map_.features_id == model.feature_map_.features_id


def test_gain_and_shift_are_kept_where_the_drive_leaks(tmp_path: Path) -> None:
    options = {"leaks": "drive"}
    model = ESNClassifier(units=10, cell_options=options, plasticity=RULES[0]).fit(X, Y)
    (layer,) = plastic_layers(model.reservoir_)
    assert layer.gain is not None
    model.save(tmp_path / "m.npz")
    loaded = ESNClassifier.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))


def test_a_search_reaches_into_the_rule() -> None:
    model = ESNClassifier(units=10, plasticity=RULES[0])
    search = GridSearchCV(model, {"plasticity__sigma": [0.3, 0.5]}, cv=2, error_score="raise").fit(X, Y)
    assert search.best_params_["plasticity__sigma"] in (0.3, 0.5)
    assert RULES[0].sigma == 0.4


def test_more_data_do_not_adapt_the_reservoir_again() -> None:
    model = ESNClassifier(units=10, plasticity=RULES[0]).partial_fit(X, Y)
    before = model.feature_map_.features_id
    assert model.partial_fit(X, Y).feature_map_.features_id == before


def test_what_goes_wrong_is_a_warning() -> None:
    wild = replace(RULES[0], learning_rate=0.09, sigma=0.05, schedule="constant")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ESNClassifier(units=10, input_scaling=20.0, plasticity=wild).fit(X, Y)
    said = [str(warning.message) for warning in caught]
    assert "the effective radius went from" in said[0] and "end at their bound" in said[1]


def test_anything_else_is_refused(unchecked_types: None) -> None:
    wrong: Any = "intrinsic"
    with pytest.raises(SartoError, match="plasticity = 'intrinsic'"):
        ESNClassifier(units=10, plasticity=wrong).fit(X, Y)
