"""What the benchmarks on made-up series share: the error, random settings, a search that sees validation series only.

    NRMSE = sqrt(mean((y^ - y)^2) / var(y)),  the mean and the variance over the steps that are judged

Every method gets the same number of random settings and the same penalties for each; the one with the least error on
the validation series is then fitted with other seeds, on other series, and tested once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator

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
