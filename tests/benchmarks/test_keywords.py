"""Recordings said otherwise and the cepstra of the first layer, against what they must be."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks import _keywords
from benchmarks._keywords import architecture, hear_cepstra, stretched
from sarto.models.network.module import Network


def test_cepstra_do_not_hear_the_level_and_are_not_learned() -> None:
    deviation = np.linspace(1.0, 3.0, 32)
    network = Network(architecture((32, 61), 10), 0)
    hear_cepstra(network, deviation)
    weight = network.get_parameter("layers.cepstra.weight")
    turned = weight.detach().numpy()[:, :, 0]
    level = np.full(32, 2.5) / deviation
    first = np.cos(np.pi * (np.arange(32) + 0.5) / 32) / deviation
    assert not weight.requires_grad
    assert np.abs(turned @ level).max() < 1e-5
    heard = turned @ first
    assert heard[0] > 1.0 and np.abs(heard[1:]).max() < 1e-5
    assert torch.isfinite(network(torch.zeros(2, 32, 61))).all()


def test_stretched_frames_end_together_and_follow_at_one_speed() -> None:
    logs = (1000 + 10 * np.arange(92, dtype=np.uint16))[None, :, None].repeat(40, axis=0)
    frames = stretched(logs, np.random.default_rng(0), 61)[:, :, 0]
    assert np.all(frames[:, -1] == 1910)
    speed = np.diff(frames, axis=1)[:, -30:] / 10
    assert np.ptp(speed, axis=1).max() < 1e-3
    each = np.log(speed.mean(axis=1))
    assert each.min() < -0.2 and each.max() > 0.2
    assert np.abs(each).max() <= _keywords.TEMPO + 1e-6
