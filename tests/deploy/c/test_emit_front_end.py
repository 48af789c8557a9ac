"""The C of networks behind the audio front end, from microphone samples to scores, bit for bit against NumPy."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
import pytest
from jaxtyping import Int16

from sarto.compress.quantize import ptq, qat
from sarto.compress.state import Evaluation, State
from sarto.compress.uniform import quantiser
from sarto.core.graph import Graph
from sarto.core.graph.front_end import SCALE
from sarto.data.examples import Examples
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.c.network import arena_plan
from sarto.deploy.lower.front_end import LoweredFrontEnd, MelFrames, lower_front_end, with_front_end
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.devices import device
from sarto.learn.loop import Training
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.measure.probe import compile_library
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network

MADE = MelFrames(8000, frame=64, hop=24, frames=6, bands=5, low_hz=100, high_hz=3900)
SHARES = (0.0, 0.2, 1.0, 1.0, 1.6, 2.3)
"""Lengths of recordings, in items."""


def sound(count: int, seed: int = 1) -> Int16[np.ndarray, " sample"]:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, count) * 2.0 ** rng.uniform(3, 12, count // 40 + 1).repeat(40)[:count]).astype(
        np.int16
    )


@cache
def front() -> LoweredFrontEnd:
    return lower_front_end(MADE, sound(5000), np.arange(0, 5001, 500))


@cache
def examples(image: bool) -> Examples:
    """Features as networks take them: (band, frame), or (1, frame, band)."""
    heard = front().features(front().items(sound(5000), np.arange(0, 5001, 100))) * np.float32(SCALE)
    x = heard[:, None] if image else np.ascontiguousarray(heard.transpose(0, 2, 1))
    return Examples(x, np.arange(len(x)) % 3, ("a", "b", "c"), input_scale=SCALE)


def network(image: bool) -> Network:
    kernel: tuple[int, ...] = (3, 2) if image else (3,)
    nodes = (
        Node("conv", "conv", ("input",), {"channels": 4, "kernel": kernel, "padding": 1}),
        Node("bend", "relu", ("conv",)),
        Node("flat", "flatten", ("bend",)),
        Node("head", "linear", ("flat",), {"features": 3}),
    )
    return Network(Architecture(examples(image).shape, nodes), seed=int(image))


@cache
def lowered(image: bool) -> Lowered:
    data = examples(image)
    small = ptq.quantise(State(network(image)), Evaluation(data, data)).network
    return lower_network(small, data.classes)


def heard(image: bool) -> Graph:
    return with_front_end(lowered(image), front()).graph


def recordings() -> RawSequences:
    parts = [sound(round(share * MADE.samples), seed)[:, None] for seed, share in enumerate(SHARES)]
    return RawSequences(np.concatenate(parts), np.concatenate([[0], np.cumsum([len(p) for p in parts])]))


@pytest.mark.parametrize("image", [False, True])
def test_host(image: bool) -> None:
    graph, given = heard(image), recordings()
    found = outputs(graph, given)
    assert len({tuple(row) for row in found.scores.tolist()}) == len(SHARES)
    check_equal(found, run_on_host(emit(graph), given.listed(), sanitize=True), "NumPy", "C")


def test_cortex_m4() -> None:
    graph, given = heard(image=True), recordings()
    built = build(emit(graph), device("cortex_m4"))
    run = emulate(built, given.listed())
    check_equal(outputs(graph, given), run.outputs, "NumPy", "cortex_m4")
    assert built.constants["MODEL_ARENA_BYTES"] == arena_b(graph) and not built.diagnostics


LISTENER = """\
#include "model.h"
static model_arena arena;
/* Asks after every `apart` samples, listening on. */
void listen(const int16_t *samples, int32_t count, int32_t apart, int32_t *scores)
{
    model_init(&arena);
    for (int32_t i = 0; i < count; i++) {
        model_step(&arena, samples + i);
        if ((i + 1) % apart == 0) {
            model_listen(&arena);
            for (int j = 0; j < MODEL_OUTPUTS; j++)
                *scores++ = model_scores(&arena)[j];
        }
    }
}
"""


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def test_a_listener_is_asked_as_often_as_it_likes() -> None:
    """Each answer is that of the recording up to there: running the network changes nothing of what is heard."""
    graph, raw, apart = heard(image=True), sound(700, 4), 35
    library = compile_library({**emit(graph), "listen.c": LISTENER}, "-O1")
    ends = np.arange(apart, len(raw) + 1, apart)
    scores = np.zeros((len(ends), 3), np.int32)
    library.listen(pointer(raw), len(raw), apart, pointer(scores))
    each = [raw[:end, None] for end in ends.tolist()]
    offsets = np.concatenate([[0], np.cumsum(ends)])
    assert scores.tolist() == outputs(graph, RawSequences(np.concatenate(each), offsets)).scores.tolist()


def test_items_of_samples_are_what_the_features_were_made_of() -> None:
    whole, plain, data = (
        with_front_end(lowered(image=True), front()),
        lowered(image=True),
        examples(image=True),
    )
    raw = front().items(sound(5000), np.arange(0, 5001, 100))
    said = outputs(whole.graph, of_items(whole.items(raw.astype(np.float32))))
    assert said.scores.tolist() == outputs(plain.graph, of_items(plain.items(data.x))).scores.tolist()


def test_what_is_heard_lies_alone() -> None:
    graph = heard(image=True)
    found = arena_plan(graph)
    kept = [b for b in found.buffers if b.first == -1]
    assert sorted(b.size_b for b in kept) == sorted(
        (-(-MADE.frames * MADE.bands // 4) * 4, 2 * MADE.frame + 4)
    )
    for one in kept:
        assert one.last == len(graph.whole)
        begin = found.places[one.names[0]]
        for other in found.buffers:
            at = found.places[other.names[0]]
            assert other is one or at + other.size_b <= begin or at >= begin + one.size_b
    assert "raw" not in found.places


def test_training_in_integers_leaves_the_scale_of_the_input() -> None:
    data = examples(image=False)
    evaluation = Evaluation(data, data, Training(epochs=1, batch=16, rate=0.05))
    free = Evaluation(replace_scale(data), replace_scale(data), evaluation.training)
    for one, same in ((evaluation, True), (free, False)):
        small = qat.quantise(State(network(image=False)), one, bits=8, frozen=0.0).network
        form = quantiser(small, "input")
        assert form is not None and (form.numbers.scale[0] == SCALE) == same
    assert lower_network(ptq.quantise(State(network(image=False)), evaluation).network).scale == SCALE


def replace_scale(data: Examples) -> Examples:
    return Examples(data.x, data.y, data.classes)


def test_another_scale_is_refused() -> None:
    data = replace_scale(examples(image=False))
    other = lower_network(ptq.quantise(State(network(image=False)), Evaluation(data, data)).network)
    with pytest.raises(InputError, match=r"E126.*cannot read the numbers") as caught:
        with_front_end(other, front())
    assert "input_scale=0.03125" in str(caught.value.hint)


def test_another_shape_is_refused() -> None:
    turned = lower_front_end(MelFrames(8000, 64, 24, 5, 6, 100, 3900), sound(5000), np.array([0, 5000]))
    with pytest.raises(InputError, match=r"E126.*\(1, 6, 5\)"):
        with_front_end(lowered(image=False), turned)
