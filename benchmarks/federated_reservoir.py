"""A federated readout of a reservoir is the pooled one; what FedIP adds, and what a partial readout saves, on people.

`sp_sw_har`, the watch, windows with one activity for at least 60 % of their time; a client is a subject. 5 folds: the
subjects with number % 5 == fold are tested and send nothing. All that is said to be federated runs in the simulator,
the scaling of the inputs too, 5 clients a round.

    exact     `fed_readout` against `ESNClassifier` fitted to all windows of the same subjects, in relative largest
              difference of weights: payloads in double precision (`auto-f64`), those by default (`auto`), and states
              computed in float32. The ridge is `RELATIVE` in units of the mean eigenvalue, trace(C_xx) / features.
    FedIP     `fed_plasticity` against no plasticity, both tuned on the subjects of the next fold, and against the same
              gains and shifts dealt to other neurons: `_federated_plasticity`
    partial   `fed_readout_partial` of `WHOLE` units, chosen by the server (relevance) and by the clients (energy, as
              published, what is not sent counts as 0), against the largest whole reservoir whose readout weighs no
              more bytes: the control. States are computed once; a `LinearModel` of them takes part. States pooled by
              their mean, and by mean and mean square, which lie far from 0.
    without a server    `consensus` of the same readout: bytes over those of `fed_readout`, how far from pooled weights

Bars: weights of double-precision payloads, and of the tree of `consensus`, within `LIMIT` of the pooled ones. Nobody
set a number for FedIP or the partial readout: figures, whoever wins.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from benchmarks._bench import Bench
from benchmarks._federated_people import FOLDS, accuracy, both, clients, on_air, scaled, simulated, usual
from benchmarks._federated_plasticity import UNITS, adapted, plastic_figures
from benchmarks._outcome import Bar, Figure, Outcome, at_most, over_seeds
from sarto.core.executors import open_executor
from sarto.data.examples import Examples
from sarto.learn.federated import consensus, fed3r, fed_readout, fed_readout_partial
from sarto.learn.federated._contract import Population
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._simulate import Simulation

MINUTES = 20
QUICK_FOLDS = 1
RELATIVE, LIMIT = 1e-4, 1e-9
WHOLE, SHARES = 200, (0.1, 0.25, 0.5)
GOSSIP = 50
POOLED = ("mean", "mean_square")
CHOOSERS = {"server": "relevance", "client": "energy"}

Weights = Float[np.ndarray, "class feature"]


def run(bench: Bench) -> Outcome:
    """Return differences of weights, accuracies and bytes."""
    folds = range(QUICK_FOLDS if bench.quick else FOLDS)
    figures: dict[str, Figure] = {}
    found: dict[str, list[list[dict[str, Any]]]] = {}
    works: dict[str, Callable[..., dict[str, Any]]] = {
        "exact": exact, "without a server": without_server, "partial": partial, "FedIP": adapted,
    }  # fmt: skip
    with open_executor(bench.workers) as executor:
        for name, work in works.items():
            found[name] = [_folds(bench, executor, name, work, seed, folds) for seed in bench.seeds]
    flat = [one for seed in found["exact"] for one in seed]
    for what in flat[0]:
        values = [one[what] for one in flat]
        figures |= over_seeds(f"readout against the pooled one, {what}", values, "1", "measured", "largest")
    flat = [one for seed in found["without a server"] for one in seed]
    for what in flat[0]:
        values = [one[what] for one in flat]
        figures |= over_seeds(f"without a server, {what}", values, "1", "measured", "median")
    figures |= plastic_figures(found["FedIP"]) | _partial_figures(found["partial"])
    return Outcome(figures, () if bench.quick else tuple(_bars(found)))


def _folds(
    bench: Bench,
    executor: Executor,
    name: str,
    work: Callable[..., dict[str, Any]],
    seed: int,
    folds: range,
) -> list[dict[str, Any]]:
    """Return what `work` finds on each fold, once."""

    def all_of_them() -> list[dict[str, Any]]:
        running = [executor.submit(work, seed, fold) for fold in folds]
        return [future.result() for future in running]

    found = bench.once({"what": name, "seed": seed, "folds": len(folds)}, all_of_them)
    bench.say(f"{name}, seed {seed}: {_shown(found)}")
    return found


def _shown(found: list[dict[str, Any]]) -> str:
    return str({k: round(v, 15) for k, v in found[0].items() if isinstance(v, float)})


def _bars(found: dict[str, list[list[dict[str, Any]]]]) -> Iterator[Bar]:
    where = f"relative largest difference of weights, ridge {RELATIVE:g} of the mean eigenvalue"
    for name, what in (
        ("exact", "payloads in double precision"),
        ("without a server", "tree, difference of weights"),
    ):
        most = max(one[what] for seed in found[name] for one in seed)
        yield at_most(f"{what}: {where}", most, LIMIT)


def exact(seed: int, fold: int) -> dict[str, Any]:
    """Return how far federated readouts are from the pooled one."""
    learned, _ = both(fold)
    population = clients(learned)
    found: dict[str, Any] = {}
    hows: dict[Any, tuple[Any, ...]] = {"float64": ("auto-f64", "auto"), "float32": ("auto-f64",)}
    for dtype in hows:
        pooled = usual(UNITS, seed, dtype=dtype).fit(learned)
        ridge = pooled.statistics_.ridge_from_relative(RELATIVE)
        wanted = pooled.statistics_.solve(ridge).weights
        model = scaled(usual(UNITS, seed, dtype=dtype), population, seed)
        for how in hows[dtype]:
            method = fed_readout.Method(how=how, ridge=ridge)
            got = simulated(method, model, population, seed).model.weights
            precision = {"auto-f64": "payloads in double precision", "auto": "payloads by default"}[how]
            key = precision + (", states in float32" if dtype == "float32" else "")
            found[key] = apart(got, wanted)
    return found


def apart(got: Weights, wanted: Weights) -> float:
    """Return the largest difference of weights, relative to the largest weight."""
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def without_server(seed: int, fold: int) -> dict[str, Any]:
    """Return bytes and weights of consensus, against those of a server."""
    learned, _ = both(fold)
    population = clients(learned)
    model = scaled(usual(UNITS, seed, dtype="float64"), population, seed)
    pooled = usual(UNITS, seed, dtype="float64").fit(learned)
    ridge = pooled.statistics_.ridge_from_relative(RELATIVE)
    wanted = pooled.statistics_.solve(ridge).weights
    served = simulated(fed_readout.Method(how="auto-f64", ridge=ridge), model, population, seed)
    found: dict[str, Any] = {}
    exchanges: tuple[Any, ...] = ("tree", "metropolis")
    for exchange in exchanges:
        method = consensus.Method(exchange=exchange, ridge=ridge, rounds=GOSSIP)
        ended = Simulation(method, model, population, seed=seed).run()
        found[f"{exchange}, bytes over those to a server"] = on_air(ended) / on_air(served)
        found[f"{exchange}, difference of weights"] = apart(ended.model.weights, wanted)
        found[f"{exchange}, rounds"] = float(len(ended.rounds))
    return found


def partial(seed: int, fold: int) -> dict[str, Any]:
    """Return accuracy and bytes of partial readouts, and of whole ones of no more bytes."""
    return {f"{pooling}, {k}": v for pooling in POOLED for k, v in _partial(pooling, seed, fold).items()}


def _partial(pooling: str, seed: int, fold: int) -> dict[str, list[float]]:
    learned, tested = both(fold)
    population = clients(learned)

    def seen(units: int) -> tuple[LinearModel, Population, Examples]:
        model = scaled(usual(units, seed, pooling=pooling), population, seed)
        train, test = (
            Examples(model.features(d).astype(np.float32), d.target, d.classes) for d in (learned, tested)
        )
        start = LinearModel.zeros(train.x.shape[1], train.classes, model.features_id)
        return start, Population(train, population.owner, population.names), test

    model, there, test = seen(WHOLE)
    whole = simulated(fed3r.Method(), model, there, seed)
    found = {f"all {WHOLE} units": [accuracy(whole.model, test), on_air(whole)]}
    for share in SHARES:
        spent: list[int] = []
        for chooser, importance in CHOOSERS.items():
            settings: dict[str, Any] = {"share": share, "chosen_by": chooser, "importance": importance}
            ended = simulated(fed_readout_partial.Method(**settings), model, there, seed)
            spent.append(on_air(ended))
            found[f"{share:.0%} by the {chooser}"] = [accuracy(ended.model, test), spent[-1]]
        units = _features(model, there.sizes, max(spent)) * WHOLE // model.weights.shape[1]
        small, held, other = seen(units)
        ended = simulated(fed3r.Method(), small, held, seed)
        found[f"{share:.0%}: whole"] = [accuracy(ended.model, other), on_air(ended), units]
    return found


def _features(model: LinearModel, rows: Int[np.ndarray, " client"], most: int) -> int:
    """Return the features of which all clients' statistics weigh at most so many bytes."""
    method = fed3r.Method()
    low, high = 1, model.weights.shape[1]
    while low < high:
        middle = (low + high + 1) // 2
        weighs = sum(method.payload_b(model, middle, n) for n in rows.tolist())
        low, high = (middle, high) if weighs <= most else (low, middle - 1)
    return low


def _partial_figures(found: list[list[dict[str, Any]]]) -> dict[str, Figure]:
    """Return accuracy and bytes of each readout, and how much the partial ones are above the whole of equal bytes."""
    figures: dict[str, Figure] = {}
    for what in found[0][0]:
        values = [statistics.fmean(one[what][0] for one in folds) for folds in found]
        figures |= over_seeds(f"partial, {what}: accuracy", values, "1", "measured")
        spent = [float(one[what][1]) for folds in found for one in folds]
        figures |= over_seeds(f"partial, {what}: bytes of a federation", spent, "B", "measured", "median")
        if what.endswith("whole"):
            units = [float(one[what][2]) for folds in found for one in folds]
            figures |= over_seeds(f"partial, {what}: units", units, "1", "measured", "median")
    return figures
