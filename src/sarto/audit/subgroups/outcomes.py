"""Outcomes of each row under the original model and, if there is one, the small model.

A boolean outcome is T, F or bottom (the row is not counted); its *rate* over rows is `f = T / (T + F)`. Those of a
target and a guess are in `sarto.audit.subgroups.metrics`; others are given.

The outcomes of a row under both models are one number, its *joint code*; the counts of the codes in a group hold all
rates of both models and all pairs, so one table of counts serves every metric. Real outcomes (a loss) are sums.

Source: Pastor, de Alfaro and Baralis, "Looking for trouble: analyzing classifier behavior via pattern divergence",
SIGMOD 2021, section 3 (outcome functions).

>>> outcomes = Outcomes.from_predictions([0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 0], positive=1)
>>> outcomes.codes, outcomes.original["fpr"], outcomes.small["fpr"]
(array([1, 0, 3, 2]), array([ 1,  0, -1, -1], dtype=int8), array([ 0,  0, -1, -1], dtype=int8))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int, Int8, Shaped

from sarto.audit.subgroups.metrics import BOTTOM, States, default_metrics, metric_states, positive_class
from sarto.models.input_error import InputError


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of rows.

    Attributes:
        codes: the joint code of each row.
        original: of each boolean metric, the state (1 T, 0 F, -1 bottom) that each code stands for.
        small: the same under the small model; empty without one.
        reals: of each real metric, its value of each row under each of the models; NaN is bottom.
    """

    codes: Int[np.ndarray, " row"]
    original: dict[str, States]
    small: dict[str, States]
    reals: dict[str, Float[np.ndarray, "model row"]]

    @classmethod
    def from_predictions(
        cls,
        target: Any,
        original: Any,
        small: Any = None,
        *,
        positive: Any = None,
        metrics: Sequence[str] | None = None,
        booleans: Mapping[str, Any] | None = None,
        reals: Mapping[str, Any] | None = None,
    ) -> Outcomes:
        """Return the outcomes of the guesses of one model or two.

        Args:
            target: true classes.
            original: guesses of the original model.
            small: guesses of the small one.
            positive: the positive class; of two classes the last in their order is taken where it is not given.
            metrics: those to have; None is all that need no class of their own.
            booleans: more outcomes, see `from_booleans`.
            reals: more outcomes, see `from_reals`.

        Raises:
            InputError: E108 (lengths), E140 (an unknown metric, a class that is not there), E138 (missing classes).
        """
        columns = [target, original] + ([] if small is None else [small])
        classes, codes = _classes(columns)
        triples, rows = _distinct_rows(codes)
        place = positive_class(classes, positive)
        names = default_metrics(place is not None, small is not None) if metrics is None else tuple(metrics)
        states = [
            [metric_states(name, triples, m, classes, place) for name in names] for m in range(1, len(codes))
        ]
        made = [{name: state[rows] for name, state in zip(names, each, strict=True)} for each in states]
        return _joined(len(rows), made, booleans or {}, reals or {}, len(made))

    @classmethod
    def from_booleans(cls, outcomes: Mapping[str, Any]) -> Outcomes:
        """Return outcomes that are given: booleans, or 0 and 1, with None or NaN for bottom.

        Args:
            outcomes: for each metric one column, or a tuple of two: under the original and under the small model.

        Raises:
            InputError: E108 (lengths), E140 (other values, some of one model and some of two).
        """
        return _joined(None, [], outcomes, {}, None)

    @classmethod
    def from_reals(cls, outcomes: Mapping[str, Any]) -> Outcomes:
        """Return real outcomes that are given, with NaN for bottom; columns as in `from_booleans`."""
        return _joined(None, [], {}, outcomes, None)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def n_codes(self) -> int:
        """Number of joint codes."""
        return len(next(iter(self.original.values()))) if self.original else 1

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics."""
        return (*self.original, *self.reals)

    @property
    def paired(self) -> bool:
        """Whether there are two models."""
        return bool(self.small) or any(len(values) == 2 for values in self.reals.values())

    def rows(self, chosen: Shaped[np.ndarray, " chosen"]) -> Outcomes:
        """Return the outcomes of some rows (numbers, or a mask), with the same codes."""
        reals = {name: values[:, chosen] for name, values in self.reals.items()}
        return Outcomes(self.codes[chosen], self.original, self.small, reals)


def _joined(
    n_rows: int | None,
    made: list[dict[str, Int8[np.ndarray, " row"]]],
    booleans: Mapping[str, Any],
    reals: Mapping[str, Any],
    models: int | None,
) -> Outcomes:
    """Return outcomes of metrics that are made already and others that are given, with codes for the joint states."""
    pairs: dict[str, tuple[Any, ...]] = {}
    for name, values in (*booleans.items(), *reals.items()):
        pairs[name] = cast("tuple[Any, ...]", values) if isinstance(values, tuple) else (values,)
    for name, columns in pairs.items():
        models = len(columns) if models is None else models
        if len(columns) != models:
            raise InputError("E140", f"{name} is given for {len(columns)} models, others for {models}")
    lengths = {name: len(column) for name, columns in pairs.items() for column in columns}
    n_rows = next(iter(lengths.values()), 0) if n_rows is None else n_rows
    for name, length in lengths.items():
        if length != n_rows:
            raise InputError("E108", f"{name} has {length} rows, other outcomes have {n_rows}")
    if n_rows == 0:
        raise InputError("E140", "there is no outcome of any row")
    assert models
    by_model: list[dict[str, Int8[np.ndarray, " row"]]] = made or [{} for _ in range(models)]
    for name in booleans:
        for states, column in zip(by_model, pairs[name], strict=True):
            states[name] = _given(name, column)
    numbers = {name: np.array([_real(name, column) for column in pairs[name]]) for name in reals}
    columns = [state for states in by_model for state in states.values()]
    if not columns:
        return Outcomes(np.zeros(n_rows, dtype=np.int64), {}, {}, numbers)
    distinct, codes = _distinct_rows([column.astype(np.int64) + 1 for column in columns])
    split = iter((distinct - 1).astype(np.int8))
    found = [{name: next(split) for name in states} for states in by_model]
    return Outcomes(codes, found[0], found[1] if models == 2 else {}, numbers)


def _given(name: str, values: Any) -> Int8[np.ndarray, " row"]:
    """Return a boolean outcome that is given as states."""
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = np.array([np.nan if v is None else v for v in array], dtype=np.float64)
    numbers = array.astype(np.float64)
    bottom = np.isnan(numbers)
    if not np.isin(numbers[~bottom], (0, 1)).all():
        raise InputError(
            "E140", f"{name} is no boolean outcome", cause="it has values other than true and false"
        )
    return np.where(bottom, BOTTOM, np.where(bottom, 0, numbers)).astype(np.int8)


def _real(name: str, values: Any) -> Float[np.ndarray, " row"]:
    """Return a real outcome that is given."""
    array = np.asarray(values, dtype=np.float64)
    if np.isinf(array).any():
        raise InputError("E140", f"{name} has infinite values", hint="NaN leaves a row out")
    return array


def _classes(columns: list[Any]) -> tuple[list[Any], list[Int[np.ndarray, " row"]]]:
    """Return all classes in their order, and each column as numbers of them."""
    arrays = [np.asarray(column) for column in columns]
    if len({len(array) for array in arrays}) > 1:
        told = ", ".join(str(len(array)) for array in arrays)
        raise InputError("E108", f"targets and guesses of different lengths: {told}")
    for array in arrays:
        if any(v is None or v != v for v in (array if array.dtype.kind in "Of" else ())):
            raise InputError("E138", "a target or a guess is missing", hint="leave such rows out")
    if len({array.dtype.kind in "US" for array in arrays}) > 1:
        arrays = [array.astype(str) for array in arrays]
    classes, codes = np.unique(np.concatenate(arrays), return_inverse=True)
    return classes.tolist(), list(codes.reshape(len(arrays), -1))


def _distinct_rows(
    columns: Sequence[Int[np.ndarray, " row"]],
) -> tuple[Int[np.ndarray, "column code"], Int[np.ndarray, " row"]]:
    """Return the different combinations of the columns' values, in order, and the number of each row's."""
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        key = key * (int(column.max(initial=0)) + 1) + column
        if int(key.max(initial=0)) > 2**40:
            key = np.unique(key, return_inverse=True)[1]
    _, first, rows = np.unique(key, return_index=True, return_inverse=True)
    return np.array([column[first] for column in columns]), rows
