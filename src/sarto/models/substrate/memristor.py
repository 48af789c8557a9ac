"""Models of one memory element of an analogue array: what is written, how it ages, how a reading scatters.

Conductances g are in units of the largest, G_max; g_min = 1 / on_off. A share x in [0, 1] of the range is written as

    g_T = g_min + (1 - g_min) round(x (2^b - 1)) / (2^b - 1)        with b bits: 2^b levels
    g_0 = max(g_T + N(0, s_write), 0)                               programming noise, once
    g(t) = g_0 (max(t, t_0) / t_0)^-nu,   nu ~ N(m, d), at least 0  drift, each element with its own nu
    g_read = g(t) + N(0, s_read)                                    read noise, anew for every access

`Memristor` takes every constant from the user; left out, an effect is absent. `PhaseChange` has the constants that
were fitted to an array of a million phase-change elements, where s_write, m, d and s_read depend on g_T:

    s_write = max(-1.1731 g_T^2 + 1.9650 g_T + 0.2635, 0) uS / 25 uS
    m = min(max(-0.0155 ln g_T + 0.0244, 0.049), 0.1),   d = min(max(-0.0125 ln g_T - 0.0059, 0.008), 0.045)
    nu = |N(m, d)|
    s_read = g(t) min(0.0088 / g_T^0.65, 0.2) sqrt(ln((t + t_read) / (2 t_read))),   t_0 = 20 s,   t_read = 250 ns

That s_read is 1/f noise integrated over the band that a reading sees; drawing it independently for every access takes
its slow part, which two accesses share, for fast.

Source: Nandakumar et al., "Phase-change memory models for deep learning training and inference", ICECS 2019, and
Joshi et al., "Accurate deep neural network inference using computational phase-change memory", Nature Communications
11, 2473 (2020), with the constants as in the documentation of IBM's aihwkit, "Inference and PCM statistical model"
(G_max = 25 uS and t_0 = 20 s as in its `PCMLikeNoiseModel`).

>>> Memristor(bits=2).target(np.array([0.0, 0.3, 0.6, 1.0])).round(3).tolist()
[0.0, 0.333, 0.667, 1.0]
>>> round(float(PhaseChange().write_deviation(np.array([1.0]))[0] * 25), 4)
1.0554
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sarto.models.input_error import InputError

Conductances = Float[np.ndarray, "*place"]


@dataclass(frozen=True)
class Memristor:
    """A memory element whose constants the user declares; as it stands, an ideal one.

    Attributes:
        on_off: G_max / G_min.
        bits: b; None is any conductance.
        write_noise: s_write.
        read_noise: s_read.
        drift_mean: m.
        drift_deviation: d, from element to element.
        drift_start_s: t_0, the time after writing at which g_0 is what was written.
    """

    on_off: float = math.inf
    bits: int | None = None
    write_noise: float = 0.0
    read_noise: float = 0.0
    drift_mean: float = 0.0
    drift_deviation: float = 0.0
    drift_start_s: float = 1.0

    def __post_init__(self) -> None:
        """Refuse constants that no element can have.

        Raises:
            InputError: E116, naming the constant, its value and its limit.
        """
        if not self.on_off > 1:
            raise _bad("on_off", self.on_off, "above 1")
        if self.bits is not None and not 1 <= self.bits <= 16:
            raise _bad("bits", self.bits, "a whole number from 1 to 16, or None")
        if not (math.isfinite(self.drift_start_s) and self.drift_start_s > 0):
            raise _bad("drift_start_s", self.drift_start_s, "finite and above 0")
        for name in ("write_noise", "read_noise", "drift_mean", "drift_deviation"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise _bad(name, value, "finite and at least 0")

    @property
    def least(self) -> float:
        """g_min."""
        return 1 / self.on_off

    def target(self, share: Conductances) -> Conductances:
        """Return g_T for shares of the range, in [0, 1]."""
        steps = None if self.bits is None else 2**self.bits - 1
        chosen = share if steps is None else np.rint(share * steps) / steps
        return self.least + (1 - self.least) * chosen

    def write_deviation(self, target: Conductances) -> Conductances:
        """Return s_write for each target."""
        return np.full_like(target, self.write_noise)

    def written(self, target: Conductances, rng: np.random.Generator) -> Conductances:
        """Return g_0: the targets, each with its own error."""
        return np.maximum(target + self.write_deviation(target) * rng.standard_normal(target.shape), 0.0)

    def drift_exponents(self, target: Conductances, rng: np.random.Generator) -> Conductances:
        """Return nu of each element."""
        return np.maximum(self.drift_mean + self.drift_deviation * rng.standard_normal(target.shape), 0.0)

    def drifted(self, written: Conductances, exponents: Conductances, age_s: float) -> Conductances:
        """Return g(t) at `age_s` after writing."""
        return written * (max(age_s, self.drift_start_s) / self.drift_start_s) ** -exponents

    def read_deviation(self, target: Conductances, present: Conductances, age_s: float) -> Conductances:
        """Return s_read for elements of these targets and present conductances."""
        return np.full_like(present, self.read_noise)


@dataclass(frozen=True)
class PhaseChange(Memristor):
    """A phase-change element with the published constants; 0 leaves an effect out, 1 is as published.

    Attributes:
        write_scale: of s_write.
        read_scale: of s_read.
        drift_scale: of nu.
    """

    drift_start_s: float = 20.0
    write_scale: float = 1.0
    read_scale: float = 1.0
    drift_scale: float = 1.0

    REFERENCE_US = 25.0
    """G_max of the fit, in microsiemens."""
    READ_PULSE_S = 250e-9
    FLOOR = 1e-7
    """Smallest relative conductance whose logarithm is taken, as in aihwkit."""

    def write_deviation(self, target: Conductances) -> Conductances:
        """Return s_write, a fit in the target."""
        fit = -1.1731 * target**2 + 1.9650 * target + 0.2635
        return self.write_scale * np.maximum(fit, 0.0) / self.REFERENCE_US

    def drift_exponents(self, target: Conductances, rng: np.random.Generator) -> Conductances:
        """Return nu, whose mean and deviation are fits in the target."""
        log = np.log(np.maximum(target, self.FLOOR))
        mean = np.clip(-0.0155 * log + 0.0244, 0.049, 0.1)
        deviation = np.clip(-0.0125 * log - 0.0059, 0.008, 0.045)
        return self.drift_scale * np.abs(mean + deviation * rng.standard_normal(target.shape))

    def read_deviation(self, target: Conductances, present: Conductances, age_s: float) -> Conductances:
        """Return s_read at `age_s`, a fit in the target times the present conductance."""
        share = np.minimum(0.0088 / np.maximum(target, self.FLOOR) ** 0.65, 0.2)
        time = max(age_s, self.drift_start_s)
        band = math.sqrt(math.log((time + self.READ_PULSE_S) / (2 * self.READ_PULSE_S)))
        return self.read_scale * present * share * band


def _bad(name: str, value: float, limit: str) -> InputError:
    return InputError("E116", f"{name} = {value}", cause=f"{name} must be {limit}", hint=f"change {name}")
