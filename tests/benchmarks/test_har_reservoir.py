"""The folds of the activities: by subject, and every window in one of them."""

from pathlib import Path

import numpy as np

from benchmarks._bench import Bench
from benchmarks.har_reservoir import FOLDS, fold_file
from sarto.data.load import load
from sarto.data.splits import split


def test_each_subject_is_tested_in_the_fold_of_its_number(real_data: Path, tmp_path: Path) -> None:
    bench = Bench("example", True, 1, tmp_path, "0" * 64, lambda text: None)
    tested: list[np.ndarray] = []
    for fold in range(FOLDS):
        data = load(fold_file(bench, fold), group="subject", channels=("watch*",))
        parts = split(data, 0)
        assert data.groups is not None
        assert not np.intersect1d(data.groups[parts.train], data.groups[parts.test]).size
        tested.append(parts.test)
        with np.load(fold_file(bench, fold)) as file:
            assert set(file["subject"][parts.test] % FOLDS) == {fold}
    assert sorted(np.concatenate(tested).tolist()) == list(range(2182))
