"""The integer front end against floats, and what must hold of it whatever the samples are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.graph.front_end import log_mel, normalised
from sarto.deploy.lower.front_end import MelFrames, tables
from tests.core.graph.float_log_mel import decibels

MADE = (
    MelFrames(8000, 256, 160, 50, 32, 60, 4000, floor=0.5),
    MelFrames(8000, 200, 80, 50, 13, 100, 3800, floor=0.5),
    MelFrames(16000, 2048, 1024, 4, 80, 0, 8000, floor=0.5),
    MelFrames(8000, 16, 8, 9, 3, 0, 4000, floor=0.5),
)
PER_COUNT = 10 * np.log10(2) / 1024


def unit(made: MelFrames) -> float:
    """The logarithm of a tone of amplitude 1 in the middle of a bin."""
    window = np.hanning(made.frame + 1)[:-1].sum()
    amplitude = 2.0**15 * window / 2 / made.fft
    return float(np.log2(amplitude**2 * 2.0 ** (15 - tables(made).power_shift)) * 1024)


def sounds(made: MelFrames) -> dict[str, np.ndarray[Any, Any]]:
    rng, n = np.random.default_rng(0), np.arange(made.frame)
    noise = rng.normal(0, 1, (60, made.frame))
    tones = np.cumsum(noise, axis=1)
    tones -= tones.mean(axis=1, keepdims=True)
    sizes = 2.0 ** np.linspace(1, 12, 60)[:, None]
    swept = [
        np.sin(2 * np.pi * n * f / made.rate_hz) for f in np.linspace(made.low_hz + 50, made.high_hz, 60)
    ]
    return {
        "noise": noise * sizes,
        "noise that falls by 6 dB an octave": tones / abs(tones).max() * 20000,
        "full range": rng.choice([-32768, 32767], (60, made.frame)),
        "tones": np.stack(swept) * 30000,
    }


@pytest.mark.parametrize("made", MADE, ids=lambda made: str(made.fft))
def test_logarithms_are_near_those_in_floats(made: MelFrames) -> None:
    """Down to 60 dB below the loudest band of a frame."""
    for name, sound in sounds(made).items():
        frames = np.rint(sound).clip(-32768, 32767).astype(np.int16)
        found = (log_mel(tables(made), frames) - unit(made)) * PER_COUNT
        wanted = decibels(made, frames.astype(float))
        far = abs(found - wanted)[wanted > wanted.max(axis=1, keepdims=True) - 60]
        assert far.max() < 0.15 and far.mean() < 0.006, f"{name}: {far.max():.3f} dB, {far.mean():.4f} dB"


def test_silence_is_the_floor() -> None:
    made = MelFrames(8000, 256, 160, 1, 32, 60, 4000, floor=10)
    found = log_mel(tables(made), np.zeros((2, 256), np.int16))
    assert np.ptp(found) == 0
    assert abs(float(found[0, 0]) - unit(made) - np.log2(100) * 1024) < 2


def test_a_louder_frame_has_the_same_numbers_and_a_greater_logarithm() -> None:
    """The block exponent takes up powers of two: only the floor sees them."""
    frames = np.random.default_rng(1).integers(-900, 900, (20, 256)).astype(np.int16)
    front = tables(MelFrames(8000, 256, 160, 1, 32, 60, 4000, floor=1e-3))
    assert (log_mel(front, frames * 8) - log_mel(front, frames) == 6 * 1024).all()


def test_many_frames_are_what_each_is_alone() -> None:
    frames = np.random.default_rng(2).integers(-3000, 3000, (1100, 64)).astype(np.int16)
    frames[::7] = 0
    front = tables(MelFrames(8000, 64, 32, 1, 8, 0, 4000))
    whole = log_mel(front, frames)
    for row in (0, 1, 7, 511, 600, 1099):
        assert (whole[row] == log_mel(front, frames[row : row + 1])[0]).all()


def test_no_number_leaves_its_bits() -> None:
    """The largest inputs there are: powers stay below 2^32, so that products with triangles fit 64 bits."""
    made = MelFrames(8000, 256, 160, 1, 32, 0, 4000, floor=1e6)
    front = tables(made)
    assert front.floor == 2**32 - 1
    worst = np.where(np.arange(256) % 8 < 4, 32767, -32768)
    frames = np.stack([worst, np.full(256, -32768), np.roll(worst, 3)]).astype(np.int16)
    found = log_mel(front, frames)
    assert found.max() < 48 * 1024 and found.min() >= 31 * 1024


def test_normalised_rounds_half_up_and_is_clamped() -> None:
    logs = np.array([[1000, 1000], [1001, 999], [99999, 0]])
    found = normalised(logs, np.array([1000, 1000]), np.array([16384, 16384], np.int16), 15)
    assert found.tolist() == [[0, 0], [1, 0], [127, -127]]


def test_digits_are_near_floats(real_data: Path) -> None:
    held = np.load(real_data / "fsdd" / "fsdd.npz")
    made = MADE[0]
    frames = held["audio"][: 256 * 2000].reshape(-1, 256)
    found = (log_mel(tables(made), frames) - unit(made)) * PER_COUNT
    wanted = decibels(made, frames.astype(float))
    far = abs(found - wanted)[wanted > wanted.max(axis=1, keepdims=True) - 60]
    assert far.max() < 1.5 and far.mean() < 0.005
