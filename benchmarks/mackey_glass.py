"""Mackey-Glass with tau 17, 500 units: NRMSE of at most .04 for the value 84 steps ahead, read out directly.

The series is integrated by the classical Runge-Kutta method with h = .1 and sampled once per time unit
(`sarto.data.generate.mackey`), from a start of its own for each series; nothing is added or transformed. 200 washout
steps, then 3000 to fit, 1500 to choose, 2000 to test. One readout gives the values 1 and 84 steps ahead (it is not
iterated; Jaeger and Haas iterate 84 times). For each cell 12 random settings times 6 penalties are judged by NRMSE_84
on one pair of training and validation series; the best one is fitted for 5 seeds of weights and series, and tested
once for each. The controls see the same series and penalties: ridge regression on the last 200 values, and on 20
values 6 steps apart (the delay of the published embeddings) and all products of two of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_most, over_seeds
from benchmarks._series import Race, least, nrmse, quadratic, settings
from sarto.data.generate import mackey_glass
from sarto.learn.forecast import ESNForecaster
from sarto.learn.statistics import RidgeStatistics
from sarto.models.sequences import read_sequences

MINUTES = 3
UNITS, WASHOUT, TAU = 500, 200, 17
FIT, VALIDATION, TEST = 3000, 1500, 2000
HORIZONS = (1, 84)
CELLS = ("esn", "ring", "es2n")
TRIALS, QUICK_TRIALS = 12, 1
RIDGES = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0)
LIMIT = 0.04
SEARCH_SEED = 1000
CONTROLS = {"linear, 200 values": 1, "quadratic, 20 values 6 apart": 6}
"""Distance of the values that a control sees."""
QUADRATIC_VALUES = 20


def run(bench: Bench) -> Outcome:
    """Return the test errors of every cell and control, and the bar for the best cell by validation."""
    trials = QUICK_TRIALS if bench.quick else TRIALS
    race = Race(CELLS, tuple(CONTROLS), trials, search, tested, control)
    figures, best = race.run(bench, "NRMSE_84", shown, len(RIDGES))
    if bench.quick:
        return Outcome(figures)
    what = f"test NRMSE_84, mean, of {best}, the best on the validation series"
    return Outcome(figures, (at_most(what, figures[f"NRMSE_84, {best}, mean"].value, LIMIT),))


def shown(name: str, errors: list[list[float]]) -> dict[str, Figure]:
    """Return the errors of both horizons over the seeds."""
    found: dict[str, Figure] = {}
    for index, ahead in enumerate(HORIZONS):
        found |= over_seeds(f"NRMSE_{ahead}, {name}", [each[index] for each in errors], "1", "measured")
    return found


def series(seed: int, steps: int) -> Float[np.ndarray, "step 1"]:
    """Return a washout, `steps` steps, and what is to be forecast after them."""
    return mackey_glass(WASHOUT + steps + max(HORIZONS), seed=seed, tau=TAU)[:, None]


def judged(outputs: Float[np.ndarray, "step horizon"], x: Float[np.ndarray, "step 1"]) -> list[float]:
    """Return the NRMSE of each horizon of the forecasts made after every step of `x` from the washout on."""
    last = len(x) - max(HORIZONS)
    return [nrmse(outputs[WASHOUT:last, j], x[WASHOUT + k : last + k, 0]) for j, k in enumerate(HORIZONS)]


def fitted(chosen: dict[str, Any], seed: int, data: int) -> ESNForecaster:
    """Return the estimator of a setting, fitted to series `data`."""
    given = {name: value for name, value in chosen.items() if name not in ("ridge", "error")}
    model = ESNForecaster(
        units=UNITS, washout=WASHOUT, seed=seed, dtype="float64", horizons=HORIZONS,
        ridge=chosen.get("ridge", 1.0), **given,
    )  # fmt: skip
    return model.fit([series(data, FIT)])


def search(name: str, count: int) -> dict[str, Any]:
    """Return the best of `count` settings of a cell on one validation series."""
    x = series(SEARCH_SEED + 1, VALIDATION)

    def errors(chosen: dict[str, Any]) -> list[float]:
        model = fitted(chosen, SEARCH_SEED, SEARCH_SEED)
        features = model.feature_map_.step_features(read_sequences([x]))
        mean, scale = model.feature_map_.mean, model.feature_map_.scale
        paths = model.statistics_.path(RIDGES)
        return [judged(each.predict(features) * scale + mean, x)[1] for each in paths]

    return least([settings(name, number) for number in range(count)], errors, RIDGES)


def tested(chosen: dict[str, Any], seed: int) -> list[float]:
    """Return the test errors of a setting with the weights and series of a seed."""
    x = series(2 * seed + 1, TEST)
    return judged(fitted(chosen, seed, 2 * seed).predict([x])[0][:, :, 0], x)


def control(name: str, seed: int) -> list[float]:
    """Return the test errors of a control on the series of a seed; its penalty is chosen on the validation series."""

    def features(x: Float[np.ndarray, "step 1"]) -> Float[np.ndarray, "step feature"]:
        lags = np.arange(WASHOUT) if CONTROLS[name] == 1 else np.arange(QUADRATIC_VALUES) * CONTROLS[name]
        past = x[np.maximum(np.arange(len(x))[:, None] - lags, 0), 0]
        return past if CONTROLS[name] == 1 else quadratic(past)

    def solutions(data: int) -> Any:
        x = series(data, FIT)
        rows = np.arange(WASHOUT, len(x) - max(HORIZONS))
        wanted = np.stack([x[rows + k, 0] for k in HORIZONS], axis=1)
        return RidgeStatistics.of(features(x)[rows], wanted).path(RIDGES)

    x = series(SEARCH_SEED + 1, VALIDATION)
    errors = [judged(each.predict(features(x)), x)[1] for each in solutions(SEARCH_SEED)]
    x = series(2 * seed + 1, TEST)
    return judged(solutions(2 * seed)[int(np.argmin(errors))].predict(features(x)), x)
