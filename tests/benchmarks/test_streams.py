"""The streams of `continual`: what is tested is never learned from, and exact statistics are those of all rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks._stream_methods import features_of, learned, settings, stale
from benchmarks._streams import HAR, PURITY, TASKS


def test_no_run_of_a_subject_is_on_two_sides_nor_on_two_clients(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SARTO_DATA", str(real_data))
    task = TASKS["sp_sw_har"](1)
    with np.load(real_data / HAR, allow_pickle=False) as file:
        kept = file["purity"] >= PURITY
        runs = file["subject"][kept].astype(int) * 100 + file["execution"][kept]
    side = 2 * task.tested + task.validation
    for run in np.unique(runs):
        assert len(np.unique(side[runs == run])) == len(np.unique(task.clients[runs == run])) == 1
    assert len(task.stream) == 23
    for e in task.stream:
        assert set(side[e.items].tolist()) == {0, 1, 2}


def test_exact_statistics_are_those_of_all_rows_on_any_clients_and_stale_sums_are_not_them() -> None:
    task, setting = TASKS["digits"](0), settings(0, 1)[0]
    stream, tested = task.arriving(~task.tested), task.items(task.tested)
    features = features_of(task, setting, setting.reservoir(task.x.channels))
    *_, alone = learned(task, setting, "none", stream, None, tested)
    *_, shared = learned(task, setting, "none", stream, task.clients, tested)
    assert np.array_equal(np.sort(alone.items), task.items(~task.tested))
    np.testing.assert_allclose(alone.statistics.C_xx, shared.statistics.C_xx, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(alone.features[tested], features[tested])
    own = list(learned(task, setting, "FedCLIP", stream, None, tested))
    summed = stale(own)
    assert summed[-1].statistics.count == alone.statistics.count > own[-1].statistics.count
    assert not np.allclose(summed[-1].statistics.C_xx, alone.statistics.C_xx, rtol=0.01)
