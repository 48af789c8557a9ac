"""A reservoir of coupled Stuart-Landau oscillators, read by their two quadratures.

Each oscillator is the normal form of a Hopf bifurcation; each listens to d others, and the input drives it:

    dz_j/dt = (a + i omega_j - |z_j|^2) z_j + (K / d) sum_{k in N(j)} (z_k - z_j) + G sum_c B_jc u_c(t) + noise

with growth a (below 0 an oscillator alone comes to rest, above it keeps going at radius sqrt(a)), frequencies omega_j
~ U(omega - spread, omega + spread), coupling K, input weights B_jc ~ U(-1, 1) and gain G. The input is held for
`period`, which is cut into `steps` steps of the stochastic Heun scheme, with dt = period / steps, f the right side
and n standard normal in both quadratures:

    p = z + f(z) dt + s sqrt(dt) n,   z' = z + (f(z) + f(p)) dt / 2 + s sqrt(dt) n

Read are Re z_j and Im z_j, the amplitude times cosine and sine of the phase. The state starts at z = 0.

Source: oscillators of this form as reservoirs: Röhm and Lüdge, "Multiplexed networks: reservoir computing with
virtual and real nodes", Journal of Physics Communications 2 (2018), arXiv:1802.08590; coupling by differences:
Aronson, Ermentrout and Kopell, "Amplitude response of coupled oscillators", Physica D 41 (1990). Scheme: Mannella,
"Numerical integration of stochastic differential equations: the Heun algorithm revisited", Entropy 27, 910 (2025).
There are no
defaults: growth, frequency, coupling and times are the apparatus's.

>>> network = Oscillators(
...     6, 2, growth=-1.0, frequency=3.0, spread=1.0, coupling=0.5, neighbours=2, input_gain=1.0, period=0.5,
...     steps=10, seed=0)
>>> network.units, network.channels, network.start(np.array([1, 2], np.uint64), 0).state.shape
(12, 2, (2, 12))
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Complex, Float, Int, UInt64

from sarto.core.seed import generator
from sarto.models.input_error import InputError
from sarto.models.substrate._simulated import Simulated
from sarto.models.substrate.noise import NoiseStreams
from sarto.models.substrate.protocol import Range, check_controls

KNOBS = ("growth", "frequency", "coupling", "input_gain", "period")


@dataclass(frozen=True, eq=False)
class Oscillators(Simulated):
    """A network of oscillators; times in any one unit, rates in its inverse.

    Attributes:
        oscillators: N.
        channels: D.
        growth: a.
        frequency: omega, the middle of the frequencies, in radians per unit of time.
        spread: half their range.
        coupling: K.
        neighbours: d, others that each listens to.
        input_gain: G.
        period: time for which an input is held.
        steps: integration steps in that time.
        seed: of this one network: frequencies, neighbours and input weights.
        noise: s, in amplitude per square root of time.
        controls: ranges of those of `KNOBS` that may be set.
    """

    oscillators: int
    channels: int
    _: KW_ONLY
    growth: float
    frequency: float
    spread: float
    coupling: float
    neighbours: int
    input_gain: float
    period: float
    steps: int
    seed: int
    noise: float = 0.0
    controls: Mapping[str, Range] = field(default_factory=dict[str, Range])

    def __post_init__(self) -> None:
        """Refuse a network that cannot be.

        Raises:
            InputError: E116, naming the field, its value and its limit.
        """
        for name, least in (("oscillators", 1), ("channels", 1), ("steps", 1), ("neighbours", 0)):
            if (value := getattr(self, name)) < least:
                raise _bad(name, value, f"at least {least}")
        if self.neighbours >= self.oscillators:
            raise _bad("neighbours", self.neighbours, f"less than the {self.oscillators} oscillators")
        for name in ("growth", "frequency", "coupling", "input_gain"):
            if not math.isfinite(value := getattr(self, name)):
                raise _bad(name, value, "finite")
        for name in ("spread", "noise"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                raise _bad(name, value, "finite and at least 0")
        if not (math.isfinite(self.period) and self.period > 0):
            raise _bad("period", self.period, "finite and above 0")
        if strangers := sorted(set(self.controls) - set(KNOBS)):
            raise _bad(strangers[0], math.nan, f"one of {', '.join(KNOBS)} to be set")

    @property
    def units(self) -> int:
        """Real and imaginary parts, 2 N."""
        return 2 * self.oscillators

    @property
    def substrate_id(self) -> str:
        """SHA-256 over all parameters; the seed decides the rest."""
        return self._identity

    @cached_property
    def _identity(self) -> str:
        shown = [(name, repr(getattr(self, name))) for name in sorted(Oscillators.__dataclass_fields__)]
        return hashlib.sha256(repr(shown).encode()).hexdigest()

    def tuned(self, values: Mapping[str, float]) -> Self:
        """Return the same network with some knobs set."""
        check_controls(self.controls, values)
        return replace(self, **{k: float(v) for k, v in values.items()})  # pyright: ignore[reportArgumentType]

    @cached_property
    def frequencies(self) -> Float[np.ndarray, " oscillator"]:
        """omega_j."""
        drawn = generator(self.seed, "oscillators", "frequencies").uniform(-1, 1, self.oscillators)
        return self.frequency + self.spread * drawn

    @cached_property
    def input_weights(self) -> Float[np.ndarray, "oscillator channel"]:
        """B."""
        shape = (self.oscillators, self.channels)
        return generator(self.seed, "oscillators", "inputs").uniform(-1, 1, shape)

    @cached_property
    def listened(self) -> Int[np.ndarray, "oscillator neighbour"]:
        """N(j): distinct others."""
        rng = generator(self.seed, "oscillators", "neighbours")
        drawn = [
            rng.choice(self.oscillators - 1, self.neighbours, replace=False) for _ in range(self.oscillators)
        ]
        others = np.array(drawn, np.int64).reshape(self.oscillators, self.neighbours)
        return others + (others >= np.arange(self.oscillators)[:, None])

    @cached_property
    def coupling_matrix(self) -> Float[np.ndarray, "oscillator oscillator"]:
        """(K / d) (A - d I), with A_jk = 1 where j listens to k."""
        matrix = np.zeros((self.oscillators, self.oscillators))
        if self.neighbours:
            np.put_along_axis(matrix, self.listened, self.coupling / self.neighbours, axis=1)
            matrix[np.diag_indices(self.oscillators)] = -self.coupling
        return matrix

    def start(self, keys: UInt64[np.ndarray, " item"], seed: int) -> _Steps:
        """Return a session from z = 0."""
        return _Steps(self, keys, seed)


class _Steps:
    """A session: the network at work on some sequences."""

    def __init__(self, network: Oscillators, keys: UInt64[np.ndarray, " item"], seed: int) -> None:
        self._network, self._step = network, 0
        self.state: Float[np.ndarray, "item state"] = np.zeros((len(keys), network.states))
        self._rates = network.growth + 1j * network.frequencies
        self._couplings = np.ascontiguousarray(network.coupling_matrix.T)
        self._drives = np.ascontiguousarray(network.input_gain * network.input_weights.T)
        width = network.steps * network.states
        self._noise = NoiseStreams(seed, "oscillators", keys, width) if network.noise else None

    def step(
        self, state: Float[np.ndarray, "live state"], u: Float[np.ndarray, "live channel"]
    ) -> Float[np.ndarray, "live state"]:
        network, count = self._network, self._network.oscillators
        z = state[:, :count] + 1j * state[:, count:]
        drive = u @ self._drives
        dt = network.period / network.steps
        kicks = None
        if self._noise is not None:
            draws = self._noise.normal(self._step, len(u)).reshape(len(u), network.steps, 2, count)
            kicks = network.noise * math.sqrt(dt) * (draws[:, :, 0] + 1j * draws[:, :, 1])
        self._step += 1
        # A run that leaves the numbers is reported by whoever drives the substrate, with the place.
        with np.errstate(over="ignore", invalid="ignore"):
            for substep in range(network.steps):
                kick = 0.0 if kicks is None else kicks[:, substep]
                slope = self._slope(z, drive)
                ahead = z + slope * dt + kick
                z = z + (slope + self._slope(ahead, drive)) * (dt / 2) + kick
        return np.hstack([z.real, z.imag])

    def read(self, state: Float[np.ndarray, "live state"]) -> Float[np.ndarray, "live state"]:
        return state

    def _slope(
        self, z: Complex[np.ndarray, "live oscillator"], drive: Float[np.ndarray, "live oscillator"]
    ) -> Complex[np.ndarray, "live oscillator"]:
        linear = (self._rates - (np.real(z) ** 2 + np.imag(z) ** 2)) * z + drive
        return linear + z @ self._couplings if self._network.neighbours else linear


def _bad(name: str, value: float, limit: str) -> InputError:
    return InputError("E116", f"{name} = {value}", cause=f"{name} must be {limit}", hint=f"change {name}")
