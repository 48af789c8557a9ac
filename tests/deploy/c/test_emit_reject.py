"""The reject option in C against its definition in NumPy, bit for bit; without it the C is what it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sarto.core.graph import Graph, Op, Tensor, Window, infer, interpret, load_graph, save_graph
from sarto.core.graph.last_layer import columns_of, outputs_of
from sarto.core.graph.reject import Rule, margins, said
from sarto.deploy.c.emit import emit
from sarto.deploy.reject import with_beside, with_reject
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, interpreted, of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.models.input_error import InputError
from tests.core.graph.companions import companion
from tests.core.graph.graphs import raw_words, small_graph
from tests.deploy.c.test_emit import equal_on_sequences

LENGTHS = [6, 1, 9, 13, 3, 0, 12, 2, 8, 11, 7, 10, 5, 14, 4, 9]


def network() -> Graph:
    """A dense layer of whole items."""
    rng = np.random.default_rng(0)
    consts = {
        "w": rng.integers(-90, 90, (3, 4)).astype(np.int8),
        "b": np.array([0, 1, -5], np.int32),
        "m": np.array([16384] * 3, np.int16),
        "s": np.array([16] * 3, np.uint8),
    }
    tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
    tensors += [Tensor("x", "int8", (4,), "input"), Tensor("y", "int32", (3,), "output")]
    inputs = {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}
    dense = Op("dense", inputs, {"y": "y"}, {"low": -(2**30), "high": 2**30})
    program = (dense, Op("argmax", {"x": "y"}, {}))
    return Graph("model", tuple(tensors), (), (), (), 1, 0, None, ("a", "b", "c"), (), (), program)


def rule_of(graph: Graph, sequences: RawSequences, *, box: bool) -> Rule:
    """A rule under which items are answered, and rejected for either reason; with a box, one lies on its border."""
    scores = interpreted(graph, sequences).scores
    least = np.full(len(graph.outputs), int(np.median(margins(scores))), np.int64)
    if not box:
        return Rule(least)
    centre = np.tile(np.median(scores, axis=0).astype(np.int64), (len(graph.outputs), 1))
    radius = np.abs(scores - centre[0])[margins(scores).argmax()]
    return Rule(least // 4, centre, np.tile(radius, (len(graph.outputs), 1)))


def beside_of(graph: Graph, sequences: RawSequences) -> Rule:
    """A rule with three outputs beside the scores, by which alone items are rejected; one lies on its border."""
    columns = columns_of(graph, sequences.raw, sequences.offsets)
    assert columns is not None
    rows = np.random.default_rng(7).integers(-127, 128, (3, columns.shape[1])).astype(np.int8)
    seen, classes = outputs_of(with_beside(graph, rows), columns), len(graph.outputs)
    assert (seen[:, :classes] == interpreted(graph, sequences).scores).all()
    centre = np.median(seen, axis=0).astype(np.int64)
    off = np.abs(seen - centre)[:, classes:]
    radius = np.append(np.full(classes, 2**32 - 1), off[np.argsort(off.max(axis=1))[len(off) // 2]].max())
    far = np.append(radius[:classes], np.full(3, radius[-1]))
    return Rule(np.zeros(classes, np.int64), np.tile(centre, (classes, 1)), np.tile(far, (classes, 1)), rows)


def cases() -> dict[str, tuple[Graph, RawSequences]]:
    """A graph of each way to decide, with what it is given."""
    rng = np.random.default_rng(1)
    made: dict[str, tuple[Graph, RawSequences]] = {}
    for name, graph in {
        "readout": small_graph(0, classes=3),
        "windows": small_graph(1, classes=4, window=Window(5, 2)),
        "forest": companion(("mean", "deviation"), "forest"),
        "features": companion(("mean", "deviation"), "random_features"),
    }.items():
        made[name] = graph, RawSequences(*raw_words(3, LENGTHS, channels=len(graph.channels)))
    made["network"] = network(), of_items(rng.integers(-127, 128, (40, 4)).astype(np.int8))
    return made


CASES = cases()
PLAIN = [name for name in CASES if name != "features"]
"""Those whose last operation is another."""


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("name", PLAIN)
def test_the_c_on_this_host_answers_and_rejects_as_numpy_does(name: str, box: bool) -> None:
    plain, sequences = CASES[name]
    graph = with_reject(plain, rule_of(plain, sequences, box=box))
    wanted = outputs(graph, sequences)
    assert 0 < (wanted.classes == len(graph.outputs)).sum() < len(sequences)
    if graph.whole:
        check_equal(wanted, run_on_host(emit(graph), sequences.listed(), sanitize=True), "NumPy", "C")
    else:
        equal_on_sequences(graph, sequences.raw, sequences.offsets)


@pytest.mark.parametrize("name", ["readout", "features", "network"])
def test_outputs_beside_the_scores_reject_in_c_as_in_numpy_and_leave_the_scores_alone(name: str) -> None:
    plain, sequences = CASES[name]
    rule = beside_of(plain, sequences)
    graph, classes = with_reject(plain, rule), len(plain.outputs)
    without, wanted = interpreted(plain, sequences), outputs(graph, sequences)
    assert (wanted.scores == without.scores).all()
    rejected = wanted.classes == classes
    assert 0.3 < rejected.mean() < 0.7 and (wanted.classes == without.classes)[~rejected].all()
    if graph.whole:
        check_equal(wanted, run_on_host(emit(graph), sequences.listed(), sanitize=True), "NumPy", "C")
    else:
        equal_on_sequences(graph, sequences.raw, sequences.offsets)
    assert f"MODEL_OUTPUTS {classes}\n" in emit(graph)["model.h"]
    assert with_reject(graph, None).sha256 == plain.sha256
    assert with_reject(graph, Rule(rule.least)).sha256 == with_reject(plain, Rule(rule.least)).sha256


@pytest.mark.parametrize("name", ["readout", "network"])
def test_an_emulated_core_answers_and_rejects_as_numpy_does(name: str) -> None:
    plain, sequences = CASES[name]
    graph = with_reject(plain, beside_of(plain, sequences))
    image = build(emit(graph), device("cortex_m4"))
    check_equal(outputs(graph, sequences), emulate(image, sequences.listed()).outputs, "NumPy", "cortex_m4")
    assert not image.diagnostics


@pytest.mark.parametrize("name", PLAIN)
def test_without_the_option_the_c_is_what_it_was(name: str) -> None:
    plain, sequences = CASES[name]
    made = with_reject(plain, rule_of(plain, sequences, box=True))
    assert made.sha256 != plain.sha256
    assert with_reject(made, None).sha256 == plain.sha256
    assert emit(with_reject(made, None)) == emit(plain)
    assert "reject" not in "".join(emit(plain).values())
    assert f"{len(plain.outputs)} rejected" in emit(made)["model.h"]


def test_margins_of_all_32_bits_and_a_class_that_is_never_said() -> None:
    graph = with_reject(network(), Rule(np.array([0, 2**32 - 1, 2**31 + 5])))
    items = np.random.default_rng(2).integers(-127, 128, (60, 4)).astype(np.int8)
    found = infer(graph, items)
    best = found.scores.argmax(axis=1)
    assert (found.classes == np.where(best == 0, 0, 3)).all() and (best == 1).any()
    extremes = np.array([[2**31 - 2, -(2**31) + 2, -5], [5, -(2**31) + 2, 2**31 - 2]])
    assert said(extremes, Rule(np.array([2**31 + 4, 0, 2**31 - 6]))).tolist() == [3, 3]
    assert said(extremes, Rule(np.array([2**31 + 3, 0, 2**31 - 7]))).tolist() == [0, 2]


def test_the_option_survives_a_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.npz"
    plain, sequences = CASES["readout"]
    graph = with_reject(plain, rule_of(plain, sequences, box=True))
    save_graph(graph, path)
    again = load_graph(path)
    assert again.sha256 == graph.sha256
    assert (
        interpret(again, sequences.raw, sequences.offsets).classes == outputs(graph, sequences).classes
    ).all()


def test_what_says_no_class_has_nothing_to_reject() -> None:
    with pytest.raises(InputError, match="nothing to reject") as refused:
        with_reject(small_graph(0, forecast=True), Rule(np.array([1, 2, 3])))
    assert refused.value.code == "E158"
    table, row = np.ones((3, 4), np.int64), np.ones((1, 4), np.int8)
    for rule, cause in (
        (Rule(np.array([1])), "the rule is for 1 classes, and the graph has 3"),
        (Rule(np.ones(3, np.int64), table, table), "its box is of 4 outputs, 0 of them beside the scores"),
        (
            Rule(np.ones(3, np.int64), table, table, row[:, :2]),
            "its last layer reads 4 numbers, and the rows have 2",
        ),
    ):
        with pytest.raises(InputError, match="does not suit") as refused:
            with_reject(network(), rule)
        assert (refused.value.code, refused.value.cause) == ("E158", cause)
    with pytest.raises(InputError, match="no place for more outputs"):
        with_reject(CASES["forest"][0], Rule(np.ones(3, np.int64), table, table, row))
