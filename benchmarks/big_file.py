"""A CSV of 2 GB is read, checked and cut into windows in under 1 GB of memory, and every value is right.

`sarto doctor BIG.csv --window 128` reads the whole file, and says of it what `sarto fit` would see. Its memory is the
most that the kernel counted for the process, with the pages of temporary files that it had mapped. A second process
loads the file by `sarto.load` and sums every channel; the sums are compared with those of the numbers that were
written, multiples of 1/8, so that sums are exact. Beside it the same file read by pandas, whole, as most would.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _command
from benchmarks._bench import Bench
from benchmarks._command import SARTO, check
from benchmarks._outcome import Figure, Outcome, at_least, at_most

MINUTES = 15
FILE_B, QUICK_B = 2_000_000_000, 400_000_000
LIMIT_B = 1_000_000_000
CHANNELS = ("acc_x [g]", "acc_y [g]", "acc_z [g]", "gyr_x", "gyr_y", "gyr_z")
STEPS, RATE_HZ, WINDOW = 12_800, 50, 128
"""Steps of a run and a window, and the sampling rate."""
_SUMS = """
import json, sys
import numpy as np
from sarto import load
from sarto.data.spool import spans
data = load(sys.argv[1], window=int(sys.argv[2]))
sums = np.zeros(len(data.channels))
for span in spans(len(data.values), data.values):
    sums += data.values[span].sum(axis=0, dtype=np.float64)
print(json.dumps({"items": len(data), "sums": sums.tolist()}))
"""
_PANDAS = "import pandas, sys; print(len(pandas.read_csv(sys.argv[1])))"


def run(bench: Bench) -> Outcome:
    """Return memory and time for a large file, and how many channels differ from what was written."""
    bench.folder.mkdir(parents=True, exist_ok=True)
    file = bench.folder / "big.csv"
    try:
        runs, sums = written(file, QUICK_B if bench.quick else FILE_B)
        size = file.stat().st_size
        bench.say(f"{size / 1e9:.2f} GB, {runs} runs of {STEPS} steps")
        inspected = check(
            _command.run([*SARTO, "doctor", file.name, "--window", str(WINDOW)], bench.folder), "doctor"
        )
        bench.say(f"sarto doctor: {inspected.peak_b / 1e6:.0f} MB, {inspected.wall_s:.0f} s")
        summed = check(
            _command.run([sys.executable, "-c", _SUMS, file.name, str(WINDOW)], bench.folder), "load"
        )
        bench.say(f"sarto.load: {summed.peak_b / 1e6:.0f} MB, {summed.wall_s:.0f} s")
        peer = check(_command.run([sys.executable, "-c", _PANDAS, file.name], bench.folder), "pandas")
        bench.say(f"pandas: {peer.peak_b / 1e6:.0f} MB, {peer.wall_s:.0f} s")
    finally:
        file.unlink(missing_ok=True)
    got: dict[str, Any] = json.loads(summed.stdout)
    wrong = sum(a != b for a, b in zip(got["sums"], sums, strict=True))
    windows = runs * (STEPS // WINDOW)
    assert int(peer.stdout) == runs * STEPS, "both read the same rows"
    assert f"{windows}" in inspected.stdout.split(), "doctor counts every window"
    figures = {
        "size of the file": Figure(size, "B", "measured"),
        "peak memory of sarto doctor": Figure(inspected.peak_b, "B", "measured"),
        "peak memory of sarto.load and sums": Figure(summed.peak_b, "B", "measured"),
        "peak memory of pandas.read_csv": Figure(peer.peak_b, "B", "measured"),
        "peak memory of pandas.read_csv over sarto.load": Figure(
            peer.peak_b / summed.peak_b, "1", "measured"
        ),
        "wall time of sarto doctor": Figure(inspected.wall_s, "s", "measured"),
        "wall time of sarto.load and sums": Figure(summed.wall_s, "s", "measured"),
        "wall time of pandas.read_csv": Figure(peer.wall_s, "s", "measured"),
        "windows": Figure(got["items"], "windows", "measured"),
        "channels whose sum differs": Figure(wrong, "channels", "measured"),
    }
    bars = (
        at_least("size of the file in B", size, FILE_B),
        at_most("peak memory of sarto doctor in B", inspected.peak_b, LIMIT_B),
        at_most("peak memory of sarto.load in B", summed.peak_b, LIMIT_B),
        at_most("channels whose sum differs", wrong, 0),
        at_least("windows", got["items"], windows),
    )
    return Outcome(figures, () if bench.quick else bars)


def written(file: Path, size_b: int) -> tuple[int, list[float]]:
    """Write runs of steps until the file has `size_b` bytes; return how many, and the sum of each channel.

    All runs have the same steps but for their name, class and subject.
    """
    values = np.random.default_rng(0).integers(-16384, 16384, (STEPS, len(CHANNELS))) / 8
    steps = [
        f"{i / RATE_HZ:.2f},{','.join(format(v, '.10g') for v in row)}\n"
        for i, row in enumerate(values.tolist())
    ]
    runs = 0
    with file.open("w", encoding="ascii", buffering=1 << 24) as out:
        out.write(f"run,subject,activity,time_s,{','.join(CHANNELS)}\n")
        while out.tell() < size_b:
            name = f"run{runs},s{runs // 40 % 25},{('walk', 'sit', 'stand')[runs % 3]},"
            out.write(name + name.join(steps))
            runs += 1
    return runs, (values.sum(axis=0) * runs).tolist()
