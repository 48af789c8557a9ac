"""Small data sets of every kind that can be read.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as name:
...     source = KINDS["csv, a row per step"](Path(name))
...     source.read_text().splitlines()[1]
'r0,s0,walk,0.00,17.25,27'
"""

# PyArrow has no types.
# pyright: basic

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.io import wavfile

RUNS, STEPS = 24, 12
"""Sequences of each data set, and steps of each."""
CLASSES = ("walk", "sit", "lie")


def _values() -> np.ndarray:
    """Return whole numbers that differ by class, of shape (run, step, channel)."""
    random = np.random.default_rng(0)
    level = np.arange(RUNS)[:, None, None] % len(CLASSES) * 200
    return random.integers(-99, 99, (RUNS, STEPS, 2)) + level


def _label(run: int) -> str:
    return CLASSES[run % len(CLASSES)]


def _npz(folder: Path) -> Path:
    labels = np.array([_label(i) for i in range(RUNS)])
    np.savez(folder / "toy.npz", x=_values() / 4, y=labels, subject=np.arange(RUNS) % 7)
    return folder / "toy.npz"


def _npz_offsets(folder: Path) -> Path:
    offsets = np.arange(0, RUNS * STEPS + 1, STEPS)
    rows = _values().reshape(-1, 2).astype(np.int16)
    np.savez(
        folder / "toy.npz", x=rows, offsets=offsets, y=np.arange(RUNS) % 3, label_names=np.array(CLASSES)
    )
    return folder / "toy.npz"


def _ts(folder: Path) -> Path:
    lines = [
        "@problemName toy",
        "@univariate false",
        "@dimensions 2",
        "@equalLength true",
        f"@seriesLength {STEPS}",
    ]
    lines += [f"@classLabel true {' '.join(CLASSES)}", "@data"]
    for i, item in enumerate(_values()):
        lines.append(":".join([*(",".join(map(str, channel)) for channel in item.T), _label(i)]))
    (folder / "toy.ts").write_text("\n".join(lines) + "\n")
    return folder / "toy.ts"


def _steps(runs: range, separator: str = ",") -> str:
    lines = [["run", "subject", "activity", "time_s", "acc_x [g]", "acc_y"]]
    for run in runs:
        for step, (x, y) in enumerate(_values()[run]):
            lines.append([f"r{run}", f"s{run % 7}", _label(run), f"{step * 0.02:.2f}", f"{x / 4}", f"{y}"])
    return "".join(separator.join(line) + "\n" for line in lines)


def _csv_steps(folder: Path) -> Path:
    (folder / "toy.csv").write_text(_steps(range(RUNS)))
    return folder / "toy.csv"


def _tsv(folder: Path) -> Path:
    (folder / "toy.tsv").write_text(_steps(range(RUNS), "\t"))
    return folder / "toy.tsv"


def _csv_pair(folder: Path) -> Path:
    (folder / "toy_TRAIN.csv").write_text(_steps(range(RUNS // 2)))
    (folder / "toy_TEST.csv").write_text(_steps(range(RUNS // 2, RUNS)))
    return folder / "toy_TRAIN.csv"


def _csv_items(folder: Path) -> Path:
    lines = [",".join(["label", *(f"{c}_{t}" for c in "xy" for t in range(STEPS))])]
    lines += [",".join([_label(i), *map(str, item.T.ravel())]) for i, item in enumerate(_values())]
    (folder / "toy.csv").write_text("\n".join(lines) + "\n")
    return folder / "toy.csv"


def _csv_folder(folder: Path) -> Path:
    for run, item in enumerate(_values().tolist()):
        file = folder / "data" / _label(run) / f"r{run}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"{step * 20},{x},{y}\n" for step, (x, y) in enumerate(item)]
        file.write_text("".join(["time_ms,x,y\n", *rows]))
    return folder / "data"


def _wav_folder(folder: Path) -> Path:
    (folder / "data").mkdir()
    lines = ["file,label,speaker\n"]
    for run, item in enumerate(_values()):
        wavfile.write(folder / "data" / f"r{run}.wav", 8000, item.astype(np.int16))
        lines.append(f"r{run}.wav,{_label(run)},s{run % 7}\n")
    (folder / "data" / "labels.csv").write_text("".join(lines))
    return folder / "data"


def _parquet(folder: Path) -> Path:
    rows = _values().reshape(-1, 2)
    runs = np.repeat(np.arange(RUNS), STEPS)
    frame = pa.table(
        {"run": runs, "label": [_label(int(r)) for r in runs], "x": rows[:, 0] / 4, "y": rows[:, 1]}
    )
    pq.write_table(frame, folder / "toy.parquet")
    return folder / "toy.parquet"


KINDS: dict[str, Callable[[Path], Path]] = {
    "npz": _npz,
    "npz with offsets": _npz_offsets,
    "ts": _ts,
    "csv, a row per step": _csv_steps,
    "csv, a row per item": _csv_items,
    "csv, a pair": _csv_pair,
    "tsv": _tsv,
    "folder of csv": _csv_folder,
    "folder of wav and a table": _wav_folder,
    "parquet": _parquet,
}
"""Kind of data -> writes it into an empty folder, and returns the source."""
