"""A reservoir whose weights are conductances of a crossbar: a simulated analogue array with its converters.

Each weight is a pair of elements, w = c (g+ - g-) with c = max |w| / (1 - g_min) of its block (W, W_x and b are three
blocks with an amplifier each); the sign of w says which of the two is written, the other rests at g_min. A step
drives the lines with voltages v and adds up currents:

    v = DAC(G_r h, G_x u, G_b),   y_i = sum_j w_ij(t) v_j + e_i,   e_i ~ N(0, sum_j c_j^2 (s+_ij^2 + s-_ij^2) v_j^2)
    h' = alpha h + beta tanh(k ADC(y))

with gains G, drifted weights w(t) and deviations s of a reading (`sarto.models.substrate.memristor`). Every element
is read anew at every step, so the errors of a line are independent and add up to one normal draw for each neuron: e
is exactly that sum. k is 1, or with compensation the current of the whole array under equal voltages when it was
written (time t_0) over the present one, and multiplies what has been converted. A converter of b bits and full scale
R gives 2^b values, (R / 2^(b-1)) clip(round(2^(b-1) x / R), -2^(b-1), 2^(b-1) - 1).

Source: differential pairs and noise of elements as in aihwkit (see `memristor`); compensation by one global factor:
Le Gallo et al., "Collective structural relaxation in phase-change memory devices", Advanced Electronic Materials 4
(2018), as in Joshi et al. (2020). Random conductances as a reservoir: Wang et al., "Echo state graph neural networks
with analogue random resistive memory arrays", Nature Machine Intelligence 5 (2023).

>>> from sarto.models.reservoir import esn
>>> cell = esn.build(8, 2, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.1)
>>> crossbar = Crossbar.of(cell, Memristor(bits=3, read_noise=0.02), seed=1)
>>> crossbar.weights.shape, len(np.unique(crossbar.conductances))
((8, 11), 8)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Float, UInt64

from sarto.core.seed import generator
from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import read_sequences
from sarto.models.states import states as states_of
from sarto.models.substrate._simulated import Simulated
from sarto.models.substrate.memristor import Memristor
from sarto.models.substrate.noise import NoiseStreams
from sarto.models.substrate.protocol import Range, check_controls

KNOBS = ("recurrent_gain", "input_gain", "bias_gain", "leak")


@dataclass(frozen=True, eq=False)
class Crossbar(Simulated):
    """An array that holds W, W_x and b, and the electronics around it.

    Attributes:
        recurrent: W to be written.
        inputs: W_x to be written.
        bias: b to be written.
        alpha: share of the old state that is carried over.
        beta: share of the new activation that is added.
        memristor: the element.
        seed: of this one array: its errors of writing and its drift exponents.
        age_s: time since writing; None is just written, without drift.
        compensated: whether drift is compensated by one factor for the array.
        recurrent_gain: G_r, voltage for a state of 1.
        input_gain: G_x, voltage for an input of 1.
        bias_gain: G_b, voltage on the line of the biases.
        dac_bits: None is no rounding.
        dac_range: largest voltage; larger ones are cut off. None is no limit.
        adc_bits: None is no rounding.
        adc_range: largest |y| that is told apart. None is no limit.
        controls: ranges of those of `KNOBS` that may be set; `leak` sets beta, and alpha to 1 - beta.
    """

    recurrent: Float[np.ndarray, "neuron neuron"]
    inputs: Float[np.ndarray, "neuron channel"]
    bias: Float[np.ndarray, " neuron"]
    alpha: float
    beta: float
    memristor: Memristor
    seed: int
    age_s: float | None = None
    compensated: bool = False
    recurrent_gain: float = 1.0
    input_gain: float = 1.0
    bias_gain: float = 1.0
    dac_bits: int | None = None
    dac_range: float | None = None
    adc_bits: int | None = None
    adc_range: float | None = None
    controls: Mapping[str, Range] = field(default_factory=dict[str, Range])

    def __post_init__(self) -> None:
        """Refuse electronics that cannot be.

        Raises:
            InputError: E116, naming the field, its value and its limit.
        """
        for name in ("recurrent_gain", "input_gain", "bias_gain"):
            if not math.isfinite(value := getattr(self, name)):
                raise InputError("E116", f"{name} = {value}", cause="a gain is finite", hint=f"change {name}")
        if self.age_s is not None and not (math.isfinite(self.age_s) and self.age_s >= 0):
            raise InputError(
                "E116", f"age_s = {self.age_s}", cause="it must be at least 0", hint="change age_s"
            )
        for name in ("dac", "adc"):
            _check_converter(name, getattr(self, f"{name}_bits"), getattr(self, f"{name}_range"))
        if strangers := sorted(set(self.controls) - set(KNOBS)):
            raise InputError(
                "E116",
                f"{strangers[0]} cannot be set",
                cause=f"a crossbar has {', '.join(KNOBS)}",
                hint="leave it out",
            )

    @staticmethod
    def of(reservoir: AnyReservoir, memristor: Memristor, *, seed: int) -> Crossbar:
        """Return an array with the weights of `reservoir`, just written, and ideal electronics.

        Raises:
            InputError: E116, for a cell whose step is not the one of this module.
        """
        if not isinstance(reservoir, Reservoir):
            raise _another(reservoir)
        W, W_x, b = reservoir.recurrent_matrix(), reservoir.inputs, reservoir.bias
        array = Crossbar(W, W_x, b, reservoir.alpha, reservoir.beta, memristor, seed)
        probe = read_sequences(np.ones((1, 2, array.channels)))
        drive = W_x.sum(axis=1) + b
        first = array.beta * np.tanh(drive)
        second = array.alpha * first + array.beta * np.tanh(W @ first + drive)
        if not np.allclose(states_of(reservoir, probe, dtype="float64"), [first, second], rtol=0, atol=1e-9):
            raise _another(reservoir)
        return array

    @property
    def channels(self) -> int:
        """Number of input lines D."""
        return self.inputs.shape[1]

    @property
    def units(self) -> int:
        """Number of neurons N."""
        return len(self.bias)

    @property
    def substrate_id(self) -> str:
        """SHA-256 over weights, element and electronics."""
        return self._identity

    @cached_property
    def _identity(self) -> str:
        plain = {k: v for k, v in vars(self).items() if not isinstance(v, np.ndarray) and k in FIELDS}
        digest = hashlib.sha256(repr(sorted((k, repr(v)) for k, v in plain.items())).encode())
        for array in (self.recurrent, self.inputs, self.bias):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()

    def tuned(self, values: Mapping[str, float]) -> Self:
        """Return the same array with some knobs set."""
        check_controls(self.controls, values)
        changed: dict[str, float] = {k: float(v) for k, v in values.items() if k != "leak"}
        if "leak" in values:
            changed |= {"alpha": 1 - float(values["leak"]), "beta": float(values["leak"])}
        return replace(self, **changed)  # pyright: ignore[reportArgumentType]

    @cached_property
    def scales(self) -> Float[np.ndarray, " line"]:
        """Weight for a full difference of the conductances, by line: c of its block."""
        blocks = (self.recurrent, self.inputs, self.bias[:, None])
        largest = [float(np.abs(block).max(initial=0.0)) for block in blocks]
        return np.repeat(largest, [block.shape[1] for block in blocks]) / (1 - self.memristor.least)

    @cached_property
    def targets(self) -> Float[np.ndarray, "2 neuron line"]:
        """g_T of the positive and the negative elements."""
        wanted = np.hstack([self.recurrent, self.inputs, self.bias[:, None]])
        full = self.scales * (1 - self.memristor.least)
        share = np.divide(wanted, full, out=np.zeros_like(wanted), where=full > 0)
        return self.memristor.target(np.stack([np.maximum(share, 0.0), np.maximum(-share, 0.0)]))

    @cached_property
    def conductances(self) -> Float[np.ndarray, "2 neuron line"]:
        """g(t): as written by this array, and drifted if it has an age."""
        written = self._written
        if self.age_s is None:
            return written
        nu = self.memristor.drift_exponents(self.targets, generator(self.seed, "crossbar", "drift"))
        return self.memristor.drifted(written, nu, self.age_s)

    @cached_property
    def _written(self) -> Float[np.ndarray, "2 neuron line"]:
        return self.memristor.written(self.targets, generator(self.seed, "crossbar", "write"))

    @cached_property
    def compensation(self) -> float:
        """Factor after the converters: k."""
        now = float(self.conductances.sum())
        return float(self._written.sum()) / now if self.compensated and now > 0 else 1.0

    @cached_property
    def weights(self) -> Float[np.ndarray, "neuron line"]:
        """w(t); the lines are those of W, W_x and b."""
        plus, minus = self.conductances
        return self.scales * (plus - minus)

    @cached_property
    def read_variances(self) -> Float[np.ndarray, "neuron line"]:
        """Variance of a reading of each weight."""
        time = self.memristor.drift_start_s if self.age_s is None else self.age_s
        plus, minus = self.memristor.read_deviation(self.targets, self.conductances, time)
        return self.scales**2 * (plus**2 + minus**2)

    def start(self, keys: UInt64[np.ndarray, " item"], seed: int) -> _Steps:
        """Return a session from h = 0."""
        return _Steps(self, keys, seed)


FIELDS = frozenset(Crossbar.__dataclass_fields__)


class _Steps:
    """A session: the array at work on some sequences."""

    def __init__(self, crossbar: Crossbar, keys: UInt64[np.ndarray, " item"], seed: int) -> None:
        self._crossbar, self._step = crossbar, 0
        self.state: Float[np.ndarray, "item neuron"] = np.zeros((len(keys), crossbar.units))
        self._weights = np.ascontiguousarray(crossbar.weights.T)
        variances = crossbar.read_variances
        # Where all neurons of a line scatter alike, one column of variances serves them all.
        alike = variances[:1] if bool((variances == variances[0]).all()) else variances
        self._variances = np.ascontiguousarray(alike.T)
        self._noise = NoiseStreams(seed, "read", keys, crossbar.units) if variances.any() else None

    def step(
        self, state: Float[np.ndarray, "live neuron"], u: Float[np.ndarray, "live channel"]
    ) -> Float[np.ndarray, "live neuron"]:
        array = self._crossbar
        volts = np.hstack(
            [array.recurrent_gain * state, array.input_gain * u, np.full((len(u), 1), array.bias_gain)]
        )
        volts = converted(volts, array.dac_bits, array.dac_range)
        y = volts @ self._weights
        if self._noise is not None:
            deviation = np.sqrt(np.square(volts) @ self._variances)
            y += deviation * self._noise.normal(self._step, len(u))
        self._step += 1
        y = converted(y, array.adc_bits, array.adc_range)
        return array.alpha * state + array.beta * np.tanh(array.compensation * y)

    def read(self, state: Float[np.ndarray, "live neuron"]) -> Float[np.ndarray, "live neuron"]:
        return state


def converted(
    values: Float[np.ndarray, "*place"], bits: int | None, full_scale: float | None
) -> Float[np.ndarray, "*place"]:
    """Return what a converter of `bits` and `full_scale` makes of `values`."""
    if full_scale is None:
        return values
    if bits is None:
        return np.clip(values, -full_scale, full_scale)
    codes = 2 ** (bits - 1)
    return np.clip(np.rint(values * (codes / full_scale)), -codes, codes - 1) * (full_scale / codes)


def _check_converter(name: str, bits: int | None, full_scale: float | None) -> None:
    if bits is not None and not 1 <= bits <= 32:
        raise InputError(
            "E116", f"{name}_bits = {bits}", cause="it must be from 1 to 32", hint="None is no rounding"
        )
    if bits is not None and full_scale is None:
        raise InputError(
            "E116",
            f"{name}_bits = {bits} without {name}_range",
            cause="the bits divide a range",
            hint=f"give {name}_range, the largest value that is told apart",
        )
    if full_scale is not None and not (math.isfinite(full_scale) and full_scale > 0):
        raise InputError(
            "E116",
            f"{name}_range = {full_scale}",
            cause="it must be finite and above 0",
            hint="None is no limit",
        )


def _another(reservoir: AnyReservoir) -> InputError:
    """Return the error for a reservoir whose step is not the one of this module."""
    what = f"cell {reservoir.cell}" if len(reservoir.layers) == 1 else f"{len(reservoir.layers)} layers"
    return InputError(
        "E116",
        f"{what} on a crossbar",
        cause="an array computes alpha h + beta tanh(W h + W_x x + b), and this reservoir something else",
        hint="use one layer of esn or ring",
    )
