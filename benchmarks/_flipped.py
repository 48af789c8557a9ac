"""Faults that are drawn evenly, and what they did by every published definition, as benchmarks tell it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from sarto.audit.faults.sample import Cell, draw, strata
from sarto.audit.faults.verdicts import HURT, Judged


def drawn(cells: Sequence[Cell], count: int, seed: int) -> Int64[np.ndarray, "fault 2"]:
    """Return faults, drawn evenly from all of a space."""
    (whole,) = strata(tuple(cells), "network")
    return whole.places(draw(whole.size, count, seed))


def told(found: Judged) -> dict[str, float]:
    """Return the shares of faults and of images."""
    return {
        "any image changes": float(np.mean(found.wrong > 0)),
        "mean misclassified share": float(found.wrong.mean() / found.inputs),
        "more than a tenth of the images wrong": float(np.mean(found.wrong > HURT * found.inputs)),
        "mean share of images without a number": float(found.failed.mean() / found.inputs),
    }
