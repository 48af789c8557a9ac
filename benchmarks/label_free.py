"""Naming the worst subgroups without labels: how many of the true worst 20 a ranking finds.

A network is trained, four fifths of its weights are set to 0, and the small network is audited on rows that neither
saw. Its errors there say which 20 subgroups (5 % of the rows or more) truly are the worst; the rankings know no label
of these rows. A fifth of the training rows, which the networks did not see either, calibrates the confidence. Five
rankings: by the expected error from calibrated confidence, from confidence and disagreement, by disagreement alone;
and as controls the smallest groups first, and 1,000 random orders. Each figure is a mean over splits, with the 95 %
interval of the mean.

`compas` splits rows at random; `sp_sw_har` holds out subjects (subject % 5), each fold once, and its subgroups are
made of age, gender, hand, height, weight and what the signals say: intensity, orientation, tilt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, Outcome, at_least
from benchmarks._pruned import PrunedPair, one_hot
from sarto.audit.attributes import attributes
from sarto.audit.label_free import fit_risk, found_worst
from sarto.audit.subgroups import Attributes, Outcomes, mine
from sarto.core.seed import generator
from sarto.data.joined import joined
from sarto.data.load import load
from sarto.data.predictions import column_values, read_columns

MINUTES = 3
K, SUPPORT, DEPTH = 20, 0.05, 3
RANKINGS = ("confidence", "confidence and disagreement", "disagreement", "smallest first", "random")
RANDOM_ORDERS = 1000
SPLITS = 10

Columns = dict[str, Shaped[np.ndarray, " row"]]


def run(bench: Bench) -> Outcome:
    """Return the recall of each ranking on both data sets; the bar is that of the random order."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name, splits in (("compas", SPLITS), ("sp_sw_har", 5)):
        count = 1 if bench.quick else splits
        found = [bench.once({"data": name, "split": i}, _split, name, i) for i in range(count)]
        for ranking in RANKINGS:
            values = [split[ranking] for split in found]
            mean = float(np.mean(values))
            error = 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
            spread = (max(0.0, mean - error), min(1.0, mean + error))
            figures[f"{name}: recall of the worst {K} by {ranking}"] = Figure(
                mean, "1", "measured", len(values), spread
            )
        figures[f"{name}: subgroups"] = Figure(
            float(np.mean([s["subgroups"] for s in found])), "1", "measured", count
        )
        figures[f"{name}: error"] = Figure(
            float(np.mean([s["error"] for s in found])), "1", "measured", count
        )
        best = figures[f"{name}: recall of the worst {K} by confidence and disagreement"]
        for control in ("random", "smallest first"):
            other = figures[f"{name}: recall of the worst {K} by {control}"].value
            bars.append(at_least(f"{name}: recall, over {control}", best.value - other, 0.0))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _split(name: str, number: int) -> dict[str, Any]:
    """Return the recall of each ranking on one split."""
    x, y, columns, test, rest = _compas(number) if name == "compas" else _har(number)
    rng = generator(number, "label_free", name)
    order = rng.permutation(len(rest))
    fit, known = rest[order[len(rest) // 5 :]], rest[order[: len(rest) // 5]]
    pair = PrunedPair.fitted(x[fit], y[fit], number)
    (first_known, known_said), (first, said) = pair.says(x[known]), pair.says(x[test])
    wrong = (known_said.classes != y[known]), said.classes != y[test]
    differ = first_known.classes != known_said.classes, first.classes != said.classes
    risks = {
        "confidence": fit_risk(known_said.confidence, wrong[0])(said.confidence),
        "confidence and disagreement": fit_risk(known_said.confidence, wrong[0], differ[0])(
            said.confidence, differ[1]
        ),
        "disagreement": differ[1].astype(np.float64),
    }
    groups = Attributes.from_columns({c: v[test] for c, v in columns.items()}, discretise="quantile")
    mined = mine(
        groups,
        Outcomes.from_reals({"error": wrong[1].astype(float), **risks}),
        min_support=SUPPORT,
        max_len=DEPTH,
    )
    truth = mined.divergence("error")
    ranks = {ranking: mined.divergence(ranking).rate for ranking in risks}
    ranks["smallest first"] = -mined.support.astype(np.float64)
    found = {ranking: found_worst(truth, rank, K) for ranking, rank in ranks.items()}
    shuffled = [found_worst(truth, rng.random(len(mined)), K) for _ in range(RANDOM_ORDERS)]
    return {
        **found,
        "random": float(np.mean(shuffled)),
        "subgroups": len(mined),
        "error": float(wrong[1].mean()),
    }


Parts = tuple[
    Float[np.ndarray, "row column"],
    Int[np.ndarray, " row"],
    Columns,
    Int[np.ndarray, " row"],
    Int[np.ndarray, " row"],
]


def _compas(number: int) -> Parts:
    """Return numbers, classes, columns, and a random half of the rows to test on."""
    table = read_columns(real_data("compas/compas_discretized.csv"))
    columns = {name: column_values(table, name) for name in table.columns}
    y = columns.pop("class").astype(np.int64)
    del columns["predicted"]
    order = generator(number, "compas halves").permutation(len(y))
    return one_hot(columns), y, columns, order[: len(y) // 2], order[len(y) // 2 :]


def _har(fold: int) -> Parts:
    """Return statistics of each channel, activities, columns, and the windows of a fifth of the subjects."""
    folder = Path(real_data("sp_sw_har"))
    data = load(folder / "windows_2s_50hz.npz", where=["purity>=0.6"])
    x = data.values.reshape(len(data), -1, data.values.shape[1]).astype(np.float64)
    parts = (
        x.mean(axis=1),
        x.std(axis=1),
        x.min(axis=1),
        x.max(axis=1),
        *np.quantile(x, (0.25, 0.5, 0.75), axis=1),
    )
    subject = data.metadata["subject"]
    people = joined({"subject": subject}, folder / "subjects_info.csv")
    held = np.array([int(s[1:]) % 5 == fold for s in subject])
    columns: Columns = {**people, **attributes(data)}
    del columns["executions"]
    return np.concatenate(parts, axis=1), data.target, columns, np.flatnonzero(held), np.flatnonzero(~held)
