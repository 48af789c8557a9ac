"""The label of a data set: who is in it, how the target depends on who one is, and what a reader has to beware of.

Returns a `Label`: for each protected attribute, and for all combinations of several, a `Part` with dependence, balance,
marginals, joint and conditional shares, each with an interval of 95 % (of shares Wilson's, of the others see
`dependence` and `balance`); then findings and checks.

Rows that lack the target or an attribute are left out of what concerns it, counted, and compared with the others; or
they are kept, with a value of their own.

>>> rows = {"sex": ["f"] * 50 + ["m"] * 50, "y": [1] * 20 + [0] * 30 + [1] * 30 + [0] * 20}
>>> made = label(rows, ["sex"], "y")
>>> part = made.parts[0]
>>> part.joint.shares.tolist(), round(part.dependence.w, 3), {check.state for check in made.checks}
([[0.3, 0.2], [0.2, 0.3]], 0.2, {'passed'})
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sarto.audit.labels.balance import balanced
from sarto.audit.labels.dependence import Dependence, dependence
from sarto.audit.labels.joint import Joint, joint
from sarto.audit.labels.resampling import RESAMPLES, resampled
from sarto.audit.labels.values import Attribute, Bins, attribute
from sarto.core.errors import SartoError
from sarto.data.choose import holds
from sarto.data.chosen_columns import read_columns
from sarto.data.columns import ColumnTable, Texts
from sarto.data.number import read_number

MOST_ATTRIBUTES = 4
"""Most protected attributes of a label: they have 15 combinations, and `sarto audit` looks through more."""
MOST_LINES = 1000
"""Most lines of a combination of attributes: no label is read further."""
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Part:
    """One attribute, or several together, with the target.

    Attributes:
        joint: the counts.
        dependence: measures of them.
        protected: index -> value and interval, of the balance of the attributes.
        target: the same of the target, in the rows of this part.
    """

    joint: Joint
    dependence: Dependence
    protected: Mapping[str, tuple[float, Interval]]
    target: Mapping[str, tuple[float, Interval]]


@dataclass(frozen=True)
class Missing:
    """A column that some rows lack: how many, and the share of them among those with each value of the target."""

    column: str
    rows: int
    by_target: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Value -> rows that lack the attribute, and all rows with that value."""


@dataclass(frozen=True, eq=False)
class Label:
    """What is known of a data set.

    Attributes:
        name: of the data.
        rows: that were read and met the conditions.
        columns: the attributes and then the target, as they were counted.
        parts: single attributes first.
        missing: the columns that some rows lack.
        kept: whether such rows count, with a value of their own.
        where: the conditions that rows had to meet.
        seed: of the bootstrap.
        resamples: of the bootstrap.
    """

    name: str
    rows: int
    columns: tuple[Attribute, ...]
    parts: tuple[Part, ...]
    missing: tuple[Missing, ...]
    kept: bool
    where: tuple[str, ...]
    seed: int
    resamples: int

    @property
    def checks(self) -> list[Any]:
        """What the shares of each part say of each other."""
        from sarto.audit.labels.check import check, of_part

        return [found for part in self.parts for found in check(of_part(part))]


def label(
    data: Any,
    protected: Sequence[str],
    target: str,
    *,
    bins: Mapping[str, Bins] | None = None,
    where: Sequence[str] = (),
    keep_missing: bool = False,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Label:
    """Return the label of a table.

    Args:
        data: a CSV, TSV or Parquet file, a dataframe of any library, or arrays by their names.
        protected: columns that say who a row is about.
        target: column of what is to be learned.
        bins: where the numbers of a column are cut.
        where: conditions that rows must meet, such as `age>=18`.
        keep_missing: whether rows without a value of a column count with a value of their own.
        seed: of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        SartoError: those of `read_columns`; E104 no row meets the conditions, or has all values; E112 columns named
            twice, or bins for no column; E154 too many values; E155 a column that does not differ between rows.
    """
    bins = bins or {}
    _check_names(protected, target, bins)
    conditions = [holds_what(text) for text in where]
    table = read_columns(data, [*protected, target, *(name for name, _ in conditions)])
    kept = np.ones(len(table), bool)
    for name, condition in conditions:
        kept &= holds({name: _comparable(table.columns[name])}, condition)
    if not kept.any():
        cause = f"none of {len(table):,} meets {' and '.join(where)}"
        raise SartoError("E104", f"'{table.name}' has no such rows", cause=cause, hint="widen the conditions")
    columns = [_column(table, name, bins).rows(kept) for name in (*protected, target)]
    missing = _missing(columns)
    if keep_missing:
        columns = [column.filled() for column in columns]
    for column in columns:
        _check_differs(column, table.name)
    sets = [s for size in range(1, len(protected) + 1) for s in itertools.combinations(columns[:-1], size)]
    parts = [_part(chosen, columns[-1], seed, resamples) for chosen in sets]
    return Label(
        table.name, int(kept.sum()), tuple(columns), tuple(parts), missing, keep_missing, tuple(where), seed, resamples
    )  # fmt: skip


def holds_what(condition: str) -> tuple[str, str]:
    """Return the column that a condition is about, and the condition."""
    name = condition.partition("=")[0]
    for sign in "!<>":
        name = name.partition(sign)[0]
    return name.strip(), condition


def _check_names(protected: Sequence[str], target: str, bins: Mapping[str, Bins]) -> None:
    names = [*protected, target]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        cause = "it is named twice, and nothing is learned from how it depends on itself"
        raise SartoError("E112", f"'{twice}' is one column", cause=cause, hint="name each column once")
    if not protected or len(protected) > MOST_ATTRIBUTES:
        cause = f"with their combinations a label takes 1 to {MOST_ATTRIBUTES}"
        hint = "make a label of those that matter most, or one label for each"
        raise SartoError("E112", f"{len(protected)} protected attributes", cause=cause, hint=hint)
    strangers = [name for name in bins if name not in names]
    if strangers:
        cause = f"the columns of the label are {', '.join(names)}"
        raise SartoError("E112", f"bins for '{strangers[0]}'", cause=cause, hint="name one of them")


def _comparable(column: Any) -> Any:
    """Return a column of texts as numbers, if all that are not missing are some, for a condition to compare."""
    assert isinstance(column, Texts)
    numbers = [read_number(text) for text in column.names]
    if all(number is not None for number in numbers):
        return np.array([np.nan if number is None else number for number in numbers])[column.codes]
    return column.texts()


def _column(table: ColumnTable, name: str, bins: Mapping[str, Bins]) -> Attribute:
    column = table.columns[name]
    assert isinstance(column, Texts)
    return attribute(name, column, bins.get(name))


def _check_differs(column: Attribute, name: str) -> None:
    """Refuse a column with fewer than two values (E155)."""
    if len(column.values) > 1:
        return
    what = f"only '{column.values[0]}'" if column.values else "nothing"
    cause = "what is the same in every row depends on nothing, and nothing can be learned of it"
    hint = "check --where and --bins, or name another column"
    raise SartoError("E155", f"'{column.name}' of '{name}' holds {what}", cause=cause, hint=hint)


def _missing(columns: Sequence[Attribute]) -> tuple[Missing, ...]:
    target = columns[-1]
    found: list[Missing] = []
    for column in columns:
        lacking = column.codes < 0
        if not lacking.any():
            continue
        known = target.codes >= 0
        by_target = {
            value: (int((lacking & (target.codes == i)).sum()), int((target.codes == i).sum()))
            for i, value in enumerate(target.values)
        }
        found.append(
            Missing(
                column.name, int(lacking.sum()), by_target if column is not target and known.any() else {}
            )
        )
    return tuple(found)


def _part(chosen: Sequence[Attribute], target: Attribute, seed: int, resamples: int) -> Part:
    complete = np.logical_and.reduce([a.codes >= 0 for a in (*chosen, target)])
    names = " x ".join(a.name for a in chosen)
    if not complete.any():
        cause = f"each lacks a value of {names} or {target.name}"
        raise SartoError(
            "E104", "no row can be counted", cause=cause, hint="name other columns, or --missing value"
        )
    lines = int(np.prod([len(a.values) for a in chosen]))
    if lines > MOST_LINES:
        cause = f"{names} have {lines:,} combinations of values, and a label at most {MOST_LINES:,} lines"
        raise SartoError(
            "E154", "too many combinations", cause=cause, hint="name fewer columns, or put values together"
        )
    held = [a.rows(complete) for a in (*chosen, target)]
    for a in held:
        _check_differs(a, f"the rows with {names} and {target.name}")
    counted = joint(held[:-1], held[-1])
    drawn = resampled(counted.counts, resamples, seed)
    return Part(
        counted,
        dependence(counted.counts),
        balanced(counted.counts.sum(1), drawn.sum(2)),
        balanced(counted.counts.sum(0), drawn.sum(1)),
    )
