"""Anomalies of a water test bed (SKAB): forecast residuals of a reservoir against Hotelling's T2, one rule for both.

34 runs with 8 sensors at 1 Hz. In each, the first 400 rows are normal: 280 to fit, 120 to set the threshold, the
quantile of a false-alarm rate of 1 % (`sarto.learn.anomaly`); no label is used for anything but the judgement. Steps
from row 400 on of all runs together are judged: F1, share of normal steps that raise an alarm, share of anomalous
steps that raise none. The methods differ in what is squared:

    T2         x_t - mean, by its covariance; or by the largest channel
    linear     x_t - its ridge regression on the last 5 samples, by the covariance of the residual
    reservoir  x_t - the forecast of 50 units, one step ahead (or 1 and 10 steps), by the same covariance, or by the
               largest channel
    always     an alarm at every step

The settings of the reservoir are the defaults, 20 steps of washout apart; none was tuned, for any method. 5 seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Figure, Outcome, over_seeds
from sarto.learn.anomaly import ESNDetector
from sarto.learn.statistics import RidgeStatistics

MINUTES = 1
DATA = "skab/data"
FOLDERS = ("valve1", "valve2", "other")
NORMAL, FITTED, WASHOUT, LAGS, RATE = 400, 280, 20, 5, 0.01
RESERVOIRS: dict[str, dict[str, Any]] = {
    "reservoir, Mahalanobis": {},
    "reservoir, largest channel": {"measure": "channel"},
    "reservoir, 1 and 10 steps, Mahalanobis": {"horizons": (1, 10)},
}

Rows = Float[np.ndarray, "row channel"]


def run(bench: Bench) -> Outcome:
    """Return F1, false and missed alarms of every method; there is no bar."""
    folder = Path(real_data(DATA))
    names = [f"{kind}/{path.name}" for kind in FOLDERS for path in sorted((folder / kind).glob("*.csv"))]
    names = names[:4] if bench.quick else names
    runs = {name: table(folder / name) for name in names}
    figures: dict[str, Figure] = {"runs": Figure(len(runs), "runs", "measured")}
    controls = {"T2": hotelling, "largest channel, no forecast": channels, "linear": linear, "always": always}
    for name, detector in controls.items():
        figures |= judged(name, [alarms(runs, detector)])
    for name, settings in RESERVOIRS.items():
        found = [alarms(runs, reservoir(settings, seed)) for seed in bench.seeds]
        figures |= judged(name, found)
    for what in ("F1", "false alarms", "missed"):
        shown = {key: round(f.value, 4) for key, f in figures.items() if key.startswith(what)}
        bench.say(f"{shown}")
    return Outcome(figures)


def table(path: Path) -> tuple[Rows, Bool[np.ndarray, " row"]]:
    """Return the sensors of a run, and which of its rows are marked as anomalous."""
    values = np.genfromtxt(path, delimiter=";", skip_header=1, usecols=range(1, 10))
    return values[:, :8], values[:, 8] == 1


def alarms(
    runs: dict[str, tuple[Rows, Bool[np.ndarray, " row"]]],
    detector: Callable[[Rows], Bool[np.ndarray, " row"]],
) -> tuple[float, float, float]:
    """Return F1, and the shares of false and missed alarms, over the judged rows of all runs."""
    got = np.concatenate([detector(x)[NORMAL:] for x, _ in runs.values()])
    wanted = np.concatenate([marked[NORMAL:] for _, marked in runs.values()])
    hits, false, missed = (int(np.sum(a)) for a in (got & wanted, got & ~wanted, ~got & wanted))
    return 2 * hits / (2 * hits + false + missed), false / int(np.sum(~wanted)), missed / int(np.sum(wanted))


def judged(name: str, found: list[tuple[float, float, float]]) -> dict[str, Figure]:
    """Return the figures of a method, over its seeds."""
    figures: dict[str, Figure] = {}
    for index, what in enumerate(("F1", "false alarms", "missed")):
        figures |= over_seeds(f"{what}, {name}", [each[index] for each in found], "1", "measured")
    return figures


def above(scores: Float[np.ndarray, " row"]) -> Bool[np.ndarray, " row"]:
    """Return which scores exceed the threshold of the calibration rows, as `ESNDetector` sets it."""
    ordered = np.sort(scores[FITTED:NORMAL])
    rank = int(np.ceil((len(ordered) + 1) * (1 - RATE)))
    return scores > ordered[rank - 1]


def distances(residuals: Rows, rows: slice) -> Float[np.ndarray, " row"]:
    """Return the squared Mahalanobis distances of residuals by mean and covariance of some of them."""
    known = residuals[rows]
    left = residuals - known.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(known, rowvar=False))
    scale = np.maximum(values, values.max() * len(values) * np.finfo(float).eps)
    return ((left @ vectors) ** 2 / scale).sum(axis=1)


def hotelling(x: Rows) -> Bool[np.ndarray, " row"]:
    """Return the alarms of T2, whose mean and covariance are those of the fitted rows."""
    return above(distances(x, slice(FITTED)))


def channels(x: Rows) -> Bool[np.ndarray, " row"]:
    """Return the alarms of the channel that is farthest from its mean, in deviations of the fitted rows."""
    mean, deviation = x[:FITTED].mean(axis=0), np.maximum(x[:FITTED].std(axis=0), 1e-12)
    return above((((x - mean) / deviation) ** 2).max(axis=1))


def always(x: Rows) -> Bool[np.ndarray, " row"]:
    """Return an alarm at every step."""
    return np.ones(len(x), bool)


def linear(x: Rows) -> Bool[np.ndarray, " row"]:
    """Return the alarms of the residuals of a linear autoregression; their covariance is of the calibration rows."""
    z = (x - x[:FITTED].mean(axis=0)) / np.maximum(x[:FITTED].std(axis=0), 1e-12)
    past = np.hstack([z[LAGS - k : len(z) - k] for k in range(1, LAGS + 1)])
    solution = RidgeStatistics.of(past[: FITTED - LAGS], z[LAGS:FITTED]).solve("gcv")
    residuals = np.full(x.shape, np.nan)
    residuals[LAGS:] = z[LAGS:] - solution.predict(past)
    return above(distances(residuals, slice(FITTED, NORMAL)))


def reservoir(settings: dict[str, Any], seed: int) -> Callable[[Rows], Bool[np.ndarray, " row"]]:
    """Return a detector that gives the alarms of a reservoir's residuals."""

    def detector(x: Rows) -> Bool[np.ndarray, " row"]:
        model = ESNDetector(
            units=50,
            washout=WASHOUT,
            seed=seed,
            false_alarms=RATE,
            calibration=1 - FITTED / NORMAL,
            **settings,
        )
        return model.fit([x[:NORMAL]]).alarms([x])[0]

    return detector
