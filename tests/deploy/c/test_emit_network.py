"""The C of networks against their definition in NumPy, bit for bit: on this host and on emulated cores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.c.network import scaling
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, of_items, outputs
from sarto.measure.outputs import check_equal
from tests.deploy.random_networks import mixed, quantised

ITEMS = 6
SEEDS = range(8)
MIXED = (6, 9)
MIXED_ON_CORES = ((9, "cortex_m4"), (6, "cortex_m0plus"))
ON_CORES = ((3, "cortex_m0plus"), (4, "cortex_m4"), (5, "cortex_m33"), (8, "rv32imc"))


def lowered(seed: int) -> tuple[Lowered, RawSequences]:
    _, small, data = quantised(seed)
    found = lower_network(small, data.classes)
    return found, of_items(found.items(data.x[:ITEMS]))


def of_everything(seed: int) -> tuple[Lowered, RawSequences]:
    _, small, data = quantised(seed, mixed(seed))
    found = lower_network(small, data.classes)
    return found, of_items(found.items(data.x[:ITEMS]))


@pytest.mark.parametrize("seed", MIXED)
def test_every_operation_on_this_host(seed: int) -> None:
    found, sequences = of_everything(seed)
    said = run_on_host(emit(found.graph), sequences.listed(), sanitize=True)
    check_equal(outputs(found.graph, sequences), said, "NumPy", "C")


@pytest.mark.parametrize(("seed", "name"), MIXED_ON_CORES)
def test_every_operation_on_cores(seed: int, name: str) -> None:
    found, sequences = of_everything(seed)
    image = build(emit(found.graph), device(name))
    check_equal(outputs(found.graph, sequences), emulate(image, sequences.listed()).outputs, "NumPy", name)
    assert not image.diagnostics


def test_nothing_is_left_out() -> None:
    ops = [op for seed in MIXED for op in of_everything(seed)[0].graph.whole]
    wanted = {
        "dense",
        "conv",
        "mean",
        "max",
        "add",
        "concat",
        "table",
        "mam",
        "mam_conv",
        "reshape",
        "argmax",
    }
    assert {op.kind for op in ops} == wanted
    assert {("skip" in op.inputs) for op in ops if op.kind.startswith("mam")} == {True, False}


@pytest.mark.parametrize("seed", SEEDS)
def test_host(seed: int) -> None:
    found, sequences = lowered(seed)
    said = run_on_host(emit(found.graph), sequences.listed(), sanitize=True)
    check_equal(outputs(found.graph, sequences), said, "NumPy", "C")


@pytest.mark.parametrize(("seed", "name"), ON_CORES)
def test_cores(seed: int, name: str) -> None:
    found, sequences = lowered(seed)
    image = build(emit(found.graph), device(name))
    run = emulate(image, sequences.listed())
    check_equal(outputs(found.graph, sequences), run.outputs, "NumPy", name)
    assert not image.diagnostics
    assert image.constants["MODEL_ARENA_BYTES"] == arena_b(found.graph) <= image.static_ram_b


def made_up(factor: int, shift: int, out: str = "int8", below: tuple[int, int] | None = None) -> Graph:
    """One fully connected layer of 5 outputs on 7 numbers."""
    rng = np.random.default_rng(3)
    consts = {
        "w": rng.integers(-127, 128, (5, 7)).astype(np.int8),
        "b": rng.integers(-500, 500, 5).astype(np.int32),
        "m": np.full(5, factor, np.int16),
        "s": np.full(5, shift, np.uint8),
    }
    inputs = {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}
    if below:
        consts |= {"mb": np.full(5, below[0], np.int16), "sb": np.full(5, below[1], np.uint8)}
        inputs |= {"factor_below": "mb", "shift_below": "sb"}
    tensors = [Tensor(name, str(a.dtype), a.shape, "const", a) for name, a in consts.items()]
    tensors += [Tensor("x", "int8", (7,), "input"), Tensor("y", out, (5,), "output")]
    low, high = {"int8": (-127, 127), "uint8": (0, 255)}.get(out, (-(2**30), 2**30))
    op = Op("dense", inputs, {"y": "y"}, {"low": low, "high": high})
    return Graph(
        "model",
        tuple(tensors),
        (),
        (),
        (),
        1,
        0,
        None,
        tuple("abcde"),
        (),
        (),
        (op, Op("argmax", {"x": "y"}, {})),
    )


CASES = {
    "BYTE": made_up(20000, 24, "uint8"),
    "HIGH": made_up(20000, 24),
    "LEAKY": made_up(20000, 24, below=(20000, 26)),
    "GENERAL": made_up(20000, 15),
    "SCORES": made_up(20000, 15, "int32"),
    "WIDE": made_up(32767, 16, "int32"),
    "HIGH with a factor of 0": made_up(0, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_rescaling(name: str) -> None:
    graph = CASES[name]
    assert scaling(graph, graph.whole[0])[0] == name.partition(" ")[0]
    sequences = of_items(np.random.default_rng(5).integers(-127, 128, (40, 7)))
    check_equal(outputs(graph, sequences), run_on_host(emit(graph), sequences.listed()), "NumPy", "C")


def test_lines_that_are_missing_are_zeros() -> None:
    found, sequences = lowered(4)
    first = sequences[0]
    cut, whole = first[: len(first) // 2], first.copy()
    whole[len(cut) :] = 0
    said = run_on_host(emit(found.graph), [cut, whole, np.concatenate([first, cut])])
    assert said.scores[0].tolist() == said.scores[1].tolist()
    assert said.scores[2].tolist() == outputs(found.graph, sequences).scores[0].tolist()


def test_what_has_no_kernel_is_refused() -> None:
    graph = CASES["HIGH"]
    strange = replace(graph, whole=(replace(graph.whole[0], kind="strange"), graph.whole[1]))
    with pytest.raises(SartoError, match="'y'") as caught:
        emit(strange)
    assert caught.value.code == "E126" and "strange" in str(caught.value.cause)


def test_a_layer_beyond_16_bits_is_refused() -> None:
    graph = CASES["HIGH"]
    wide = np.zeros((5, 65540), np.int8)
    tensors = [t for t in graph.tensors if t.name not in ("w", "x")]
    tensors += [Tensor("w", "int8", wide.shape, "const", wide), Tensor("x", "int8", (65540,), "input")]
    with pytest.raises(SartoError, match="'y'") as caught:
        emit(replace(graph, tensors=tuple(tensors)))
    assert "65540" in str(caught.value.cause)
