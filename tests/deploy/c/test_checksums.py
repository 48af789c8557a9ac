"""Checksums of layers: any one wrong bit of them shows, they change no answer, and what passes is right again."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from jaxtyping import Integer

from sarto.core.bits import Places
from sarto.core.graph import Graph, Op, Tensor, Window
from sarto.deploy.c.checksums import KINDS, checked_readout, checksum, coverage, is_checked, residue
from sarto.deploy.c.emit import emit
from sarto.deploy.c.network import arena_plan
from sarto.deploy.c.storage import STORAGES
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.image import Image
from sarto.measure.injection import Answers, Injector
from sarto.measure.model import RawSequences, of_items, outputs
from sarto.measure.outputs import Outputs, check_equal
from tests.core.graph.graphs import raw_words, small_graph
from tests.deploy.c.chains import chain, items

GROUPS, PAIRS = 23, 30
"""Chains with groups of channels, and with the kernel for two places at a time."""


def flipped(
    values: Integer[np.ndarray, "*size"], place: tuple[int, ...], bit: int
) -> Integer[np.ndarray, "*size"]:
    made = values.copy()
    made[place] ^= values.dtype.type(-(2**bit) if bit == 8 * values.itemsize - 1 else 2**bit)
    return made


@pytest.mark.parametrize("signed", [True, False])
def test_any_one_wrong_bit_that_changes_a_sum_shows(signed: bool) -> None:
    rng = np.random.default_rng(int(signed))
    weights = rng.integers(-127, 128, (6, 9)).astype(np.int8)
    bias = rng.integers(-(2**20), 2**20, 6).astype(np.int32)
    x = rng.integers(-127 if signed else 0, 128 if signed else 256, 9)
    x[[2, 5]] = 0
    rows, base = checksum(weights, bias)
    assert residue(weights, bias, x, rows, base) == 0
    for at in itertools.product(range(6), range(9), range(8)):
        wrong = flipped(weights, at[:2], at[2])
        assert (residue(wrong, bias, x, rows, base) != 0) == (x[at[1]] != 0)
    for at in itertools.product(range(6), range(32)):
        assert residue(weights, flipped(bias, at[:1], at[1]), x, rows, base)
    narrow = rows.astype(np.int16)
    for at in itertools.product(range(9), range(16)):
        shown = residue(weights, bias, x, flipped(narrow, (0, at[0]), at[1]), base)
        assert (shown != 0) == (x[at[0]] != 0)
    assert all(residue(weights, bias, x, rows, base ^ 1 << bit) for bit in range(32))


def dense(weights: Integer[np.ndarray, "output tap"], storage: int = 0) -> Graph:
    """One fully connected layer of scores."""
    outputs, taps = weights.shape
    consts = {
        "w": weights.astype(np.int8),
        "b": np.arange(outputs, dtype=np.int32) - 7,
        "m": np.full(outputs, 16384, np.int16),
        "s": np.full(outputs, 16, np.uint8),
    }
    tensors = [Tensor(name, str(a.dtype), a.shape, "const", a) for name, a in consts.items()]
    tensors += [Tensor("x", "uint8", (taps,), "input"), Tensor("y", "int32", (outputs,), "output")]
    inputs = {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}
    op = Op("dense", inputs, {"y": "y"}, {"low": -(2**30), "high": 2**30, "storage": storage})
    names = tuple(map(str, range(outputs)))
    return Graph(
        "model", tuple(tensors), (), (), (), 1, 0, None, names, (), (), (op, Op("argmax", {"x": "y"}, {}))
    )


def test_sums_of_weights_beyond_16_bits_are_several_rows() -> None:
    weights = np.full((520, 6), 127)
    weights[:, 3] = -127
    rows, base = checksum(weights, np.zeros(520, np.int32))
    assert rows.shape == (3, 6) and abs(rows).max() < 2**15
    assert residue(weights, np.zeros(520, np.int32), np.arange(6) - 2, rows, base) == 0
    graph = dense(weights)
    given = of_items(items(graph, 3))
    source = emit(graph, checked=KINDS)
    assert source["model.c"].count("checked_uint8(check_0_") == 3
    check_equal(outputs(graph, given), run_on_host(source, given.listed(), sanitize=True), "NumPy", "C")


def test_a_stream_is_checked_too() -> None:
    rng = np.random.default_rng(3)
    weights = rng.integers(-9, 10, (12, 37)) * (rng.random((12, 37)) < 0.4)
    graph = dense(weights, STORAGES.index("coded"))
    given = of_items(items(graph, 2)[1:])
    of = injector(graph, KINDS, given)
    check_equal(outputs(graph, given), emulate(of.image, given.listed()).outputs, "NumPy", "cortex_m4")
    assert silent(of, "stream", 40) == 0


def test_checked_layers_say_the_same() -> None:
    graph = chain(GROUPS, 3)
    given = of_items(items(graph, 3))
    source = emit(graph, checked=KINDS)
    assert coverage(graph, KINDS).layers == source["model.c"].count("    TWICE(")
    check_equal(outputs(graph, given), run_on_host(source, given.listed(), sanitize=True), "NumPy", "C")


@pytest.mark.parametrize("name", ["cortex_m4", "cortex_m0plus"])
def test_cores_say_the_same_and_no_wrong_weight_passes(name: str) -> None:
    given = of_items(items(chain(PAIRS, 3), 2))
    of = injector(chain(PAIRS, 3), KINDS, given, name)
    truth = outputs(chain(PAIRS, 3), given)
    check_equal(truth, emulate(of.image, given.listed()).outputs, "NumPy", name)
    assert not of.image.diagnostics and coverage(chain(PAIRS, 3), KINDS).layers == 2
    for table in ("weights_0", "weights_2", "check_0", "check_2"):
        assert silent(of, table, 12) == 0


def test_wrong_weights_pass_without_checks() -> None:
    given = of_items(items(chain(PAIRS, 3), 2))
    assert silent(injector(chain(PAIRS, 3), (), given), "weights", 20) > 5


def injector(graph: Graph, kinds: tuple[str, ...], given: RawSequences, name: str = "cortex_m4") -> Injector:
    return Injector(_image(graph, kinds, name), given.listed())


_BUILT: dict[tuple[str, tuple[str, ...], str], Image] = {}


def _image(graph: Graph, kinds: tuple[str, ...], name: str) -> Image:
    """Return the image of a graph, built once."""
    key = graph.sha256, kinds, name
    if key not in _BUILT:
        _BUILT[key] = build(emit(graph, checked=kinds), device(name))
    return _BUILT[key]


def silent(of: Injector, table: str, count: int) -> int:
    """Return of how many wrong bits of tables some answer is another one, and nothing tells."""
    image, rng, found = of.image, np.random.default_rng(5), 0
    tables = [s for s in image.contents.symbols if s.name.startswith(table) and s.size_b]
    assert tables, f"there is no {table}"
    for symbol in tables:
        for _ in range(count):
            at = symbol.address - image.device.flash.origin + int(rng.integers(symbol.size_b))
            found += passes(of, of.flash(Places(at, int(rng.integers(8)))))
    return found


def passes(of: Injector, said: Answers) -> bool:
    """Return whether an answer is another one than without a fault, and given."""
    return bool((said.answered & (said.scores != of.golden.scores).any(axis=1)).any())


STRUCK = "        if (s->kind == WIDE) {"
SUMMED = "        sum += (uint32_t)a + (uint32_t)b + (uint32_t)c + (uint32_t)d;"


def test_a_wrong_sum_is_computed_once_more() -> None:
    graph = dense(np.random.default_rng(1).integers(-127, 128, (9, 20)))
    given = of_items(items(graph, 3))
    truth = outputs(graph, given)

    def struck(kinds: tuple[str, ...]) -> Outputs:
        source = emit(graph, checked=kinds)["model.c"]
        line = SUMMED if kinds else STRUCK
        assert source.count(line) == 1
        hit = f"        if (struck++ == 1)\n            c ^= 1 << 20;\n{line}"
        made = source.replace(line, hit).replace("typedef", "static int struck;\ntypedef", 1)
        return run_on_host({**emit(graph), "model.c": made}, given.listed())

    check_equal(truth, struck(KINDS), "NumPy", "C")
    assert (struck(()).scores[0] != truth.scores[0]).sum() == 1


def test_what_goes_wrong_in_ram_while_a_place_is_computed_is_mostly_right_again() -> None:
    graph = chain(PAIRS, 3)
    given = of_items(items(graph, 1))
    at = arena_plan(graph).places["scratch 0"]

    def outcomes(kinds: tuple[str, ...]) -> tuple[int, int]:
        of, rng = injector(graph, kinds, given), np.random.default_rng(2)
        image = of.image
        arena = next(s for s in image.contents.symbols if s.name == "arena").address - image.device.ram.origin
        said = [
            of.ram(Places(arena + at + int(rng.integers(8)), int(rng.integers(8))), moment=int(moment))
            for moment in rng.integers(0, of.total, 200)
        ]
        return sum(passes(of, s) for s in said), sum(not s.answered.all() for s in said)

    # What is gathered wrong, or lies wrong before, is summed wrong and checked so: that is not seen.
    (checked, ended), (plain, _) = outcomes(KINDS), outcomes(())
    assert ended == 0 and 0 < checked < plain / 5 and plain > 60


@pytest.mark.parametrize("stream", ["sequences", "segments and windows"])
def test_a_readout_is_checked_as_features_come(stream: str) -> None:
    window = None if stream == "sequences" else Window(8, 3)
    graph = small_graph(7, classes=5, segments=1 if window is None else 3, segment_steps=2, window=window)
    assert not is_checked(graph) and is_checked(checked_readout(graph))
    digits = checked_readout(graph).const("weights_out")[..., 5:].astype(int)
    np.testing.assert_array_equal(digits @ [1, 256], graph.const("weights_out").sum(axis=-1, dtype=int))
    raw, offsets = raw_words(7, [9, 12, 5])
    given = RawSequences(raw, offsets)
    if window is not None:
        plain, checked = (run_on_host(emit(graph, checked=kinds), given.listed()) for kinds in ((), KINDS))
        assert checked.equals(plain)
    else:
        of, bare = injector(graph, KINDS, given), injector(graph, (), given)
        assert emulate(of.image, given.listed()).outputs.equals(emulate(bare.image, given.listed()).outputs)
        assert silent(of, "weights_out", 40) == 0 < silent(bare, "weights_out", 40)
        assert coverage(graph, KINDS).layers == 1
        assert coverage(graph, KINDS).left_out == dict.fromkeys(("inputs", "weights"), ONLY)


ONLY = "only a linear readout is checked"


def test_what_is_left_out_is_told() -> None:
    graph = chain(6, 3)
    of_all, of_dense = coverage(graph, KINDS), coverage(graph, ("dense",))
    assert (of_all.layers, of_dense.layers, of_all.of_layers) == (2, 1, 3)
    assert of_all.left_out == {"y1": "every channel is convolved by itself"}
    sizes = {
        op.outputs["y"]: graph.const(op.inputs["weights"]).size for op in graph.whole if op.kind in KINDS
    }
    assert of_dense.weights == sizes["scores"] / sum(sizes.values())
    work = sum(size * int(np.prod(graph.by_name[name].shape[:-1])) for name, size in sizes.items())
    assert of_dense.multiplications == sizes["scores"] / work
    assert of_all.multiplications is not None and sizes["scores"] / work < of_all.multiplications < 1
