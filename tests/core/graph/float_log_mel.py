"""Mel bands of frames in floats, straight from the formulas: nothing of it is shared with the integer front end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sarto.deploy.lower.front_end import MelFrames


def mel(f: float) -> float:
    return 1127.01048 * math.log(1 + f / 700)


def decibels(made: MelFrames, frames: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Power of each band, in dB over that of a tone of amplitude 1 in the middle of a bin, and the floor."""
    n = np.arange(made.frame)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / made.frame)
    power = np.abs(np.fft.rfft(frames * window, made.fft)) ** 2 / (window.sum() / 2) ** 2
    low, high = mel(made.low_hz), mel(made.high_hz)
    step = (high - low) / (made.bands + 1)
    place = np.array([mel(k * made.rate_hz / made.fft) for k in range(made.fft // 2 + 1)])
    peaks = low + step * np.arange(1, made.bands + 1)
    triangles = np.maximum(0, 1 - np.abs(place - peaks[:, None]) / step)
    return 10 * np.log10(power @ triangles.T + made.floor**2)
