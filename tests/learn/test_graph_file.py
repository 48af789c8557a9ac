from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.learn.graph_readout import GraphESNClassifier, GraphESNRegressor, GraphReservoirTransformer
from sarto.models.input_error import InputError
from tests.learn.test_graph_readout import trees

X, Y = trees(12)


def models() -> list[Any]:
    numbers: Any = GraphESNRegressor()
    return [
        GraphReservoirTransformer(units=4, layers=2, readout_layers="all", pooling="max").fit(X),
        GraphESNClassifier(units=4, dtype="float64", bound="radius", gain=0.5).fit(X, Y),
        # As a grid search sets parameters: NumPy's numbers.
        numbers.set_params(units=np.int64(4), ridge=np.float64(0.5)).fit(X, np.arange(12.0)),
        GraphESNClassifier(units=4, level="node", iteration="fixed_steps").fit(X, np.repeat(Y, 12)),
    ]


def outputs(model: Any) -> NDArray[Any]:
    if isinstance(model, GraphReservoirTransformer):
        return np.asarray(model.transform(X))
    return np.asarray(
        model.decision_function(X) if isinstance(model, GraphESNClassifier) else model.predict(X)
    )


@pytest.mark.parametrize("index", range(4))
def test_a_saved_estimator_comes_back_whole(index: int, tmp_path: Path) -> None:
    model = models()[index]
    model.save(tmp_path / "m.npz")
    loaded = model.load(tmp_path / "m.npz")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    assert loaded.feature_map_.features_id == model.feature_map_.features_id
    assert loaded.reservoir_.iteration == model.reservoir_.iteration
    if index:
        assert loaded.statistics_ == model.statistics_
        assert (loaded.solution_.path, loaded.solution_.gcv_scores) == (
            model.solution_.path,
            model.solution_.gcv_scores,
        )
        np.testing.assert_array_equal(loaded.refit(loaded.statistics_).coef_, model.coef_)
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    models()[1].save(path)
    with pytest.raises(InputError, match="GraphESNClassifier of version 1; GraphESNRegressor of 1"):
        GraphESNRegressor.load(path)
    damaged = path.read_bytes()[:-200]
    (tmp_path / "cut.npz").write_bytes(damaged)
    with zipfile.ZipFile(tmp_path / "less.npz", "w") as less, zipfile.ZipFile(path) as whole:
        for name in whole.namelist():
            if name != "recurrent_0.npy":
                less.writestr(name, whole.read(name))
    for name in ("cut.npz", "less.npz"):
        with pytest.raises(InputError, match=f"{name} is not a saved graph estimator") as caught:
            GraphESNClassifier.load(tmp_path / name)
        assert caught.value.code == "E103"
    with pytest.raises(InputError, match=r"there is no file gone\.npz"):
        GraphESNClassifier.load(tmp_path / "gone.npz")
