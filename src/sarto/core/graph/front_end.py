r"""The integer audio front end: from microphone samples to a few numbers per frame, defined in NumPy.

A frame is `frame` samples, a new one begins every `hop` samples. Of the samples x_n of a frame, with 16-bit windows w_n
and the largest e with |x_n 2^e| <= 2^15 for all n (a block exponent, 0 to 15),

    v_n = x_n w_n 2^e                                                         below 2^30 in size, 0 from `frame` on
    Z_k = 2/N sum_j (v_2j + i v_(2j+1)) exp(-4 pi i j k / N)                  fast transform of N/2 complex numbers
    X_k = (Z_k + Z*_(N/2-k)) / 4 - i exp(-2 pi i k / N) (Z_k - Z*_(N/2-k)) / 4      1/N of the spectrum of v
    p_k = |X_k|^2 >> power_shift                                              below 2^32
    E_m = sum_k a_mk p_k + floor 2^(2 e)                                      triangles a_mk in 15 fractional bits
    L_m = log2(E_m) - 2 e                                                     10 fractional bits, from a table
    y_m = clamp(((L_m - zero_m) factor_m + 2^(shift - 1)) >> shift)           to +-127

A butterfly of the transform, with the twiddle t in 15 fractional bits, is a/2 +- (b t)/2: nothing ever grows, and every
product is that of 32 by 16 bits without its lowest 16, as SMULWB has it. All shifts round down. Rising and falling
sides of neighbouring triangles add up to 1, so one weight r_k of each bin says both: between the edges of bins j and
j + 1 the sums R_j = sum r_k p_k and P_j = sum p_k make E_m = R_m + 2^15 P_(m+1) - R_(m+1).

Silence is L_m = log2(floor), as every frame before the first sample is.

Source: Oppenheim and Schafer, "Discrete-time signal processing", chapter 9 (decimation in time; halving in every
stage); Sorensen et al., "Real-valued fast Fourier transform algorithms", IEEE Trans. ASSP 35 (1987),
pages 849 to 863 (a real transform by a complex one of half the length).

>>> window = np.rint(32767 * np.hanning(17)[:16]).astype(np.int16)
>>> made = FrontEnd(window, twiddles(16), np.array([0, 16384, 0, 16384], np.uint16), np.array([1, 3, 5], np.uint16),
...                 log_table(), hop=8, power_shift=26, floor=1 << 15)
>>> tone = np.rint(8000 * np.sin(np.arange(16) * np.pi / 4)).astype(np.int16)
>>> (log_mel(made, np.stack([tone, tone * 0])) / 1024).round(2).tolist()
[[40.52], [15.0]]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int16, Integer

from sarto.core.graph.operations import standardise

WEIGHT_BITS = 15
"""Fractional bits of windows, twiddles and triangles."""
LOG_BITS = 10
"""Fractional bits of a logarithm."""
LOG_STEPS = 5
"""The table of logarithms has 2^5 steps; its linear interpolation is 1.8e-4 off at the most, .0006 dB."""
LIMIT = 127
SCALE = 2.0**-5
"""Standard deviations that a count of y stands for: +-127 of them reach over +-4."""
_AT_ONCE = 512
"""Frames that go through the transform together, so that they stay in a cache."""


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """What the front end computes with, up to its logarithms.

    Attributes:
        window: of a frame, 15 fractional bits.
        twiddle: cosine and sine of 2 pi k / N for k below N/2; N is a power of two, at least 16 and `frame`.
        rising: r_k of the bins from the first edge on.
        edges: the bins at which each triangle begins, peaks and ends, one more than triangles and another.
        log: table of log2(1 + i 2^-5) with 15 fractional bits.
        hop: samples from frame to frame.
        power_shift: such that p_k stays below 2^32.
        floor: what is added to each E_m, 1 to 2^32 - 1.
    """

    window: Integer[np.ndarray, " frame"]
    twiddle: Integer[np.ndarray, "half 2"]
    rising: Integer[np.ndarray, " bin"]
    edges: Integer[np.ndarray, " edge"]
    log: Integer[np.ndarray, " knot"]
    hop: int
    power_shift: int
    floor: int


def twiddles(fft: int) -> Integer[np.ndarray, "half 2"]:
    """Return cosine and sine of 2 pi k / N for k below N/2."""
    angle = 2 * np.pi * np.arange(fft // 2) / fft
    return np.rint(32767 * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.int16)


def log_table() -> Integer[np.ndarray, " knot"]:
    """Return log2(1 + i 2^-5) with 15 fractional bits."""
    knots = 1 + np.arange((1 << LOG_STEPS) + 1) / (1 << LOG_STEPS)
    return np.rint(np.log2(knots) * (1 << WEIGHT_BITS)).astype(np.uint16)


def front_end(
    front: FrontEnd,
    raw: Integer[np.ndarray, "item heard"],
    zero: Integer[np.ndarray, " band"],
    factor: Integer[np.ndarray, " band"],
    shift: int,
) -> Int[np.ndarray, "item frame band"]:
    """Return y of every whole frame of 16-bit samples."""
    frames = np.lib.stride_tricks.sliding_window_view(raw, len(front.window), axis=1)[:, :: front.hop]
    logs = log_mel(front, frames.reshape(-1, len(front.window)))
    return normalised(logs, zero, factor, shift).reshape(len(raw), frames.shape[1], -1)


def last_samples(
    values: Integer[np.ndarray, " spoken"],
    offsets: Integer[np.ndarray, " edge"],
    frame: int,
    hop: int,
    samples: int,
) -> Int16[np.ndarray, "item sample"]:
    """Return the `samples` that the last frames of recordings `values[offsets[i]:offsets[i + 1]]` reach over.

    The first frame of a recording ends after `frame % hop` samples (or `hop`), with zeros before, and one more every
    `hop`; what comes after the last of them is left out.
    """
    found = np.zeros((len(offsets) - 1, samples), np.int16)
    first = frame % hop or hop
    for item, (begin, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        length = end - begin
        whole = 0 if length < first else length - (length - first) % hop
        kept = min(whole, samples)
        found[item, samples - kept :] = values[begin + whole - kept : begin + whole]
    return found


def normalised(
    logs: Int[np.ndarray, "row band"],
    zero: Integer[np.ndarray, " band"],
    factor: Integer[np.ndarray, " band"],
    shift: int,
) -> Int[np.ndarray, "row band"]:
    """Return y of logarithms."""
    return standardise(logs, zero, factor, shift, LIMIT)


def log_mel(front: FrontEnd, frames: Integer[np.ndarray, "row sample"]) -> Int[np.ndarray, "row band"]:
    """Return L of frames of samples."""
    found = np.full((len(frames), len(front.edges) - 2), front.floor)
    found = _log2(front, found)
    heard = np.flatnonzero(frames.any(axis=1))
    for first in range(0, len(heard), _AT_ONCE):
        rows = heard[first : first + _AT_ONCE]
        found[rows] = _of_sound(front, frames[rows].astype(np.int64))
    return found


def _of_sound(front: FrontEnd, x: Int[np.ndarray, "row sample"]) -> Int[np.ndarray, "row band"]:
    exponent = 15 - _bits(np.bitwise_or.reduce(x ^ (x >> 15), axis=1))
    v = np.zeros((len(x), 2 * len(front.twiddle)), np.int64)
    v[:, : x.shape[1]] = (x * front.window) << exponent[:, None]
    energy = _energies(front, _powers(front, v)) + (front.floor << 2 * exponent)[:, None]
    return _log2(front, energy) - (2 * exponent << LOG_BITS)[:, None]


def _powers(front: FrontEnd, v: Int[np.ndarray, "row sample"]) -> Int[np.ndarray, "row bin"]:
    """Return p of bins 0 to N/2 - 1; that of bin 0 is left at 0, as no triangle has a share of it."""
    re, im = _transformed(front, v[:, 0::2], v[:, 1::2])
    half = int(re.shape[1])
    k: Int[np.ndarray, " pair"] = np.arange(1, half // 2 + 1)
    ar, ai, br, bi = (part >> 1 for part in (re[:, k], im[:, k], re[:, half - k], im[:, half - k]))
    tr, ti = _turned(ai + bi, br - ar, front.twiddle[k])
    er, ei = (ar + br) >> 1, (ai - bi) >> 1
    power = np.zeros(re.shape, np.int64)
    power[:, half - k] = ((er - tr) ** 2 + (ei - ti) ** 2) >> front.power_shift
    power[:, k] = ((er + tr) ** 2 + (ei + ti) ** 2) >> front.power_shift
    return power


def _transformed(
    front: FrontEnd, re: Int[np.ndarray, "row number"], im: Int[np.ndarray, "row number"]
) -> tuple[Int[np.ndarray, "row bin"], Int[np.ndarray, "row bin"]]:
    """Return 1/M of the transform of M = N/2 complex numbers, by decimation in time."""
    rows, count = re.shape
    order = np.zeros(1, np.int64)
    while len(order) < count:
        order = np.concatenate([2 * order, 2 * order + 1])
    re, im = re[:, order], im[:, order]
    size = 1
    while size < count:
        ar, br = re.reshape(rows, -1, 2, size).swapaxes(0, 2)
        ai, bi = im.reshape(rows, -1, 2, size).swapaxes(0, 2)
        if size == 1:  # the turns of the first two stages are exact: 1, and then 1 and -i
            tr, ti = br >> 1, bi >> 1
        elif size == 2:
            tr = np.stack([br[..., 0] >> 1, bi[..., 1] >> 1], axis=-1)
            ti = np.stack([bi[..., 0] >> 1, (-br[..., 1]) >> 1], axis=-1)
        else:
            tr, ti = _turned(br, bi, front.twiddle[:: len(front.twiddle) // size])
        re, im = (
            np.stack([(a >> 1) + t, (a >> 1) - t]).swapaxes(0, 2).reshape(rows, count)
            for a, t in ((ar, tr), (ai, ti))
        )
        size *= 2
    return re, im


def _turned(
    re: Int[np.ndarray, "*place turn"],
    im: Int[np.ndarray, "*place turn"],
    twiddle: Integer[np.ndarray, "turn 2"],
) -> tuple[Int[np.ndarray, "*place turn"], Int[np.ndarray, "*place turn"]]:
    """Return half of the numbers times cos - i sin."""
    cos, sin = twiddle[:, 0].astype(np.int64), twiddle[:, 1].astype(np.int64)
    return (re * cos >> 16) + (im * sin >> 16), (im * cos >> 16) - (re * sin >> 16)


def _energies(front: FrontEnd, power: Int[np.ndarray, "row bin"]) -> Int[np.ndarray, "row band"]:
    edges = front.edges.astype(np.int64)
    power = power[:, edges[0] : edges[-1]]
    sums = np.zeros((2, len(power), power.shape[1] + 1), np.int64)
    np.cumsum(power, axis=1, out=sums[0, :, 1:])
    np.cumsum(power * front.rising, axis=1, out=sums[1, :, 1:])
    whole, rising = np.diff(sums[:, :, edges - edges[0]], axis=2)
    return rising[:, :-1] + (whole[:, 1:] << WEIGHT_BITS) - rising[:, 1:]


def _log2(front: FrontEnd, energy: Int[np.ndarray, "row band"]) -> Int[np.ndarray, "row band"]:
    bits = _bits(energy)
    top = np.where(bits > 32, energy >> (bits - 32).clip(0), energy << (32 - bits).clip(0))
    place = (top >> (31 - LOG_STEPS)) & ((1 << LOG_STEPS) - 1)
    part = (top >> (21 - LOG_STEPS)) & 1023
    table = front.log.astype(np.int64)
    value = table[place] + (((table[place + 1] - table[place]) * part + 512) >> 10)
    return ((bits - 1) << LOG_BITS) + ((value + 16) >> (WEIGHT_BITS - LOG_BITS))


def _bits(values: Int[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Return how many bits numbers from 0 to 2^63 - 1 have."""
    high = values >> 32
    upper = np.frexp(high.astype(np.float64))[1]
    lower = np.frexp((values & 0xFFFFFFFF).astype(np.float64))[1]
    return np.where(high > 0, upper + 32, lower).astype(np.int64)
