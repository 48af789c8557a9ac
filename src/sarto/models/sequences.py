"""Sequences of unequal length as one concatenated array and offsets; `read_sequences` makes them of what users have.

>>> x = read_sequences([np.zeros((3, 2)), np.ones((1, 2))])
>>> len(x), x.channels, x.lengths.tolist(), x.values.dtype.name
(2, 2, [3, 1], 'float64')
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, cast

import numpy as np
from jaxtyping import Float, Int

from sarto.core.dataset import Dataset
from sarto.models.input_error import InputError

AnyArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Item i is `values[offsets[i]:offsets[i + 1]]`, of shape (step, channel), with at least one step."""

    values: Float[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def channels(self) -> int:
        """Number of channels D."""
        return self.values.shape[1]

    @property
    def lengths(self) -> Int[np.ndarray, " item"]:
        """Number of steps of each item."""
        return np.diff(self.offsets)

    def span(self, start: int, stop: int) -> Sequences:
        """Return items start..stop-1, as a view."""
        stop = min(stop, len(self))
        first, last = self.offsets[start], self.offsets[stop]
        return Sequences(self.values[first:last], self.offsets[start : stop + 1] - first)

    def select(self, items: Int[np.ndarray, " chosen"]) -> Sequences:
        """Return the chosen items, in the order given, as a copy."""
        lengths = self.lengths[items]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.repeat(self.offsets[:-1][items] - offsets[:-1], lengths) + np.arange(int(lengths.sum()))
        return Sequences(self.values[rows], offsets)


def read_sequences(X: Any) -> Sequences:
    """Return `X` as sequences of finite floats.

    Args:
        X: array (item, step, channel); list of arrays (step_i, channel); a `Dataset`; or `Sequences`.

    Raises:
        InputError: E104 (no item, or an item without a step), E105 (missing or infinite value, with its place),
            E108 (wrong number of axes, or channels disagree), E116 (not numbers).
    """
    values: AnyArray
    if isinstance(X, Dataset | Sequences):
        values, offsets = X.values, X.offsets.astype(np.int64)
    else:
        values, offsets = _stacked(X) if _is_array(X) else _concatenated(X)
    if len(offsets) < 2:
        raise InputError(
            "E104", "X has no sequences", cause="0 items were given", hint="give at least 1 sequence"
        )
    if (empty := np.flatnonzero(np.diff(offsets) < 1)).size:
        raise InputError(
            "E104",
            f"sequence {empty[0]} has no steps",
            cause="a sequence needs 1 step at least",
            hint="leave it out",
        )
    if values.shape[1] < 1:
        raise InputError(
            "E104", "X has 0 channels", cause="a step needs 1 channel at least", hint="add a channel"
        )
    return Sequences(_finite(_numbers(values), offsets), offsets)


def _is_array(X: Any) -> TypeGuard[AnyArray]:
    return isinstance(X, np.ndarray) and cast("AnyArray", X).dtype != object


def _stacked(X: AnyArray) -> tuple[AnyArray, Int[np.ndarray, " item_plus_1"]]:
    _require_axes(X, 3, "X", "(item, step, channel)")
    return X.reshape(X.shape[0] * X.shape[1], X.shape[2]), np.arange(len(X) + 1, dtype=np.int64) * X.shape[1]


def _concatenated(X: Any) -> tuple[AnyArray, Int[np.ndarray, " item_plus_1"]]:
    if not isinstance(X, list | tuple | np.ndarray):
        raise InputError(
            "E108",
            f"X is a {type(X).__name__}",
            cause="sequences are needed",
            hint="give an array (item, step, channel), a list of arrays (step, channel), or a Dataset",
        )
    items: list[AnyArray] = [np.asarray(x) for x in cast("Iterable[Any]", X)]
    for index, item in enumerate(items):
        _require_axes(item, 2, f"sequence {index}", "(step, channel)")
        if item.shape[1] != items[0].shape[1]:
            raise InputError(
                "E108",
                f"sequence {index} has {item.shape[1]} channels, sequence 0 has {items[0].shape[1]}",
                cause="all sequences must have the same channels",
                hint="check whether an item is transposed: the shape is (step, channel)",
            )
    offsets = np.concatenate([[0], np.cumsum([len(x) for x in items])]).astype(np.int64)
    return (np.concatenate(items) if items else np.zeros((0, 1))), offsets


def _require_axes(array: AnyArray, axes: int, name: str, shape: str) -> None:
    if array.ndim != axes:
        raise InputError(
            "E108",
            f"{name} has {array.ndim} axes, {axes} are needed",
            cause=f"the shape must be {shape}, it is {array.shape}",
            hint="write x[:, :, None] for one channel" if array.ndim == axes - 1 else f"reshape to {shape}",
        )


def _numbers(values: AnyArray) -> Float[np.ndarray, "row channel"]:
    if values.dtype.kind not in "biuf":
        raise InputError(
            "E116",
            f"X holds {values.dtype}",
            cause="real numbers are needed",
            hint="convert X to a float array",
        )
    return values if values.dtype.str in ("<f4", "<f8") else values.astype(np.float64)


def _finite(
    values: Float[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Float[np.ndarray, "row channel"]:
    good = np.isfinite(values)
    if not good.all():
        row, channel = np.argwhere(~good)[0]
        item = int(np.searchsorted(offsets, int(row), side="right")) - 1
        raise InputError(
            "E105",
            f"X has {good.size - np.count_nonzero(good)} missing or infinite values (NaN or inf), the first in "
            f"sequence {item}, step {row - offsets[item]}, channel {channel}",
            cause="one such value would spread through the whole state",
            hint="fill the gap (for example by the last valid value) or leave the sequence out",
        )
    return values
