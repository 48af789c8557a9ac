"""The attributes that subgroups are made of: each row's item of each, such as `age = <25`.

An *item* is one value of one attribute, a *subgroup* (itemset) has at most one item of each attribute. A continuous
attribute is cut into intervals first, see `sarto.audit.subgroups.discretise`; then an interval and those within it are
all items, at several levels, and a row belongs to one of each level.

>>> attributes = Attributes.from_columns({"sex": ["f", "m", "f"], "age": [20, 30, 30]})
>>> [(attribute.name, attribute.items) for attribute in attributes.columns]
[('sex', ('f', 'm')), ('age', ('20', '30'))]
>>> attributes.columns[1].codes
array([[0, 1, 1]], dtype=int16)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, Int16, Shaped

from sarto.audit.subgroups.discretise import Bins, Tree, quantile_bins, tree_bins
from sarto.models.input_error import InputError

MOST_ITEMS = 2**15 - 1
"""Items of one attribute are numbered in 16 bits."""

FEW = 10
"""Different numbers up to which a column is taken as it is where columns of numbers are to be cut."""


@dataclass(frozen=True)
class Attribute:
    """One attribute of all rows.

    Attributes:
        name: of the attribute.
        items: the items as text.
        codes: the item of each row, at each level where it has several; -1 where the value is missing.
    """

    name: str
    items: tuple[str, ...]
    codes: Int16[np.ndarray, "level row"]


@dataclass(frozen=True)
class Attributes:
    """Attributes of the same rows."""

    columns: tuple[Attribute, ...]

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Any],
        *,
        discretise: Literal["quantile", "tree"] | Tree | None = None,
        bins: Mapping[str, Bins] | None = None,
    ) -> Attributes:
        """Return the attributes with the names and values of `columns`.

        Args:
            columns: one-dimensional, of equal length; None and NaN are missing values, of which no item is made.
            discretise: how columns of more than `FEW` different numbers are cut; "tree" needs the outcome, so it is
                given as `Tree(outcome)`. None takes each number as an item of its own.
            bins: of some columns, found before, for instance on other rows; they go before `discretise`.

        Raises:
            InputError: E108 (lengths that differ), E138 (no column, a column of no values or too many, text to cut).
        """
        if not columns:
            raise InputError("E138", "there is no attribute", hint="name the columns that make the groups")
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise InputError("E108", f"columns of different lengths: {told}")
        if discretise == "tree":
            raise InputError("E138", "a tree cuts by an outcome", hint="give discretise=Tree(outcome)")
        given = dict(bins or {})
        if strangers := sorted(given.keys() - columns.keys()):
            raise InputError("E138", f"there is no column {strangers[0]}", cause="bins are given for it")
        return cls(tuple(_attribute(n, v, discretise, given.get(n)) for n, v in columns.items()))

    def __len__(self) -> int:
        return self.columns[0].codes.shape[1]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return tuple(column.name for column in self.columns)

    def rows(self, chosen: Shaped[np.ndarray, " chosen"]) -> Attributes:
        """Return the attributes of some rows (numbers, or a mask), with the same items."""
        return Attributes(tuple(Attribute(c.name, c.items, c.codes[:, chosen]) for c in self.columns))

    def position(self, name: str) -> int:
        """Return the number of attribute `name`.

        Raises:
            InputError: E138, for a name that is not there.
        """
        if name not in self.names:
            raise InputError(
                "E138", f"there is no attribute '{name}'", hint=f"attributes: {', '.join(self.names)}"
            )
        return self.names.index(name)


def _attribute(
    name: str, values: Any, discretise: Literal["quantile", "tree"] | Tree | None, bins: Bins | None
) -> Attribute:
    """Return one column as an attribute."""
    if bins is None and discretise is not None and (numbers := as_numbers(values)) is not None:
        present = numbers[~np.isnan(numbers)]
        if len(np.unique(present)) > FEW:
            bins = tree_bins(numbers, discretise) if isinstance(discretise, Tree) else quantile_bins(numbers)
    if bins is not None:
        if (numbers := as_numbers(values)) is None:
            raise InputError(
                "E138", f"{name} cannot be cut into intervals", cause="it has values that are no numbers"
            )
        return Attribute(name, bins.items, bins.codes(numbers))
    items, codes = distinct(values)
    if not items:
        raise InputError("E138", f"{name} has no value", cause="all of its values are missing")
    if len(items) > MOST_ITEMS:
        raise InputError(
            "E138",
            f"{name} has {len(items)} different values > {MOST_ITEMS}",
            cause="each would be a group of its own",
            hint="cut a column of numbers into intervals (discretise), and leave out names and numbers of rows",
        )
    return Attribute(name, items, codes.astype(np.int16)[None])


def as_numbers(values: Any) -> Shaped[np.ndarray, " row"] | None:
    """Return values as float64 with NaN where they are missing, or None where they are no numbers (or are booleans)."""
    array = np.asarray(values)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    if array.dtype.kind != "O" or not all(
        v is None or (isinstance(v, int | float | np.number) and not isinstance(v, bool)) for v in array
    ):
        return None
    return np.array([np.nan if v is None else float(v) for v in array])


def distinct(
    values: Sequence[Any] | Shaped[np.ndarray, " row"],
) -> tuple[tuple[str, ...], Int[np.ndarray, " row"]]:
    """Return the different values as text in their order, and the number of each row's; -1 where it is missing.

    >>> distinct(["b", None, "a"])
    (('a', 'b'), array([ 1, -1,  0]))
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(
            "E138", f"a column of {array.ndim} dimensions", cause="an attribute has one value a row"
        )
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind in "mM":
        missing = np.isnat(array)
    elif array.dtype.kind == "O":
        missing = np.array([v is None or v != v for v in array], dtype=bool)
        if len({isinstance(v, str) for v in array[~missing]}) > 1:
            array = np.array([str(v) for v in array])
    else:
        missing = np.zeros(len(array), dtype=bool)
    codes = np.full(len(array), -1, dtype=np.int64)
    found, codes[~missing] = np.unique(array[~missing], return_inverse=True)
    return tuple(as_text(value) for value in found.tolist()), codes


def as_text(value: Any) -> str:
    """Return a value as text; whole floats lose their `.0`, since a column with missing integers becomes floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
