"""A fitted estimator on graphs as one .npz file of arrays and JSON; what such files share is in `_archive`.

    header      also: parameters, how the reservoir is iterated and pooled
    recurrent_L, inputs_L, bias_L of each layer L, mean, scale         float64

`read` returns a `Content`. The weights are stored, so a file does not depend on how a later version draws them.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     read(Path(folder) / "missing.npz", "GraphESNClassifier")
Traceback (most recent call last):
sarto.models.input_error.InputError: error[E101]: there is no file missing.npz
...
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sarto.learn import _archive
from sarto.learn._archive import Content, FileKind, Learned
from sarto.learn.graph_features import GraphFeatureMap
from sarto.models.graphs.reservoir import FixedPoint, FixedSteps, GraphLayer, GraphReservoir

KIND = FileKind("sarto graph estimator", 1)
ITERATIONS = {kind.__name__: kind for kind in (FixedPoint, FixedSteps)}


def write(path: Path, estimator: str, content: Content[GraphFeatureMap]) -> None:
    """Write `content` as the file of an estimator of class name `estimator`."""
    features = content.feature_map
    iteration, layers = features.reservoir.iteration, features.reservoir.layers
    header = {
        "parameters": content.parameters,
        "layers": len(layers),
        "iteration": [type(iteration).__name__, asdict(iteration)],
        "features": [features.pooling, features.readout_layers, features.dtype, features.directed],
        "extra": content.extra,
    }
    arrays: dict[str, Any] = {"mean": features.mean, "scale": features.scale}
    for index, layer in enumerate(layers):
        arrays |= {
            f"recurrent_{index}": layer.recurrent,
            f"inputs_{index}": layer.inputs,
            f"bias_{index}": layer.bias,
        }
    _archive.write(path, KIND, estimator, header, arrays, (content.statistics, content.solution))


def read(path: Path, estimator: str) -> Content[GraphFeatureMap]:
    """Return the content of the file of an estimator of class name `estimator`.

    Raises:
        InputError: E101 (no such file), E103 (another kind of file, estimator or version, or damaged).
    """
    return _archive.read(path, KIND, estimator, _content)


def _content(header: dict[str, Any], arrays: dict[str, Any], learned: Learned) -> Content[GraphFeatureMap]:
    name, settings = header["iteration"]
    layers = tuple(
        GraphLayer(arrays[f"recurrent_{index}"], arrays[f"inputs_{index}"], arrays[f"bias_{index}"])
        for index in range(header["layers"])
    )
    reservoir = GraphReservoir(layers, ITERATIONS[name](**settings))
    features = GraphFeatureMap(arrays["mean"], arrays["scale"], reservoir, *header["features"])
    return Content(header["parameters"], features, *learned, header["extra"])
