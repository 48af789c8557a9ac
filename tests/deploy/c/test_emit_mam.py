"""The C of MAM layers, in full and of kept weights, bit for bit against NumPy: on this host and on emulated cores."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import Int

from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.network import Slide
from sarto.deploy.c.emit import emit
from sarto.deploy.c.mam import is_direct
from sarto.deploy.c.network import arena_plan
from sarto.deploy.lower.mam import stored
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import of_items, outputs
from sarto.measure.outputs import check_equal


class Fan:
    """MAM operations on an image of signed numbers, `x`, or of others, `u`; the scores are what all of them return."""

    def __init__(self, seed: int, shape: tuple[int, ...]) -> None:
        self.rng = np.random.default_rng(seed)
        entries = self.rng.permutation(256).astype(np.uint8)
        self.ops = [Op("table", {"x": "x", "table": "entries"}, {"y": "u"})]
        self.tensors = {"x": Tensor("x", "int8", shape, "input"), "u": Tensor("u", "uint8", shape, "scratch")}
        self.tensors["entries"] = Tensor("entries", "uint8", (256,), "const", entries)
        self.vectors: list[str] = []

    def tensor(self, name: str, dtype: str, shape: tuple[int, ...]) -> str:
        self.tensors[name] = Tensor(name, dtype, shape, "scratch")
        return name

    def weights(
        self, outputs: int, length: int, density: float, splits: int
    ) -> Int[np.ndarray, "output row"]:
        """Where some were pruned, two outputs begin with whole runs, of one sign each, and the last run is empty."""
        found = self.rng.integers(1, 128, (outputs, length)) * self.rng.choice([-1, 1], (outputs, length))
        if density < 1:
            runs = found.reshape(outputs, splits, -1)
            kept = self.rng.random(runs.shape) < density
            kept[:2, 0], kept[-1, -1] = True, False
            runs *= kept
            runs[0, 0], runs[1, 0] = abs(runs[0, 0]), -abs(runs[1, 0])
        return found

    def put(self, read: str, outputs: int, density: float, **slide: int) -> None:
        number, splits, given = len(self.ops), slide.get("splits", 1), self.tensors[read]
        shape, kind, length = (outputs,), "mam", int(np.prod(given.shape))
        if "kernel_row" in slide:
            slide = {"groups": 1, **slide}
            kernel = (slide["kernel_row"], slide["kernel_column"])
            shape, kind = (*Slide.of(kernel, slide).size(*given.shape[:2]), outputs), "mam_conv"
            length = kernel[0] * kernel[1] * given.shape[2] // slide["groups"]
        made = stored(self.weights(outputs, length, density, splits), splits)
        reach = int(np.ceil(np.log2(splits**0.5 * 127 * (127 if read == "x" else 255) / 300)))
        made |= {
            "bias": (self.rng.integers(-3000, 3000, outputs), "int32"),
            "factor": (self.rng.integers(2**14, 2**15, outputs), "int16"),
            "shift": (np.full(outputs, 15 + reach), "uint8"),
        }
        inputs = {"x": read}
        for role, (data, dtype) in made.items():
            name = inputs[role] = f"{role}_{number}"
            self.tensors[name] = Tensor(name, dtype, data.shape, "const", data.astype(dtype))
        signed = bool(number % 3)
        limits = {"low": -127 if signed else 0, "high": 127 if signed else 255}
        out = self.tensor(f"y{number}", "int8" if signed else "uint8", shape)
        self.ops.append(Op(kind, inputs, {"y": out}, {"splits": splits, **slide, **limits}))
        self.vectors.append(self.tensor(f"v{number}", self.tensors[out].dtype, (int(np.prod(shape)),)))
        self.ops.append(Op("reshape", {"x": out}, {"y": self.vectors[-1]}))

    def graph(self) -> Graph:
        size = sum(self.tensors[name].shape[0] for name in self.vectors)
        rescales = {f"factor_{i}": 1 for i in range(len(self.vectors))}
        rescales |= {f"shift_{i}": 0 for i in range(len(self.vectors))}
        reads = {f"x{i}": name for i, name in enumerate(self.vectors)}
        ends = {"scores": Tensor("scores", "int32", (size,), "output")}
        join = Op("concat", reads, {"y": "scores"}, {**rescales, "low": -127, "high": 255})
        tensors = tuple((self.tensors | ends).values())
        ops = (*self.ops, join, Op("argmax", {"x": "scores"}, {}))
        return Graph("model", tensors, (), (), (), 1, 0, None, tuple(map(str, range(size))), (), (), ops)


def in_full() -> Graph:
    fan = Fan(1, (6, 7, 4))
    fan.put("x", 6, 1, kernel_row=3, kernel_column=2, padding_row=1, stride_column=2, groups=2, splits=2)
    fan.put("u", 4, 1, kernel_row=1, kernel_column=1, groups=2, splits=2)
    fan.put("x", 5, 1, kernel_row=3, kernel_column=2, dilation_row=2, padding_row=2, padding_column=1)
    fan.put("u", 7, 1, splits=6)
    fan.put("x", 3, 1)
    return fan.graph()


def kept() -> Graph:
    fan = Fan(2, (6, 7, 6))
    fan.put("u", 9, 0.3, kernel_row=3, kernel_column=3, padding_row=1, padding_column=1)
    fan.put("x", 6, 0.2, kernel_row=3, kernel_column=3, stride_row=2, groups=2, splits=3)
    fan.put("u", 12, 0.15, kernel_row=1, kernel_column=1)
    fan.put("x", 20, 0.3, splits=4)
    return fan.graph()


def both() -> Graph:
    """Runs of more than 255 entries, and what lies further than 255 behind; a sequence whose patches lie in it."""
    fan = Fan(3, (1, 320, 2))
    fan.put("x", 3, 1, kernel_row=1, kernel_column=5, stride_column=16)
    fan.put("u", 9, 0.004)
    return fan.graph()


FANS = {"in full": in_full, "kept": kept, "both": both}
CORES = (("in full", "cortex_m4"), ("kept", "cortex_m33"), ("kept", "cortex_m0plus"), ("both", "rv32imc"))


def items(graph: Graph, count: int) -> Int[np.ndarray, "item ..."]:
    """With the ends of the range."""
    (given,) = graph.kind("input")
    found = np.random.default_rng(7).integers(-127, 128, (count, *given.shape))
    found[0], found[1] = 127, -127
    return found


@pytest.mark.parametrize("name", FANS)
def test_host(name: str) -> None:
    graph = FANS[name]()
    sequences = of_items(items(graph, 20))
    said = outputs(graph, sequences)
    assert (np.abs(said.scores) < 120).mean() > 0.8 and said.scores.std() > 25
    check_equal(said, run_on_host(emit(graph), sequences.listed(), sanitize=True), "NumPy", "C")


@pytest.mark.parametrize(("name", "core"), CORES)
def test_cores(name: str, core: str) -> None:
    graph = FANS[name]()
    sequences = of_items(items(graph, 3))
    image = build(emit(graph), device(core))
    check_equal(outputs(graph, sequences), emulate(image, sequences.listed()).outputs, "NumPy", core)
    assert not image.diagnostics


def test_what_the_graphs_store() -> None:
    """That they are what they are called, wide counts and gathered and direct patches among them."""
    graphs = {name: made() for name, made in FANS.items()}
    mams = {name: [op for op in g.whole if op.kind.startswith("mam")] for name, g in graphs.items()}
    stores = {name: ["skip" in op.inputs for op in ops] for name, ops in mams.items()}
    assert stores == {"in full": [False] * 5, "kept": [True] * 4, "both": [False, True]}
    assert graphs["both"].const(mams["both"][1].inputs["count"]).dtype == np.uint16
    assert graphs["both"].const(mams["both"][1].inputs["skip"]).max() == 255
    assert graphs["kept"].const(mams["kept"][0].inputs["count"]).min() == 0
    direct = {
        name: [is_direct(graphs[name].by_name[op.inputs["x"]], op) for op in ops if op.kind == "mam_conv"]
        for name, ops in mams.items()
    }
    assert direct == {"in full": [False, True, False], "kept": [False, False, True], "both": [True]}
    assert "scratch 1" in arena_plan(graphs["in full"]).places
