"""A reservoir's diagnosis on a data set: of the default one, or of one that is given, on the heads of a few items.

Only so many first steps of so many items are read, whatever the size of the data; the channels are scaled to mean 0 and
deviation 1 over these steps, or as is told.

>>> from sarto.data.load import load
>>> found = default(load("BasicMotions"))
>>> found.cell, found.layers[0].units, found.sample
('esn', 100, '16 of 80 sequences, 100 steps of each at most')
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from sarto.core.dataset import Dataset
from sarto.learn.diagnosis import ITEMS, STEPS, Diagnosis, diagnose
from sarto.learn.features import channel_scaling
from sarto.learn.readout import ReservoirTransformer
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences, read_sequences

MEMORY_UNITS = 200
"""Neurons up to which the memory capacity is measured where nobody asked for it: it takes half a second there."""


def default(data: Dataset) -> Diagnosis:
    """Return the diagnosis of the reservoir that `ReservoirTransformer()` makes for these data."""
    heads = _heads(data, np.arange(len(data)))
    return of(ReservoirTransformer().fit(heads).reservoir_, data)


def of(
    reservoir: AnyReservoir,
    data: Dataset,
    *,
    items: Int[np.ndarray, " chosen"] | None = None,
    mean: Float[np.ndarray, " channel"] | None = None,
    scale: Float[np.ndarray, " channel"] | None = None,
) -> Diagnosis:
    """Return the diagnosis of `reservoir` on `data`.

    Args:
        reservoir: a cell, or a stack of them.
        data: in physical values or raw words.
        items: those to look at; None is all.
        mean: taken from each channel; None is that of what is looked at.
        scale: then divides it.

    Raises:
        InputError: E108 (other channels than the reservoir's).
    """
    chosen = np.arange(len(data)) if items is None else items
    heads = _heads(data, chosen)
    own_mean, own_scale = channel_scaling(heads)
    values = (heads.values - (own_mean if mean is None else mean)) / (own_scale if scale is None else scale)
    small = reservoir.units <= MEMORY_UNITS
    return diagnose(reservoir, Sequences(values, heads.offsets), memory=small, of=len(chosen))


def _heads(data: Dataset, items: Int[np.ndarray, " chosen"]) -> Sequences:
    """Return the first steps of items that are evenly spread over `items`."""
    chosen = np.unique(np.linspace(0, len(items) - 1, min(ITEMS, len(items))).astype(np.int64))
    steps = ITEMS * STEPS // len(chosen)
    return read_sequences([data.item(int(items[i]))[:steps].astype(np.float64) for i in chosen.tolist()])
