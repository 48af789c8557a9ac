"""What `keywords` learns from: recordings said otherwise, their mel frames, the network that hears them, and controls.

A recording is said otherwise by `varied`: read faster or slower, which raises or lowers voice and formants with it,
louder or quieter, in noise, and cut or followed by silence. `logarithms` returns what the integer front end makes of
recordings up to its logarithms, which are the same for every fold; `stretched` says them slower or faster with the same
voice; `bent` adds a smooth curve over the bands, another microphone, and hides some bands and frames.

The first layer of `architecture` takes cepstra of the bands, c_k = sum_m s_m cos(pi k (m + 1/2) / M) y_m for k from 1,
where s_m is the deviation that y_m was divided by: the level, c_0, is not among them. They are not learned
(`hear_cepstra`). Three convolutions over the frames follow, and mean and largest value of each channel.
`statistics` and `cepstra` are what the controls see of the same frames, those of silence left out.

Source: Ko et al., "Audio augmentation for speech recognition", Interspeech 2015 (speed); Park et al., "SpecAugment",
Interspeech 2019 (hidden bands and frames); Davis and Mermelstein, "Comparison of parametric representations for
monosyllabic word recognition", IEEE Trans. ASSP 28 (1980) (cepstra of mel bands).

>>> architecture((32, 61), 10).size
49722
>>> varied(np.full(800, 100, np.int16), np.random.default_rng(0)).dtype
dtype('int16')
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Int16, Integer, Shaped, UInt16

from sarto.core.graph.front_end import log_mel
from sarto.deploy.lower.front_end import MelFrames, items, tables
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.operations import Shape
from sarto.models.network.sketch import Sketch

Sound = Int16[np.ndarray, " spoken"]
Logs = UInt16[np.ndarray, "item frame band"]

SPEED = 0.22
"""Of the logarithm of how much faster, at most."""
GAIN_DB, NOISE_DB, NOISY = (-26.0, 6.0), (10.0, 40.0), 0.5
"""Gain; level of the recording over the noise; share of recordings with noise."""
TEMPO = 0.3
"""Of the logarithm of how much faster the frames of a version follow, at most."""
END_S = (-0.03, 0.1)
"""Silence after the recording; below 0 so much of its end is cut."""
CURVE, TURNS, BANDS, FRAMES = 0.15, 3, 5, 8
"""Deviation of a curve's first cosine, and how many there are; most bands and frames hidden at once."""
CEPSTRA, CHANNELS, KERNELS, STRIDES = 12, (60, 80, 80), (5, 5, 3), (2, 2, 1)
COEFFICIENTS, PARTS = 13, 5
"""Of the cepstra, and in how many equal parts of the recording their means are taken."""
_AT_ONCE = 250


@dataclass(frozen=True, eq=False)
class Digits:
    """Recordings with what is said and who says it."""

    sounds: tuple[Sound, ...]
    label: Int[np.ndarray, " item"]
    speaker: Int[np.ndarray, " item"]
    speakers: tuple[str, ...]
    rate_hz: float

    def select(self, chosen: Int[np.ndarray, " chosen"]) -> Digits:
        """Return the chosen recordings."""
        numbers: list[int] = chosen.tolist()
        sounds = tuple(self.sounds[i] for i in numbers)
        return Digits(sounds, self.label[chosen], self.speaker[chosen], self.speakers, self.rate_hz)


def read(path: Path) -> Digits:
    """Return the recordings of `fsdd`."""
    with np.load(path, allow_pickle=False) as file:
        return Digits(
            _apart(file["audio"], file["offsets"].tolist()),
            file["label"].astype(np.int64),
            file["speaker"].astype(np.int64),
            tuple(str(name) for name in file["speaker_names"]),
            float(file["sample_rate"]),
        )


def _apart(values: Sound, edges: list[int]) -> tuple[Sound, ...]:
    return tuple(values[begin:end] for begin, end in pairwise(edges))


def joined(sounds: tuple[Sound, ...]) -> tuple[Sound, Integer[np.ndarray, " edge"]]:
    """Return recordings one after the other, and where each begins and ends."""
    return np.concatenate(sounds), np.cumsum([0, *(len(sound) for sound in sounds)])


def varied(sound: Sound, rng: np.random.Generator, rate_hz: float = 8000) -> Sound:
    """Return a recording said otherwise."""
    faster = float(np.exp(rng.uniform(-SPEED, SPEED)))
    places = np.arange(int(len(sound) / faster)) * faster
    x: Float[np.ndarray, " said"] = np.interp(places, np.arange(len(sound)), sound)
    x *= 10 ** (rng.uniform(*GAIN_DB) / 20)
    if rng.random() < NOISY:
        x += rng.normal(size=len(x)) * np.sqrt(np.mean(x**2)) * 10 ** (-rng.uniform(*NOISE_DB) / 20)
    end = int(rng.uniform(*END_S) * rate_hz)
    x = x[:end] if end < 0 else np.concatenate([x, np.zeros(end)])
    return np.rint(x).clip(-(2**15), 2**15 - 1).astype(np.int16)


def logarithms(made: MelFrames, sounds: tuple[Sound, ...]) -> Logs:
    """Return the logarithms of the integer front end, 10 fractional bits, of the last frames of recordings."""
    front, found = tables(made), np.zeros((len(sounds), made.frames, made.bands), np.uint16)
    for first in range(0, len(sounds), _AT_ONCE):
        raw = items(made, *joined(sounds[first : first + _AT_ONCE]))
        frames = np.lib.stride_tricks.sliding_window_view(raw, made.frame, axis=1)[:, :: made.hop]
        logs = log_mel(front, frames.reshape(-1, made.frame))
        found[first : first + _AT_ONCE] = logs.reshape(len(raw), made.frames, -1)
    return found


def stretched(logs: Logs, rng: np.random.Generator, frames: int) -> Float[np.ndarray, "item frame band"]:
    """Return the last `frames` frames of items whose frames follow faster or slower, interpolated between two."""
    faster = np.exp(rng.uniform(-TEMPO, TEMPO, (len(logs), 1)))
    last = logs.shape[1] - 1
    place: Float[np.ndarray, "item frame"] = (last - np.arange(frames)[::-1] * faster).clip(0)
    before = place.astype(int).clip(max=last - 1)
    part, item = (place - before).astype(np.float32)[:, :, None], np.arange(len(logs))[:, None]
    return logs[item, before] * (1 - part) + logs[item, before + 1] * part


def bent(
    x: Float[np.ndarray, "item frame band"], rng: np.random.Generator, limit: float
) -> Float[np.ndarray, "item frame band"]:
    """Return normalised frames through another microphone, some bands and frames hidden at their mean of 0."""
    count, frames, bands = x.shape
    for turn, cosine in enumerate(cosines(bands, TURNS + 1)[1:].astype(np.float32), 1):
        x = x + np.float32(CURVE / turn) * _numbers(rng, count) * cosine
    hidden = _run(rng, count, bands, BANDS)[:, None, :] | _run(rng, count, frames, FRAMES)[:, :, None]
    return np.where(hidden, np.float32(0), x.clip(-limit, limit))


def cosines(bands: int, count: int) -> Float[np.ndarray, "cosine band"]:
    """Return cos(pi k (m + 1/2) / M) for k below `count` and each band m of M."""
    place: Float[np.ndarray, " band"] = np.pi * (np.arange(bands) + 0.5) / bands
    found: Float[np.ndarray, "cosine band"] = np.cos(np.arange(count)[:, None] * place)
    return found


def _numbers(rng: np.random.Generator, count: int) -> Float[np.ndarray, "item 1 1"]:
    return rng.normal(size=(count, 1, 1)).astype(np.float32)


def _run(rng: np.random.Generator, count: int, places: int, most: int) -> Shaped[np.ndarray, "item place"]:
    """Return for each item which of `places` lie in a random run of 0 to `most` of them."""
    width = rng.integers(0, most + 1, (count, 1))
    begin = (rng.random((count, 1)) * (places - width + 1)).astype(int)
    return (np.arange(places) >= begin) & (np.arange(places) < begin + width)


def architecture(shape: Shape, outputs: int) -> Architecture:
    """Return the network of items (band, frame)."""
    net, frames = Sketch(), shape[1]
    net.unbent("cepstra", CEPSTRA, (1,))
    for number, (channels, size, stride) in enumerate(zip(CHANNELS, KERNELS, STRIDES, strict=True), 1):
        net.convolve(f"conv{number}", channels, (size,), stride)
        frames = -(-frames // stride)
    mean = net.put("mean", "global_mean_pool")
    net.put("most", "max_pool", f"conv{len(CHANNELS)}_relu", kernel=(frames,))
    net.put("both", "concat", mean, net.put("largest", "flatten"))
    net.put("head", "linear", features=outputs)
    return Architecture(shape, tuple(net.nodes))


def hear_cepstra(network: Network, deviation: Float[np.ndarray, " band"]) -> None:
    """Have the first layer return cepstra of bands that were divided by their deviations, and stay so."""
    turned = cosines(len(deviation), CEPSTRA + 1)[1:] * deviation
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    weight = network.get_parameter("layers.cepstra.weight")
    with torch.no_grad():
        weight.copy_(torch.as_tensor(turned[:, :, None]))
    weight.requires_grad_(False)


def statistics(logs: Logs) -> Float[np.ndarray, "item statistic"]:
    """Return mean and deviation of every band over the frames with sound."""
    return np.array([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in _with_sound(logs)])


def cepstra(logs: Logs) -> Float[np.ndarray, "item statistic"]:
    """Return means of cepstra over parts of a recording, and deviations of them and of their slopes over all of it."""
    found: list[Float[np.ndarray, " statistic"]] = []
    turned = cosines(logs.shape[2], COEFFICIENTS).T
    for x in _with_sound(logs):
        c = x @ turned
        means = [c[part].mean(axis=0) for part in np.array_split(np.arange(len(c)), PARTS)]
        found.append(np.concatenate([*means, c.std(axis=0), np.gradient(c, axis=0).std(axis=0)]))
    return np.array(found)


def _with_sound(logs: Logs) -> list[Float[np.ndarray, "heard band"]]:
    """Return the frames of each item that are not silence, or as many of its last ones as there are parts."""
    silence = logs.min()
    found: list[Float[np.ndarray, "heard band"]] = []
    for x in logs:
        heard = x[(x != silence).any(axis=1)]
        found.append((heard if len(heard) >= PARTS else x[-PARTS:]) / 1024.0)
    return found
