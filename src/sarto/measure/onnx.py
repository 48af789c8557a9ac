"""The model of a finished folder as an ONNX file that was run in ONNX Runtime and compared, with its latency there.

What the file says is compared with what the integer network says (in floats: the network that the file of `compress`
gives back). With our scores c, theirs s, and the largest size C of any of ours,

    |s - c| <= t C   for every score, and the same class but where our two best scores are no more than 2 t C apart,

with t = `INTEGER_TOLERANCE` or `FLOAT_TOLERANCE`. Integers differ where a number lies halfway (a half goes up in the
integer network, to the even number in ONNX), where a sum or a mean has 15 bits of a ratio, and where int8 ends at -128;
floats, by the order in which they are added. A file that differs by more is not handed out.

Items are those that the folder was tested on, if its data are still there and the same; else they are random ones over
the range of the input.

>>> same = agreement(np.array([[4.0, -10.0], [2.0, 2.1]]), np.array([[4.1, -10.0], [2.1, 2.0]]), 0.02)
>>> same.items, same.same_class, round(same.most, 3), same.holds
(2, 1, 0.01, True)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from sarto.core.artifact import AGAIN
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph, infer, items_of, load_graph
from sarto.core.seed import generator
from sarto.data.examples import read_examples, shaped
from sarto.data.source import source_sha256
from sarto.deploy.lower.layout import channels_last
from sarto.deploy.onnx.floats import float_model
from sarto.deploy.onnx.integers import FULL, integer_model
from sarto.measure.model import RawSequences, read_pinned
from sarto.measure.session import PRECISE, Session

INTEGER_TOLERANCE = 0.03
"""Of some 170 random networks on 40 items each half differed by less than 6e-5 of the largest score, which is the
rounding of the scores, and the worst by .014: one number of a small tensor that was a count off."""
FLOAT_TOLERANCE = 1e-4
"""Sums of some thousand products in float32, in another order: 2^-24 of each."""
RANDOM_ITEMS = 256
MOST_ITEMS = 2000
"""Test items that are run, spread evenly."""
RUNS = 301
"""Runs behind a latency."""
STORED, GRAPH = "network.sarto", "graph.npz"
Scores = Num[np.ndarray, "item score"]


@dataclass(frozen=True)
class Agreement:
    """How far two sides say the same.

    Attributes:
        items: that both were given.
        same_class: items to which both give the same class.
        most: largest difference of a score, as a share of the largest score.
        holds: whether that is within the tolerance, and no class differs that had a clear lead.
    """

    items: int
    same_class: int
    most: float
    holds: bool


def agreement(ours: Scores, theirs: Scores, tolerance: float) -> Agreement:
    """Return how far two tables of scores agree; see the module for what has to hold."""
    largest = max(float(np.abs(ours).max()), float(np.finfo(np.float32).tiny))
    most = float(np.abs(theirs - ours).max()) / largest
    same = ours.argmax(axis=1) == theirs.argmax(axis=1)
    best = np.sort(ours, axis=1)[:, -2:]
    clear = best[:, -1] - best[:, 0] > 2 * tolerance * largest
    holds = bool(most <= tolerance and not (clear & ~same).any())
    return Agreement(len(ours), int(same.sum()), most, holds)


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """An ONNX file that agrees with the model it was made of.

    Attributes:
        data: the file.
        integers: whether it computes in them.
        items: what it was compared on.
        evidence: how far it agrees, and its latency.
        remarks: what its user has to know.
        beside: files that belong to it, by name: other widths, and the weights that all read.
    """

    data: bytes
    integers: bool
    items: str
    evidence: tuple[Evidence, ...]
    remarks: tuple[str, ...]
    beside: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True, eq=False)
class _Model:
    """What a folder holds: the file, its input's scale (0 for floats) and limits, what gives our scores, and items."""

    data: bytes
    shape: tuple[int, ...]
    scale: float
    limits: tuple[int, int]
    score: Any
    kept: Float[np.ndarray, "item ..."] | None = None

    @property
    def tolerance(self) -> float:
        return INTEGER_TOLERANCE if self.scale else FLOAT_TOLERANCE


def onnx_of_folder(out: Path, manifest: Mapping[str, Any], command: str) -> OnnxFile:
    """Return the model of a finished folder as an ONNX file, after running it.

    Args:
        out: the folder, whose files were checked against the manifest.
        manifest: of it.
        command: that shows the evidence again.

    Raises:
        SartoError: E134, for a model on a stream or an operation that ONNX does not have; E403, when the file says
            something else than the model; E114, when the folder does not say what its items are.
    """
    if GRAPH in manifest["files"] and (nested := load_graph(out / GRAPH)).groups > 1:
        from sarto.measure.onnx_widths import onnx_widths

        return onnx_widths(out, nested, tuple(manifest["input"]["shape"]), command)
    model = _stored(out, manifest) if STORED in manifest["files"] else _graph(out, manifest)
    x, items = _items(out, model)
    session, ours = Session(model.data), model.score(x)
    found = agreement(ours, session.scores(x), model.tolerance)
    if not found.holds:
        raise SartoError(
            "E403",
            f"the ONNX file says something else than the model of {out}",
            cause=f"{found.same_class} of {found.items} classes are the same, and scores differ by up to "
            f"{found.most:.2g} of the largest; {model.tolerance:g} is allowed, on {items}",
            hint="this is a fault of sarto: please report it with the output folder",
        )
    subject = hashlib.sha256(model.data).hexdigest()
    common: dict[str, Any] = dict(how="measured", tool=session.tool, command=command, subject_sha256=subject)
    times = session.latencies(x, RUNS)
    low, high = np.quantile(times, (0.025, 0.975)).tolist()
    middle = float(np.median(times))
    evidence = (
        Evidence(
            "share of the same class in ONNX", found.same_class / found.items, "1", n=found.items, **common
        ),
        Evidence("largest error in ONNX", found.most, "1", n=found.items, **common),
        Evidence("latency", middle, "s", n=RUNS, interval=(low, high), **common),
    )
    remarks = _unless_precise(model, x, ours) if model.scale else ()
    return OnnxFile(model.data, bool(model.scale), items, evidence, remarks)


def _unless_precise(model: _Model, x: Float[np.ndarray, "item ..."], ours: Scores) -> tuple[str, ...]:
    """Return what to say where the file is wrong on this processor without the option for exact sums."""
    plain = agreement(ours, Session(model.data, precise=False).scores(x), model.tolerance)
    if plain.holds:
        return ()
    return (
        f"on this processor ONNX Runtime needs the option {PRECISE}=1: without it sums of 8-bit products saturate, "
        f"{plain.same_class} of {plain.items} classes are the same, and scores differ by up to {plain.most:.2g} of the "
        "largest",
    )


def _stored(out: Path, manifest: Mapping[str, Any]) -> _Model:
    """Return the network in the file of `sarto compress`, in integers if it computes in them."""
    from sarto.compress.container import MOST_B
    from sarto.compress.state import restored
    from sarto.deploy.lower.network import lower_network
    from sarto.models.network.module import predict

    if "front_end" in manifest["input"]:
        raise SartoError(
            "E135",
            f"{out} hears samples, which a file of --to onnx does not",
            cause="its front end is integer C, and the file would be the network behind it alone",
            hint="take --to c or --to cmake",
        )
    network = restored((out / STORED).read_bytes(), MOST_B).eval()
    shape, classes = network.architecture.input_shape, tuple(map(str, manifest["classes"]))
    if not len(network.quantisers):

        def say(x: Float[np.ndarray, "item ..."]) -> Scores:
            return predict(network, x).reshape(len(x), -1)

        data = float_model(network.architecture, network.arrays(), classes)
        return _Model(data, shape, 0.0, (0, 0), say)
    lowered = lower_network(network, classes)
    return _integers(lowered.graph, shape, lowered.limits)


def _graph(out: Path, manifest: Mapping[str, Any]) -> _Model:
    """Return the graph of whole items in a folder that has no container."""
    graph = load_graph(out / GRAPH)
    if graph.whole and graph.quanta:
        raise SartoError(
            "E134",
            f"the model of {out} predicts numbers",
            cause="files of ONNX are written of networks that tell classes apart",
            hint="deploy it with --to c or --to cmake",
        )
    if graph.whole and graph.whole[0].kind == "standardise":
        unit = np.array([c["scale"] for c in manifest["input"]["channels"]], np.float64)
        return _behind_sensor(graph, unit, read_pinned(out))
    shape = manifest["input"].get("shape")
    (given,) = graph.kind("input")
    if shape is None and graph.whole:
        raise SartoError(
            "E114", f"{out} does not say what its items are", cause="input.shape is missing", hint=AGAIN
        )
    return _integers(graph, tuple(shape or ()), FULL.get(given.dtype, (0, 0)))


def _behind_sensor(graph: Graph, unit: Float[np.ndarray, " channel"], pinned: RawSequences) -> _Model:
    """Return a network that reads the words of a sensor, as one of values (channel, step) in their units."""
    (given,), (scores,) = graph.kind("input"), graph.kind("output")
    assert scores.scale is not None
    score_unit, word = scores.scale, np.iinfo(given.dtype).max

    def say(x: Float[np.ndarray, "item ..."]) -> Scores:
        words = np.floor(x.astype(np.float64).swapaxes(1, 2)[:, None] / unit + 0.5).clip(-word, word)
        return infer(graph, words.astype(np.int64)).scores * score_unit

    shape = given.shape[2], given.shape[1]
    kept = (items_of(graph, pinned.raw, pinned.offsets)[:, 0] * unit).swapaxes(1, 2).astype(np.float32)
    data = integer_model(graph, shape, unit=unit)
    return _Model(data, shape, float(unit.max()), (-word, word), say, kept)


def _integers(graph: Graph, shape: tuple[int, ...], limits: tuple[int, int]) -> _Model:
    data = integer_model(graph, shape, limits)
    (given,), (scores,) = graph.kind("input"), graph.kind("output")
    assert given.scale is not None and scores.scale is not None
    scale, unit = given.scale, scores.scale

    def say(x: Float[np.ndarray, "item ..."]) -> Scores:
        q = np.rint(x / np.float32(scale)).clip(*limits).astype(np.int64)
        return infer(graph, channels_last(q, skipped=1)).scores * unit

    return _Model(data, shape, scale, limits, say)


def _items(out: Path, model: _Model) -> tuple[Float[np.ndarray, "item ..."], str]:
    """Return items to compare on, and what they are."""
    if model.kept is not None:
        return model.kept, f"the {len(model.kept)} items that the folder keeps"
    try:
        told = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
        source, wanted = str(told["data"]["source"]), told["split"]["test_sha256"]
        if source_sha256(source) == told["data"]["sha256"]:
            test = shaped(read_examples(source, int(told["seed"])).test, model.shape)
            if test.sha256 == wanted:
                chosen = np.unique(np.linspace(0, len(test) - 1, min(MOST_ITEMS, len(test))).astype(np.int64))
                return test.x[chosen], f"{len(chosen)} of the {len(test)} items it was tested on"
    except (SartoError, OSError, ValueError, KeyError, TypeError):
        pass
    low, high = (bound * model.scale for bound in model.limits) if model.scale else (-1.0, 1.0)
    drawn = generator(0, "onnx").uniform(low, high, (RANDOM_ITEMS, *model.shape))
    return drawn.astype(np.float32), f"{RANDOM_ITEMS} random items from {low:.3g} to {high:.3g}"
