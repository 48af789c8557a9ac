"""The interpreter against a slow one of plain integers, and a batch against one sequence at a time."""

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.core.graph import Window, decide, interpret, recurrence, trace, windows
from tests.core.graph.companions import STATISTICS, companion, slow_companion
from tests.core.graph.graphs import raw_words, slow_scores, slow_states, small_graph
from tests.core.graph.layers import PARTS, layered

KINDS = ("last", "mean", "mean_square", "mean_square_last")
CELLS: list[dict[str, Any]] = [{"ring": False}, {"ring": True}, {"start": 2463534242}]
LENGTHS = [4, 1, 9, 13, 3, 12, 2, 8]


@pytest.mark.parametrize(("cell", "bits", "kind"), list(product(CELLS, [16, 8], KINDS)))
def test_equals_the_slow_interpreter(cell: dict[str, Any], bits: int, kind: str) -> None:
    shapes = ((1, 0, False), (3, 4, False), (2, 5, True))
    for (segments, steps, steep), forecast in product(shapes, (False, True)):
        graph = small_graph(
            segments, bits=bits, kind=kind, segments=segments, segment_steps=steps, steep=steep,
            forecast=forecast, **cell,
        )  # fmt: skip
        raw, offsets = raw_words(segments, LENGTHS)
        got = interpret(graph, raw, offsets)
        wanted = [slow_scores(graph, raw[a:b]) for a, b in pairwise(offsets)]
        assert got.scores.tolist() == wanted
        assert got.classes.tolist() == [0 if forecast else scores.index(max(scores)) for scores in wanted]
        assert np.abs(got.scores).max() < 2**31


@pytest.mark.parametrize(("parts", "bits"), list(product(PARTS, [16, 8])))
def test_layers_equal_the_slow_interpreter(parts: str, bits: int) -> None:
    """In states that saturate and states that do not; slots of a memory, and tanh, reach their ends in some."""
    for kind, steep in (("mean_square_last", False), ("last", True)):
        graph = layered(PARTS[parts], 3, bits=bits, kind=kind, steep=steep, segments=2, segment_steps=5)
        raw, offsets = raw_words(1, LENGTHS)
        got = interpret(graph, raw, offsets).scores.tolist()
        assert got == [slow_scores(graph, raw[a:b]) for a, b in pairwise(offsets)]
        reached = np.abs([v for a, b in pairwise(offsets) for v in slow_states(graph, raw[a:b])])
        assert reached.max() == graph.step[1].attributes["limit"] or not steep
        assert len(np.unique(reached)) > (2 if steep else 9)


@pytest.mark.parametrize(
    ("body", "head"),
    [
        *product([STATISTICS, "convolution"], ["readout", "forest", "random_features"]),
        *[((name,), "readout") for name in STATISTICS],
    ],
)
def test_companions_equal_the_slow_interpreter(body: str | tuple[str, ...], head: str) -> None:
    shapes = ((1, 0, False), (3, 4, False), (2, 5, True))
    seen: set[tuple[int, ...]] = set()
    for (segments, steps, wide), forecast in product(shapes, (False, True)):
        graph = companion(
            body, head, segments, segments=segments, segment_steps=steps, wide=wide, forecast=forecast,
            cosine=segments > 1,
        )  # fmt: skip
        raw, offsets = raw_words(segments, [*LENGTHS, 0, 40])
        got = interpret(graph, raw, offsets)
        assert got.scores.tolist() == [slow_companion(graph, raw[a:b]) for a, b in pairwise(offsets)]
        seen |= set() if forecast else set(map(tuple, got.scores.tolist()))
    assert len(seen) > 6


@settings(max_examples=15)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=7), st.integers(1, 3), st.integers(1, 5))
def test_a_batch_is_its_sequences_one_by_one(lengths: list[int], segments: int, steps: int) -> None:
    shape: dict[str, Any] = dict(segments=segments, segment_steps=steps)
    raw, offsets = raw_words(2, lengths)
    for graph in (
        small_graph(1, **shape),
        companion(STATISTICS, "readout", 1, **shape),
        companion("convolution", "readout", 1, **shape),
    ):
        batch = trace(graph, raw, offsets)
        for i, (a, b) in enumerate(pairwise(offsets)):
            np.testing.assert_array_equal(trace(graph, raw[a:b], np.array([0, b - a]))[0], batch[i])


def test_a_segment_never_reached_is_zero_and_one_reached_is_not() -> None:
    means = trace(small_graph(segments=3, segment_steps=4), *raw_words(0, [8, 9, 3]))
    assert means.any(axis=2).tolist() == [[True, True, False], [True, True, True], [True, False, False]]


def test_no_sequences_and_sequences_without_steps() -> None:
    graph = small_graph()
    empty = np.zeros((0, 2), np.int16)
    assert interpret(graph, empty, np.array([0])).scores.shape == (0, 3)
    nothing = interpret(graph, empty, np.array([0, 0, 0]))
    assert nothing.scores.tolist() == [graph.const("bias_out").tolist()] * 2


def test_the_first_of_equal_scores_wins() -> None:
    graph = small_graph()
    graph.const("bias_out")[:] = [5, 9, 9]
    empty = decide(graph, np.zeros((1, 1, 12), np.int64))
    assert (empty.scores.tolist(), empty.classes.tolist()) == ([[5, 9, 9]], [1])


def test_what_pools_stops_after_so_many_steps_and_the_last_state_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 65535 steps in truth; the generated C is held to that number in `tests.deploy`."""
    monkeypatch.setattr(recurrence, "POOLED_STEPS", 7)
    graph = small_graph(units=1, channels=1)
    raw = raw_words(0, [10], 1)[0]
    short, long = (trace(graph, raw[:n], np.array([0, n]))[0, 0] for n in (7, 10))
    assert short[:2].tolist() == long[:2].tolist()
    assert short[2] != long[2]


@pytest.mark.parametrize(
    ("length", "hop", "steps", "first"),
    [
        (4, 2, 9, [0, 2, 4]),
        (4, 4, 8, [0, 4]),
        (4, 1, 4, [0]),
        (4, 3, 3, []),
        (1, 1, 2, [0, 1]),
        (5, 2, 0, []),
    ],
)
def test_windows(length: int, hop: int, steps: int, first: list[int]) -> None:
    assert windows(Window(length, hop), steps).tolist() == [[a, a + length] for a in first]
