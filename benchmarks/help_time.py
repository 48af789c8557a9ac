"""`sarto --help` takes at most 200 ms of processor time over bare Python, without torch, numpy or network.

Processor time (user and system) of whole processes, as the kernel counts it: pairs of `sarto ...` and `python -c pass`,
interleaved; the figure is the median of the differences. The same for the other answers that must come at once. Which
modules were imported is read from `python -X importtime`. And a report is a page of at most 300 KiB.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from benchmarks import _command
from benchmarks._bench import Bench
from benchmarks._command import SARTO, check, readme_fit
from benchmarks._outcome import Bar, Figure, Outcome, at_most, over_seeds

MINUTES = 2
PAIRS = 15
"""An odd number of at least 7, so that the median is one of them."""
LIMIT_S, REPORT_B = 0.200, 300 * 1024
HEAVY = ("torch", "numpy", "scipy", "sklearn", "optuna", "matplotlib", "pandas", "unicorn", "ziglang")
NETWORK = ("socket", "_socket", "ssl", "_ssl", "http", "urllib.request", "requests", "aiohttp")
ANSWERS: dict[str, tuple[list[str], int]] = {
    "--help": (["--help"], 0),
    "--version": (["--version"], 0),
    "devices": (["devices"], 0),
    "fit --help": (["fit", "--help"], 0),
    "a missing file": (["fit", "missing.npz", "--device", "cortex_m4", "-o", "out"], 2),
    "a misspelt flag": (["fit", "BasicMotions", "--devcie", "cortex_m4", "-o", "out"], 2),
}
"""What is asked, and the exit status that it must end with."""


def run(bench: Bench) -> Outcome:
    """Return the processor time of each answer over bare Python, the modules imported, and the size of a report."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        for what, (words, status) in ANSWERS.items():
            extra = differences([*SARTO, *words], status, folder, 7 if bench.quick else PAIRS)
            figures |= over_seeds(
                f"processor time of {what} over bare Python", extra, "s", "measured", "median"
            )
            heavy, network = imported([*SARTO, *words], folder)
            for kind, found in (("heavy", heavy), ("network", network)):
                if found:
                    bench.say(f"{what} imports {', '.join(found)}")
                figures[f"{kind} modules imported by {what}"] = Figure(len(found), "modules", "measured")
            bars += [
                at_most(
                    f"{what}: processor time over bare Python in s, median",
                    figures[f"processor time of {what} over bare Python, median"].value,
                    LIMIT_S,
                ),
                at_most(
                    f"{what}: modules of torch, numpy, the network and the like", len(heavy) + len(network), 0
                ),
            ]
    report = bench.once({"quick": bench.quick}, _report_b, bench.quick)
    figures["report.html"] = Figure(report, "B", "measured")
    bars.append(at_most("report.html of a finished fit in B", report, REPORT_B))
    return Outcome(figures, () if bench.quick else tuple(bars))


def differences(words: list[str], status: int, folder: Path, pairs: int) -> list[float]:
    """Return processor time of `words` minus that of bare Python in seconds, for `pairs` interleaved pairs.

    The first pair, which may compile modules, does not count.
    """
    found: list[float] = []
    for _ in range(pairs + 1):
        bare = check(_command.run([sys.executable, "-c", "pass"], folder), "bare Python")
        mine = _command.run(words, folder)
        assert mine.status == status, f"{words[3:]} ended with {mine.status}: {mine.stderr}"
        found.append(mine.cpu_s - bare.cpu_s)
    return found[1:]


def imported(words: list[str], folder: Path) -> tuple[list[str], list[str]]:
    """Return which of the `HEAVY` and of the `NETWORK` modules the Python command `words` imports."""
    said = _command.run([words[0], "-X", "importtime", *words[1:]], folder).stderr
    modules = set(re.findall(r"^import time:.*\|\s+(\S+)\s*$", said, flags=re.MULTILINE))
    assert any(module.startswith("sarto") for module in modules), "nothing of sarto was imported"
    return [m for m in HEAVY if m in modules], [m for m in NETWORK if m in modules]


def _report_b(quick: bool) -> int:
    """Return the size in bytes of the report of the README's fit."""
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        less = ["--trials", "16"] if quick else []
        check(_command.run(readme_fit("out", "--quiet", *less), Path(name)), "sarto fit")
        return (Path(name) / "out" / "report.html").stat().st_size
