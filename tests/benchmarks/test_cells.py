"""The comparison of cells: equal settings for all, what a cell refuses is spent, and the control has no memory."""

from typing import Any

import numpy as np
import pytest

from benchmarks.cells import CONTROL, NUMBERS, TRIALS, UNITS, settings_of, tried
from sarto.core.dataset import Dataset
from sarto.learn.readout import ReservoirTransformer

PLAIN: dict[str, Any] = {"leak": 1.0, "input_scaling": 0.5, "bias_scaling": 0.1, "pooling": "last", "seed": 1}


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Sequences whose class is the sign of their first sample; the rest is noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5, 1)) * 0.1
    target = np.arange(60) % 2
    x[:, 0, 0] = 2.0 * target - 1
    return Dataset("made up", x.reshape(-1, 1), np.arange(0, 301, 5), target, ("minus", "plus"), ("a",))


def test_all_cells_get_the_same_settings() -> None:
    ring, esn = settings_of("ring", 3, TRIALS), settings_of("esn", 3, TRIALS)
    assert [{**s, "cell": "ring"} for s in esn] == ring
    assert settings_of("esn", 4, TRIALS)[0]["leak"] != esn[0]["leak"]
    assert len({s["seed"] for seed in range(3) for s in settings_of("esn", seed, TRIALS)}) == 3 * TRIALS


def test_settings_come_from_the_whole_of_the_ranges_of_the_search() -> None:
    drawn = [s for seed in range(40) for s in settings_of("esn", seed, TRIALS)]
    leaks = np.array([s["leak"] for s in drawn])
    assert 0.03 <= leaks.min() < 0.04 < 0.9 < leaks.max() <= 1
    assert abs(np.median(leaks) - np.sqrt(0.03)) < 0.03  # uniform in the logarithm
    assert abs(np.median([s["radius"] for s in drawn]) - 0.75) < 0.05  # uniform
    assert set(NUMBERS) < set(drawn[0])


def test_the_control_forgets(data: Dataset) -> None:
    other = data.values.copy()
    other[::5] *= -1
    changed = Dataset("changed", other, data.offsets, data.target, data.classes, data.channels)
    settings: dict[str, Any] = {**settings_of(CONTROL, 0, 1)[0], "pooling": "last"}
    model = ReservoirTransformer(units=UNITS, **settings, standardise=False, dtype="float64").fit(data)
    states, others = (np.asarray(model.transform(either)) for either in (data, changed))
    assert np.abs(states - others).max() < 1e-6


def test_what_only_memory_tells_is_seen_by_a_cell_and_not_by_the_control(data: Dataset) -> None:
    remembers = tried(data, PLAIN | {"cell": "ring", "radius": 0.95}, 0)
    control = tried(data, PLAIN | {"cell": "esn", "radius": 1e-9}, 0)
    assert remembers is not None
    assert control is not None
    assert remembers[0] == 0
    assert remembers[1] < 0.2
    assert control[0] > 0.3
    assert control[1] > 0.9


def test_a_setting_that_a_cell_refuses_has_no_score(data: Dataset) -> None:
    assert tried(data, PLAIN | {"cell": "eusn", "radius": 1.4}, 0) is None
