"""The published figures of COMPAS come out, and pruning and Shapley values are those of divexplorer.

6,172 rows with the six discretised attributes; the guess is a high score (decile 8 and up), the outcome its false
positives. Both sides mine at supports of .1 and .01; every subgroup, what redundancy pruning leaves at eps .05, the
global value of every item and the contributions of the items of the ten most divergent subgroups are compared. Beyond
divexplorer: how many subgroups are significant after Benjamini-Hochberg, and how many of those found on one half of
the rows are significant on the other.

divexplorer has the group of all rows as one more row of its table; with it 155 subgroups are 6 after pruning.
"""

from __future__ import annotations

import numpy as np

from benchmarks import _divexplorer as peer
from benchmarks._bench import Bench
from benchmarks._census import Table, compas
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from benchmarks.subgroups_speed import mismatches, outcomes_of, rows_of
from sarto.audit.subgroups import Attributes, Outcomes, SubgroupTable, mine, split_rows
from sarto.audit.subgroups.confirm import confirm

MINUTES = 1
OUTCOMES = ["error", "fp"]
EPS, SEEDS = 0.05, 5
BEST = {"race": "Afr-Am", "#prior": ">3", "age": "25-45", "sex": "Male"}
STAYS = {"<week": 4769, "1w-3M": 1093, ">3Months": 310}


def run(bench: Bench) -> Outcome:
    """Return the figures beside the published ones, and where the two sides differ."""
    table, guess = compas()
    attributes = Attributes.from_columns(table.columns)
    outcomes = Outcomes.from_booleans(outcomes_of(table, guess))
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []

    def exact(what: str, got: float, wanted: float, digits: int) -> None:
        figures[what] = Figure(got, "1", "measured", len(guess))
        bars.append(at_most(f"{what}: off {wanted:g}", abs(round(got, digits) - wanted), 0))

    exact("rows", len(guess), 6172, 0)
    for stay, n in STAYS.items():
        exact(f"rows with stay {stay}", float((table.columns["stay"] == stay).sum()), n, 0)
    for support, groups, kept in ((0.1, 155, 6), (0.01, 969, 39)):
        found = mine(attributes, outcomes, min_support=support)
        rows = found.divergence("fp")
        exact(f"support {support:g}: subgroups, with all rows", len(rows) + 1, groups, 0)
        exact(f"support {support:g}: left by pruning, with all rows", len(rows.prune(EPS)) + 1, kept, 0)
        theirs = peer.explore(peer.frame(table.columns, outcomes_of(table, guess)), OUTCOMES, support)
        tables = [found.divergence(name) for name in OUTCOMES]
        wrong = mismatches(rows_of(found, tables), peer.as_rows(theirs, OUTCOMES))
        left = rows.prune(EPS)
        ours: set[peer.Label] = {frozenset(), *(_items(left, i) for i in range(len(left)))}
        wrong_pruned = len(ours ^ peer.pruned(theirs, "fp", EPS))
        bars += [
            at_most(f"support {support:g}: subgroups that differ from divexplorer's", wrong, 0),
            at_most(f"support {support:g}: pruned subgroups that differ", wrong_pruned, 0),
            at_most(
                f"support {support:g}: largest difference of a Shapley value", _shapley(rows, theirs), 1e-12
            ),
        ]
        figures[f"support {support:g}: significant at q <= .05"] = Figure(
            len(rows.significant()), "1", "measured", len(rows)
        )
        if support == 0.1:
            best = next(row for row in rows.top(1))
            bars.append(
                at_least("the most divergent subgroup is the published one", float(best.label == BEST), 1)
            )
            exact("overall false-positive rate", rows.overall_rate, 0.0883, 4)
            exact("its support", best.share, 0.1286, 4)
            exact("its divergence", best.value, 0.2197, 4)
            exact("its t", best.t, 7.12, 2)
        else:
            items = rows.global_items()
            exact("global value of priors > 3", items["#prior", ">3"], 0.0241, 4)
            exact("global value of age < 25", items["age", "<25"], 0.0187, 4)
    _halves(bench, attributes, outcomes, table, figures)
    return Outcome(figures, () if bench.quick else tuple(bars))


def _items(rows: SubgroupTable, i: int) -> peer.Label:
    return frozenset(f"{name}={item}" for name, item in rows.label(i).items())


def _shapley(rows: SubgroupTable, theirs: object) -> float:
    """Return the largest difference of the global values, and of the contributions of the ten most divergent."""
    theirs_of = peer.global_shapley(theirs, "fp")
    off = [abs(theirs_of[f"{name}={item}"] - value) for (name, item), value in rows.global_items().items()]
    top = rows.top(10)
    for i in range(len(top)):
        shares = {item.split("=", 1)[0]: v for item, v in peer.shapley(theirs, "fp", _items(top, i)).items()}
        off += [abs(shares[name] - value) for name, value in top.shapley(i).items()]
    return float(np.max(off))


def _halves(
    bench: Bench, attributes: Attributes, outcomes: Outcomes, table: Table, figures: dict[str, Figure]
) -> None:
    """Add how much of what one half of the rows shows the other half confirms."""
    found, share, shrunk = list[float](), list[float](), list[float]()
    for seed in range(1 if bench.quick else SEEDS):
        halves = confirm(
            attributes,
            outcomes,
            lambda subgroups: subgroups.divergence("fp"),
            discovery=split_rows(len(table.target), seed=seed),
            min_support=0.02,
        )
        found.append(len(halves.discovered))
        share.append(float((halves.confirmed.q <= 0.05).mean()))
        shrunk.append(float(np.nanmean(halves.confirmed.value / halves.discovered.value)))
    for what, values in (
        ("halves, support .02: significant on one half", found),
        ("halves: share of them that is significant on the other half", share),
        ("halves: divergence on the other half over that on the first, mean", shrunk),
    ):
        figures[what] = Figure(
            float(np.mean(values)), "1", "measured", len(values), (min(values), max(values))
        )
