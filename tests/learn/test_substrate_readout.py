# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false
"""A readout over any substrate: the ESN's own where the substrate is that ESN, and the noise it was told."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sarto.data.load import load
from sarto.learn.readout import ESNClassifier, ESNRegressor
from sarto.learn.substrate_readout import SubstrateClassifier, SubstrateRegressor
from sarto.models.input_error import InputError
from sarto.models.substrate.black_box import BlackBox
from sarto.models.substrate.crossbar import Crossbar
from sarto.models.substrate.memristor import Memristor

RNG = np.random.default_rng(0)
X = [RNG.normal(size=(steps, 2)) * size for size in (1, 2, 3) for steps in (20, 25, 30, 35)]
Y = np.repeat(["calm", "fair", "wild"], 4)
NUMBERS = np.array([float(np.abs(x).mean()) for x in X])
SETTINGS: dict[str, Any] = {"pooling": "mean_square", "segments": 2, "washout": 3, "ridge": 0.5}
ESN = ESNClassifier(units=20, seed=0, dtype="float64", **SETTINGS).fit(X, Y)
PLAIN = Crossbar.of(ESN.reservoir_, Memristor(), seed=0)
NOISY = replace(PLAIN, memristor=Memristor(read_noise=0.1))


def test_an_ideal_array_has_the_readout_of_the_reservoir() -> None:
    model = SubstrateClassifier(PLAIN, **SETTINGS).fit(X, Y)
    assert model.coef_ == pytest.approx(ESN.coef_, abs=1e-9)
    assert model.intercept_ == pytest.approx(ESN.intercept_, abs=1e-9)
    assert model.decision_function(X) == pytest.approx(ESN.decision_function(X), abs=1e-9)
    assert (model.predict(X) == ESN.predict(X)).all()


def test_numbers_are_predicted_as_by_the_reservoir() -> None:
    esn = ESNRegressor(units=20, seed=0, dtype="float64", **SETTINGS).fit(X, NUMBERS)
    model = SubstrateRegressor(PLAIN, **SETTINGS).fit(X, NUMBERS)
    assert model.predict(X) == pytest.approx(esn.predict(X), abs=1e-9)
    assert model.score(X, NUMBERS) == pytest.approx(esn.score(X, NUMBERS), abs=1e-9)
    two = SubstrateRegressor(PLAIN, **SETTINGS).fit(X, np.column_stack([NUMBERS, -NUMBERS]))
    assert two.predict(X).shape == (12, 2)


def test_predictions_repeat_and_depend_on_the_noise_seed() -> None:
    model = SubstrateClassifier(NOISY, **SETTINGS).fit(X, Y)
    first = model.decision_function(X)
    assert (model.decision_function(X) == first).all()
    assert model.decision_function(X[3:5]) == pytest.approx(first[3:5], abs=1e-12)
    assert (model.moved_to(NOISY, noise_seed=1).decision_function(X) != first).any()
    assert (SubstrateClassifier(NOISY, noise_seed=1, **SETTINGS).fit(X, Y).coef_ != model.coef_).any()


def test_a_clean_readout_can_be_used_on_noisy_hardware() -> None:
    clean = SubstrateClassifier(PLAIN, **SETTINGS).fit(X, Y)
    moved = clean.moved_to(NOISY)
    assert moved.coef_ is clean.coef_
    retrained = SubstrateClassifier(NOISY, **SETTINGS).fit(X, Y)
    assert (moved.features(X) == retrained.features(X)).all()
    assert (moved.decision_function(X) == clean.solution_.predict(retrained.features(X))).all()
    assert (clean.decision_function(X) != moved.decision_function(X)).any()
    small = BlackBox(lambda s, u: s, channels=2, units=3)
    with pytest.raises(InputError, match="2 channels and 3 units"):
        clean.moved_to(small)


def test_statistics_add_up_and_do_not_mix() -> None:
    whole = SubstrateClassifier(NOISY, **SETTINGS).fit(X, Y)
    part = SubstrateClassifier(NOISY, **SETTINGS).fit(X, Y)
    both = part.statistics(X[::2], Y[::2]) + part.statistics(X[1::2], Y[1::2])
    assert part.solved(both).coef_ == pytest.approx(whole.coef_, abs=1e-9)
    other = whole.moved_to(PLAIN)
    with pytest.raises(InputError, match="features"):
        _ = whole.statistics_ + other.statistics(X, Y)


def test_scikit_learn_clones_and_searches() -> None:
    model = SubstrateClassifier(NOISY, **SETTINGS)
    assert clone(model).get_params()["pooling"] == "mean_square"
    found = GridSearchCV(model, {"ridge": [0.1, 10.0]}, cv=2).fit(np.stack([x[:20] for x in X]), Y)
    assert found.best_params_["ridge"] in (0.1, 10.0)
    box = BlackBox(lambda s, u: s + u, channels=2, units=2, at_once=1)
    assert clone(SubstrateClassifier(box)).substrate is box


def test_a_data_set_has_its_own_targets() -> None:
    data = load("BasicMotions")
    train, test = (data.select(np.flatnonzero(data.split == part)) for part in ("train", "test"))
    cell = ESNClassifier(units=50, seed=0, pooling="mean_square", dtype="float64").fit(train)
    array = Crossbar.of(cell.reservoir_, Memristor(bits=4, read_noise=0.01), seed=0)
    model = SubstrateClassifier(array, pooling="mean_square").fit(train)
    assert model.score(test) >= 0.9
    first = test.select(np.arange(3))
    assert model.features(first) == pytest.approx(model.features(test)[:3], abs=1e-12)


@pytest.mark.parametrize(
    ("X_", "y_", "code"),
    [(X, Y[:-1], "E108"), (X, None, "E104"), (X, ["a"] * 12, "E107"), ([x[:3] for x in X], Y, "E115")],
)
def test_what_cannot_be_fitted(X_: Any, y_: Any, code: str) -> None:
    with pytest.raises(InputError) as error:
        SubstrateClassifier(PLAIN, **SETTINGS).fit(X_, y_)
    assert error.value.code == code


def test_other_channels_and_targets_that_are_no_numbers() -> None:
    model = SubstrateClassifier(PLAIN, **SETTINGS).fit(X, Y)
    with pytest.raises(InputError, match="X has 3 channels, the model was fitted on 2"):
        model.predict([np.zeros((20, 3))])
    with pytest.raises(InputError, match="targets hold"):
        SubstrateRegressor(PLAIN, **SETTINGS).fit(X, Y)
