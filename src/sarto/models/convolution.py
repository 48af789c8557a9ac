"""Random convolution kernels in the manner of MiniRocket: which taps, channels, dilations and thresholds.

A kernel has nine taps, of which three have weight 2 and six -1: there are 84. Dilations are spread from 1 to the
longest that fits, evenly in their logarithm (a single one is the longest); every group of one channel and one dilation
gets as many kernels as the others, give or take one, and no kernel twice before each was taken once. A kernel's
threshold is a quantile of its own responses on training items; the quantiles are a low-discrepancy sequence, multiples
of the golden ratio modulo 1.

Source: Dempster, Schmidt and Webb, "MiniRocket", KDD 2021, section 3.1; there a kernel of many channels sees a random
subset of them, here one.

>>> drawn = draw(100, 3, 50, seed=0, dilations=3, reach=1.0)
>>> sorted(set(drawn.dilation.tolist())), int(drawn.end[-1]), len(drawn.channel), len(set(drawn.taps.tolist()))
([1, 2, 6], 100, 9, 84)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from sarto.core.graph.convolution import TAPS
from sarto.core.seed import generator

WORDS = tuple(p | q << 4 | r << 8 for p, q, r in combinations(range(TAPS), 3))
"""All kernels, each as the four bits of the place of its three taps of weight 2."""
GOLDEN = (1 + 5**0.5) / 2
WIDEST = 65535 // (TAPS - 1)
"""Largest dilation: places in the ring of past samples are counted in 16 bits."""


@dataclass(frozen=True, eq=False)
class Kernels:
    """Groups of kernels (channel, dilation, where the group ends), and of each kernel its word and quantile.

    `span` is the number of samples that the widest possible kernel sees, drawn or not.
    """

    channel: Int[np.ndarray, " group"]
    dilation: Int[np.ndarray, " group"]
    end: Int[np.ndarray, " group"]
    taps: Int[np.ndarray, " kernel"]
    quantile: Float[np.ndarray, " kernel"]
    span: int


def draw(kernels: int, channels: int, longest: int, *, seed: int, dilations: int, reach: float) -> Kernels:
    """Return `kernels` kernels for sequences of up to `longest` steps.

    Args:
        kernels: how many.
        channels: of the data.
        longest: steps; the widest kernel spans at most `reach` of them.
        seed: of channels, kernels and quantiles.
        dilations: how many dilations to spread.
        reach: share of `longest`, up to 1.
    """
    random = generator(seed, "convolution", "kernels")
    widest = min(max(1.0, reach * (longest - 1) / (TAPS - 1)), WIDEST)
    # What rounding leaves below a whole number counts as that.
    spread = np.unique(np.floor(widest ** np.linspace(0, 1, dilations) * (1 + 1e-12)).astype(np.int64))
    spread = spread if dilations > 1 else np.array([int(widest)])
    channel, dilation = (a.ravel() for a in np.meshgrid(np.arange(channels), spread, indexing="ij"))
    if kernels < len(channel):
        chosen = np.sort(random.permutation(len(channel))[:kernels])
        channel, dilation = channel[chosen], dilation[chosen]
    end = np.arange(1, len(channel) + 1) * kernels // len(channel)
    rounds = -(-kernels // len(WORDS))
    order = np.concatenate([random.permutation(len(WORDS)) for _ in range(rounds)])[:kernels]
    quantile = (random.uniform() + GOLDEN * np.arange(1, kernels + 1)) % 1
    span = (TAPS - 1) * int(spread.max()) + 1
    return Kernels(channel, dilation, end, np.array(WORDS)[order], quantile, span)
