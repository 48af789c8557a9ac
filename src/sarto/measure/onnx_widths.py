"""The widths of a nested model as ONNX files that share their weights, each run in ONNX Runtime and compared.

`model.onnx` is the full width, and `width<k>.onnx` the others. Each has to say what the integers of its width say, as
`measure.onnx` tells; items are those that the folder keeps for the device.

>>> from sarto.deploy.onnx.widths import WEIGHTS
>>> WEIGHTS
'weights.bin'
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph, infer, items_of
from sarto.core.graph.widths import cut
from sarto.deploy.onnx.widths import width_models
from sarto.measure.model import read_pinned
from sarto.measure.onnx import INTEGER_TOLERANCE, RUNS, OnnxFile, agreement
from sarto.measure.session import Session


def onnx_widths(out: Path, graph: Graph, shape: tuple[int, ...], command: str) -> OnnxFile:
    """Return the files of a finished folder's nested model, after running them.

    Args:
        out: the folder.
        graph: its graph.
        shape: of an item.
        command: that shows the evidence again.

    Raises:
        SartoError: E134, for an operation that ONNX does not have; E403, when a file says something else than the
            model.
    """
    files = width_models(graph, shape)
    pinned = read_pinned(out)
    items = items_of(graph, pinned.raw, pinned.offsets)
    (given,), (scores,) = graph.kind("input"), graph.kind("output")
    assert given.scale is not None and scores.scale is not None
    first = np.moveaxis(items, -1, 1) if items.ndim > 2 else items
    x = (first.reshape(len(items), *shape) * given.scale).astype(np.float32)
    evidence: list[Evidence] = []
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        for width in range(1, graph.groups + 1):
            ours = infer(cut(graph, width), items).scores * scores.scale
            path = folder / f"width{width}.onnx"
            evidence += _compared(out, path, f"at width {width}", ours, x, command)
    sizes = {"bytes of all widths in ONNX": sum(map(len, files.values()))}
    sizes["bytes of the shared weights in ONNX"] = len(files["weights.bin"])
    evidence += [
        Evidence(what, size, "B", "measured", "files as written", command, subject_sha256=graph.sha256)
        for what, size in sizes.items()
    ]
    full = files.pop(f"width{graph.groups}.onnx")
    return OnnxFile(full, True, f"the {len(x)} items that the folder keeps", tuple(evidence), (), files)


def _compared(
    out: Path,
    path: Path,
    which: str,
    ours: Float[np.ndarray, "item score"],
    x: Float[np.ndarray, "item ..."],
    command: str,
) -> list[Evidence]:
    session = Session(path)
    found = agreement(ours, session.scores(x), INTEGER_TOLERANCE)
    if not found.holds:
        raise SartoError(
            "E403",
            f"{path.name} says something else than the model of {out}",
            cause=f"{found.same_class} of {found.items} classes are the same, and scores differ by up to "
            f"{found.most:.2g} of the largest; {INTEGER_TOLERANCE:g} is allowed",
            hint="this is a fault of sarto: please report it with the output folder",
        )
    subject = hashlib.sha256(path.read_bytes()).hexdigest()
    common: dict[str, Any] = dict(how="measured", tool=session.tool, command=command, subject_sha256=subject)
    times = session.latencies(x, RUNS)
    low, high = np.quantile(times, (0.025, 0.975)).tolist()
    same = found.same_class / found.items
    return [
        Evidence(f"share of the same class in ONNX {which}", same, "1", n=found.items, **common),
        Evidence(f"largest error in ONNX {which}", found.most, "1", n=found.items, **common),
        Evidence(f"latency {which}", float(np.median(times)), "s", n=RUNS, interval=(low, high), **common),
    ]
