"""The problem that trials share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sarto.core.graph import Window
from sarto.deploy.lower import InputStatistics
from sarto.deploy.sensor import SensorFormat
from sarto.search.problem import FOLDS, REPEATS, load_problem, prepare
from tests.search.planted import dataset, problem


@pytest.mark.parametrize("hop", [None, 5])
def test_goes_through_a_file_and_back(tmp_path: Path, hop: int | None) -> None:
    planted = problem(hop=hop)
    planted.save(tmp_path / f"{hop}.npz")
    again = load_problem(tmp_path / f"{hop}.npz")
    assert again.sha256 == planted.sha256
    assert (again.window, again.classes, again.channels) == (
        planted.window,
        planted.classes,
        planted.channels,
    )
    assert again.window == (None if hop is None else Window(16, hop))
    assert again.sensor.chosen == planted.sensor.chosen
    np.testing.assert_array_equal(again.raw, planted.raw)


def test_is_the_data_as_the_device_sees_them() -> None:
    data = dataset()
    sensor = SensorFormat(8, np.array([0.01, 0.5]), "declared")
    planted = prepare(data, sensor, None, 0)
    np.testing.assert_array_equal(planted.raw, sensor.encode(data.values))
    wanted = InputStatistics.of(data.values)
    np.testing.assert_array_equal(planted.inputs.mean, wanted.mean)
    assert planted.inputs.peak == wanted.peak
    assert planted.longest == 16


def test_every_item_is_held_out_once_per_repeat_with_every_class_in_every_fold() -> None:
    planted = problem()
    assert planted.fold.shape == (REPEATS, 40)
    for fold in planted.fold:
        assert np.bincount(fold).tolist() == [8] * FOLDS
        assert all(set(planted.target[fold == f]) == {0, 1} for f in range(FOLDS))
    assert len({fold.tobytes() for fold in planted.fold}) == REPEATS


def test_without_groups_the_first_partition_holds_back_neighbours() -> None:
    fold = problem().fold
    assert (np.diff(fold[0][::2]) >= 0).all() and (np.diff(fold[0][1::2]) >= 0).all()
    assert (np.diff(fold[1][::2]) < 0).any()


def test_a_group_is_never_on_both_sides() -> None:
    data = dataset(groups=7)
    planted = prepare(data, SensorFormat.calibrate(data.values), None, 3)
    for fold in planted.fold:
        assert all(len(set(fold[data.metadata["who"] == g])) == 1 for g in range(7))


def test_the_hash_is_of_everything_a_trial_can_see() -> None:
    planted = problem()
    raw, target, fold = planted.raw.copy(), planted.target.copy(), planted.fold.copy()
    raw[5, 0] += 1
    target[0] = 1
    fold[0, 0] += 1
    changed = [
        replace(planted, raw=raw),
        replace(planted, target=target),
        replace(planted, fold=fold),
        replace(planted, classes=("a", "b")),
        replace(planted, channels=("a", "b")),
        replace(planted, window=Window(16, 2)),
        replace(planted, sensor=SensorFormat(16, planted.sensor.scale * 2, "x")),
        replace(planted, inputs=replace(planted.inputs, peak=9.0)),
        replace(planted, inputs=replace(planted.inputs, mean=planted.inputs.mean + 1)),
    ]
    assert len({planted.sha256, *(c.sha256 for c in changed)}) == len(changed) + 1
    assert problem().sha256 == planted.sha256
