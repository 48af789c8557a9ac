from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sarto.models.input_error import InputError
from sarto.models.pooling import FLUSH_STEPS, POOLINGS, Pooling


def by_definition(h: NDArray[np.float64], pooling: Pooling) -> NDArray[np.float64]:
    """All states of one sequence, (step, neuron), cut into segments and pooled one by one."""
    parts: list[Any] = []
    for k in range(pooling.segments):
        start = k * pooling.segment_steps
        end = len(h) if k == pooling.segments - 1 else start + pooling.segment_steps
        part: Any = h[start:end]
        if len(part) == 0:
            parts.append(np.zeros(h.shape[1] * pooling.per_unit))
        elif pooling.kind == "last":
            parts.append(part[-1])
        elif pooling.kind == "mean":
            parts.append(part.mean(axis=0))
        elif pooling.kind == "mean_square":
            parts.append(np.concatenate([part.mean(axis=0), (part**2).mean(axis=0)]))
        else:
            parts.append(np.concatenate([part.mean(axis=0), (part**2).mean(axis=0), part[-1]]))
    return np.concatenate(parts)


def pooled(
    items: list[NDArray[np.float64]], pooling: Pooling, dtype: Any = np.float64
) -> NDArray[np.float64]:
    lengths = np.array([len(h) for h in items])
    pool = pooling.start(lengths, items[0].shape[1], dtype)
    for step in range(lengths.max()):
        pool.add(step, np.array([h[step] for h in items if len(h) > step], dtype))
    return pool.features()


@given(
    lengths=st.lists(st.integers(1, 3 * FLUSH_STEPS), min_size=1, max_size=6),
    kind=st.sampled_from(POOLINGS),
    segments=st.integers(1, 5),
    segment_steps=st.integers(1, 2 * FLUSH_STEPS + 3),
)
def test_streamed_features_are_those_of_the_definition(
    lengths: list[int], kind: Any, segments: int, segment_steps: int
) -> None:
    rng = np.random.default_rng(len(lengths))
    items = [rng.uniform(-1, 1, (length, 3)) for length in sorted(lengths, reverse=True)]
    pooling = Pooling(kind, segments, segment_steps)
    features = pooled(items, pooling)
    assert features.shape == (len(items), pooling.width(3))
    np.testing.assert_allclose(features, [by_definition(h, pooling) for h in items], rtol=0, atol=1e-13)


def test_segments_by_hand() -> None:
    h = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    assert pooled([h], Pooling("last", 2, 2)).tolist() == [[2, 16]]
    assert pooled([h], Pooling("mean", 2, 2)).tolist() == [[1.5, 28 / 3]]
    assert pooled([h[:1]], Pooling("mean_square", 2, 2)).tolist() == [[1, 1, 0, 0]]
    assert pooled([h], Pooling("mean_square", 2, 4)).tolist() == [[15 / 4, 85 / 4, 16, 256]]


def test_features_are_ordered_segment_by_segment_then_mean_before_square() -> None:
    h = np.array([[1.0, 10.0], [2.0, 20.0]])
    assert pooled([h], Pooling("mean_square", 2, 1)).tolist() == [[1, 10, 1, 100, 2, 20, 4, 400]]
    assert pooled([h], Pooling("mean_square_last")).tolist() == [[1.5, 15, 2.5, 250, 2, 20]]


def test_a_long_sum_in_float32_does_not_lose_what_is_added() -> None:
    """200000 x 0.1: one float32 sum would be off by parts in a thousand."""
    pool = Pooling("mean").start(np.array([200_000]), 1, np.float32)
    h = np.full((1, 1), 0.1, np.float32)
    for step in range(200_000):
        pool.add(step, h)
    assert pool.features()[0, 0] == pytest.approx(0.1, abs=4e-7)
    assert pool.features().dtype == np.float32


@pytest.mark.parametrize(("longest", "segments", "steps"), [(10, 1, 0), (10, 2, 5), (11, 2, 6), (3, 5, 1)])
def test_segments_share_the_longest_training_length(longest: int, segments: int, steps: int) -> None:
    assert Pooling.fitted("mean", segments, longest).segment_steps == steps


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("median",), "pooling"),
        (("last", 0), "segments"),
        (("last", 2), "segment_steps"),
        (("last", 2, -1), "segment_steps"),
    ],
)
def test_what_cannot_be_pooled_is_refused(arguments: Any, name: str) -> None:
    with pytest.raises(InputError, match=f"{name} = ") as caught:
        Pooling(*arguments)
    assert caught.value.code == "E116"
