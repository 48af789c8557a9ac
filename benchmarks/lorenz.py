"""Lorenz' equations continued in a closed loop: how many Lyapunov times until the prediction is no longer valid.

    e_t = sqrt(mean_d ((x^_td - x_td) / s_d)^2),  s_d the deviation of channel d over the training steps;
    valid prediction time = the time until e_t first exceeds .4, in Lyapunov times (1 / .9056 time units)

Runge-Kutta of the fourth order, h = .005, sampled every .02 (`sarto.data.generate.lorenz63`). 5000 training steps after
200 of washout, 300 units. A loop is warmed up on 200 steps and then runs alone; 20 starts, 150 steps apart, on a series
of its own, and their median is the figure of a seed. For each cell 12 random settings, with and without squares of the
states, times 5 penalties are judged by the median of 10 starts on one validation series; the best one is fitted for 5
seeds of weights and series, and tested once for each. Beside them, untuned, the setting of ReservoirComputing.jl's
example (N = 300, radius 1.2, 6 of 300 connections, inputs as they are with weights from U(-.1, .1), no bias, no penalty
to speak of); and controls that predict the change from the last samples, chosen in the same way: next generation
reservoir computing, all products of up to two or three values of 1 to 6 samples, 12 settings times 5 penalties as for
a cell, and with the published setting (products of two, two samples); linear autoregression; and persistence.

Source of the setting: ReservoirComputing.jl's documentation, Lorenz example. Of the threshold: Pathak et al., Chaos 28
(2018), with the norm by channel of Vlachas et al., Neural Networks 126 (2020). Of the control: Gauthier, Bollt,
Griffith and Barbosa, "Next generation reservoir computing", Nature Communications 12 (2021).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, over_seeds
from benchmarks._series import least, settings
from sarto.core.errors import SartoError
from sarto.data.generate import lorenz
from sarto.data.generate.lorenz63 import LYAPUNOV_EXPONENT
from sarto.learn.forecast import ESNForecaster
from sarto.learn.statistics import RidgeStatistics

MINUTES = 4
UNITS, WASHOUT, FIT, WARM, DT = 300, 200, 5000, 200, 0.02
STARTS, VALIDATION_STARTS, APART, FREE = 20, 10, 150, 850
THRESHOLD = 0.4
CELLS = ("esn", "ring", "es2n", "resesn")
TRIALS, QUICK_TRIALS = 12, 1
RIDGES = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
SEARCH_SEED = 1000
REFERENCE = "setting of ReservoirComputing.jl"
REFERENCE_SETTING: dict[str, Any] = {
    "cell": "esn", "leak": 1.0, "radius": 1.2, "input_scaling": 0.1, "bias_scaling": 0.0, "standardise": False,
    "cell_options": {"connectivity": 6 / 300}, "expansion": "products", "input_to_readout": False, "ridge": 1e-10,
}  # fmt: skip
PERSISTENCE = "persistence"
CONTROLS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "next generation": (
        (2, 1, 2), (2, 2, 2), (2, 5, 2), (3, 1, 2), (3, 2, 2), (4, 1, 2), (4, 2, 2), (6, 1, 2),
        (1, 1, 3), (2, 1, 3), (2, 2, 3), (3, 1, 3),
    ),
    "next generation, as published": ((2, 1, 2),),
    "linear": ((10, 1, 1), (100, 1, 1)),
}  # fmt: skip
"""Settings of each control: samples, their distance in steps, and the degree of the products."""

Array = Float[np.ndarray, "..."]


def run(bench: Bench) -> Outcome:
    """Return the valid prediction times of cells, reference and controls; there is no bar."""
    figures: dict[str, Figure] = {}
    count = QUICK_TRIALS if bench.quick else TRIALS
    for name in (*CELLS, REFERENCE):
        if name == REFERENCE:
            chosen = REFERENCE_SETTING
        else:
            chosen = bench.once({"search": name, "trials": count}, search, name, count)
        times = [
            bench.once({"test": name, "seed": seed, "trials": count}, tested, chosen, seed)
            for seed in bench.seeds
        ]
        figures |= shown(name, times)
        bench.say(f"{name}: {np.median(times, axis=1).round(2).tolist()}, {chosen}")
    for name, tried in CONTROLS.items():
        picked = bench.once({"search": name}, search_control, list(tried[: count if bench.quick else None]))
        times = [bench.once({"control": name, "seed": seed}, control, picked, seed) for seed in bench.seeds]
        figures |= shown(name, times)
        bench.say(f"{name}: {np.median(times, axis=1).round(2).tolist()}, {picked}")
    figures |= shown(PERSISTENCE, [persistence(seed) for seed in bench.seeds])
    return Outcome(figures)


def shown(name: str, times: list[list[float]]) -> dict[str, Figure]:
    """Return the mean over seeds of the medians over starts, and the least of all starts."""
    medians = [float(np.median(each)) for each in times]
    found = over_seeds(f"median valid prediction time, {name}", medians, "Lyapunov times", "measured")
    lowest, n = min(min(each) for each in times), sum(map(len, times))
    return found | {f"least of all starts, {name}": Figure(lowest, "Lyapunov times", "measured", n)}


def windows(seed: int, starts: int) -> tuple[list[Array], Array]:
    """Return what each start is warmed up on, and what comes after it, (start, step, channel)."""
    x = lorenz(WARM + starts * APART + FREE, seed=seed, dt=DT)
    at = WARM + np.arange(starts) * APART
    return [x[a - WARM : a] for a in at], np.stack([x[a : a + FREE] for a in at])


def valid_times(got: Array, truth: Array, deviation: Array) -> list[float]:
    """Return the valid prediction time of each start, in Lyapunov times."""
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.sqrt(np.mean(((got - truth) / deviation) ** 2, axis=2))
    wrong = ~(errors <= THRESHOLD)
    steps = np.where(wrong.any(axis=1), wrong.argmax(axis=1), truth.shape[1])
    return (steps * DT * LYAPUNOV_EXPONENT).tolist()


def fitted(chosen: dict[str, Any], seed: int, x: Array) -> ESNForecaster:
    """Return the estimator of a setting, fitted to a series."""
    given = {name: value for name, value in chosen.items() if name != "error"}
    return ESNForecaster(units=UNITS, washout=WASHOUT, seed=seed, dtype="float64", **given).fit([x])


def continued(model: ESNForecaster, warm: list[Array]) -> Array:
    """Return the closed loops; one that leaves all bounds is never right."""
    try:
        return model.closed_loop(warm, FREE)
    except SartoError as error:
        if error.code != "E404":
            raise
        return np.full((len(warm), FREE, 3), np.nan)


def search(name: str, count: int) -> dict[str, Any]:
    """Return the best of `count` settings of a cell on one validation series."""
    x, (warm, truth) = (
        lorenz(WASHOUT + FIT, seed=SEARCH_SEED, dt=DT),
        windows(SEARCH_SEED + 1, VALIDATION_STARTS),
    )

    def errors(chosen: dict[str, Any]) -> list[float]:
        model = fitted(chosen | {"ridge": 1.0}, SEARCH_SEED, x)
        found: list[float] = []
        for solution in model.statistics_.path(RIDGES):
            model.coef_, model.intercept_ = solution.weights, solution.intercept
            found.append(-float(np.median(valid_times(continued(model, warm), truth, x.std(axis=0)))))
        return found

    kinds = ("none", "squares")
    tried = [settings(name, number) | {"expansion": kinds[number % 2]} for number in range(count)]
    return least(tried, errors, RIDGES)


def tested(chosen: dict[str, Any], seed: int) -> list[float]:
    """Return the valid prediction times of a setting with the weights and series of a seed."""
    x, (warm, truth) = lorenz(WASHOUT + FIT, seed=2 * seed, dt=DT), windows(2 * seed + 1, STARTS)
    return valid_times(continued(fitted(chosen, seed, x), warm), truth, x.std(axis=0))


def persistence(seed: int) -> list[float]:
    """Return the valid prediction times of the last value, on the series of a seed."""
    x, (warm, truth) = lorenz(WASHOUT + FIT, seed=2 * seed, dt=DT), windows(2 * seed + 1, STARTS)
    return valid_times(np.repeat(np.stack(warm)[:, -1:], FREE, axis=1), truth, x.std(axis=0))


def search_control(tried: list[tuple[int, int, int]]) -> list[int]:
    """Return the best setting of a control on the validation series, and the number of its penalty."""
    x, (warm, truth) = (
        lorenz(WASHOUT + FIT, seed=SEARCH_SEED, dt=DT),
        windows(SEARCH_SEED + 1, VALIDATION_STARTS),
    )
    found = [
        (float(np.median(valid_times(loop(warm), truth, x.std(axis=0)))), [*setting, number])
        for setting in tried
        for number, loop in enumerate(loops(setting, x))
    ]
    return max(found, key=lambda each: each[0])[1]


def control(picked: list[int], seed: int) -> list[float]:
    """Return the valid prediction times of a setting of a control on the series of a seed."""
    x, (warm, truth) = lorenz(WASHOUT + FIT, seed=2 * seed, dt=DT), windows(2 * seed + 1, STARTS)
    samples, spacing, degree, number = picked
    return valid_times(loops((samples, spacing, degree), x)[number](warm), truth, x.std(axis=0))


def loops(setting: tuple[int, int, int], x: Array) -> list[Callable[[list[Array]], Array]]:
    """Return, for each penalty, what continues series in a closed loop after a fit of a control to `x`."""
    samples, spacing, degree = setting
    mean, scale = x.mean(axis=0), x.std(axis=0)
    reach = (samples - 1) * spacing + 1
    powers = [
        np.array(list(combinations_with_replacement(range(3 * samples), d))).T for d in range(2, degree + 1)
    ]

    def features(past: Array) -> Array:
        """From (row, step, channel), latest last."""
        flat = past[:, ::-spacing][:, :samples].reshape(len(past), -1)
        return np.hstack(
            [flat, *(np.prod([flat[:, index] for index in factors], axis=0) for factors in powers)]
        )

    scaled = (x - mean) / scale
    rows = np.arange(WASHOUT, len(x) - 1)
    past = np.stack([scaled[rows - k] for k in range(reach - 1, -1, -1)], axis=1)
    path = RidgeStatistics.of(features(past), scaled[rows + 1] - scaled[rows]).path(RIDGES)

    def loop(solution: Any, warm: list[Array]) -> Array:
        past = (np.stack(warm)[:, -reach:] - mean) / scale
        out = np.full((len(warm), FREE, 3), np.nan)
        with np.errstate(over="ignore", invalid="ignore"):
            for step in range(FREE):
                out[:, step] = past[:, -1] + solution.predict(features(past))
                past = np.concatenate([past[:, 1:], out[:, step : step + 1]], axis=1)
            return out * scale + mean

    return [lambda warm, each=each: loop(each, warm) for each in path]
