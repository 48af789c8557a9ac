"""A fitted estimator as one .npz file of arrays and JSON: what every kind of such a file has in common.

    header      JSON (UTF-8): format, version, estimator, what the readout was solved with, and what the kind adds
    statistics  `RidgeStatistics.pack()`;  weights, intercept          float64; of a readout only

No pickle, versioned, written whole or not at all. `read` returns what the kind makes of header and arrays.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     read(Path(folder) / "missing.npz", FileKind("sarto estimator", 1), "ESNClassifier", lambda *_: None)
Traceback (most recent call last):
sarto.models.input_error.InputError: error[E101]: there is no file missing.npz
...
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np

from sarto.core.store import write_atomic
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

T = TypeVar("T")
Learned = tuple[RidgeStatistics | None, RidgeSolution | None]


@dataclass(frozen=True, eq=False)
class Content(Generic[T]):
    """What a file holds: constructor `parameters`, the feature map, what was learned, and `extra` plain attributes."""

    parameters: dict[str, Any]
    feature_map: T
    statistics: RidgeStatistics | None
    solution: RidgeSolution | None
    extra: dict[str, Any]


@dataclass(frozen=True)
class FileKind:
    """What a file says it is: `format` in words, and the version of its layout."""

    format: str
    version: int


def write(
    path: Path,
    kind: FileKind,
    estimator: str,
    header: Mapping[str, Any],
    arrays: Mapping[str, Any],
    learned: Learned,
) -> None:
    """Write the file of an estimator of class name `estimator`: JSON-able `header`, `arrays`, and what was learned."""
    statistics, solution = learned
    known: dict[str, Any] = {"format": kind.format, "version": kind.version, "estimator": estimator}
    known["solution"] = solution and [
        solution.ridge,
        solution.path,
        solution.rank,
        solution.gcv_ridges,
        solution.gcv_scores,
    ]
    text = json.dumps({**header, **known}, sort_keys=True, default=_plain).encode()
    kept = {"header": np.frombuffer(text, np.uint8), **arrays}
    if solution is not None and statistics is not None:
        kept |= {"weights": solution.weights, "intercept": solution.intercept}
        kept["statistics"] = np.frombuffer(statistics.pack(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **kept)
    write_atomic(path, buffer.getvalue())


def read(
    path: Path,
    kind: FileKind,
    estimator: str,
    content: Callable[[dict[str, Any], dict[str, Any], Learned], T],
) -> T:
    """Return what `content` makes of header, arrays and what was learned, of the file of an `estimator`.

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
        found = (header["format"], header["version"], header["estimator"])
        if found == (kind.format, kind.version, estimator):
            return content(header, arrays, _learned(header, arrays))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _foreign(path, kind, f"{type(error).__name__}: {error}") from error
    wanted = f"{estimator} of {kind.version} is wanted"
    raise _foreign(path, kind, f"it holds {found[0]} {found[2]} of version {found[1]}; {wanted}")


def _learned(header: dict[str, Any], arrays: dict[str, Any]) -> Learned:
    if header["solution"] is None:
        return None, None
    ridge, path, rank, ridges, scores = header["solution"]
    solution = RidgeSolution(
        arrays["weights"], arrays["intercept"], ridge, path, rank, tuple(ridges), tuple(scores)
    )
    return RidgeStatistics.unpack(arrays["statistics"].tobytes()), solution


def _plain(value: Any) -> Any:
    """Return a NumPy number, as a grid search sets them, as a plain one."""
    if isinstance(value, np.generic):
        return cast("Any", value).item()
    raise TypeError(f"{value!r} cannot be written as JSON")


def _foreign(path: Path, kind: FileKind, cause: str) -> InputError:
    what = kind.format.removeprefix("sarto ")
    return InputError(
        "E103", f"{path.name} is not a saved {what}", cause=cause, hint="load what `save` wrote"
    )
