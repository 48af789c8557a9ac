"""What the sections of the page show, worked out from a `Run` and ready to be laid out: rows, shares, shades.

Returns plain values. Long tables are cut to what a page can carry, and each says what was left out.

>>> shown, left_out = cut(list(range(5)), 3)
>>> shown, left_out
([0, 1, 2], 2)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sarto.core.budget import Margin
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.core.table import Table
from sarto.report.palette import FAINT, SHADE
from sarto.report.run import Run
from sarto.report.words import remedy

T = TypeVar("T")

HEADLINES = ("flash", "ram", "instructions per inference", "latency", "energy")
STORED_HEADLINES = ("given test accuracy", "flash", "compression")
STORED_COLUMNS = ("validation accuracy", "flash", "compression")
QUALITY = "validation error"
LOSS = "validation loss"
MOST_ROWS = 40
MOST_POINTS = 30
MOST_CLASSES_IN_MATRIX = 30
MOST_SCATTERS = 6
SCALE = 1.25
"""A gauge ends at this multiple of the budget, so that a broken limit is seen to be broken."""


def cut(rows: Sequence[T], most: int) -> tuple[list[T], int]:
    """Return the first `most` rows and how many were left out."""
    return list(rows[:most]), max(0, len(rows) - most)


@dataclass(frozen=True)
class Quality:
    """How the report calls what is good about a model, which figure tells it, and its column in a table of rates."""

    word: Literal["accuracy", "explained variance"]
    headline: str
    rate: str


def quality(run: Run) -> Quality:
    """Return what quality is for the task of a run."""
    if run.artifact["task"] == "classification":
        return Quality("accuracy", "test accuracy", "accuracy")
    return Quality("explained variance", "test R2", "explained")


@dataclass(frozen=True)
class Prediction:
    """True and predicted values of one number, its name and unit, and how they were got."""

    name: str
    unit: str
    true: list[float]
    said: list[float]
    how: str


def predictions(run: Run) -> list[Prediction]:
    """Return the predicted numbers, none for a model of classes."""
    table = run.tables.get("predictions")
    if table is None:
        return []
    found: list[Prediction] = []
    for at in range(1, len(table.columns), 2):
        true, said = ([_number(v) for v in table.column(table.columns[i])] for i in (at, at + 1))
        name = table.columns[at].removesuffix(", true")
        unit = "" if table.units[at] == "1" else table.units[at]
        found.append(Prediction(name, unit, true, said, table.how[at]))
    return found


@dataclass(frozen=True)
class Headline:
    """A figure shown large: its name, and its evidence or the command that would give it."""

    what: str
    evidence: Evidence | None
    remedy: str


def main_figures(run: Run) -> tuple[str, ...]:
    """Return what is looked for first besides the quality; of a stored network nothing that only a device has."""
    return STORED_HEADLINES if run.stored else HEADLINES


def names(*runs: Run) -> list[str]:
    """Return the name of every figure of `runs`, headlines first and the rest in the order of the ledgers."""
    there = dict.fromkeys(e.what for run in runs for e in run.evidence)
    first = (*(quality(run).headline for run in runs), *(what for run in runs for what in main_figures(run)))
    return list(dict.fromkeys([*(what for what in first if what in there), *there]))


def headlines(run: Run) -> list[Headline]:
    """Return the figures that a reader looks for first, those that nobody measured included."""
    device = run.artifact["device"]
    names = (quality(run).headline, *main_figures(run))
    return [Headline(what, run.latest(what), remedy(what, device, run.native)) for what in names]


def before_and_after(run: Run) -> list[tuple[Evidence, Evidence]]:
    """Return each figure of the network as it was given beside that of the file, on the test items."""
    pairs = [(run.latest(f"given {what}"), run.latest(what)) for what in names(run)]
    return [(before, after) for before, after in pairs if before is not None and after is not None]


@dataclass(frozen=True)
class Limit:
    """A limit of the budget: `filled` is the gauge's length and `mark` the budget's place on it, both shares."""

    margin: Margin
    filled: float
    mark: float
    remedy: str
    binding: bool

    @property
    def state(self) -> str:
        """`good`, `bad`, or `unknown` when nobody measured."""
        left = self.margin.left
        return "unknown" if left is None else "good" if left >= 0 else "bad"


def limits(run: Run) -> list[Limit]:
    """Return the limits of the budget in the order of the verdict."""
    rows: list[Limit] = []
    for margin in run.verdict.margins:
        ratio = 0.0 if margin.got is None or not margin.budget else margin.got / margin.budget
        words = remedy(margin.limit, run.artifact["device"], run.native)
        rows.append(
            Limit(margin, min(ratio / SCALE, 1.0), 1 / SCALE, words, margin.limit == run.verdict.binding)
        )
    return rows


@dataclass(frozen=True)
class TradeOff:
    """Points that state both a cost and the validation error: what a curve is drawn from."""

    cost: str
    unit: str
    costs: list[float]
    qualities: list[float]
    chosen: int | None
    limit: float | None
    hows: list[str]


def costs_of(run: Run) -> tuple[str, ...]:
    """Return what a choice between points is made by: sizes, and what an inference takes that is no estimate."""
    if run.stored:
        return ("flash",)
    return ("flash", "ram", "latency" if run.native else "instructions per inference")


def trade_offs(run: Run) -> list[TradeOff]:
    """Return one curve for each cost that the points of the front state."""
    curves: list[TradeOff] = []
    budgets = {m.limit: m.budget for m in run.verdict.margins}
    for cost in costs_of(run):
        points = [p for p in run.points if {cost, QUALITY} <= {e.what for e in p.evidence} and p[cost] > 0]
        if not points:
            continue
        chosen = next((i for i, p in enumerate(points) if p.name == run.chosen), None)
        curves.append(
            TradeOff(
                cost=cost,
                unit=points[0].find(cost).unit,
                costs=[p[cost] for p in points],
                qualities=[1 - p[QUALITY] for p in points],
                chosen=chosen,
                limit=budgets.get(cost),
                hows=sorted({p.find(what).how for p in points for what in (cost, QUALITY)}),
            )
        )
    return curves


def front_rows(
    run: Run,
) -> tuple[list[tuple[str, str]], list[tuple[OperatingPoint, list[Evidence | None]]], int]:
    """Return the table of points, the chosen one first: columns, rows, and how many points were left out.

    A column is a name and the `how` of all its figures, or "" when they differ and each figure must say its own. The
    columns are what a choice is made by; further evidence of the points is in `front.json`. The points of a stored
    network stay in the order of the steps.
    """
    wanted = STORED_COLUMNS if run.stored else dict.fromkeys((QUALITY, *costs_of(run), *run.objectives))
    hows: dict[str, set[str]] = {what: set() for what in wanted}
    for point in run.points:
        for e in point.evidence:
            if e.what in hows:
                hows[e.what].add(e.how)
    columns = [(what, next(iter(how)) if len(how) == 1 else "") for what, how in hows.items() if how]
    points, left_out = cut(sorted(run.points, key=lambda p: p.name != run.chosen), MOST_POINTS)
    if run.stored:
        points.sort(key=run.points.index)
    rows = [
        (p, [next((e for e in p.evidence if e.what == what), None) for what, _ in columns]) for p in points
    ]
    return columns, rows, left_out


@dataclass(frozen=True)
class Family:
    """The best point of one family of models: its name, models tried, and its figures by their columns."""

    name: str
    point: str
    tried: int
    figures: dict[str, tuple[float, str, str]]
    chosen: bool


def families(run: Run) -> tuple[list[Family], str]:
    """Return the best point of each family in the order of their loss, and why one was chosen; nothing of only one."""
    table = run.tables.get("families")
    if table is None or len(table.rows) < 2:
        return [], ""
    found = [
        Family(
            str(row[0]).replace("_", " "),
            str(row[1]),
            int(row[2]),
            {
                c: (float(v), u, h)
                for c, v, u, h in zip(table.columns[3:], row[3:], table.units[3:], table.how[3:], strict=True)
            },
            row[1] == run.chosen,
        )
        for row in table.rows
    ]
    chosen = next((f for f in found if f.chosen), None)
    if chosen is None:
        return found, ""
    rivals = [f for f in found if f is not chosen]
    mine, next_best = chosen.figures[LOSS][0], rivals[0].figures[LOSS][0]
    if mine > next_best:
        why = f"{rivals[0].name} has less, {next_best:.3f}, but does not fit, or less well"
    else:
        why = f"the next family, {rivals[0].name}, has {next_best:.3f}"
    return found, f"Chosen: {chosen.name}, for a validation loss of {mine:.3f}; {why}."


@dataclass(frozen=True)
class Cell:
    """A count of the confusion matrix; `shade` is the opacity behind it, from its share of the true class.

    The opacity grows with the root of the share, so that a few errors among many right answers are still seen.
    """

    count: int
    right: bool
    shade: float


def confusion(table: Table) -> list[tuple[str, list[Cell]]]:
    """Return the rows of the confusion matrix, true class first."""
    rows: list[tuple[str, list[Cell]]] = []
    for i, (label, *counts) in enumerate(table.rows):
        numbers = [int(c) for c in counts]
        total = sum(numbers) or 1
        cells = [
            Cell(n, i == j, round(FAINT + (SHADE - FAINT) * math.sqrt(n / total), 2))
            for j, n in enumerate(numbers)
        ]
        rows.append((str(label), cells))
    return rows


def confusions(table: Table) -> list[tuple[str, str, int]]:
    """Return true class, predicted class and count of the most frequent confusions, for a matrix too wide to read."""
    names = [str(row[0]) for row in table.rows]
    pairs = [
        (names[i], table.columns[j + 1], int(n))
        for i, row in enumerate(table.rows)
        for j, n in enumerate(row[1:])
        if i != j and int(n)
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:MOST_CLASSES_IN_MATRIX]


@dataclass(frozen=True)
class Rates:
    """A table of shares: named columns, one of which may have an interval drawn on an axis from `axis_from` to 1."""

    columns: list[tuple[str, str]]
    rows: list[dict[str, Any]]
    rate: str
    axis_from: float
    left_out: int

    def place(self, share: float) -> float:
        """Return where `share` lies on the axis, 0 to 1."""
        return max(0.0, min(1.0, (share - self.axis_from) / (1 - self.axis_from)))


def rates(table: Table, rate: str, *, worst_first: bool) -> Rates:
    """Return `table`, whose first column is a name, as rows around its column `rate`."""
    rows = table.records()
    if worst_first:
        rows.sort(key=lambda row: float(row[rate]))
    lowest = min((float(row.get("lower", row[rate])) for row in rows), default=0.0)
    axis_from = min(0.9, int(10 * max(lowest, 0.0)) / 10)
    columns = [(c, h) for c, h in zip(table.columns, table.how, strict=True) if c not in ("lower", "upper")]
    shown, left_out = cut(rows, MOST_ROWS)
    return Rates(columns, shown, rate, axis_from, left_out)


@dataclass(frozen=True)
class Cost:
    """What making the model took: a figure, or the command that would give it."""

    what: str
    value: float | None
    unit: str
    how: str
    remedy: str = ""


def costs(run: Run) -> list[Cost]:
    """Return what the search and the fit took; energy is among it, measured or not."""
    search = run.provenance["search"]
    rows = [
        Cost("wall time of the search", search["seconds"], "s", "measured"),
        Cost("CPU time of the search", search["cpu_s"], "s", "measured"),
        Cost("peak memory of the search", search["peak_memory_b"], "B", "measured"),
    ]
    if (table := run.tables.get("cost")) is not None:
        named = table.records()
        rows = [
            Cost(str(r["what"]), float(r["value"]), str(r["unit"]), str(r["how"]))
            for r in named
            if not isinstance(r["value"], str)
        ]
    if not any("energy" in row.what.lower() for row in rows):
        command = f"perf stat -a -e power/energy-pkg/ {run.provenance['command']}"
        rows.append(Cost("energy", None, "J", "", command))
    return rows


def course(run: Run) -> tuple[list[float], list[float], str] | None:
    """Return validation error and best so far by trial, and their `how`; None when the run has no such table."""
    table = run.tables.get("trials")
    if table is None or not table.rows:
        return None
    columns = [[_number(v) for v in table.column(c)] for c in (QUALITY, "best so far")]
    return columns[0], columns[1], table.how[table.columns.index(QUALITY)]


def _number(value: object) -> float:
    """Return a number, or NaN for a trial that gave none."""
    return float(value) if isinstance(value, int | float) else float("nan")
