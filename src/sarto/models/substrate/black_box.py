"""A user's own substrate: `step(state, u)` as a function, a simulator or an apparatus that is called.

    s' = step(s, u)

With `at_once=1` the function gets one sequence at a time, as vectors (state,) and (channel,); else arrays (item,
state) and (item, channel). Before the first step of a session `reset`, where there is one, gets a seed for each of
its sequences, made of the noise seed and the sequence itself, so that a noisy simulator can be repeated; an apparatus
may ignore it.

>>> integrator = BlackBox(lambda s, u: s + u, channels=2, units=2, at_once=1)
>>> session = integrator.start(np.array([1], np.uint64), seed=0)
>>> session.step(session.state, np.array([[1.0, 2.0]])).tolist()
[[1.0, 2.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from jaxtyping import Float, UInt64

from sarto.models.input_error import InputError
from sarto.models.substrate.noise import stream_key
from sarto.models.substrate.protocol import Range, check_controls

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class BlackBox:
    """A substrate that is a function.

    Attributes:
        function: `step(state, u)`, and the values of the controls by name where there are some.
        channels: numbers that one step takes.
        units: numbers that are read.
        at_once: sequences in one call at most; 1 means one sequence, as vectors; None any number.
        state_size: numbers in the state; None where the state is what is read.
        reading: from states to what is read; None where that is the same.
        initial: the state before the first step; None is zeros.
        reset: called with the seeds of the sequences before their first step.
        concurrent: whether sessions may run on several threads: only where the function keeps nothing between calls.
        controls: parameters that can be set, with their ranges.
        settings: their values; each control needs one.
        name: names it in statistics, together with the settings.
    """

    function: Callable[..., Any]
    channels: int
    units: int
    at_once: int | None = None
    state_size: int | None = None
    reading: Callable[[Array], Any] | None = None
    initial: Float[np.ndarray, " state"] | None = None
    reset: Callable[[UInt64[np.ndarray, " item"]], object] | None = None
    concurrent: bool = False
    controls: Mapping[str, Range] = field(default_factory=dict[str, Range])
    settings: Mapping[str, float] = field(default_factory=dict[str, float])
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be.

        Raises:
            InputError: E116 for a size or a control, E108 for an initial state of another length.
        """
        sizes = {"channels": self.channels, "units": self.units, "state_size": self.states}
        for what, size in {**sizes, "at_once": 1 if self.at_once is None else self.at_once}.items():
            if size < 1:
                raise InputError(
                    "E116", f"{what} = {size}", cause="it must be at least 1", hint=f"change {what}"
                )
        if self.reading is None and self.states != self.units:
            raise InputError(
                "E116",
                f"{self.states} states and {self.units} units",
                cause="without a reading the states are what is read",
                hint="give reading=..., or leave state_size out",
            )
        if self.initial is not None and self.initial.shape != (self.states,):
            raise InputError(
                "E108",
                f"the initial state has the shape {self.initial.shape}",
                cause=f"one sequence has {self.states} states",
                hint="check the order of the axes",
            )
        check_controls(self.controls, self.settings)
        if missing := sorted(set(self.controls) - set(self.settings)):
            raise InputError(
                "E116",
                f"{missing[0]} has a range and no value",
                cause="each needs one",
                hint="add to settings",
            )

    def __sklearn_clone__(self) -> BlackBox:
        """Return this very object: an apparatus cannot be copied."""
        return self

    @property
    def states(self) -> int:
        """Numbers in the state."""
        return self.units if self.state_size is None else self.state_size

    @property
    def substrate_id(self) -> str:
        """The name with the settings."""
        return repr((self.name, sorted(self.settings.items())))

    def tuned(self, values: Mapping[str, float]) -> Self:
        """Return it with other settings."""
        return replace(self, settings={**self.settings, **values})

    def start(self, keys: UInt64[np.ndarray, " item"], seed: int) -> _Calls:
        """Return a session: reset, then the initial state for each sequence."""
        if self.reset is not None:
            self.reset(keys ^ stream_key(seed, "black box")[0])
        return _Calls(self, len(keys))


class _Calls:
    """A session that calls the function."""

    def __init__(self, box: BlackBox, items: int) -> None:
        self._box = box
        first = np.zeros(box.states) if box.initial is None else box.initial
        self.state: Float[np.ndarray, "item state"] = np.tile(first, (items, 1)).astype(np.float64)

    def step(
        self, state: Float[np.ndarray, "live state"], u: Float[np.ndarray, "live channel"]
    ) -> Float[np.ndarray, "live _"]:
        one = self._box.at_once == 1
        found = np.asarray(
            self._box.function(state[0] if one else state, u[0] if one else u, **self._box.settings)
        )
        return _checked(found[None] if one else found, len(u), self._box.states, "step returned a state")

    def read(self, state: Float[np.ndarray, "live state"]) -> Float[np.ndarray, "live _"]:
        if self._box.reading is None:
            return state
        one = self._box.at_once == 1
        found = np.asarray(self._box.reading(state[0] if one else state))
        return _checked(found[None] if one else found, len(state), self._box.units, "reading returned values")


def _checked(found: Array, items: int, size: int, what: str) -> Float[np.ndarray, "live _"]:
    """Return what a function gave as float64, or say what is wrong with it."""
    if found.dtype.kind not in "biuf":
        raise InputError(
            "E116", f"{what} of {found.dtype}", cause="real numbers are needed", hint="return a NumPy array"
        )
    if found.shape != (items, size):
        wanted = f"({items}, {size})" if items != 1 else f"({size},) or (1, {size})"
        raise InputError(
            "E108",
            f"{what} of the shape {found.shape}",
            cause=f"{items} sequence(s) of {size} numbers were declared, so the shape must be {wanted}",
            hint="check the declared sizes, and whether at_once=1 is meant: it passes and expects vectors",
        )
    return found.astype(np.float64)
