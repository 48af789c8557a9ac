"""A fitted estimator on graphs as one .npz file of arrays and JSON: no pickle, versioned, written whole or not at all.

    header      JSON (UTF-8): format, version, estimator, parameters, how the reservoir is iterated and pooled, solution
    recurrent_L, inputs_L, bias_L of each layer L, mean, scale         float64
    statistics  `RidgeStatistics.pack()`;  weights, intercept          float64; of a readout only

`read` returns a `GraphContent`. The weights are stored, so a file does not depend on how a later version draws them.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     read(Path(folder) / "missing.npz", "GraphESNClassifier")
Traceback (most recent call last):
sarto.models.input_error.InputError: error[E101]: there is no file missing.npz
...
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from sarto.core.store import write_atomic
from sarto.learn.graph_features import GraphFeatureMap
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.graphs.reservoir import FixedPoint, FixedSteps, GraphLayer, GraphReservoir
from sarto.models.input_error import InputError

FORMAT = "sarto graph estimator"
VERSION = 1
ITERATIONS = {kind.__name__: kind for kind in (FixedPoint, FixedSteps)}


@dataclass(frozen=True, eq=False)
class GraphContent:
    """What a file holds: constructor `parameters`, the feature map, what was learned, and `extra` plain attributes."""

    parameters: dict[str, Any]
    feature_map: GraphFeatureMap
    statistics: RidgeStatistics | None
    solution: RidgeSolution | None
    extra: dict[str, Any]


def write(path: Path, estimator: str, content: GraphContent) -> None:
    """Write `content` as the file of an estimator of class name `estimator`."""
    features, solution = content.feature_map, content.solution
    iteration, layers = features.reservoir.iteration, features.reservoir.layers
    header = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": estimator,
        "parameters": content.parameters,
        "layers": len(layers),
        "iteration": [type(iteration).__name__, asdict(iteration)],
        "features": [features.pooling, features.readout_layers, features.dtype, features.directed],
        "extra": content.extra,
        "solution": solution
        and [solution.ridge, solution.path, solution.rank, solution.gcv_ridges, solution.gcv_scores],
    }
    arrays: dict[str, Any] = {
        "header": np.frombuffer(json.dumps(header, sort_keys=True, default=_plain).encode(), np.uint8),
        "mean": features.mean,
        "scale": features.scale,
    }
    for index, layer in enumerate(layers):
        arrays |= {
            f"recurrent_{index}": layer.recurrent,
            f"inputs_{index}": layer.inputs,
            f"bias_{index}": layer.bias,
        }
    if solution is not None and content.statistics is not None:
        arrays |= {"weights": solution.weights, "intercept": solution.intercept}
        arrays["statistics"] = np.frombuffer(content.statistics.pack(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomic(path, buffer.getvalue())


def read(path: Path, estimator: str) -> GraphContent:
    """Return the content of the file of an estimator of class name `estimator`.

    Raises:
        InputError: E101 (no such file), E103 (another kind of file, estimator or version, or damaged).
    """
    if not path.is_file():
        raise InputError(
            "E101", f"there is no file {path.name}", cause="nothing was saved there", hint="check the path"
        )
    try:
        # From memory: NumPy leaves a damaged file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: file[name] for name in file.files}
        header = cast("dict[str, Any]", json.loads(arrays["header"].tobytes()))
        kind = (header["format"], header["version"], header["estimator"])
        if kind == (FORMAT, VERSION, estimator):
            return _content(header, arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _foreign(path, f"{type(error).__name__}: {error}") from error
    raise _foreign(
        path, f"it holds {kind[0]} {kind[2]} of version {kind[1]}; {estimator} of {VERSION} is wanted"
    )


def _content(header: dict[str, Any], arrays: dict[str, Any]) -> GraphContent:
    name, settings = header["iteration"]
    layers = tuple(
        GraphLayer(arrays[f"recurrent_{index}"], arrays[f"inputs_{index}"], arrays[f"bias_{index}"])
        for index in range(header["layers"])
    )
    reservoir = GraphReservoir(layers, ITERATIONS[name](**settings))
    features = GraphFeatureMap(arrays["mean"], arrays["scale"], reservoir, *header["features"])
    statistics, solution = None, None
    if header["solution"] is not None:
        ridge, path, rank, ridges, scores = header["solution"]
        solution = RidgeSolution(
            arrays["weights"], arrays["intercept"], ridge, path, rank, tuple(ridges), tuple(scores)
        )
        statistics = RidgeStatistics.unpack(arrays["statistics"].tobytes())
    return GraphContent(header["parameters"], features, statistics, solution, header["extra"])


def _plain(value: Any) -> Any:
    """Return a NumPy number, as a grid search sets them, as a plain one."""
    if isinstance(value, np.generic):
        return cast("Any", value).item()
    raise TypeError(f"{value!r} cannot be written as JSON")


def _foreign(path: Path, cause: str) -> InputError:
    return InputError(
        "E103", f"{path.name} is not a saved graph estimator", cause=cause, hint="load what `save` wrote"
    )
