"""Columns on disk: the same as in memory, through every reader that uses them, in bounded memory."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from sarto.core.dataset import Dataset
from sarto.data import delimited, spool, table_items, windows
from sarto.data.load import load
from sarto.data.spool import Spool, spans


@pytest.mark.parametrize(
    ("total", "overlap"), [(0, 0), (1, 0), (1, 1), (7, 0), (7, 1), (8, 1), (9, 0), (13, 2)]
)
def test_spans_cover_every_row_and_every_step(
    monkeypatch: pytest.MonkeyPatch, total: int, overlap: int
) -> None:
    monkeypatch.setattr(spool, "SPAN", 4)
    parts = [list(range(total))[span] for span in spans(total, overlap=overlap)]
    if overlap == 0:
        assert [row for part in parts for row in part] == list(range(total))
    pairs = {(a, a + overlap) for part in parts for a in part if a + overlap in part}
    assert pairs == {(a, a + overlap) for a in range(total - overlap)}


def test_parts_come_back_after_the_spool_is_closed() -> None:
    with Spool() as kept:
        parts = [
            kept.put(np.array(a, dtype))
            for a, dtype in (([1, 2], np.int16), ([], np.int16), ([2**20], np.int32))
        ]
        column = kept.joined(parts)
        wide = kept.written((np.full((2, 3), i) for i in range(2)), np.dtype(np.int64), (3,))
        nothing = kept.written(iter(()), np.dtype(np.int64), (3,))
    assert (column.dtype, column.tolist()) == (np.int32, [1, 2, 2**20])
    assert wide.tolist() == [[0] * 3] * 2 + [[1] * 3] * 2
    assert nothing.shape == (0, 3)
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 5


TEXT = "run,subject,activity,time,acc_x,acc_y,note\n" + "".join(
    f"{i // 40},{'ab'[i // 80 % 2]},{'uv'[i // 40 % 2]},2026-01-01T00:00:{i % 40:02},{i * 7 % 100},{i % 9}.5,{i}\n"
    for i in range(400)
)


@pytest.mark.parametrize("window", [None, 16])
def test_on_disk_as_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int | None) -> None:
    file = tmp_path / "toy.csv"
    file.write_text(TEXT)

    def read() -> Dataset:
        return load(file, window=window, hop=10)

    wanted = read()
    before = len(os.listdir("/dev/fd"))
    monkeypatch.setattr(delimited, "ROOM", 10)
    monkeypatch.setattr(delimited, "ROWS", 64)
    for module in (spool, table_items, windows):
        monkeypatch.setattr(module, "SPAN", 50)
    got = read()
    assert isinstance(got.values, np.memmap)
    assert not isinstance(wanted.values, np.memmap)
    assert got.sha256 == wanted.sha256
    assert (got.rate_hz, got.group_name) == (wanted.rate_hz, wanted.group_name) == (1.0, "subject")
    assert {n: c.tolist() for n, c in got.metadata.items()} == {
        n: c.tolist() for n, c in wanted.metadata.items()
    }
    assert got.select(np.array([3, 1])).sha256 == wanted.select(np.array([3, 1])).sha256
    del got
    gc.collect()
    assert len(os.listdir("/dev/fd")) == before  # nothing stays open
