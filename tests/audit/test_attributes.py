"""Attributes from signals, against signals whose attributes are known."""

import numpy as np
import pytest

from sarto.audit.attributes import attributes, movement_attributes, sound_attributes
from sarto.core.dataset import Dataset

RATE = 8000.0


def bursts(count: int, noise: float, seed: int = 0) -> np.ndarray:
    """A second of noise with `count` tones of 100 ms, evenly apart."""
    rng = np.random.default_rng(seed)
    sound = noise * rng.normal(size=8000)
    for i in range(count):
        start = int((i + 0.5) * 8000 / count) - 400
        sound[start : start + 800] += 0.5 * np.sin(2 * np.pi * 300 * np.arange(800) / RATE)
    return sound


@pytest.mark.parametrize("count", [1, 3, 5])
def test_tones_in_noise(count: int) -> None:
    found = sound_attributes([bursts(count, 0.001)], RATE)
    assert found["duration [s]"][0] == 1.0
    assert found["rate [1/s]"][0] == count
    # A frame counts that has 1/39 of the power of a whole one, so each tone is about a frame longer at either end.
    assert found["silence"][0] == pytest.approx(1 - 0.12 * count, abs=0.03 * count)
    assert found["level [dB]"][0] == pytest.approx(10 * np.log10(0.125), abs=1.0)
    assert found["SNR [dB]"][0] == pytest.approx(51.0, abs=6.0)


def test_louder_and_noisier_sound() -> None:
    quiet, noisy = bursts(3, 0.001), bursts(3, 0.01)
    found = sound_attributes([quiet, quiet / 10, noisy], RATE)
    level, ratio = found["level [dB]"], found["SNR [dB]"]
    assert level[0] - level[1] == pytest.approx(20.0)
    assert ratio[0] == pytest.approx(ratio[1])
    assert 10 < ratio[0] - ratio[2] < 21


def test_sound_without_silence_and_without_a_frame() -> None:
    found = sound_attributes([np.sin(np.arange(8000.0)), np.zeros(10)], RATE)
    assert found["silence"][0] == 0.0
    assert np.isnan(found["SNR [dB]"]).all()
    assert found["duration [s]"][1] == pytest.approx(10 / RATE)
    assert np.isnan(found["level [dB]"][1])


def test_movement_is_intensity_and_how_the_sensor_hangs() -> None:
    t = np.arange(200)
    swing = np.stack([np.zeros(200), np.full(200, -9.81) + np.sin(t), np.zeros(200)], axis=1)
    lying = np.tile([0.0, 0.0, 9.81], (200, 1))
    found = movement_attributes([swing, lying])
    assert found["orientation"].tolist() == ["-y", "+z"]
    assert found["intensity"][0] == pytest.approx(2 / np.pi, abs=0.01)  # mean |sin|
    assert found["intensity"][1] == 0.0
    assert found["tilt [deg]"] == pytest.approx([45.0, 45.0], abs=1.0)


def dataset(values: np.ndarray, offsets: list[int], channels: tuple[str, ...], rate: float | None) -> Dataset:
    items = len(offsets) - 1
    return Dataset("d", values, np.array(offsets), np.zeros(items, int), ("a",), channels, rate_hz=rate)


def test_what_a_data_set_gives() -> None:
    words = (32767 * bursts(2, 0.001)).astype(np.int16)[:, None]
    found = attributes(dataset(words, [0, 8000], ("sound",), RATE))
    assert found["level [dB]"][0] == pytest.approx(10 * np.log10(0.125), abs=1.0)
    walk = np.random.default_rng(0).normal(size=(30, 4))
    names = ("wrist acc_x", "wrist acc_y", "wrist acc_z", "gyro_x")
    found = attributes(dataset(walk, [0, 10, 30], names, 50.0))
    assert list(found) == [
        "duration [steps]",
        *(f"wrist acc {w}" for w in ("intensity", "orientation", "tilt [deg]")),
    ]
    assert attributes(dataset(walk, [0, 15, 30], ("a", "b", "c", "d"), 50.0)) == {}
