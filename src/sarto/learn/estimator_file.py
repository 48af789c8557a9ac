"""A fitted estimator as one .npz file of arrays and JSON: no pickle, versioned, written whole or not at all.

    header      JSON (UTF-8): format, version, estimator, parameters, layers, pooling, what the readout was solved with
    mean, scale; recurrent_0, inputs_0, bias_0 and what else the first layer has, then the others'  float64
    statistics  `RidgeStatistics.pack()`;  weights, intercept          float64; of a readout only

`read` returns a `Content`. The weights are stored, so a file does not depend on how a later version draws them.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     read(Path(folder) / "missing.npz", "ESNClassifier")
Traceback (most recent call last):
sarto.models.input_error.InputError: error[E101]: there is no file missing.npz
...
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from sarto.core.store import write_atomic
from sarto.learn.features import FeatureMap
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.expansion import Expansion
from sarto.models.input_error import InputError
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Memory, Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import Layer, Stack

FORMAT = "sarto estimator"
VERSION = 3


@dataclass(frozen=True, eq=False)
class Content:
    """What a file holds: constructor `parameters`, the feature map, what was learned, and `extra` plain attributes."""

    parameters: dict[str, Any]
    feature_map: FeatureMap
    statistics: RidgeStatistics | None
    solution: RidgeSolution | None
    extra: dict[str, Any]


def write(path: Path, estimator: str, content: Content) -> None:
    """Write `content` as the file of an estimator of class name `estimator`."""
    features, solution = content.feature_map, content.solution
    pooling = features.pooling
    header = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": estimator,
        "parameters": content.parameters,
        "layers": [_settings(layer) for layer in features.reservoir.layers],
        "pooling": [pooling.kind, pooling.segments, pooling.segment_steps],
        "dtype": features.dtype,
        "washout": features.washout,
        "expansion": [features.expansion.kind, features.expansion.inputs],
        "time_chunks": features.time_chunks,
        "extra": content.extra,
        "solution": solution
        and [solution.ridge, solution.path, solution.rank, solution.gcv_ridges, solution.gcv_scores],
    }
    arrays: dict[str, Any] = {
        "header": _bytes(json.dumps(header, sort_keys=True, default=_plain).encode()),
        "mean": features.mean,
        "scale": features.scale,
    }
    for index, layer in enumerate(features.reservoir.layers):
        arrays |= {f"{name}_{index}": array for name, array in _weights(layer).items()}
    if solution is not None and content.statistics is not None:
        arrays |= {"weights": solution.weights, "intercept": solution.intercept}
        arrays["statistics"] = _bytes(content.statistics.pack())
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomic(path, buffer.getvalue())


def read(path: Path, estimator: str) -> Content:
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
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _foreign(path, f"{type(error).__name__}: {error}") from error
    if kind != (FORMAT, VERSION, estimator):
        raise _foreign(
            path, f"it holds {kind[0]} {kind[2]} of version {kind[1]}; {estimator} of {VERSION} is wanted"
        )
    try:
        return _content(header, arrays)
    except (ValueError, KeyError, TypeError) as error:
        raise _foreign(path, f"{type(error).__name__}: {error}") from error


def _content(header: dict[str, Any], arrays: dict[str, Any]) -> Content:
    layers = [_layer(settings, index, arrays) for index, settings in enumerate(header["layers"])]
    features = FeatureMap(
        arrays["mean"],
        arrays["scale"],
        Stack(tuple(layers)) if len(layers) > 1 else layers[0],
        Pooling(*header["pooling"]),
        header["dtype"],
        header["washout"],
        Expansion(*header["expansion"]),
        header["time_chunks"],
    )
    statistics, solution = None, None
    if header["solution"] is not None:
        ridge, path, rank, ridges, scores = header["solution"]
        solution = RidgeSolution(
            arrays["weights"], arrays["intercept"], ridge, path, rank, tuple(ridges), tuple(scores)
        )
        statistics = RidgeStatistics.unpack(arrays["statistics"].tobytes())
    return Content(header["parameters"], features, statistics, solution, header["extra"])


SETTINGS = ("cell", "alpha", "beta", "start", "activation", "leaks")
WEIGHTS = ("recurrent", "inputs", "bias", "rotation", "gain", "shift")
MEMORY = ("shift", "inputs", "outputs")
DIAGONAL = ("cell", "beta", "offset")
SCANNED = ("factors", "inputs", "bias", "kernel")
"""Fields of a reservoir that are plain values, those that are arrays, those of its memory; then of a diagonal one."""


def _settings(layer: Layer) -> dict[str, Any]:
    """Return the plain values of a layer; `offset` only a diagonal one has."""
    return {name: getattr(layer, name) for name in (DIAGONAL if isinstance(layer, Diagonal) else SETTINGS)}


def _weights(layer: Layer) -> dict[str, Any]:
    """Return the arrays of a layer by name; those of its memory have the prefix `memory_`."""
    if isinstance(layer, Diagonal):
        return {name: getattr(layer, name) for name in SCANNED}
    own = {name: getattr(layer, name) for name in WEIGHTS}
    memory = {f"memory_{name}": getattr(layer.memory, name) for name in MEMORY} if layer.memory else {}
    return {name: array for name, array in (own | memory).items() if array is not None}


def _layer(settings: dict[str, Any], index: int, arrays: dict[str, Any]) -> Layer:
    if "offset" in settings:
        scanned = {name: arrays[f"{name}_{index}"] for name in SCANNED}
        return Diagonal(**{name: settings[name] for name in DIAGONAL}, **scanned)
    kept = {name: arrays[f"{name}_{index}"] for name in WEIGHTS[:3]}
    kept |= {name: arrays.get(f"{name}_{index}") for name in WEIGHTS[3:]}
    remembers = f"memory_shift_{index}" in arrays
    held = Memory(*(arrays[f"memory_{name}_{index}"] for name in MEMORY)) if remembers else None
    return Reservoir(**{name: settings[name] for name in SETTINGS}, **kept, memory=held)


def _bytes(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(data, np.uint8)


def _plain(value: Any) -> Any:
    """Return a NumPy number, as a grid search sets them, as a plain one."""
    if isinstance(value, np.generic):
        return cast("Any", value).item()
    raise TypeError(f"{value!r} cannot be written as JSON")


def _foreign(path: Path, cause: str) -> InputError:
    return InputError(
        "E103", f"{path.name} is not a saved estimator", cause=cause, hint="load what `save` wrote"
    )
