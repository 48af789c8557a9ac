"""Weights from a generator: its published words, their order, and that they are as good as uniform numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sarto.core.graph.generated import WORD, generated, padded, words
from tests.core.graph.graphs import slow_weights

PUBLISHED = [
    723471715, 2497366906, 2064144800, 2008045182, 3532304609,
    374114282, 1350636274, 691148861, 746858951, 2653896249,
]  # fmt: skip
"""After 2463534242, the start in Marsaglia's paper, as tests of two other implementations have them: the unit test
`misc/xorshift` of a contest library in Python, and a random module in Vim script (the first nine)."""


def test_the_words_are_the_published_ones() -> None:
    assert words(2463534242, 10).tolist() == PUBLISHED


@given(st.integers(1, WORD))
@example(1)
@example(WORD)
def test_it_never_stands_still_and_can_be_gone_on_with(start: int) -> None:
    first = words(start, 8)
    assert first.all()
    assert len({start, *first.tolist()}) == 9
    assert words(int(first[3]), 4).tolist() == first[4:].tolist()


@pytest.mark.parametrize("start", [0, -1, WORD + 1])
def test_there_is_no_other_start(start: int) -> None:
    with pytest.raises(AssertionError, match="cannot start at"):
        words(start, 1)


@given(st.integers(1, WORD), st.integers(1, 13), st.integers(1, 9))
@example(2463534242, 4, 3)
@example(2463534242, 5, 4)
def test_weights_lie_in_the_order_that_the_kernel_takes(start: int, units: int, channels: int) -> None:
    recurrent, driven = generated(start, units, channels)
    wanted = slow_weights(start, units, channels)
    assert [(r.tolist(), d.tolist()) for r, d in zip(recurrent, driven, strict=True)] == wanted
    assert not recurrent.flags.writeable and not driven.flags.writeable


def test_words_are_filled() -> None:
    assert [padded(n) for n in (1, 4, 5, 8, 9)] == [4, 4, 8, 8, 12]


@pytest.mark.parametrize(("units", "draws"), [(8, 400), (32, 100), (64, 40), (256, 4)])
def test_they_have_the_moments_and_the_spectral_radius_of_uniform_bytes(units: int, draws: int) -> None:
    """Five standard errors. The circular law holds in the limit; at these sizes NumPy's own bytes are the measure."""
    rng = np.random.default_rng(units)
    starts = rng.integers(1, WORD, draws, endpoint=True).tolist()
    drawn = np.array([generated(start, units, 3)[0] for start in starts], np.float64)
    usual = rng.integers(-128, 128, drawn.shape).astype(np.float64)
    n, law = drawn.size, np.sqrt((2**16 - 1) / 12)
    assert abs(drawn.mean() + 0.5) < 5 * law / np.sqrt(n)
    assert abs(drawn.var() / law**2 - 1) < 5 * np.sqrt(0.8 / n)  # of uniform numbers the kurtosis is 1.8
    radii, own = (np.abs(np.linalg.eigvals(w)).max(axis=1) / (law * np.sqrt(units)) for w in (usual, drawn))
    error = np.sqrt((radii.var() + own.var()) / draws)
    assert abs(own.mean() - radii.mean()) < 5 * error
    assert own.mean() == pytest.approx(1, abs=0.1)


def test_every_byte_comes_as_often_as_any_other_in_every_place() -> None:
    """Chi squared of 255 degrees of freedom, mean 255 and deviation 22.6, of each byte of the words."""
    parts = words(1, 200_000).view(np.uint8).reshape(-1, 4)
    for place in range(4):
        counts = np.bincount(parts[:, place], minlength=256)
        assert abs(((counts - counts.mean()) ** 2 / counts.mean()).sum() - 255) < 5 * 22.6


def test_neighbours_are_not_alike() -> None:
    """The correlation of rows and of columns, five standard errors."""
    weights = generated(7, 256, 3)[0].astype(np.float64)
    for left, right in ((weights[:-1], weights[1:]), (weights[:, :-1], weights[:, 1:])):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 5 / 256
