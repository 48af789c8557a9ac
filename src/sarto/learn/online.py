"""Readouts that learn from one row at a time: the contract, and gradient steps, plain (LMS) and normalised (NLMS).

    e = y - W f - b                 the error before learning, from features f and the wanted y
    LMS:   W += mu e f^T,   b += mu e
    NLMS:  W += mu e f^T / (eps + |f|^2 + 1),   b likewise        (the 1 is the constant that b weighs)

An LMS step overshoots when mu (|f|^2 + 1) > 2: the error after it, (1 - mu (|f|^2 + 1)) e, is then larger than before.
Such a step is refused. NLMS has no such trouble for 0 < mu < 2. Either learns along a direction of the features at a
rate that goes with its variance, so that states of a reservoir, whose variances span many decades, are learned slowly:
`sarto.learn.recursive` is the remedy.

Source: Widrow and Hoff, "Adaptive switching circuits", IRE WESCON 4 (1960); Haykin, "Adaptive filter theory", 4th
edition (2002), chapters 5 and 6.

>>> readout = NLMS(step=1.0, floor=0.0)
>>> f, y = np.array([2.0, 0.0]), np.array([5.0])
>>> readout.update(f, y).tolist(), readout.predict(f).tolist()
([0.0], [5.0])
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Float, Num

from sarto.core.errors import SartoError
from sarto.models.input_error import InputError

AnyArray = np.ndarray[Any, np.dtype[Any]]


class OnlineReadout(ABC):
    """A linear map y = W f + b that changes with every row; W = 0 and b = 0 before the first.

    Attributes:
        weights: W, (output, feature), once there was a row.
        intercept: b.
    """

    weights: Float[np.ndarray, "output feature"]
    intercept: Float[np.ndarray, " output"]
    _arrays: ClassVar[tuple[str, ...]] = ("weights", "intercept")

    def start(self, features: int, outputs: int) -> Self:
        """Make room for rows of these sizes, with W = 0 and b = 0; the first `update` does so unasked."""
        self.weights, self.intercept = np.zeros((outputs, features)), np.zeros(outputs)
        return self

    @property
    def started(self) -> bool:
        """Whether the sizes are known."""
        return hasattr(self, "weights")

    def predict(self, features: Num[np.ndarray, "*rows feature"]) -> Float[np.ndarray, "*rows output"]:
        """Return W f + b for one row or several."""
        if not self.started:
            raise InputError(
                "E104", "a readout that has seen no row", cause="it has no weights", hint="update it first"
            )
        return features.astype(np.float64) @ self.weights.T + self.intercept

    def update(self, features: Num[np.ndarray, " feature"], target: Num[np.ndarray, " output"]) -> AnyArray:
        """Learn one row and return what was predicted for it before.

        Raises:
            InputError: E105 (a missing or infinite value), E108 (sizes differ from those before).
            SartoError: E404, when the weights would leave all bounds; they are then as before.
        """
        f, y = features.astype(np.float64), target.astype(np.float64)
        if not self.started:
            self.start(len(f), len(y))
        if (len(y), len(f)) != self.weights.shape:
            sizes = "{1} features and {0} outputs".format(*self.weights.shape)
            raise InputError(
                "E108",
                f"a row of {len(f)} features and {len(y)} outputs",
                cause=f"the readout was started with {sizes}",
                hint="use one readout for each kind of row",
            )
        if not (np.isfinite(f).all() and np.isfinite(y).all()):
            raise InputError(
                "E105",
                "a row with a missing or infinite value",
                cause="it would spoil W",
                hint="leave it out",
            )
        predicted = self.predict(f)
        self._learn(f, y, y - predicted)
        return predicted

    @abstractmethod
    def _learn(self, f: AnyArray, y: AnyArray, error: AnyArray) -> None:
        """Move weights and intercept."""

    def _step(self, gain: AnyArray, constant: float, error: AnyArray) -> None:
        """Add error gain^T to W and constant error to b, both or neither."""
        with np.errstate(over="ignore", invalid="ignore"):
            weights, intercept = self.weights + np.outer(error, gain), self.intercept + constant * error
        if not (np.isfinite(weights).all() and np.isfinite(intercept).all()):
            raise diverged("the weights become infinite")
        self.weights, self.intercept = weights, intercept

    def snapshot(self) -> dict[str, AnyArray]:
        """Return all that the readout carries from row to row, as a copy; nothing before the first row."""
        return {name: np.array(getattr(self, name)) for name in self._arrays if self.started}

    def restore(self, snapshot: Mapping[str, AnyArray]) -> Self:
        """Go on from where `snapshot` was taken, of a readout with the same settings."""
        for name in self._arrays:
            if name in snapshot:
                setattr(self, name, np.array(snapshot[name]))
        return self


class LMS(OnlineReadout):
    """Least mean squares: a gradient step of one size.

    Args:
        step: mu, above 0.
    """

    def __init__(self, step: float) -> None:
        self.step = positive("step", step)

    def _learn(self, f: AnyArray, y: AnyArray, error: AnyArray) -> None:
        size = self.step * (float(f @ f) + 1)
        if size > 2:
            raise diverged(f"step (|f|^2 + 1) = {size:.3g} is above 2, where a step makes the error larger")
        self._step(self.step * f, self.step, error)


class NLMS(OnlineReadout):
    """Normalised least mean squares: a step in units of the row's squared length.

    Args:
        step: mu in (0, 2); 1 makes the error of the row vanish.
        floor: eps, added to the squared length.
    """

    def __init__(self, step: float = 0.5, floor: float = 1e-8) -> None:
        self.step, self.floor = positive("step", step), floor
        if step >= 2:
            raise InputError(
                "E116",
                f"step = {step}",
                cause="it must be below 2, where the error stays",
                hint="use 0.1 to 1",
            )
        if not (math.isfinite(floor) and floor >= 0):
            raise InputError("E116", f"floor = {floor}", cause="it must be at least 0", hint="leave it out")

    def _learn(self, f: AnyArray, y: AnyArray, error: AnyArray) -> None:
        share = self.step / (self.floor + float(f @ f) + 1)
        self._step(share * f, share, error)


def positive(name: str, value: float) -> float:
    """Return `value`, which must be finite and above 0 (E116)."""
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            "E116", f"{name} = {value}", cause="it must be finite and above 0", hint=f"change {name}"
        )
    return float(value)


def diverged(cause: str) -> SartoError:
    """Return the error (E404) of a row after which a readout would be of no use."""
    return SartoError(
        "E404",
        "an online readout diverges",
        cause=cause,
        hint="use a smaller step, NLMS or RLS, or features of a smaller size",
    )
