"""A graph as a `.npz` file: the constants as arrays, the rest as one JSON text. Nothing is pickled."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from sarto.core.errors import SartoError
from sarto.core.graph.values import Graph, Op, Tensor, Window
from sarto.core.store import write_atomic

FORMAT = "sarto-graph/1"


def save_graph(graph: Graph, path: Path) -> None:
    """Write `graph` to `path`; the same graph gives the same bytes."""
    words = np.frombuffer(json.dumps({"format": FORMAT, **graph.describe()}).encode(), np.uint8)
    save_arrays(
        {"graph": words} | {f"const/{t.name}": graph.const(t.name) for t in graph.kind("const")}, path
    )


def save_arrays(arrays: dict[str, Integer[np.ndarray, "..."]], path: Path) -> None:
    """Write `arrays` to the `.npz` file `path`; the same arrays give the same bytes, since no time is kept."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.save(entry, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), entry.getvalue())
    write_atomic(path, buffer.getvalue())


def load_graph(path: Path) -> Graph:
    """Return the graph in `path`.

    Raises:
        SartoError: E114, when the file is missing, damaged or not a graph.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            fields: dict[str, Any] = json.loads(archive["graph"].tobytes().decode())
            data = {n.removeprefix("const/"): archive[n] for n in archive.files if n.startswith("const/")}
        if fields["format"] != FORMAT:
            raise ValueError(f"format {fields['format']}, {FORMAT} is needed")
        return _graph(fields, data)
    except Exception as error:  # a damaged archive fails in a dozen ways
        raise SartoError(
            "E114",
            f"{path.name} is not a graph that Sarto can read",
            cause=str(error),
            hint="run sarto fit again",
        ) from error


def _graph(fields: dict[str, Any], data: dict[str, Integer[np.ndarray, "..."]]) -> Graph:
    programs = fields["programs"]
    if set(programs) not in ({"whole"}, {"step", "segment", "finish"}):
        raise ValueError(f"programs {', '.join(sorted(programs)) or 'none'}")

    def program(name: str) -> tuple[Op, ...]:
        return tuple(Op(*row) for row in programs.get(name, []))

    return Graph(
        name=fields["name"],
        tensors=tuple(
            Tensor(name, dtype, tuple(shape), kind, data.get(name), scale)
            for name, dtype, shape, kind, scale in fields["tensors"]
        ),
        step=program("step"),
        segment=program("segment"),
        finish=program("finish"),
        segments=fields["segments"],
        segment_steps=fields["segment_steps"],
        window=None if fields["window"] is None else Window(*fields["window"]),
        outputs=tuple(fields["outputs"]),
        channels=tuple(fields["channels"]),
        quanta=tuple(fields["quanta"]),
        whole=program("whole"),
        groups=fields.get("groups", 1),
    )
