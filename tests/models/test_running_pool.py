"""Pooling without an end against pooling of the steps so far, for every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.pooling import POOLINGS, Pooling
from sarto.models.running_pool import RunningPool

H = np.random.default_rng(0).uniform(-1, 1, (11, 2, 3))


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize("segments", [1, 3])
def test_features_are_those_of_the_steps_so_far(kind: Any, segments: int) -> None:
    pooling = Pooling(kind, segments, 3)
    running = RunningPool(pooling, 2, 3)
    for steps, h in enumerate(H, 1):
        running.add(h)
        pool = pooling.start(np.array([steps, steps]), 3, np.dtype("float64"))
        for step in range(steps):
            pool.add(step, H[step])
        np.testing.assert_allclose(running.features(), pool.features(), atol=1e-14)


def test_a_stream_that_is_reset_pools_from_its_own_start() -> None:
    pooling = Pooling("mean_square_last", 2, 4)
    running, other = RunningPool(pooling, 2, 3), RunningPool(pooling, 2, 3)
    for h in H[:6]:
        running.add(h)
    running.rest([0])
    for h in H[6:]:
        running.add(h)
        other.add(h)
    np.testing.assert_array_equal(running.features()[0], other.features()[0])
    again = RunningPool(pooling, 2, 3)
    again.hold(running.held())
    np.testing.assert_array_equal(again.features(), running.features())
