"""What an engine hands over, and the layers that are made of it: the subgroups of one number of items, set by set.

>>> sets, values = np.array([[0]], np.int16), np.array([[0], [1]], np.int16)
>>> one = Chunk(sets, np.array([2]), values, np.array([[5], [7]]), np.zeros((2, 0)))
>>> layers, counts, sums = stacked([one, one])
>>> layers[0].starts, counts.tolist()
(array([0, 2, 4]), [[5], [7], [5], [7]])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int16, Int64

from sarto.models.input_error import InputError


@dataclass(frozen=True)
class Chunk:
    """Subgroups of some sets of attributes, all of one number of items.

    Attributes:
        sets: the attributes of each set.
        sizes: how many subgroups of it follow each other.
        values: the item of each subgroup of each of its attributes.
        counts: its rows of each joint code.
        sums: its sums of real outcomes.
    """

    sets: Int16[np.ndarray, "set item"]
    sizes: Int64[np.ndarray, " set"]
    values: Int16[np.ndarray, "subgroup item"]
    counts: Int64[np.ndarray, "subgroup code"]
    sums: Float[np.ndarray, "subgroup column"]


@dataclass(frozen=True)
class Layer:
    """All subgroups of one number of items: those of set `k` are rows `starts[k]` to `starts[k + 1]` of `values`."""

    sets: Int16[np.ndarray, "set item"]
    starts: Int64[np.ndarray, " bound"]
    values: Int16[np.ndarray, "subgroup item"]

    @property
    def set_of(self) -> Int64[np.ndarray, " subgroup"]:
        """The number of each subgroup's set of attributes."""
        return np.repeat(np.arange(len(self.sets)), np.diff(self.starts))


def restored(chunk: Chunk, kept: tuple[Int16[np.ndarray, " _"], ...]) -> Chunk:
    """Return the subgroups with the items' own numbers, given those that were kept of each attribute."""
    if all(len(own) == int(own[-1]) + 1 for own in kept if len(own)):
        return chunk
    first = np.cumsum([0, *(len(own) for own in kept)])
    set_of = np.repeat(np.arange(len(chunk.sets)), chunk.sizes)
    values = np.concatenate(kept)[first[chunk.sets][set_of] + chunk.values]
    return Chunk(chunk.sets, chunk.sizes, values, chunk.counts, chunk.sums)


def stacked(
    chunks: list[Chunk],
) -> tuple[tuple[Layer, ...], Int64[np.ndarray, "subgroup code"], Float[np.ndarray, "subgroup column"]]:
    """Return the layers of 1, 2, ... items, and the counts and sums of all of them in turn."""
    by_length: dict[int, list[Chunk]] = {}
    for chunk in chunks:
        by_length.setdefault(chunk.values.shape[1], []).append(chunk)
    layers: list[Layer] = []
    for length in sorted(by_length):
        own = by_length[length]
        starts = np.cumsum(np.concatenate([[0], *(chunk.sizes for chunk in own)]))
        values = np.concatenate([chunk.values for chunk in own])
        layers.append(Layer(np.concatenate([chunk.sets for chunk in own]), starts, values))
    in_turn = [chunk for length in sorted(by_length) for chunk in by_length[length]]
    counts = np.concatenate([chunk.counts for chunk in in_turn])
    return tuple(layers), counts, np.concatenate([chunk.sums for chunk in in_turn])


def too_many(limit: int) -> InputError:
    """Return the error that there are more than `limit` subgroups."""
    return InputError(
        "E141",
        f"more than {limit:,} subgroups reach the support",
        cause="they double with every attribute, and grow as the support falls",
        hint="raise the support, give the most items of a group (max_len), or name fewer attributes",
    )
