"""Weights that are decoded while a layer runs: their streams, and the C of networks that have them, bit for bit."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Integer

from sarto.compress.entropy import entropy_bits
from sarto.core.graph import Graph
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.c.storage import Storage, block_b, can_stream, matrix, storage_of, stored
from sarto.deploy.c.streams import MOST_GAP, Coded, coded, decoded, sparse
from sarto.deploy.lower.network import lower_network
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.measure.zig import write_sources
from tests.deploy.c.test_emit_network import CASES
from tests.deploy.random_networks import quantised

ITEMS = 4
STREAMS: tuple[Storage, ...] = ("sparse", "coded")


def drawn(density: float, values: list[int], shape: tuple[int, int] = (60, 110), seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < density, rng.choice(values, shape), 0).astype(np.int8)


def with_empty_rows() -> np.ndarray:
    weights = drawn(0.3, [-2, 5])
    weights[[0, 1, 7, 58, 59]] = 0
    return weights


WEIGHTS = {
    "8 bits, sparse": drawn(0.05, list(range(-127, 128))),
    "8 bits, dense": drawn(1, list(range(-128, 128))),
    "ternary": drawn(0.4, [-93, 127]),
    "binary": drawn(1, [-1, 1]),
    "codebook": drawn(0.08, [-90, -41, -17, 16, 40, 127]),
    "one value": np.full((3, 5), 7, np.int8),
    "zeros": np.zeros((9, 40), np.int8),
    "empty rows": with_empty_rows(),
    "one weight": np.array([[-3]], np.int8),
    "a gap longer than any class": np.pad(np.array([[1, 2]], np.int8), ((0, 1), (0, MOST_GAP + 7))),
    "a last value": np.eye(1, 700, 699, np.int8),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_streams_restore_the_weights(kind: str) -> None:
    weights = WEIGHTS[kind]
    for found in (coded(weights), sparse(weights)):
        np.testing.assert_array_equal(decoded(found, weights.shape), weights)


def test_a_coded_stream_is_as_short_as_independent_weights_allow() -> None:
    weights = drawn(0.08, [-90, -41, -17, 16, 40, 127], (300, 784))
    least = entropy_bits(weights) / 8
    assert least < coded(weights).stream.nbytes < 1.01 * least


def test_a_symbol_that_is_alone_takes_nothing() -> None:
    assert not coded(np.full((300, 784), 7, np.int8)).stream.size


def sparser(graph: Graph, share: float = 0.3) -> Graph:
    """The graph with most of its weights pruned, so that the sums stay within what was proven."""
    rng = np.random.default_rng(7)
    names = {op.inputs["weights"] for op in graph.whole if can_stream(graph, op)}
    tensors = [
        replace(t, data=np.where(rng.random(t.shape) < share, graph.const(t.name), 0).astype(t.dtype))
        if t.name in names
        else t
        for t in graph.tensors
    ]
    return replace(graph, tensors=tuple(tensors))


def network(seed: int) -> tuple[Graph, RawSequences]:
    _, small, data = quantised(seed)
    found = lower_network(small, data.classes)
    return sparser(found.graph), of_items(found.items(data.x[:ITEMS]))


def used(graph: Graph) -> set[str]:
    return {f"{op.kind} {storage_of(op)}" for op in graph.whole if can_stream(graph, op)}


@pytest.mark.parametrize("seed", [0, 4, 8])
def test_host(seed: int) -> None:
    graph, sequences = network(seed)
    for storage in STREAMS:
        made = stored(graph, (storage,))
        said = run_on_host(emit(made), sequences.listed(), sanitize=True)
        check_equal(outputs(graph, sequences), said, "NumPy", storage)
        assert {f"conv {storage}", f"dense {storage}"} & used(made)


CORES: tuple[tuple[int, str, Name, Storage], ...] = (
    (0, "cortex_m4", "zig", "coded"),
    (4, "cortex_m0plus", "zig", "coded"),
    (3, "cortex_m4", "gcc", "coded"),
    (5, "cortex_m4", "zig", "sparse"),
)


@pytest.mark.parametrize(("seed", "name", "compiler", "storage"), CORES)
def test_cores(seed: int, name: str, compiler: Name, storage: Storage) -> None:
    if compiler == "gcc" and shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("needs the program arm-none-eabi-gcc")
    graph, sequences = network(seed)
    made = stored(graph, (storage,))
    image = build(emit(made), device(name), compiler=compiler)
    check_equal(outputs(graph, sequences), emulate(image, sequences.listed()).outputs, "NumPy", name)
    assert not image.diagnostics
    assert image.constants["MODEL_ARENA_BYTES"] == arena_b(made) <= image.static_ram_b


KINDS: tuple[tuple[str, Storage], ...] = (*((name, "coded") for name in CASES), ("LEAKY", "sparse"))


@pytest.mark.parametrize(("name", "storage"), KINDS)
def test_every_kind_of_rescaling(name: str, storage: Storage) -> None:
    graph, sequences = CASES[name], of_items(np.random.default_rng(5).integers(-127, 128, (20, 7)))
    source = emit(stored(graph, (storage,)))
    assert "bias_0" in source["model.c"], "one factor for all rows is stored once"
    check_equal(outputs(graph, sequences), run_on_host(source, sequences.listed()), "NumPy", "C")


def test_biases_beyond_16_bits_lie_in_the_rows_of_factors() -> None:
    graph = CASES["SCORES"]
    large = np.array([-32769, 40000, 5, -6, 32767], np.int32)
    tensors = [replace(t, data=large) if t.name == "b" else t for t in graph.tensors]
    wide = replace(graph, tensors=tuple(tensors))
    source = emit(stored(wide, ("coded",)))
    assert "bias_0" not in source["model.c"]
    sequences = of_items(np.random.default_rng(6).integers(-127, 128, (20, 7)))
    check_equal(outputs(wide, sequences), run_on_host(source, sequences.listed()), "NumPy", "C")


def test_no_more_than_four_rows_are_ever_laid_out() -> None:
    for seed in (0, 1):
        graph, _ = network(seed)
        made = stored(graph, ("coded",))
        most = max(block_b(made, op) for op in made.whole)
        assert arena_b(made) <= arena_b(graph) + most
        assert most <= max(
            4 * (matrix(graph, op).shape[1] + 3) for op in graph.whole if can_stream(graph, op)
        )


def one_layer(weights: Integer[np.ndarray, "row column"]) -> Graph:
    """The graph of one fully connected layer with these weights."""
    graph, count = CASES["SCORES"], len(weights)
    sizes = {"w": weights.astype(np.int8), **{n: np.resize(graph.const(n), count) for n in ("b", "m", "s")}}
    tensors = [
        replace(t, data=sizes[t.name], shape=sizes[t.name].shape) if t.name in sizes else t
        for t in graph.tensors
    ]
    tensors = [replace(t, shape=(weights.shape[1],)) if t.name == "x" else t for t in tensors]
    tensors = [replace(t, shape=(count,)) if t.name == "y" else t for t in tensors]
    return replace(graph, tensors=tuple(tensors), outputs=tuple(map(str, range(count))))


def test_the_smallest_storage_is_chosen_and_the_code_counts() -> None:
    def chosen(weights: np.ndarray, *allowed: Storage) -> str:
        return storage_of(stored(one_layer(weights), allowed or ("plain", *STREAMS)).whole[0])

    values = list(range(-127, 128))
    assert chosen(drawn(1, values)) == "plain"
    assert chosen(drawn(0.02, values, (200, 300))) == "sparse"
    assert chosen(drawn(0.1, [-5, 9], (200, 300))) == "coded"
    assert chosen(drawn(0.02, values, (6, 20))) == "plain", "no code for a few bytes"
    assert chosen(drawn(0.1, [-5, 9], (200, 300)), "plain", "sparse") == "sparse"
    assert chosen(drawn(0.1, [-5, 9], (200, 300)), "plain") == "plain"
    assert chosen(drawn(1, values), "coded") == "coded"


@pytest.mark.parametrize("seed", [4, 8])
def test_a_damaged_stream_is_other_weights_and_nothing_else(
    seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    graph, sequences = network(seed)

    def spoilt(rows: Integer[np.ndarray, "row column"]) -> Coded:
        found = coded(rows)
        noise = rng.integers(0, 65536, max(1, len(found.stream) + int(rng.integers(-3, 4)))).astype(np.uint16)
        kept = replace(found, stream=noise)
        meant[len(meant)] = decoded(kept, rows.shape).astype(np.int8)
        return kept

    meant: dict[int, np.ndarray] = {}
    made = stored(graph, ("coded",))
    monkeypatch.setattr("sarto.deploy.c.storage.coded", spoilt)
    source = emit(made)
    names = [op.inputs["weights"] for op in made.whole if storage_of(op) == "coded"]
    other = {name: meant[i].reshape(graph.by_name[name].shape) for i, name in enumerate(names)}
    tensors = tuple(replace(t, data=other[t.name]) if t.name in other else t for t in graph.tensors)
    want = outputs(replace(graph, tensors=tensors), sequences)
    check_equal(want, run_on_host(source, sequences.listed(), sanitize=True), "NumPy", "C")
    _sanitized(source, sequences, tmp_path)


MAIN = """\
#include "model.h"
static model_arena arena;
static const int32_t raw[] = {%s};
int main(void)
{
    model_sample line[MODEL_CHANNELS];
    model_init(&arena);
    for (unsigned i = 0; i < sizeof raw / sizeof *raw; i += MODEL_CHANNELS) {
        for (int c = 0; c < MODEL_CHANNELS; c++)
            line[c] = (model_sample)raw[i + c];
        model_step(&arena, line);
    }
    return model_predict(&arena) < 0;
}
"""


def _sanitized(source: dict[str, str], sequences: RawSequences, folder: Path) -> None:
    """Run the first item under AddressSanitizer of the host's own compiler, where there is one."""
    program = shutil.which("gcc")
    if program is None:
        return
    numbers = ", ".join(map(str, sequences[0].reshape(-1).tolist()))
    inputs = write_sources({**source, "main.c": MAIN % numbers}, folder)
    flags = ["-std=c99", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run([program, *flags, *inputs, "-o", "model"], cwd=folder, check=True, capture_output=True)
    done = subprocess.run([folder / "model"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr[-2000:]


def test_the_decoder_has_at_most_100_lines_and_no_float() -> None:
    kernels = files("sarto.deploy.c") / "kernels"
    text = "".join(
        (kernels / f"network_{n}.c").read_text(encoding="utf-8") for n in ("coded", "stream_dense")
    )
    assert text.count("\n") <= 100
    assert not any(word in text for word in ("float", "double", "malloc", "#include"))
