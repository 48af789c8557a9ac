"""What a substrate is: anything with a state that an input moves, s' = step(s, u), and that can be read.

A `Substrate` declares its sizes, how many sequences it takes at once and whether it may be used from several threads.
`start` opens a `Session` for some sequences: a simulation seeds its noise there, an apparatus resets itself.
`Tunable` ones also declare the ranges of the parameters that can be set from outside (a gain, a bias voltage).

The readings are what a readout sees. Where the state itself is seen, `read` returns it.

Source of the idea that any dynamical system which can be driven and read is a reservoir: Tanaka et al., "Recent
advances in physical reservoir computing: a review", Neural Networks 115 (2019).

>>> gain = Range(0.01, 1.0, log=True)
>>> round(gain.at(0.5), 9), round(gain.place(0.1), 9), Range(1.0, 3.0).at(0.25)
(0.1, 0.5, 1.5)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt64

from sarto.models.input_error import InputError


@runtime_checkable
class Session(Protocol):
    """Some sequences under way, longest first; those that have ended have left, so later rows go first."""

    @property
    def state(self) -> Float[np.ndarray, "item state"]:
        """The states before the first step."""
        ...

    def step(
        self, state: Float[np.ndarray, "live state"], u: Float[np.ndarray, "live channel"]
    ) -> Float[np.ndarray, "live state"]:
        """Return the states after the input `u`. Called once for each step, in order."""
        ...

    def read(self, state: Float[np.ndarray, "live state"]) -> Float[np.ndarray, "live unit"]:
        """Return what is seen of the states."""
        ...


@runtime_checkable
class Substrate(Protocol):
    """A reservoir that can be driven and read.

    Attributes:
        channels: numbers that one step takes.
        states: numbers in the state of one sequence.
        units: numbers that are read of it.
        at_once: sequences that one session takes at most; None is any number, 1 is one after the other.
        concurrent: whether several sessions may be open at once, on threads.
        substrate_id: names it; statistics of readings of different ids never mix.
    """

    @property
    def channels(self) -> int: ...  # noqa: D102
    @property
    def states(self) -> int: ...  # noqa: D102
    @property
    def units(self) -> int: ...  # noqa: D102
    @property
    def at_once(self) -> int | None: ...  # noqa: D102
    @property
    def concurrent(self) -> bool: ...  # noqa: D102
    @property
    def substrate_id(self) -> str: ...  # noqa: D102

    def start(self, keys: UInt64[np.ndarray, " item"], seed: int) -> Session:
        """Return a session, from rest, for the sequences that `keys` name.

        Args:
            keys: one for each sequence. Noise depends on the key and the seed, not on which other sequences run.
            seed: of the noise.
        """
        ...


@runtime_checkable
class Tunable(Substrate, Protocol):
    """A substrate with parameters that can be set from outside."""

    @property
    def controls(self) -> Mapping[str, Range]:
        """The parameters that may be set, and their ranges."""
        ...

    def tuned(self, values: Mapping[str, float]) -> Self:
        """Return the same substrate with some parameters set; the others keep their values."""
        ...


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included; `log` where ratios count, not differences."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty range.

        Raises:
            InputError: E116.
        """
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(
                "E116",
                f"range {self.low} to {self.high}",
                cause="a range goes from a finite number to a larger one",
                hint="give a parameter that cannot be set no range",
            )
        if self.log and self.low <= 0:
            raise InputError(
                "E116",
                f"range {self.low} to {self.high} in ratios",
                cause="ratios need positive numbers",
                hint="leave out log, or raise the lower end above 0",
            )

    def at(self, place: float) -> float:
        """Return the value at `place`, where 0 is the lower end and 1 the upper."""
        if not 0 < place < 1:
            return self.low if place <= 0 else self.high
        if self.log:
            return math.exp(math.log(self.low) + place * (math.log(self.high) - math.log(self.low)))
        return self.low + place * (self.high - self.low)

    def place(self, value: float) -> float:
        """Return where `value` lies, the inverse of `at`."""
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


def check_controls(controls: Mapping[str, Range], values: Mapping[str, float]) -> None:
    """Refuse values of parameters that are not declared, or outside their range.

    Raises:
        InputError: E116, naming the parameter, its value and its limits.
    """
    for name, value in values.items():
        if name not in controls:
            known = ", ".join(controls) or "none"
            raise InputError(
                "E116", f"{name} = {value}", cause=f"it is not declared: {known}", hint="declare its range"
            )
        limits = controls[name]
        if not limits.low <= value <= limits.high:
            raise InputError(
                "E116",
                f"{name} = {value}",
                cause=f"it must be from {limits.low} to {limits.high}",
                hint="stay within the declared range, or declare a wider one",
            )
