"""A reservoir's diagnosis on a data set: which steps are looked at, and how they are scaled."""

import numpy as np
import pytest

from sarto.audit.diagnose import MEMORY_UNITS, default, of
from sarto.core.dataset import Dataset
from sarto.models.input_error import InputError
from sarto.models.reservoir import ring
from sarto.models.reservoir._cell import Reservoir


def data(items: int, steps: int, channels: int = 2, factor: float = 1.0) -> Dataset:
    values = np.rint(factor * 100 * np.random.default_rng(0).normal(size=(items * steps, channels)) + 50)
    return Dataset(
        "made up",
        values.astype(np.int32),
        np.arange(items + 1) * steps,
        np.zeros(items, np.int64),
        ("a",),
        tuple(f"x{i}" for i in range(channels)),
    )


def cell(units: int = 5, channels: int = 2) -> Reservoir:
    return ring.build(units, channels, seed=0, leak=0.5, radius=0.9, input_scaling=0.5, bias_scaling=0.1)


def test_the_default_reservoir_is_that_of_the_estimators() -> None:
    found = default(data(3, 40))
    assert (found.cell, found.layers[0].units) == ("esn", 100)
    assert found.sample == "3 sequences, 40 steps of each at most"
    assert found.memory is not None


def test_a_sample_of_large_data_is_looked_at() -> None:
    found = of(cell(), data(40, 500))
    assert found.sample == "16 of 40 sequences, 300 steps of each at most"
    part = of(cell(), data(40, 50), items=np.arange(20, 30))
    assert part.sample == "10 sequences, 50 steps of each at most"


def test_the_data_are_scaled_by_themselves_or_as_told() -> None:
    def norm(factor: float, **scaling: np.ndarray) -> float:
        return of(cell(), data(8, 40, factor=factor), **scaling).layers[0].activity.norm[-1]

    assert norm(1.0) == pytest.approx(norm(5.0), rel=0.01)
    same = {"mean": np.full(2, 50.0), "scale": np.full(2, 100.0)}
    assert norm(5.0, **same) > 1.3 * norm(1.0, **same)


def test_the_memory_of_large_reservoirs_is_left_out() -> None:
    assert of(cell(MEMORY_UNITS), data(4, 30)).memory is not None
    assert of(cell(MEMORY_UNITS + 1), data(4, 30)).memory is None


def test_other_channels_are_refused() -> None:
    with pytest.raises(InputError, match="E108"):
        of(cell(channels=3), data(4, 30))
