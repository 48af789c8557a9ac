"""Graph reservoirs see how nodes are joined, within what they can see, and say where their bound does not hold.

Families of generated graphs (`_graph_families.py`) whose two classes differ in structure alone. Fixed-point and
fixed-step reservoirs (50 neurons) against ridge on degree and motif counts (`_motifs.py`), each tuned alike: as many
settings drawn at random, the best by the mean accuracy of 4 stratified folds of the training graphs, fitted again on
all of these, and asked once about the test graphs. All readouts are the same ridge regression.

Two families are contested, `assortative` and `spaced`. Controls, tuned in the same way: what node features alone and
reservoirs without the edges reach (chance is .5); counts of walks up to 8 edges long, which reach as far as reservoirs
do; and `clustered`, a family made of what reservoirs see badly, triangles. A fourth kind of reservoir scales its
weights by the spectral radius (the necessary condition) instead of the norm (the sufficient one).

The mean sweeps of a graph are those of all its layers together, the largest number is of one layer. The bound is
checked on every training and test graph of the chosen fixed-point reservoirs, and on one more with a hub
of 2500 leaves, which breaks it.
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning

from benchmarks._bench import Bench
from benchmarks._graph_families import FAMILIES, family, pooled_features, without_edges
from benchmarks._motifs import counts
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from sarto.core.executors import open_executor
from sarto.core.seed import generator
from sarto.core.threads import one_blas_thread
from sarto.learn.graph_readout import GraphESNClassifier
from sarto.learn.statistics import RidgeStatistics
from sarto.models.graphs.node_graphs import NodeGraphs, joined, read_node_graphs

MINUTES = 30
UNITS = 50
TRAIN, TEST = 160, 300
CONFIGURATIONS, FOLDS = 16, 4
CONTESTED = ("assortative", "spaced")
MOST = 300
"""Sweeps at most: a product of .9 needs log(1e-5) / log(.9) = 110 to shrink a state of 1 to the tolerance."""
CHANCE = 0.04
"""From .5, three standard errors of a mean over 5 times 300 guesses."""
LEAVES = 2500

Classes = Int[np.ndarray, " graph"]
Table = Float[np.ndarray, "graph feature"]
Settings = dict[str, Any]


def _reservoir_settings(rng: np.random.Generator, iteration: str, bound: str) -> Settings:
    settings: Settings = {
        "iteration": iteration,
        "bound": bound,
        "gain": rng.uniform(0.3, 0.9),
        "input_scaling": 10 ** rng.uniform(-3, 0),
        "bias_scaling": 10 ** rng.uniform(-1, 0.3),
        "layers": int(rng.integers(1, 3)),
        "pooling": str(rng.choice(["sum", "mean", "max"])),
    }
    if iteration == "fixed_steps":
        settings |= {"steps": int(rng.integers(2, 9)), "leak": rng.uniform(0.1, 1.0)}
    return settings


def _table_settings(rng: np.random.Generator, groups: list[str]) -> Settings:
    return {
        "group": str(rng.choice(groups)),
        "form": str(rng.choice(["as it is", "logarithm", "per node"])),
        "products": bool(rng.integers(2)),
        "ridge": str(rng.choice(["gcv", "1e-4", "1e-2", "1"])),
    }


METHODS: dict[str, Callable[[np.random.Generator], Settings]] = {
    "fixed point": lambda rng: _reservoir_settings(rng, "fixed_point", "norm"),
    "fixed steps": lambda rng: _reservoir_settings(rng, "fixed_steps", "norm"),
    "fixed point, by the radius": lambda rng: _reservoir_settings(rng, "fixed_point", "radius"),
    "degrees and motifs": lambda rng: _table_settings(rng, ["degrees", "motifs"]),
    "walks": lambda rng: _table_settings(rng, ["walks"]),
    "node features alone": lambda rng: _table_settings(rng, ["features"]),
    "fixed point, no edges": lambda rng: _reservoir_settings(rng, "fixed_point", "norm"),
}
"""Name of a method -> draws settings for it."""
AT_CHANCE = ("node features alone", "fixed point, no edges")


def run(bench: Bench) -> Outcome:
    """Return accuracies of every method on every family, sweeps, and how the bound held."""
    names = CONTESTED[:1] if bench.quick else tuple(FAMILIES)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with open_executor(bench.workers) as executor:
        for name in names:
            for seed in bench.seeds:

                def work(name: str = name, seed: int = seed) -> dict[str, Any]:
                    size, few = (40, 2) if bench.quick else (TRAIN, CONFIGURATIONS)
                    graphs, classes = family(name, size + TEST, seed)
                    parts = (
                        graphs.span(0, size),
                        classes[:size],
                        graphs.span(size, len(graphs)),
                        classes[size:],
                    )
                    running = {m: executor.submit(_judged, m, *parts, seed, few) for m in METHODS}
                    return {method: future.result() for method, future in running.items()}

                settings = {"family": name, "seed": seed, "quick": bench.quick}
                found[name].append(kept := bench.once(settings, work))
                told = ", ".join(f"{method} {got['accuracy']:.3f}" for method, got in kept.items())
                bench.say(f"{name}, seed {seed}: {told}")
    figures = {key: figure for name in names for key, figure in _figures(name, found[name]).items()}
    return Outcome(figures, () if bench.quick else tuple(_bars(found)))


def _figures(name: str, found: list[dict[str, Any]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for method in METHODS:
        figures |= over_seeds(
            f"{name}, {method}: test accuracy", [f[method]["accuracy"] for f in found], "1", "measured"
        )
    for method in ("fixed point", "fixed steps"):
        less = [f[method]["accuracy"] - f["degrees and motifs"]["accuracy"] for f in found]
        figures |= over_seeds(f"{name}, {method} less degrees and motifs: accuracy", less, "1", "measured")
    for method in ("fixed point", "fixed point, by the radius"):
        means = [f[method]["mean sweeps"] for f in found]
        figures |= over_seeds(f"{name}, {method}: sweeps of a test graph", means, "sweeps", "measured")
        most = [f[method]["most sweeps"] for f in found]
        figures |= over_seeds(f"{name}, {method}: sweeps", most, "sweeps", "measured", "largest")
        products = [f[method]["product"] for f in found]
        figures |= over_seeds(
            f"{name}, {method}: sigma_max(W) sigma_max(A)", products, "1", "measured", "largest"
        )
        moving = [float(f[method]["moving"]) for f in found]
        figures |= over_seeds(
            f"{name}, {method}: graphs still moving", moving, "graphs", "measured", "largest"
        )
    return figures


def _bars(found: dict[str, list[dict[str, Any]]]) -> list[Bar]:
    bars: list[Bar] = []
    for name, seeds in found.items():
        for method in AT_CHANCE:
            mean = statistics.fmean(f[method]["accuracy"] for f in seeds)
            what = f"{name}, {method}: distance of the mean accuracy from chance"
            bars.append(at_most(what, abs(mean - 0.5), CHANCE))
    every = [f["fixed point"] for seeds in found.values() for f in seeds]
    return [
        *bars,
        at_most(
            "graphs that break the bound, of all families and seeds", sum(f["breaking"] for f in every), 0
        ),
        at_most("graphs still moving after the sweeps, likewise", sum(f["moving"] for f in every), 0),
        at_least(
            "share of reservoirs that name the graph with a hub, and no other, as breaking the bound",
            statistics.fmean(f["hub named"] for f in every),
            1,
        ),
    ]


def _judged(
    method: str, train: NodeGraphs, y: Classes, test: NodeGraphs, y_test: Classes, seed: int, few: int
) -> dict[str, Any]:
    """Return what the settings that folds of the training graphs choose reach on the test graphs."""
    rng = generator(seed, "graph reservoir", method)
    drawn = [METHODS[method](rng) for _ in range(few)]
    with one_blas_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # counted below
        if "group" in drawn[0]:
            tables = {g: (_table(g, train), _table(g, test)) for g in {d["group"] for d in drawn}}

            def table_score(d: Settings, a: Classes, b: Classes) -> float:
                x = _shaped(d, tables[d["group"]][0])
                return _table_accuracy(d, x[a], y[a], x[b], y[b])

            best = max(drawn, key=lambda d: _validated(y, lambda a, b: table_score(d, a, b)))
            x, x_test = (_shaped(best, table) for table in tables[best["group"]])
            return {"accuracy": _table_accuracy(best, x, y, x_test, y_test), "settings": best}
        if method.endswith("no edges"):
            train, test = without_edges(train), without_edges(test)

        def score(d: Settings, a: Classes, b: Classes) -> float:
            return _reservoir(d, seed).fit(train.select(a), y[a]).score(train.select(b), y[b])

        best = max(drawn, key=lambda d: _validated(y, lambda a, b: score(d, a, b)))
        return _reached(_reservoir(best, seed).fit(train, y), train, test, y_test) | {"settings": best}


def _validated(y: Classes, score: Callable[[Classes, Classes], float]) -> float:
    """Return the mean score over folds; classes come in turn, so that runs of 2 graphs hold both."""
    fold = np.arange(len(y)) // 2 % FOLDS
    return statistics.fmean(
        score(np.flatnonzero(fold != held), np.flatnonzero(fold == held)) for held in range(FOLDS)
    )


def _reservoir(settings: Settings, seed: int) -> GraphESNClassifier:
    return GraphESNClassifier(units=UNITS, most=MOST, readout_layers="all", seed=seed, **settings)


def _reached(model: GraphESNClassifier, train: NodeGraphs, test: NodeGraphs, y: Classes) -> dict[str, Any]:
    accuracy = model.score(test, y)
    if model.iteration == "fixed_steps" or not train.degrees.any():
        return {"accuracy": accuracy}
    star = np.column_stack([np.zeros(LEAVES, int), np.arange(1, LEAVES + 1)])
    hub = read_node_graphs(np.zeros((LEAVES + 1, test.channels)), star, graph=["hub"] * (LEAVES + 1))
    every = joined([train, _renamed(test, len(train)), hub])
    bound, encoding = model.stability(every), model.encode(joined([train, _renamed(test, len(train))]))
    broken = bound.not_certain()
    swept = encoding.sweeps[len(train) :]
    return {
        "accuracy": accuracy,
        "mean sweeps": float(swept.sum(axis=1).mean()),
        "most sweeps": float(encoding.sweeps.max()),
        "moving": len(encoding.unsettled()),
        "product": float(bound.sufficient[:-1].max()),
        "breaking": len([name for name in broken if name != "hub"]),
        "hub named": float(broken == ("hub",)),
    }


def _renamed(graphs: NodeGraphs, first: int) -> NodeGraphs:
    ids = tuple(range(first, first + len(graphs)))
    return NodeGraphs(graphs.features, graphs.offsets, graphs.starts, graphs.sources, graphs.directed, ids)


def _table(group: Any, graphs: NodeGraphs) -> Table:
    return pooled_features(graphs) if group == "features" else counts(group, graphs)


def _shaped(settings: Settings, table: Table) -> Table:
    """Return the columns in the form that the settings name; the first is the number of nodes."""
    if settings["form"] == "logarithm":
        table = np.sign(table) * np.log1p(np.abs(table))
    elif settings["form"] == "per node":
        table = np.column_stack([table[:, :1], table[:, 1:] / table[:, :1]])
    return table


def _table_accuracy(settings: Settings, x: Table, y: Classes, x_test: Table, y_test: Classes) -> float:
    """Return the accuracy of a ridge readout on standardised columns, and if so set on their products in pairs."""
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1
    x, x_test = (x - mean) / scale, (x_test - mean) / scale
    if settings["products"]:
        a, b = np.triu_indices(x.shape[1])
        x, x_test = (np.hstack([z, z[:, a] * z[:, b]]) for z in (x, x_test))
    known = RidgeStatistics.of(x, y, classes=(0, 1))
    ridge = settings["ridge"]
    solution = known.solve("gcv" if ridge == "gcv" else known.ridge_from_relative(float(ridge)))
    return float((solution.predict(x_test).argmax(axis=1) == y_test).mean())
