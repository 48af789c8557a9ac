"""What the network of `har_network` sees: turning about the vertical, however a body lies, and movement alone."""

import numpy as np
import pytest
import torch

from benchmarks._har import LEVELS, WAYS, filters, fitted_network, numbers_of
from sarto.data.examples import Examples

torch.set_num_threads(1)
RATE = 0.8


def _windows() -> Examples:
    """Return windows of two bodies that lie in each of three ways, and turn about the vertical at `RATE` or not.

    Without the fourth way the means are not 0.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(scale=0.01, size=(40, 12, 100))
    up = np.array([3.0, -9.0, 2.5]) * 9.81 / np.linalg.norm([3.0, -9.0, 2.5])
    for item in range(40):
        for body in (0, 6):
            lies = up * WAYS[item // 2 % 3]
            x[item, body : body + 3] += lies[:, None]
            x[item, body + 3 : body + 6] += item % 2 * RATE * lies[:, None] / 9.81
    return Examples(x.astype(np.float32), np.arange(40) % 2, ("still", "turning"))


def test_how_fast_a_body_turns_is_seen_however_it_lies() -> None:
    windows = _windows()
    mean, deviation = windows.x.mean(axis=(0, 2)), windows.x.std(axis=(0, 2))
    scaled = Examples((windows.x - mean[:, None]) / deviation[:, None], windows.y, windows.classes)
    network = fitted_network(scaled, mean, deviation, scaled)
    turned = numbers_of(network, scaled, "turned")
    assert turned[windows.y == 1] == pytest.approx(np.tile([RATE, -RATE], (20, 2)), abs=0.06)
    assert turned[windows.y == 0] == pytest.approx(np.zeros((20, 4)), abs=0.01)
    found = numbers_of(network, scaled, "head").argmax(axis=1)
    assert found.tolist() == windows.y.tolist()


def test_filters_see_no_level_and_are_whole_in_8_bits() -> None:
    counts = 127 * filters()
    assert np.abs(counts - np.rint(counts)).max() < 1e-9
    assert np.rint(counts).sum(axis=1).tolist() == [0, 0, 0]
    assert len({tuple(row) for row in np.sign(counts)}) == 3 and LEVELS[0] < 1 < LEVELS[1]
