"""A data set of labelled sequences: one concatenated array and the offsets of its items.

>>> import numpy as np
>>> data = Dataset("toy", np.zeros((5, 2), np.float32), np.array([0, 2, 5]), np.array([0, 1]), ("a", "b"), ("x", "y"))
>>> len(data), data.lengths.tolist(), data.item(1).shape
(2, [2, 3], (3, 2))
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num, Shaped

STRATA = 10
"""Ranges of a number over which a split is even."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled sequences of equal or unequal length, several channels, groups and metadata.

    Attributes:
        name: shown to the user.
        values: every time step of every item, concatenated; integers (raw sensor words) or floats.
        offsets: item i is `values[offsets[i]:offsets[i + 1]]`.
        target: class index of each item; where numbers are to be predicted, 0.
        classes: class names, by index; empty where numbers are to be predicted.
        channels: channel names.
        group_name: the metadata column by which splits are made (subject, sensor, site), or None.
        metadata: further columns, one entry per item; the group column is among them.
        split: `"train"` or `"test"` per item where the data come with a split of their own, else None.
        rate_hz: sampling rate, if known.
        units: unit of each channel, empty if unknown.
        source: what the data were read from, in words (never a path of a machine).
        goals: the numbers to be predicted of each item, or None where classes are.
        outputs: their names.
        output_units: unit of each of them, an empty text if unknown.
        split_name: who made the split, in words.
        last: of goals that are later values of channels, the same channels at the end of the item, else None.
        latest: names of those channels.
        remarks: what of the source was left out, in words.
        overlap: of windows, how many neighbours have steps in common, those that are forecast among them; else 1.
    """

    name: str
    values: Num[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]
    target: Int[np.ndarray, " item"]
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    group_name: str | None = None
    metadata: Mapping[str, Shaped[np.ndarray, " item"]] = field(
        default_factory=dict[str, np.ndarray[Any, Any]]
    )
    split: Shaped[np.ndarray, " item"] | None = None
    rate_hz: float | None = None
    units: tuple[str, ...] = ()
    source: str = ""
    goals: Float[np.ndarray, "item output"] | None = None
    outputs: tuple[str, ...] = ()
    output_units: tuple[str, ...] = ()
    split_name: str = "as in the data"
    last: Float[np.ndarray, "item output"] | None = None
    latest: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    overlap: int = 1

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Int[np.ndarray, " item"]:
        """Number of time steps of each item."""
        return np.diff(self.offsets)

    @property
    def strata(self) -> Int[np.ndarray, " item"]:
        """What a split spreads evenly: the classes, or `STRATA` ranges of the first number, as full as can be.

        Ranges are of the items there are; where items come in groups there is one, and sizes alone count.
        """
        if self.goals is None:
            return self.target
        if self.groups is not None:
            return np.zeros(len(self), np.int64)
        order = np.argsort(np.argsort(self.goals[:, 0], kind="stable"), kind="stable")
        return order * min(STRATA, max(1, len(self) // 4)) // len(self)

    @property
    def groups(self) -> Shaped[np.ndarray, " item"] | None:
        """The group column, or None."""
        return None if self.group_name is None else self.metadata[self.group_name]

    def item(self, index: int) -> Num[np.ndarray, "step channel"]:
        """Return item `index` as a view."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def select(self, items: Int[np.ndarray, " chosen"]) -> Dataset:
        """Return the data set of the chosen items, in the order given; its values are a copy."""
        lengths = self.lengths[items]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts = np.repeat(self.offsets[:-1][items] - offsets[:-1], lengths)
        rows = starts + np.arange(len(starts))
        return replace(
            self,
            values=self.values[rows],
            offsets=offsets,
            target=self.target[items],
            metadata={k: v[items] for k, v in self.metadata.items()},
            split=None if self.split is None else self.split[items],
            goals=None if self.goals is None else self.goals[items],
            last=None if self.last is None else self.last[items],
        )

    @cached_property
    def sha256(self) -> str:
        """Hash over values, offsets, targets, groups and split: the same data give the same hash."""
        digest = hashlib.sha256()
        columns = [self.values, self.offsets, self.target]
        columns += [c.astype("U") for c in (self.groups, self.split) if c is not None]
        columns += [c for c in (self.goals, self.last) if c is not None]
        for column in columns:
            array = np.ascontiguousarray(column)
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.data)
        digest.update(repr((self.classes, self.channels, *([self.outputs] if self.outputs else []))).encode())
        return digest.hexdigest()
