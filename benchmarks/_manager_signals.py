"""A process that sets clocks job after job on a made-up tree, and is sent a signal at a moment that was drawn.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     tree(Path(folder))
...     clocks(Path(folder))
(200000, 1400000)
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGHUP, "SIGKILL": signal.SIGKILL}
PROGRAM = """
import sys
from pathlib import Path
from sarto.measure.ladder import timed_points
from sarto.runtime.knobs import Frequency, Knobs
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points
from sarto.runtime.session import session
root = Path(sys.argv[1])
ladder = {"small": lambda x: sum(range(2000)), "large": lambda x: sum(range(9000))}
manager = Manager(Points.of(timed_points(ladder, [1], {"small": 0.8, "large": 0.9})), "max_accuracy")
knobs = Knobs([Frequency(root=root)], True, root / "journal.json")
clocks = {"small": "700000000", "large": "900000000"}
with session(manager, ladder, knobs=knobs, wanted=lambda point: {"policy0": clocks[point.name]}) as s:
    for job in range(10**9 if sys.argv[2] == "run" else 0):
        s.require(accuracy=(0.85, 0.7)[job // 2 % 2], deadline=("1s", "1ms")[job // 2 % 2])
        s.infer(job)
        if job == 0:
            print("set", flush=True)
"""


def tree(root: Path) -> None:
    """Make a cpufreq policy from 200 MHz to 1.4 GHz."""
    folder = root / "policy0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scaling_min_freq").write_text("200000\n")
    (folder / "scaling_max_freq").write_text("1400000\n")


def clocks(root: Path) -> tuple[int, int]:
    """Return the least and the most of the policy, in kHz."""
    least, most = (int((root / f"policy0/scaling_{which}_freq").read_text()) for which in ("min", "max"))
    return least, most


def as_found(root: Path) -> bool:
    """Return whether the clocks are as they were made and no journal is left."""
    try:
        kept = clocks(root) == (200000, 1400000)
    except ValueError:  # a file that was emptied, and not written
        return False
    return kept and not (root / "journal.json").exists()


def _start(root: Path, what: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(root), what], stdout=subprocess.PIPE, text=True
    )


def signalled(root: Path, number: int, after_s: float) -> tuple[bool, bool]:
    """Return whether a process that got a signal ended as it must, and whether the clocks are as found."""
    tree(root)
    process = _start(root, "run")
    assert process.stdout is not None
    began = process.stdout.readline() == "set\n"
    time.sleep(after_s)
    process.send_signal(number)
    ended = process.wait(timeout=120) == -number
    process.stdout.close()
    if number == signal.SIGKILL:
        after = _start(root, "look")
        ended = ended and after.wait(timeout=120) == 0
        assert after.stdout is not None
        after.stdout.close()
    return began and ended, as_found(root)
