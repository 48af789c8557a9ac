"""Relative indices as in figure 2 of Deep Compression."""

from __future__ import annotations

import numpy as np
import pytest

from sarto.compress.entropy import entropy_bits
from sarto.compress.relative_index import fixed_bits, relative_index


def test_the_figure_of_the_paper() -> None:
    """Values at 1, 4 and 15 with a span of 8: a filler at 12. Gaps count from -1, as in the published decoder."""
    weights = np.zeros(16, np.int64)
    weights[[1, 4, 15]] = [4, 1, 2]
    gaps, symbols = relative_index(weights, 3)
    assert gaps.tolist() == [2, 3, 8, 3]
    assert symbols.tolist() == [4, 1, 0, 2]


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8])
def test_the_published_decoder_finds_every_value(bits: int) -> None:
    rng = np.random.default_rng(bits)
    weights = np.where(rng.random(500) < 0.05, rng.integers(1, 5, 500), 0)
    gaps, symbols = relative_index(weights, bits)
    assert gaps.min() >= 1 and gaps.max() <= 1 << bits
    back = np.zeros(500, np.int64)
    back[np.cumsum((gaps - 1) + 1) - 1] = symbols
    np.testing.assert_array_equal(back, weights)
    fillers = int((symbols == 0).sum())
    spans = np.diff(np.flatnonzero(weights), prepend=-1)
    assert fillers == sum((int(span) - 1) // 2**bits for span in spans)
    assert fixed_bits(weights, 5, bits) == (int((weights > 0).sum()) + fillers) * (bits + 3)


def test_nothing_has_no_entries() -> None:
    gaps, symbols = relative_index(np.zeros(40, np.int64), 3)
    assert gaps.shape == symbols.shape == (0,)
    assert fixed_bits(np.zeros((4, 10), np.int64), 5, 3) == 0


def test_entropy_worked_by_hand() -> None:
    """Four symbols of 1 bit, two of 2 and two of 2."""
    assert entropy_bits(np.array([0, 0, 0, 0, 1, 1, 2, 2])) == 4 * 1 + 4 * 2
    assert entropy_bits(np.zeros(5, np.int64)) == 0
    assert entropy_bits(np.zeros((0, 3), np.int64)) == 0
