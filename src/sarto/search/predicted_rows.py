"""The predictions of a finished output folder, with what the data know of each test item: what an audit reads.

Returns `Predictions`. The data are those that the model was made of, found again by their hash, and cut as they were
then; what is known of an item are its columns, and what its signals say (`sarto.audit.attributes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sarto.core.artifact import check_records, read_manifest
from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.examples import of_images
from sarto.data.predictions import Predictions, read_predictions
from sarto.data.source import source_sha256
from sarto.search.claimed import read_json
from sarto.search.predicted import PREDICTIONS

_OPTIONS = ("group", "channels", "where", "task", "target", "horizon", "sequence", "window", "hop")
"""Of a request, what says how data are read."""


def folder_predictions(out: Path, data: str | None, against: Path | None = None) -> Predictions:
    """Return what the model in `out` says of its test items.

    Args:
        out: an output folder of `sarto fit` or `sarto compress`.
        data: what it was made of, for the columns of the items; None for none.
        against: the folder of another model of the same test items, which is then the original.

    Raises:
        SartoError: E114, when a folder is damaged or was written before predictions were; E162, when `data` are others,
            or the test items of `against`.
    """
    name = str(read_manifest(out)["name"])
    check_records(out)
    rows = read_predictions(_table(out), row_id="id", against=None if against is None else _table(against))
    rows = replace(rows, name=name)
    if data is None:
        return rows
    assert rows.ids is not None
    known = item_columns(out, data)
    at = rows.ids.astype(np.int64)
    return replace(rows, columns={column: values[at] for column, values in known.items()})


def item_columns(out: Path, data: str) -> dict[str, Shaped[np.ndarray, " item"]]:
    """Return the columns of every item of `data`, read as the model in `out` was told to.

    Raises:
        SartoError: E162, when they are not what the model was made of; and whatever reading them says.
    """
    found = read_items(out, data)
    from sarto.audit.attributes import attributes

    return {**found.metadata, **attributes(found)}


def read_items(out: Path, data: str) -> Dataset:
    """Return the data that the model in `out` was made of, read as it was then."""
    from sarto.data.load import load

    request = check_source(out, data)
    if of_images(data):
        cause = "its items are images without columns"
        raise SartoError(
            "E112", f"'{data}' has nothing to group by", cause=cause, hint="leave --data out; --groups target"
        )
    options: Mapping[str, Any] = {name: request[name] for name in _OPTIONS if request.get(name) is not None}
    return load(data, **options)


def check_source(out: Path, data: str) -> Mapping[str, Any]:
    """Return the request that `out` answers, after checking that `data` are what it was made of (E162)."""
    request = read_json(out / "request.json")
    if source_sha256(data) != request["source"]:
        message = f"'{data}' is not what {out} was made of"
        cause = f"that was {read_json(out / 'provenance.json')['data']['name']}, and its hash is another"
        raise SartoError(
            "E162", message, cause=cause, hint="give the same file as sarto fit or sarto compress got"
        )
    return request


def _table(out: Path) -> Path:
    path = out / PREDICTIONS
    if not path.is_file():
        cause = f"there is no {PREDICTIONS} in it"
        hint = "run sarto fit or sarto compress again, with another -o"
        raise SartoError("E114", f"{out} does not say what its model predicts", cause=cause, hint=hint)
    return path
