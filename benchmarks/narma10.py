"""NARMA of order 10 with 200 units: NRMSE of at most .25 on 2000 test steps, every cell tuned alike.

Inputs from U(0, .5), `sarto.data.generate.moving_average`; each series has 200 washout steps, 2000 training, 1000
validation or 2000 test steps behind them. For each cell 32 random settings times 5 penalties are judged on one pair of
training and validation series; the best one is fitted for 5 seeds of weights and series, and tested once for each. The
controls see the same series: ridge regression on the last 200 inputs, and on the last 19 and all products of two of
them (209 features), with the same penalties chosen in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_most, over_seeds
from benchmarks._series import CELLS, Race, least, nrmse, quadratic, settings
from sarto.data.generate import narma
from sarto.learn.readout import ESNRegressor
from sarto.learn.statistics import RidgeStatistics
from sarto.models.sequences import read_sequences

MINUTES = 3
UNITS, WASHOUT = 200, 200
TRAIN, VALIDATION, TEST = 2000, 1000, 2000
TRIALS, QUICK_TRIALS = 32, 2
RIDGES = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
LIMIT = 0.25
SEARCH_SEED = 1000
CONTROLS = ("linear, 200 inputs", "products of the last 19 inputs")


def run(bench: Bench) -> Outcome:
    """Return the test NRMSE of every cell and control, and the bar for the best of them by validation."""
    trials = QUICK_TRIALS if bench.quick else TRIALS
    race = Race(CELLS, CONTROLS, trials, search, tested, control)
    figures, best = race.run(bench, "NRMSE", shown, len(RIDGES))
    if bench.quick:
        return Outcome(figures)
    what = f"test NRMSE, mean, of {best}, the best on the validation series"
    return Outcome(figures, (at_most(what, figures[f"NRMSE, {best}, mean"].value, LIMIT),))


def shown(name: str, errors: list[float]) -> dict[str, Figure]:
    """Return the errors over the seeds."""
    return over_seeds(f"NRMSE, {name}", errors, "1", "measured")


def series(seed: int, steps: int) -> tuple[Float[np.ndarray, "step 1"], Float[np.ndarray, " step"]]:
    """Return input and output of a washout and `steps` steps."""
    task = narma(WASHOUT + steps, seed=seed)
    return task.input[:, None], task.output


def fitted(chosen: dict[str, Any], seed: int, data: int) -> ESNRegressor:
    """Return the estimator of a setting, fitted to training series `data`."""
    given = {name: value for name, value in chosen.items() if name not in ("ridge", "error")}
    model = ESNRegressor(
        units=UNITS, washout=WASHOUT, seed=seed, dtype="float64", return_sequences=True,
        ridge=chosen.get("ridge", 1.0), **given,
    )  # fmt: skip
    u, y = series(data, TRAIN)
    return model.fit([u], [y])


def search(name: str, count: int) -> dict[str, Any]:
    """Return the best of `count` settings of a cell on one validation series."""
    u, y = series(SEARCH_SEED + 1, VALIDATION)

    def errors(chosen: dict[str, Any]) -> list[float]:
        model = fitted(chosen, SEARCH_SEED, SEARCH_SEED)
        states = model.feature_map_.step_features(read_sequences([u]))[WASHOUT:]
        return [nrmse(each.predict(states)[:, 0], y[WASHOUT:]) for each in model.statistics_.path(RIDGES)]

    return least([settings(name, number) for number in range(count)], errors, RIDGES)


def tested(chosen: dict[str, Any], seed: int) -> float:
    """Return the test error of a setting with the weights and series of a seed."""
    u, y = series(2 * seed + 1, TEST)
    return nrmse(fitted(chosen, seed, 2 * seed).predict([u])[0][WASHOUT:], y[WASHOUT:])


def control(name: str, seed: int) -> float:
    """Return the test error of a control on the series of a seed; its penalty is chosen on the validation series."""

    def rows(data: int, steps: int) -> tuple[Any, Any]:
        u, y = series(data, steps)
        lags = 200 if name.startswith("linear") else 19
        past = np.stack([u[WASHOUT - k : len(u) - k, 0] for k in range(lags)], axis=1)
        return quadratic(past) if lags == 19 else past, y[WASHOUT:]

    def solutions(data: int) -> Any:
        return RidgeStatistics.of(*rows(data, TRAIN)).path(RIDGES)

    judged, wanted = rows(SEARCH_SEED + 1, VALIDATION)
    errors = [nrmse(each.predict(judged)[:, 0], wanted) for each in solutions(SEARCH_SEED)]
    features, y = rows(2 * seed + 1, TEST)
    return nrmse(solutions(2 * seed)[int(np.argmin(errors))].predict(features)[:, 0], y)
