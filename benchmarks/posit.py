"""Posits equal SoftPosit bit for bit, and are encoded at >= 5x the speed of universal-dtypes, and decoded so.

Equal: each of the 256 patterns of posit(8,0) and the 65,536 of posit(16,1) decodes to SoftPosit's number, and 100,000
numbers encode to its pattern, in each of the two and in posit(32,2): a third normal, a third over the whole range of
the format and beyond, a third in the middle between two patterns or next to it. universal-dtypes' arrays agree too.

Speed: 1,000,000 normal float32 numbers, encoded and decoded in turns with universal-dtypes' arrays (which take them by
`astype`), in one process on one thread; the ratio is the median over pairs, with the least and the largest. What making
the tables takes, once, is a figure beside. SoftPosit, which takes one number at a time, is timed on 10,000.

universal-dtypes 2.5.1 needs NumPy 2.4, which is newer than what the packages of Sarto's extras agree on: pip puts both
into a folder, and the process that times both sides runs with them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from benchmarks._peers import peer_folder

MINUTES = 1
PEERS = ("numpy==2.4.6", "universal-dtypes==2.5.1", "softposit==0.3.4.4")
PAIRS, QUICK_PAIRS = 21, 3
ROOT = Path(__file__).parents[1]


def run(bench: Bench) -> Outcome:
    """Return what differs, and the speeds of both sides."""
    folder = peer_folder(bench.folder, *PEERS)
    pairs = QUICK_PAIRS if bench.quick else PAIRS
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, "-m", "benchmarks._posit_timed", str(pairs)]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout)
    figures = {key: Figure(value, "1", "measured") for key, value in found["different"].items()}
    bars: list[Bar] = [at_most(key, value, 0) for key, value in found["different"].items()]
    for key, (value, unit, spread) in found["times"].items():
        n = 1 if spread is None else pairs
        figures[key] = Figure(value, unit, "measured", n, None if spread is None else (spread[0], spread[1]))
        if "universal-dtypes' time" in key:
            bars.append(at_least(key, value, 5))
    return Outcome(figures, () if bench.quick else tuple(bars))
