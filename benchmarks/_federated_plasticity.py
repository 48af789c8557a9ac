"""FedIP beside no plasticity, for `federated_reservoir`: both tuned as hard, and a control.

Reservoir, sigma, learning rate and rounds are those with the most right answers on the subjects of the next fold, of
`TRIED` x `ROUNDS` choices; without plasticity of as many reservoirs. `dealt` are the gains and shifts that were
learned, given to other neurons, with a readout of their own. Adaptation sees every second window, which overlap by
half. A readout is `fed_readout` in the simulator, of all windows of the clients.

>>> settings, rule = drawn(seed=0)
>>> sorted(rule), 0.05 <= settings["leak"] <= 1.0
(['learning_rate', 'sigma'], True)
"""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks._federated_people import (
    accuracy,
    both,
    clients,
    on_air,
    parts,
    right,
    scaled,
    simulated,
    subjects,
)
from benchmarks._outcome import Figure, over_seeds
from benchmarks._paired import paired
from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.learn.federated import fed_plasticity, fed_readout
from sarto.learn.federated._contract import Population
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federated._simulate import Simulation
from sarto.learn.plasticity.tuning import tuned
from sarto.learn.readout import ESNClassifier

UNITS = 100
TRIED, ROUNDS, BATCH = 4, (1, 3), 50
"""Windows of a subject adapt side by side, mostly all of them."""
ARMS = ("none", "FedIP", "dealt")


def drawn(seed: int, number: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a reservoir and of a rule of plasticity."""
    random = generator(seed, "reservoirs", number)

    def spread(low: float, high: float) -> float:
        return math.exp(random.uniform(math.log(low), math.log(high)))

    settings: dict[str, Any] = {
        "leak": spread(0.05, 1.0),
        "radius": float(random.uniform(0.3, 1.3)),
        "input_scaling": spread(0.05, 2.0),
        "bias_scaling": float(random.uniform(0, 1)),
        "pooling": ("last", "mean", "mean_square")[int(random.integers(3))],
    }
    return settings, {"sigma": spread(0.1, 0.8), "learning_rate": spread(5e-4, 1e-2)}


def readout(model: ReservoirModel, population: Population, seed: int) -> ReservoirModel:
    """Return the model with its federated readout."""
    return simulated(fed_readout.Method(), model, population, seed).model


def adapted(seed: int, fold: int) -> dict[str, Any]:
    """Tune with and without plasticity for one seed and fold; test both, and the control."""
    learned, chosen, tested = parts(fold)
    everything, _ = both(fold)
    settings, rule, rounds = _picked(learned, chosen, seed, plastic=True)
    plain, _, _ = _picked(learned, chosen, seed, plastic=False)
    population = clients(everything)
    models: dict[str, ReservoirModel] = {}
    model = scaled(ESNClassifier(units=UNITS, seed=seed, standardise=True, **plain), population, seed)
    models["none"] = readout(model, population, seed)
    model = scaled(ESNClassifier(units=UNITS, seed=seed, standardise=True, **settings), population, seed)
    ended, spent = _adapted(model, everything, seed, rule, rounds)
    models["FedIP"] = readout(ended[rounds], population, seed)
    served = simulated(fed_readout.Method(), model, population, seed)
    vector = ended["tuning"]
    deal = generator(seed, "deal").permutation(UNITS)
    other = np.concatenate([half[deal] for half in np.split(vector, 2)])
    features = replace(model.feature_map, reservoir=tuned(model.feature_map.reservoir, other))
    models["dealt"] = readout(replace(model, mapped=features), population, seed)
    answers = {arm: right(models[arm], tested) for arm in ARMS}
    by_subject = {
        arm: {str(s): float(answers[arm][subjects(tested) == s].mean()) for s in np.unique(subjects(tested))}
        for arm in ARMS
    }
    return {
        **{arm: float(answers[arm].mean()) for arm in ARMS},
        "items": len(tested),
        "by subject": by_subject,
        "bytes over those of the readout": spent / on_air(served),
        "rounds": rounds,
        **rule,
    }


def _picked(
    learned: Dataset, chosen: Dataset, seed: int, *, plastic: bool
) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Return reservoir, rule and rounds of the most right answers on the validation subjects, the first of them."""
    best: tuple[float, Any] = (-1.0, None)
    population = clients(learned)
    for number in range(TRIED if plastic else TRIED * len(ROUNDS)):
        settings, rule = drawn(seed, number)
        model = scaled(ESNClassifier(units=UNITS, seed=seed, standardise=True, **settings), population, seed)
        try:
            ended: dict[Any, Any] = (
                _adapted(model, learned, seed, rule, max(ROUNDS))[0] if plastic else {0: model}
            )
        except SartoError:  # a rule that runs away with these inputs
            continue
        for rounds in ROUNDS if plastic else (0,):
            share = accuracy(readout(ended[rounds], population, seed), chosen)
            if share > best[0]:
                best = share, (settings, rule, rounds)
    return best[1]


def _adapted(
    model: ReservoirModel, data: Dataset, seed: int, rule: dict[str, Any], rounds: int
) -> tuple[dict[Any, Any], int]:
    """Return the reservoir after each round, the last gains and shifts (`tuning`), and the bytes of it."""
    population = clients(data.select(np.arange(0, len(data), 2)))
    method = fed_plasticity.Method(rounds=rounds, batch=BATCH, **rule)
    after: dict[Any, Any] = {}

    def look(found: ReservoirModel) -> dict[str, Any]:
        after[len(after) + 1] = found
        return {}

    def enough(_: dict[str, Any]) -> bool:
        return len(after) == rounds

    ended = Simulation(method, model, population, seed=seed, judge=look, enough=enough).run()
    after["tuning"] = ended.state["tuning"]
    return after, on_air(ended)


def plastic_figures(found: list[list[dict[str, Any]]]) -> dict[str, Figure]:
    """Return accuracies over all tested windows by seed, and differences by subject."""
    figures: dict[str, Figure] = {}
    names = {"none": "no plasticity", "FedIP": "FedIP", "dealt": "FedIP's gains dealt to other neurons"}
    for arm in ARMS:
        values = [
            sum(one[arm] * one["items"] for one in folds) / sum(one["items"] for one in folds)
            for folds in found
        ]
        figures |= over_seeds(f"accuracy, {names[arm]}", values, "1", "measured")
    mean: dict[str, dict[str, float]] = {}
    for arm in ARMS:
        each = [{s: v for one in folds for s, v in one["by subject"][arm].items()} for folds in found]
        mean[arm] = {s: statistics.fmean(one[s] for one in each) for s in each[0]}
    for arm in ("none", "dealt"):
        difference = paired(mean["FedIP"], mean[arm])
        key = f"accuracy, FedIP less {names[arm]}, interval of 95 % over subjects"
        figures[key] = Figure(difference.mean, "1", "measured", difference.groups, difference.interval)
    flat = [one for folds in found for one in folds]
    for what in ("bytes over those of the readout", "rounds", "sigma", "learning_rate"):
        values = [float(one[what]) for one in flat]
        figures |= over_seeds(f"FedIP, {what}", values, "1", "measured", "median")
    return figures
