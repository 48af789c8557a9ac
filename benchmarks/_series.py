"""What the benchmarks on made-up series share: the error, random settings, a search that sees validation series only.

    NRMSE = sqrt(mean((y^ - y)^2) / var(y)),  the mean and the variance over the steps that are judged

Every method gets the same number of random settings and the same penalties for each; the one with the least error on
the validation series is then fitted with other seeds, on other series, and tested once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from jaxtyping import Float

from benchmarks._bench import Bench
from benchmarks._outcome import Figure
from sarto.core.seed import generator

T = TypeVar("T", float, list[float])

LEAKS: dict[str, tuple[float, float]] = {"es2n": (0.03, 1.0), "eusn": (0.01, 0.5)}
"""Ranges of the leak of cells whose leak means another thing: proximity, and step."""
DEEP = "esn, 4 layers"
CELLS = ("esn", "ring", "eusn", "es2n", "resesn", "rmn", DEEP)


def nrmse(got: Float[np.ndarray, " step"], wanted: Float[np.ndarray, " step"]) -> float:
    """Return the normalised root of the mean squared error, see the top of the module."""
    return math.sqrt(float(np.mean((got - wanted) ** 2)) / float(np.var(wanted)))


def settings(name: str, number: int) -> dict[str, Any]:
    """Return random setting `number` of the cell `name`; leak and scalings are uniform in their logarithm."""
    random = generator(number, "settings", name)

    def spread(low: float, high: float) -> float:
        return float(f"{math.exp(random.uniform(math.log(low), math.log(high))):.4g}")

    chosen: dict[str, Any] = {
        "cell": name.split(",")[0],
        "leak": spread(*LEAKS.get(name, (0.1, 1.0))),
        "radius": float(f"{random.uniform(0.4, 1.2):.4g}"),
        "input_scaling": spread(0.01, 1.0),
        "bias_scaling": spread(0.01, 1.0),
    }
    return chosen | ({"layers": 4, "inter_scaling": spread(0.1, 1.0)} if name == DEEP else {})


def quadratic(past: Float[np.ndarray, "step value"]) -> Float[np.ndarray, "step feature"]:
    """Return the values and the products of any two of them."""
    first, second = np.triu_indices(past.shape[1])
    return np.hstack([past, past[:, first] * past[:, second]])


@dataclass(frozen=True)
class Race(Generic[T]):
    """Cells, tuned alike on a validation series, and controls, tested on the same series.

    Attributes:
        cells: names, as `settings` takes them.
        controls: names.
        trials: settings that each cell gets.
        search: returns the best setting of a cell, with its `error`, from so many trials.
        tested: returns the test error, or errors, of a setting with a seed.
        control: the same of a control.
    """

    cells: tuple[str, ...]
    controls: tuple[str, ...]
    trials: int
    search: Callable[[str, int], dict[str, Any]]
    tested: Callable[[dict[str, Any], int], T]
    control: Callable[[str, int], T]

    def run(
        self, bench: Bench, what: str, shown: Callable[[str, list[T]], dict[str, Figure]], ridges: int
    ) -> tuple[dict[str, Figure], str]:
        """Return the figures, and the cell with the least validation error.

        Args:
            bench: seeds, and the store.
            what: the validation error's name.
            shown: makes figures of a name and its test errors.
            ridges: penalties that each setting gets.
        """
        figures: dict[str, Figure] = {}
        validation: dict[str, float] = {}
        for name in self.cells:
            chosen = bench.once({"search": name, "trials": self.trials}, self.search, name, self.trials)
            validation[name] = chosen["error"]
            errors = [
                bench.once({"test": name, "seed": seed, "trials": self.trials}, self.tested, chosen, seed)
                for seed in bench.seeds
            ]
            figures |= shown(name, errors)
            figures[f"validation {what}, {name}"] = Figure(
                chosen["error"], "1", "measured", self.trials * ridges
            )
            bench.say(
                f"{name}: validation {chosen['error']:.5f}, test {np.mean(errors, axis=0).round(5)}, {chosen}"
            )
        for name in self.controls:
            errors = [
                bench.once({"control": name, "seed": seed}, self.control, name, seed) for seed in bench.seeds
            ]
            figures |= shown(name, errors)
            bench.say(f"{name}: test {np.mean(errors, axis=0).round(5)}")
        return figures, min(validation, key=lambda name: validation[name])


def least(
    tried: Sequence[dict[str, Any]],
    errors: Callable[[dict[str, Any]], Sequence[float]],
    ridges: Sequence[float],
) -> dict[str, Any]:
    """Return the setting, with its `ridge` and `error`, that has the least validation error of all.

    Args:
        tried: settings.
        errors: of one setting, one for each ridge.
        ridges: penalties.
    """
    found = [
        chosen | {"ridge": ridge, "error": error}
        for chosen in tried
        for ridge, error in zip(ridges, errors(chosen), strict=True)
        if math.isfinite(error)
    ]
    return min(found, key=lambda each: each["error"])
