"""Observers against known answers and a slow entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import erf, erfinv

from sarto.compress.quantize._observers import BINS, Histogram, entropy, min_max, mse, percentile


def gaussian(largest: float = 8.0) -> Histogram:
    edges = np.linspace(0, largest, BINS + 1)
    counts = np.rint(1e12 * np.diff(erf(edges / 2**0.5))).astype(np.int64)
    return Histogram(counts, largest / BINS)


@pytest.mark.parametrize(("levels", "step"), [(1, 1.224), (3, 0.6508), (7, 0.3534), (15, 0.1940)])
def test_the_least_squared_error_of_a_normal_distribution(levels: int, step: float) -> None:
    """Max, "Quantizing for minimum distortion", IRE Trans. Inf. Theory 1960, table II: 3, 7, 15 and 31 levels."""
    assert mse(gaussian(), levels) == pytest.approx(levels * step, rel=0.02)


def test_the_percentile_of_a_normal_distribution() -> None:
    assert percentile(gaussian(), 255) == pytest.approx(2**0.5 * erfinv(0.9999), abs=8 / BINS)
    assert min_max(gaussian(), 255) == 8.0


def slow_entropy(counts: list[int], levels: int) -> int:
    """Return the number of bins with the least divergence."""
    found: dict[int, float] = {}
    for bins in range(min(levels, len(counts)), len(counts) + 1):
        p: list[float] = [float(c) for c in counts[:bins]]
        q = [0.0] * bins
        for level in range(levels):
            own = [b for b in range(bins) if b * levels // bins == level]
            live = [b for b in own if p[b] > 0]
            for b in live:
                q[b] = sum(p[c] for c in own) / len(live)
        p[-1] += sum(counts[bins:])
        if any(a > 0 and not b for a, b in zip(p, q, strict=True)):
            continue
        terms = [a / sum(p) * np.log((a / sum(p)) / (b / sum(q))) for a, b in zip(p, q, strict=True) if a > 0]
        found[bins] = sum(terms)
    return min(found, key=lambda b: (found[b], -b))


@pytest.mark.parametrize("seed", range(6))
def test_entropy_equals_the_slow_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts: np.ndarray[Any, Any] = np.bincount(
        np.minimum(np.abs(rng.laplace(0, 6, 2000)).astype(int), 63), minlength=64
    )
    counts[63] = 1
    assert entropy(Histogram(counts, 0.5), 8) == slow_entropy(counts.tolist(), 8) * 0.5
