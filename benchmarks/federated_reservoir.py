"""A federated readout of a reservoir is the pooled one; what FedIP adds, and what a partial readout saves, on people.

`sp_sw_har`, the watch, windows with one activity for at least 60 % of their time; a client is a subject. 5 folds: the
subjects with number % 5 == fold are tested and send nothing. All that is said to be federated runs in the simulator,
the scaling of the inputs too, 5 clients a round.

    exact     `fed_readout` against `ESNClassifier` fitted to all windows of the same subjects, in relative largest
              difference of weights: payloads in double precision (`auto-f64`), those by default (`auto`), and states
              computed in float32. The ridge is `RELATIVE` in units of the mean eigenvalue, trace(C_xx) / features.
    FedIP     `fed_plasticity` against no plasticity. Reservoir, sigma, learning rate and rounds are those with the most
              right answers on validation subjects, number % 5 == fold + 1, of `TRIED` x `ROUNDS` choices; without
              plasticity of as many reservoirs. Control: the gains and shifts dealt to other neurons, a readout of their
              own. Adaptation sees every second window, which overlap by half; readouts see all.
    partial   `fed_readout_partial` of `WHOLE` units, chosen by the server (relevance) and by the clients (energy, as
              published, what is not sent counts as 0), against the largest whole reservoir whose readout weighs no
              more bytes: the control. States are computed once; a `LinearModel` of them takes part. States pooled by
              their mean, and by mean and mean square, which lie far from 0.
    without a server    `consensus` of the same readout: bytes over those of `fed_readout`, how far from pooled weights

Bars: weights of double-precision payloads, and of the tree of `consensus`, within `LIMIT` of the pooled ones. Nobody
set a number for FedIP or the partial readout: figures, whoever wins.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, Outcome, at_most, over_seeds
from benchmarks._paired import paired
from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.executors import open_executor
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.data.load import load
from sarto.data.partition import partition
from sarto.learn.federated import consensus, fed3r, fed_plasticity, fed_readout, fed_readout_partial
from sarto.learn.federated._contract import Method, Population
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federated._scaling import Scaling
from sarto.learn.federated._simulate import Outcome as Simulated
from sarto.learn.federated._simulate import Participation, Simulation
from sarto.learn.plasticity.tuning import tuned
from sarto.learn.readout import ESNClassifier

MINUTES = 20
HAR = "sp_sw_har/windows_2s_50hz.npz"
FOLDS, QUICK_FOLDS = 5, 1
PER_ROUND = 5
RELATIVE, LIMIT = 1e-4, 1e-9
UNITS = 100
TRIED, ROUNDS, BATCH = 4, (1, 3), 50
"""Windows of a subject adapt side by side, mostly all of them."""
WHOLE, SHARES = 200, (0.1, 0.25, 0.5)
GOSSIP = 50
POOLED = ("mean", "mean_square")
CHOOSERS = {"server": "relevance", "client": "energy"}
ARMS = ("none", "FedIP", "dealt")

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
    figures |= _plastic_figures(found["FedIP"]) | _partial_figures(found["partial"])
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


@cache
def windows() -> Dataset:
    """Return the windows, a group for each subject."""
    return load(real_data(HAR), group="subject", channels=("watch*",), where=("purity>=0.6",))


def subjects(data: Dataset) -> Int[np.ndarray, " item"]:
    """Return the number of each window's subject."""
    assert data.groups is not None, "asked for"
    return np.array([int(group.removeprefix("s")) for group in data.groups.tolist()])


def parts(fold: int) -> tuple[Dataset, Dataset, Dataset]:
    """Return the windows to learn from, to choose settings by, and to test."""
    data = windows()
    of_fold = subjects(data) % FOLDS
    tested, held = of_fold == fold, of_fold == (fold + 1) % FOLDS
    learned, chosen, judged = (data.select(np.flatnonzero(m)) for m in (~tested & ~held, held, tested))
    return learned, chosen, judged


def both(fold: int) -> tuple[Dataset, Dataset]:
    """Return all windows that are not tested, and those that are."""
    data = windows()
    tested = subjects(data) % FOLDS == fold
    return data.select(np.flatnonzero(~tested)), data.select(np.flatnonzero(tested))


def clients(data: Dataset) -> Population:
    """Return the subjects with their windows."""
    parted = partition("groups", data.target, groups=data.groups)
    return Population(data, parted.train, parted.names)


def simulated(method: Method, model: Any, population: Population, seed: int) -> Simulated:
    """Return what a method makes of a model."""
    ways = Participation(per_round=PER_ROUND)
    return Simulation(method, model, population, participation=ways, seed=seed).run()


def on_air(outcome: Simulated) -> int:
    """Return the bytes both ways."""
    return outcome.total("up") + outcome.total("down")


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


def usual(units: int, seed: int, **settings: Any) -> ESNClassifier:
    """Return the reservoir of what does not search: the leak and pooling that suit windows of 100 steps."""
    found: dict[str, Any] = {"leak": 0.3, "pooling": "mean_square", "standardise": True, **settings}
    return ESNClassifier(units=units, seed=seed, **found)


def scaled(estimator: ESNClassifier, population: Population, seed: int) -> ReservoirModel:
    """Return the reservoir with the scaling that the clients find."""
    data = population.data
    assert isinstance(data, Dataset)
    start = ReservoirModel(estimator, data.classes, len(data.classes), len(data.channels))
    return simulated(Scaling(), start, population, seed).model


def accuracy(model: Any, data: Dataset | Examples) -> float:
    """Return the share of right answers."""
    return float(np.mean(right(model, data)))


def right(model: Any, data: Dataset | Examples) -> np.ndarray:
    """Return which answers are right."""
    y = data.target if isinstance(data, Dataset) else data.y
    return model.scores(data).argmax(axis=1) == y


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


def _plastic_figures(found: list[list[dict[str, Any]]]) -> dict[str, Figure]:
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
