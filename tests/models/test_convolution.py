"""Kernels: the 84 of MiniRocket, evenly over groups and dilations."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sarto.models.convolution import WORDS, draw


def test_the_words_are_all_84_kernels() -> None:
    read = {tuple(sorted((w & 15, w >> 4 & 15, w >> 8))) for w in WORDS}
    assert read == set(combinations(range(9), 3)) and len(WORDS) == 84


@pytest.mark.parametrize(("kernels", "channels"), [(5, 3), (84, 1), (200, 4), (1000, 2)])
def test_groups_share_the_kernels_evenly(kernels: int, channels: int) -> None:
    drawn = draw(kernels, channels, 80, seed=3, dilations=3, reach=1.0)
    sizes = np.diff(drawn.end, prepend=0)
    assert drawn.end[-1] == kernels and sizes.max() - sizes.min() <= 1
    assert len({*zip(drawn.channel.tolist(), drawn.dilation.tolist(), strict=True)}) == len(sizes)
    often = np.unique(drawn.taps, return_counts=True)[1]
    assert often.max() - often.min() <= 1 or kernels % 84
    assert len(often) == min(kernels, 84)


def test_dilations_reach_as_far_as_asked_and_the_span_does_not_depend_on_the_draw() -> None:
    for longest, reach, widest in ((81, 1.0, 10), (81, 0.5, 5), (9, 1.0, 1), (3, 1.0, 1), (1, 0.1, 1)):
        drawn = draw(50, 1, longest, seed=0, dilations=4, reach=reach)
        assert (drawn.dilation.min(), drawn.dilation.max(), drawn.span) == (1, widest, 8 * widest + 1)
    assert draw(9, 1, 10**6, seed=0, dilations=3, reach=1.0).span <= 65535
    few = {draw(2, 5, 81, seed=s, dilations=4, reach=1.0).span for s in range(9)}
    assert few == {81}


def test_quantiles_are_spread_evenly() -> None:
    quantile = np.sort(draw(500, 2, 50, seed=1, dilations=2, reach=0.5).quantile)
    assert np.abs(quantile - (np.arange(500) + 0.5) / 500).max() < 0.02
    assert (
        draw(9, 2, 50, seed=1, dilations=2, reach=0.5).taps.tolist()
        == draw(9, 2, 50, seed=1, dilations=2, reach=0.5).taps.tolist()
    )
