"""How much of its past input a linear readout recovers from 100 neurons, for every cell: 90 lags and more from ES2N.

Linear memory capacity (Jaeger 2001): white input from U(-.8, .8), the sum over lags 1 to 200 of the squared correlation
between the input so many steps ago and a ridge readout trained to tell it. 5,000 training and 10,000 test steps of one
sequence; the correlation with shuffled targets, trained and tested in the same way, is taken off every lag. 5 seeds, of
weights and input together.

Every cell that is installed is there, with the variants of `VARIANTS`, and each is tuned in the same way: the settings
of 24 random draws from the same ranges, and a ridge from one grid, with the largest sum on a validation part of another
seed. No test step is seen before. What a cell has beyond the usual settings stays at its default.

The same reservoirs are then scored as reservoirpy 0.4.2 defines it: 10 times as many steps as lags, the last fifth of
them to test, the state going on, and nothing taken off. The difference is the bias of few steps.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_least, over_seeds
from sarto.core.rooms import load_method, methods
from sarto.core.seed import generator
from sarto.core.threads import one_blas_thread
from sarto.learn.memory import Recall, memory_capacity, recall
from sarto.models.input_error import InputError
from sarto.models.reservoir._stack import AnyReservoir, stacked

MINUTES = 8
ROOM = "sarto.models.reservoir"
UNITS, LAGS, AMPLITUDE = 100, 200, 0.8
TRAIN, TEST = 5000, 10000
TUNE_TRAIN, TUNE_TEST, TUNE_SEED = 2000, 2000, 1000
DRAWS, QUICK_DRAWS = 24, 4
RANGES: dict[str, tuple[float, float]] = {
    "leak": (0.003, 1.0),
    "radius": (0.1, 1.0),
    "input_scaling": (0.001, 1.0),
    "bias_scaling": (0.001, 1.0),
}
"""Drawn evenly on a logarithmic axis, the radius on a plain one."""
RIDGES = tuple(10.0**k for k in range(-14, -1))
"""Relative to the mean eigenvalue of the states' co-moments."""
VARIANTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "es2n, ring rotation": ("es2n", {"rotation": "ring"}, 1),
    "resesn, random rotation": ("resesn", {"rotation": "random"}, 1),
    "rmn, ring rotation": ("rmn", {"rotation": "ring"}, 1),
    "rmn, memory that fades by 2 % a slot": ("rmn", {"memory_radius": 0.98}, 1),
    "esn, 2 layers": ("esn", {}, 2),
    "esn, 4 layers": ("esn", {}, 4),
    "es2n, 2 layers": ("es2n", {}, 2),
}
"""Name -> cell, further arguments of its `build`, layers; beside every cell as it is."""
JUDGED, BAR = "es2n", 90.0


def run(bench: Bench) -> Outcome:
    """Return the memory capacity of every cell and variant."""
    cases: dict[str, tuple[str, dict[str, Any], int]] = {
        name: (name, dict[str, Any](), 1) for name in methods(ROOM)
    } | VARIANTS
    draws = QUICK_DRAWS if bench.quick else DRAWS
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name, case in cases.items():
        key = {"case": name, "draws": draws}
        settings, ridge = bench.once(key, _tuned, case, draws)
        found = [
            bench.once(key | {"seed": seed}, _scored, case, settings, ridge, seed) for seed in bench.seeds
        ]
        totals = [one["total"] for one in found]
        figures |= over_seeds(f"memory capacity, {name}", totals, "lags", "measured")
        figures |= over_seeds(
            f"memory capacity as reservoirpy defines it, {name}",
            [one["short"] for one in found],
            "lags",
            "measured",
        )
        told = ", ".join(f"{k} {v:.3g}" for k, v in settings.items())
        bench.say(
            f"{name}: {statistics.fmean(totals):.1f} ({min(totals):.1f} to {max(totals):.1f}); {told}, ridge {ridge:g}"
        )
        if name == JUDGED:
            bars.append(at_least(f"memory capacity of {JUDGED}, mean", statistics.fmean(totals), BAR))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _tuned(case: tuple[str, dict[str, Any], int], draws: int) -> tuple[dict[str, float], float]:
    """Return the settings and the relative ridge with the largest capacity on the validation part."""
    best: tuple[float, dict[str, float], float] | None = None
    random = generator(0, "benchmark", "memory capacity")
    for _ in range(draws):
        place = random.random(len(RANGES))
        settings = {
            name: low + p * (high - low) if name == "radius" else low * (high / low) ** p
            for (name, (low, high)), p in zip(RANGES.items(), place.tolist(), strict=True)
        }
        try:
            reservoir = _built(case, settings, TUNE_SEED)
        except InputError:  # a combination that the cell refuses
            continue
        drawn = _recall(reservoir, TUNE_TRAIN, TUNE_TEST, TUNE_SEED)
        for ridge, solved in zip(RIDGES, drawn.solutions(RIDGES), strict=True):
            total = float(drawn.correlations(solved)[1:].sum())
            if best is None or total > best[0]:
                best = (total, settings, ridge)
    assert best is not None, "every draw was refused"
    return best[1:]


def _scored(
    case: tuple[str, dict[str, Any], int], settings: dict[str, float], ridge: float, seed: int
) -> dict[str, float]:
    """Return the capacity with a floor over many test steps, and as reservoirpy 0.4.2 defines it."""
    reservoir = _built(case, settings, seed)
    with one_blas_thread():
        found = memory_capacity(
            reservoir, lags=LAGS, train=TRAIN, test=TEST, amplitude=AMPLITUDE, ridge=ridge, seed=seed
        )
    steps = 10 * LAGS - LAGS  # of the series less the lags before the first target
    test = round(0.2 * 10 * LAGS)
    short = _recall(reservoir, steps - test, test, seed)
    return {
        "total": found.total,
        "short": float(short.correlations(short.solutions([ridge])[0])[1:].sum()),
    }


def _built(case: tuple[str, dict[str, Any], int], settings: dict[str, float], seed: int) -> AnyReservoir:
    cell, options, layers = case
    return stacked(load_method(ROOM, cell).build, UNITS, 1, layers=layers, seed=seed, **settings, **options)


def _recall(reservoir: AnyReservoir, train: int, test: int, seed: int) -> Recall:
    with one_blas_thread():
        return recall(reservoir, lags=LAGS, train=train, test=test, amplitude=AMPLITUDE, seed=seed)
