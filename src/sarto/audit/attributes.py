"""Attributes of recordings that are worked out from the signals, so that there are subgroups where no metadata is.

Returns one column per attribute, by name, a number for each item (NaN where it has none) or a text.

Sound (one channel, from 4 kHz on), frames of 25 ms every 10 ms, P_t the mean square of frame t:

    level       10 log10 of the mean P_t of active frames, in dB of full scale. Active are those above a threshold
                that lies 15.9 dB below that level, found by iteration
    silence     share of frames that are not active
    SNR         level less 10 log10 of the mean P_t of the others, in dB
    rate        peaks of 10 log10 P_t, smoothed over 5 frames, that are active and stand out by 2 dB, per second:
                about the syllables
    duration    in s

Movement (every three channels x, y, z of an accelerometer), a_t the acceleration, r_t = |a_t|:

    intensity   mean |r_t - mean r|, the mean amplitude deviation, in the unit of the channels
    orientation the axis and sense that is nearest to the mean of a_t, such as +y: how the sensor hangs
    tilt        angle between the mean of a_t and the mean over all items, in degrees

Source: ITU-T P.56 (12/2011), 6.1 (margin of 15.9 dB); N. H. de Jong and T. Wempe, "Praat script to detect syllable
nuclei", Behavior Research Methods 41 (2009) (peaks with dips of 2 dB; their test for voicing is left out);
H. Vaha-Ypya et al., Clinical Physiology and Functional Imaging 35 (2015) (mean amplitude deviation).

>>> tone = np.concatenate([np.zeros(4000), np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)]) + 1e-3
>>> found = sound_attributes([tone], 8000.0)
>>> {name: round(float(column[0]), 2) for name, column in found.items()}
{'duration [s]': 1.0, 'level [dB]': -3.12, 'silence': 0.49, 'SNR [dB]': 56.88, 'rate [1/s]': 1.0}
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Num, Shaped

from sarto.core.dataset import Dataset

FRAME_S, HOP_S = 0.025, 0.010
"""The frames that speech is usually cut into, as in the HTK Book (2006), 5.2."""
MARGIN_DB = 15.9
DIP_DB = 2.0
SMOOTH = 5
LOWEST_SOUND_HZ = 4000.0
"""One channel from this rate on is taken for sound; half of it is the least that carries speech (ITU-T G.712)."""
FAINTEST = 1e-10
"""Power below which a frame counts as this: 100 dB below full scale, less than a 16-bit word resolves."""
_ACCELERATION = re.compile(r"(.*?(?:acc\w*|a))[ _.-]?([xyz])", re.IGNORECASE)


def attributes(data: Dataset) -> dict[str, Shaped[np.ndarray, " item"]]:
    """Return what the signals of `data` say of each item; `duration` where items differ in length.

    Of sound that is stored as integers full scale is the largest value of their type.
    """
    found: dict[str, Shaped[np.ndarray, " item"]] = {}
    items = [data.item(i) for i in range(len(data))]
    if len(data.channels) == 1 and (data.rate_hz or 0.0) >= LOWEST_SOUND_HZ:
        full = float(np.iinfo(data.values.dtype).max) if data.values.dtype.kind in "iu" else 1.0
        assert data.rate_hz is not None
        return dict(sound_attributes([item[:, 0] / full for item in items], data.rate_hz))
    lengths = data.lengths
    if lengths.min() != lengths.max():
        found["duration [steps]"] = lengths.astype(np.float64)
    for stem, axes in _accelerometers(data.channels).items():
        name = stem.rstrip(" _.-")
        for what, column in movement_attributes([item[:, axes] for item in items]).items():
            found[f"{name} {what}"] = column
    return found


def sound_attributes(
    items: Sequence[Num[np.ndarray, " _"]], rate_hz: float
) -> dict[str, Float[np.ndarray, " item"]]:
    """Return the attributes of recordings.

    Args:
        items: samples of each, full scale 1; shorter ones than a frame have a duration and NaN else.
        rate_hz: samples per second.
    """
    rows = [_sound(np.asarray(item, np.float64), rate_hz) for item in items]
    names = ("duration [s]", "level [dB]", "silence", "SNR [dB]", "rate [1/s]")
    return dict(zip(names, np.array(rows).reshape(-1, len(names)).T, strict=True))


def movement_attributes(
    items: Sequence[Num[np.ndarray, "_ 3"]],
) -> dict[str, Shaped[np.ndarray, " item"]]:
    """Return the attributes of the acceleration of each item, which has a step or more.

    >>> still, shaken = np.tile([0.0, 0.0, 9.8], (4, 1)), np.array([[0, 8.0, 0], [0, 12.0, 0]])
    >>> {k: v.tolist() for k, v in movement_attributes([still, shaken]).items() if k != "tilt [deg]"}
    {'intensity': [0.0, 2.0], 'orientation': ['+z', '+y']}
    """
    means = np.array([np.mean(item, axis=0, dtype=np.float64) for item in items]).reshape(-1, 3)
    norms = [np.linalg.norm(np.asarray(item, np.float64), axis=1) for item in items]
    axis = np.abs(means).argmax(axis=1)
    sense = np.take_along_axis(means, axis[:, None], axis=1)[:, 0] < 0
    whole = means.mean(axis=0)
    lengths = np.linalg.norm(means, axis=1) * np.linalg.norm(whole)
    cosine = np.divide(means @ whole, lengths, out=np.full(len(means), np.nan), where=lengths > 0)
    return {
        "intensity": np.array([np.abs(r - r.mean()).mean() for r in norms]),
        "orientation": np.array([f"{'-' if s else '+'}{'xyz'[a]}" for a, s in zip(axis, sense, strict=True)]),
        "tilt [deg]": np.degrees(np.arccos(np.clip(cosine, -1, 1))),
    }


def _accelerometers(channels: Sequence[str]) -> dict[str, list[int]]:
    """Return the places of x, y and z of every accelerometer, by what its channels have in common."""
    found: dict[str, dict[str, int]] = {}
    for index, name in enumerate(channels):
        parts = _ACCELERATION.fullmatch(name)
        if parts is not None:
            found.setdefault(parts[1], {})[parts[2].lower()] = index
    return {stem: [axes[a] for a in "xyz"] for stem, axes in found.items() if len(axes) == 3}


def _sound(samples: Float[np.ndarray, " sample"], rate_hz: float) -> tuple[float, float, float, float, float]:
    from scipy.signal import find_peaks  # pyright: ignore[reportUnknownVariableType]

    duration = len(samples) / rate_hz
    size, hop = round(FRAME_S * rate_hz), round(HOP_S * rate_hz)
    if len(samples) < size:
        return duration, math.nan, math.nan, math.nan, math.nan
    sums = np.concatenate([[0.0], np.cumsum(samples**2)])
    starts = np.arange(0, len(samples) - size + 1, hop)
    power = np.maximum((sums[starts + size] - sums[starts]) / size, FAINTEST)
    decibels = 10 * np.log10(power)
    active, level = _active(power, decibels)
    noise = 10 * math.log10(power[~active].mean()) if (~active).any() else math.nan
    smooth = np.convolve(np.pad(decibels, SMOOTH // 2, mode="edge"), np.full(SMOOTH, 1 / SMOOTH), "valid")
    ends = np.concatenate([[smooth.min() - DIP_DB], smooth, [smooth.min() - DIP_DB]])
    peaks: Any = cast("Any", find_peaks)(ends, height=level - MARGIN_DB, prominence=DIP_DB)[0]
    return duration, level, float(1 - active.mean()), level - noise, len(peaks) / duration


def _active(
    power: Float[np.ndarray, " frame"], decibels: Float[np.ndarray, " frame"]
) -> tuple[Shaped[np.ndarray, " frame"], float]:
    """Return which frames are above the level of those that are, less the margin, and that level.

    The threshold only rises from one round to the next, so it comes to rest.
    """
    active = np.ones(len(power), bool)
    while True:
        level = 10 * math.log10(power[active].mean())
        now = active & (decibels >= level - MARGIN_DB)
        if now.sum() == active.sum():
            return active, level
        active = now
