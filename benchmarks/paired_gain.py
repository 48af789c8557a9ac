"""Paired tests find several times more subgroups that a pruned network serves otherwise than its original does.

Networks: two hidden layers trained on one-hot attributes; pruned by magnitude over all weights at once, without
training after, at the largest of the shares .5, .55, ... .95 that loses at most 1 point of accuracy on validation
rows. No audited row was trained or validated on: COMPAS is audited over all of its rows by five folds, each guessed
by the pair of networks of the other four; the drawn table of Adult's sizes is audited on rows of their own.

Outcomes: accuracy, false positives, and the Brier score (the squared error of the probability). Paired (McNemar,
exact below 25 changes; paired t) against unpaired (pooled test of two shares; Welch's t), both after
Benjamini-Hochberg at 5 %, over all subgroups above a support of .01; counts are summed over seeds of the networks. An
unpaired count of 0 enters a ratio as 1. No ratio can exceed that of all subgroups to those that the unpaired test
finds, which is given beside it: where guesses flip in one direction, as false positives do, both tests find many.

Level: in 1,000 copies of the guesses the original and the small model change places in each row by a coin, so that no
subgroup gains anything; every discovery is false, and the false discovery rate is the share of copies with any. Only
rows that the models judge differently matter, so the copies are counted from these; the first copy is checked by
mining it.
"""

# scikit-learn is typed loosely.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import OneHotEncoder

from benchmarks._bench import Bench
from benchmarks._census import Table, census, compas
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from sarto.audit.subgroups import Attributes, Outcomes, Subgroups, mine
from sarto.audit.subgroups.gain import Test
from sarto.audit.subgroups.paired_tests import mcnemar, unpaired_z
from sarto.audit.subgroups.significance import p_values, q_values
from sarto.core.seed import generator
from sarto.measure.quality import wilson

MINUTES = 5
SEEDS, FOLDS, COPIES, BATCH = 3, 5, 1000, 50
SHARES = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
MAX_DROP, SUPPORT, LEVEL = 0.01, 0.01, 0.05
METRICS = ("accuracy", "fpr", "brier")
TESTS: tuple[Test, ...] = ("paired", "unpaired")

Guesses = tuple[Float[np.ndarray, " row"], Float[np.ndarray, " row"], list[float]]
"""Probabilities of both networks, and the pruned shares."""


def run(bench: Bench) -> Outcome:
    """Return how many subgroups each test finds, and how often it finds one where there is none."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    small, _ = compas()
    rows = 3000 if bench.quick else 32_561
    drawn = census(rows, seed=0)
    cases: list[tuple[str, Table, Callable[[int], Guesses]]] = [
        ("COMPAS", small, lambda seed: _crossed(small, seed, 5 if bench.quick else 30)),
        ("Adult sizes", drawn, lambda seed: _apart(census(rows, seed=100 + seed), drawn, seed)),
    ]
    for name, table, guess in cases:
        counts: dict[tuple[str, Test], list[int]] = {(m, t): [] for m in METRICS for t in TESTS}
        facts: dict[str, list[float]] = {}
        first: tuple[Subgroups, Outcomes] | None = None
        for seed in range(1 if bench.quick else SEEDS):
            p0, p1, shares = guess(seed)
            outcomes = _outcomes(table, p0, p1)
            found = mine(Attributes.from_columns(table.columns), outcomes, min_support=SUPPORT)
            first = first or (found, outcomes)
            for metric, test in counts:
                counts[metric, test].append(len(found.gain(metric, test=test).significant(LEVEL)))
            gains = found.gain("accuracy")
            _add(facts, "pruned share", float(np.mean(shares)))
            _add(facts, "accuracy of the original", gains.overall_rate - gains.overall)
            _add(facts, "accuracy of the pruned", gains.overall_rate)
            _add(facts, "rows on which they agree", float(((p0 > 0.5) == (p1 > 0.5)).mean()))
            _add(facts, "worst gain of accuracy", float(gains.value.min()))
            _add(facts, "subgroups", len(found))
            bench.say(f"{name} seed {seed}: " + ", ".join(f"{m} {t} {n[-1]}" for (m, t), n in counts.items()))
        for what, values in facts.items():
            figures[f"{name}: {what}"] = _over(values)
        for metric in METRICS:
            for test in TESTS:
                figures[f"{name}: {metric}: significant, {test}"] = _over(counts[metric, test])
            totals = {test: sum(counts[metric, test]) for test in TESTS}
            ratio = totals["paired"] / max(totals["unpaired"], 1)
            figures[f"{name}: {metric}: paired over unpaired"] = Figure(ratio, "1", "measured", SEEDS)
            most = sum(facts["subgroups"]) / max(totals["unpaired"], 1)
            figures[f"{name}: {metric}: largest ratio there could be"] = Figure(most, "1", "measured", SEEDS)
            bars.append(at_least(f"{name}: {metric}: paired over unpaired", ratio, 2.5))
        assert first is not None
        for test, hits in _level(*first, 20 if bench.quick else COPIES).items():
            share = float(hits.mean())
            figures[f"{name}: copies without any gain in which the {test} test finds one"] = Figure(
                share, "1", "measured", len(hits), wilson(int(hits.sum()), len(hits))
            )
            bench.say(f"{name}: {test}: false discoveries in {share:.3f} of the copies")
            if test == "paired":
                bars.append(at_most(f"{name}: false discovery rate of the paired test", share, LEVEL))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _add(facts: dict[str, list[float]], what: str, value: float) -> None:
    facts.setdefault(what, []).append(value)


def _over(values: list[float] | list[int]) -> Figure:
    return Figure(
        float(np.mean(values)), "1", "measured", len(values), (float(min(values)), float(max(values)))
    )


def _outcomes(table: Table, p0: Float[np.ndarray, " row"], p1: Float[np.ndarray, " row"]) -> Outcomes:
    """Return accuracy, false positives and Brier score of both networks."""
    guesses = [(p > 0.5).astype(np.int64) for p in (p0, p1)]
    brier = tuple((p - table.target) ** 2 for p in (p0, p1))
    return Outcomes.from_predictions(
        table.target, *guesses, metrics=["accuracy", "fpr"], reals={"brier": brier}
    )


def pair(
    X: Float[np.ndarray, "row input"],
    y: Int[np.ndarray, " row"],
    hidden: int,
    epochs: int,
    batch: int,
    seed: int,
) -> tuple[Any, Any, float]:
    """Return a trained network, the same pruned, and the share that was pruned; a fifth of the rows is for
    validation.
    """
    held = generator(seed, "validation").random(len(y)) < 0.2
    settings: dict[str, Any] = dict(random_state=seed, max_iter=epochs, alpha=1e-3, batch_size=batch)
    network = MLPClassifier((hidden, hidden), **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the epochs ended first
        network.fit(X[~held], y[~held])
    wanted = network.score(X[held], y[held]) - MAX_DROP
    fitting = [share for share in SHARES if pruned(network, share).score(X[held], y[held]) >= wanted]
    share = max(fitting, default=SHARES[0])
    return network, pruned(network, share), share


def pruned(network: Any, share: float) -> Any:
    """Return the network without the smallest weights of all layers."""
    less = copy.deepcopy(network)
    limit = np.quantile(np.abs(np.concatenate([each.ravel() for each in less.coefs_])), share)
    less.coefs_ = [np.where(np.abs(each) > limit, each, 0) for each in less.coefs_]
    return less


def _inputs(table: Table, encoder: Any) -> Float[np.ndarray, "row input"]:
    return encoder.transform(np.column_stack(list(table.columns.values()))).toarray()


def _encoder(table: Table) -> Any:
    return OneHotEncoder(handle_unknown="ignore").fit(np.column_stack(list(table.columns.values())))


def _crossed(table: Table, seed: int, epochs: int) -> Guesses:
    """Return the probabilities of each fold under the pair of networks that was trained on the others."""
    X, fold = _inputs(table, _encoder(table)), generator(seed, "folds").permutation(len(table.target)) % FOLDS
    p0, p1, shares = np.zeros(len(fold)), np.zeros(len(fold)), list[float]()
    for k in range(FOLDS):
        inside = fold == k
        network, less, share = pair(X[~inside], table.target[~inside], 32, epochs, 64, seed * FOLDS + k)
        p0[inside], p1[inside] = (each.predict_proba(X[inside])[:, 1] for each in (network, less))
        shares.append(share)
    return p0, p1, shares


def _apart(train: Table, audited: Table, seed: int) -> Guesses:
    """Return the probabilities of the audited rows under networks that were trained on other rows."""
    encoder = _encoder(train)
    network, less, share = pair(_inputs(train, encoder), train.target, 64, 5, 256, seed)
    p0, p1 = (each.predict_proba(_inputs(audited, encoder))[:, 1] for each in (network, less))
    return p0, p1, [share]


def _level(found: Subgroups, outcomes: Outcomes, copies: int) -> dict[str, Bool[np.ndarray, " copy"]]:
    """Return for each test in which of the copies it finds any subgroup."""
    first, last = (side["accuracy"][outcomes.codes] for side in (outcomes.original, outcomes.small))
    changed = np.flatnonzero(first != last)
    sign = (last - first)[changed].astype(np.float64)
    inside = _membership(found, changed)
    total = found.support
    m = np.asarray(inside.sum(axis=1), dtype=np.int64).reshape(-1)
    right = found.counts @ (
        (found.outcomes.original["accuracy"] == 1) & (found.outcomes.small["accuracy"] == 1)
    )
    coins = generator(0, "copies")
    hits: dict[str, list[bool]] = {"paired": [], "unpaired": []}
    for at in range(0, copies, BATCH):
        swapped = coins.random((len(changed), min(BATCH, copies - at))) < 0.5
        net = np.rint(inside @ np.where(swapped, -sign[:, None], sign[:, None])).astype(np.int64)
        for c in range(net.shape[1]):
            n01, n10 = (m + net[:, c]) // 2, (m - net[:, c]) // 2
            if at == c == 0:
                _check(found, outcomes, changed[swapped[:, 0]], n01, n10)
            p = {"paired": mcnemar(n01, n10)[1]}
            p["unpaired"] = p_values(
                unpaired_z([(right + n10) / total, (right + n01) / total], [total, total])
            )
            for test, values in p.items():
                hits[test].append(bool((q_values(values, "bh") <= LEVEL).any()))
    return {test: np.array(each) for test, each in hits.items()}


def _membership(found: Subgroups, rows: Int[np.ndarray, " row"]) -> Any:
    """Return which of some rows lie in each subgroup, as a sparse matrix."""
    codes = np.array([column.codes[0, rows] for column in found.attributes.columns])
    blocks: list[Any] = []
    for layer in found.layers:
        names = layer.sets[layer.set_of]
        for at in range(0, len(names), 2048):
            chunk = slice(at, at + 2048)
            inside = np.ones((len(names[chunk]), len(rows)), dtype=bool)
            for item in range(names.shape[1]):
                inside &= codes[names[chunk, item]] == layer.values[chunk, item, None]
            blocks.append(sparse.csr_array(inside))
    return sparse.vstack(blocks, format="csr", dtype=np.float64)


def _check(
    found: Subgroups,
    outcomes: Outcomes,
    swapped: Int[np.ndarray, " swapped"],
    n01: Int[np.ndarray, " subgroup"],
    n10: Int[np.ndarray, " subgroup"],
) -> None:
    """Hold the counts of a copy to those of mining it."""
    first, last = (side["accuracy"][outcomes.codes] for side in (outcomes.original, outcomes.small))
    first[swapped], last[swapped] = last[swapped].copy(), first[swapped].copy()
    copied = Outcomes.from_booleans({"accuracy": (first, last)})
    again = mine(found.attributes, copied, min_support=SUPPORT, engine=found.engine)
    states = again.outcomes.original["accuracy"], again.outcomes.small["accuracy"]
    for wanted, (a, b) in ((n01, (0, 1)), (n10, (1, 0))):
        assert (again.counts @ ((states[0] == a) & (states[1] == b)) == wanted).all()
