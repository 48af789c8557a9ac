"""A fitted estimator as one .npz file of arrays and JSON; what such files share is in `_archive`.

    header      also: parameters, layers, pooling, and what else the features depend on
    mean, scale; recurrent_0, inputs_0, bias_0 and what else the first layer has, then the others'  float64

`read` returns a `Content`. The weights are stored, so a file does not depend on how a later version draws them.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     read(Path(folder) / "missing.npz", "ESNClassifier")
Traceback (most recent call last):
sarto.models.input_error.InputError: error[E101]: there is no file missing.npz
...
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sarto.learn import _archive
from sarto.learn._archive import Content, FileKind, Learned
from sarto.learn.features import FeatureMap
from sarto.models.expansion import Expansion
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Memory, Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import Layer, Stack

KIND = FileKind("sarto estimator", 3)


def write(path: Path, estimator: str, content: Content[FeatureMap]) -> None:
    """Write `content` as the file of an estimator of class name `estimator`."""
    features, pooling = content.feature_map, content.feature_map.pooling
    header = {
        "parameters": content.parameters,
        "layers": [_settings(layer) for layer in features.reservoir.layers],
        "pooling": [pooling.kind, pooling.segments, pooling.segment_steps],
        "dtype": features.dtype,
        "washout": features.washout,
        "expansion": [features.expansion.kind, features.expansion.inputs],
        "time_chunks": features.time_chunks,
        "extra": content.extra,
    }
    arrays: dict[str, Any] = {"mean": features.mean, "scale": features.scale}
    for index, layer in enumerate(features.reservoir.layers):
        arrays |= {f"{name}_{index}": array for name, array in _weights(layer).items()}
    _archive.write(path, KIND, estimator, header, arrays, (content.statistics, content.solution))


def read(path: Path, estimator: str) -> Content[FeatureMap]:
    """Return the content of the file of an estimator of class name `estimator`.

    Raises:
        InputError: E101 (no such file), E103 (another kind of file, estimator or version, or damaged).
    """
    return _archive.read(path, KIND, estimator, _content)


def _content(header: dict[str, Any], arrays: dict[str, Any], learned: Learned) -> Content[FeatureMap]:
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
    return Content(header["parameters"], features, *learned, header["extra"])


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
