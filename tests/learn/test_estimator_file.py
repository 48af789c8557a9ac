from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from sarto.core.errors import SartoError
from sarto.learn.readout import ESNClassifier, ESNRegressor, ReservoirTransformer

RNG = np.random.default_rng(0)
X = [RNG.normal(size=(n, 2)) for n in (12, 7, 15, 9, 11, 8)]
LABELS = np.array(["a", "b", "c"] * 2)
STEPS = [x[:, 0] for x in X]


def models() -> list[Any]:
    numbers: Any = ESNRegressor()
    return [
        ReservoirTransformer("ring", 6, pooling="mean_square", segments=2, washout=1).fit(X),
        ESNClassifier(units=6, dtype="float64", cell_options={"init": "fast"}).fit(X, LABELS),
        # As a grid search sets parameters: NumPy's numbers.
        numbers.set_params(units=np.int64(6), ridge=np.float64(0.5)).fit(X, np.arange(6.0)),
        ESNRegressor(units=6, return_sequences=True).fit(X, STEPS),
    ]


def outputs(model: Any) -> NDArray[Any]:
    if isinstance(model, ReservoirTransformer):
        return np.asarray(model.transform(X))
    if isinstance(model, ESNClassifier):
        return np.asarray(model.decision_function(X))
    return np.concatenate(model.predict(X)) if model.return_sequences else np.asarray(model.predict(X))


def reloaded(model: Any, path: Path) -> Any:
    model.save(path)
    return model.load(path)


@pytest.mark.parametrize("index", range(4))
def test_a_saved_estimator_comes_back_whole(index: int, tmp_path: Path) -> None:
    model = models()[index]
    loaded = reloaded(model, tmp_path / "m.npz")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    assert loaded.feature_map_.features_id == model.feature_map_.features_id
    if index:
        assert loaded.statistics_ == model.statistics_
        assert loaded.solution_.path == model.solution_.path
        assert loaded.solution_.gcv_scores == model.solution_.gcv_scores
        np.testing.assert_array_equal(loaded.refit(loaded.statistics_).coef_, model.coef_)
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()


def test_a_loaded_classifier_learns_on(tmp_path: Path) -> None:
    model = models()[1]
    model.save(tmp_path / "m.npz")
    loaded = ESNClassifier.load(str(tmp_path / "m.npz"))
    np.testing.assert_array_equal(
        loaded.partial_fit(X[:2], LABELS[:2]).coef_, model.partial_fit(X[:2], LABELS[:2]).coef_
    )
    assert loaded.predict(X).dtype == model.predict(X).dtype


def test_nothing_in_the_file_is_an_object(tmp_path: Path) -> None:
    models()[1].save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_only_a_fitted_estimator_is_saved(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        ESNClassifier().save(tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        ("missing", "E101", "there is no file m.npz"),
        ("text", "E103", "m.npz is not a saved estimator"),
        ("cut", "E103", "m.npz is not a saved estimator"),
        ("another estimator", "E103", "m.npz is not a saved estimator"),
        ("another npz", "E103", "m.npz is not a saved estimator"),
        ("a pickle", "E103", "m.npz is not a saved estimator"),
        ("a later version", "E103", "m.npz is not a saved estimator"),
        ("lost array", "E103", "m.npz is not a saved estimator"),
        ("changed statistics", "E103", "not a packed Sarto value"),
    ],
)
def test_files_that_are_no_saved_estimator_are_refused(
    damage: str, code: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.npz"
    models()[1].save(path)
    with np.load(path) as file:
        arrays: dict[str, Any] = dict(file)
    if damage == "missing":
        path.unlink()
    elif damage == "text":
        path.write_text("hello")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-400])
    elif damage == "another estimator":
        models()[2].save(path)
    elif damage == "another npz":
        np.savez(path, x=np.zeros(3))
    elif damage == "a pickle":
        np.savez(path, header=np.array([{"a": 1}], dtype=object))
    elif damage == "a later version":
        arrays["header"] = np.frombuffer(
            arrays["header"].tobytes().replace(b'"version": 3', b'"version": 4'), np.uint8
        )
        np.savez(path, **arrays)
    elif damage == "lost array":
        del arrays["bias_0"]
        np.savez(path, **arrays)
    else:
        arrays["statistics"] = arrays["statistics"].copy()
        arrays["statistics"][100] ^= 1
        np.savez(path, **arrays)
    with pytest.raises(SartoError, match=words) as caught:
        ESNClassifier.load(path)
    assert caught.value.code == code
    assert caught.value.cause
    assert caught.value.hint


def test_the_same_estimator_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        models()[1].save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert zipfile.is_zipfile(tmp_path / "a")
