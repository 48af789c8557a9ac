"""A manager under faults: each is injected many times, and it is counted how often the run went on as it must.

All knobs are files of a made-up cpufreq tree, and all times of single jobs those of a made-up clock, so that what
should happen is known; processes, signals and the watchdog are real. A fault counts as handled when

| fault | handled means |
|---|---|
| monitor vanishes, monitor says NaN | the reading is unavailable, the job runs, and a reading comes back |
| knob vanishes | it is told, the job runs, and when it is back it is set again |
| knob refuses | the point is left out, and a job at another one is done |
| clock goes back, clock is NaN | the job's answer comes, nothing is learned, and the next job runs as before |
| clock leaps ahead | no more than one job after it runs at another point than without the leap |
| variant hangs | the watchdog tells it meanwhile, the next job runs at the fastest point, the one after as before |
| variant raises | the exception comes through, and nothing is learned |
| link lost | the job is done on the device, and the place is tried again, with no more than 1 try in 20 of the time |
| platform file with an absurd number | it is refused by name of the field (a number turned NaN, negative, or 1e300) |
| SIGTERM, SIGHUP | the process ends by the signal |
| SIGKILL | the next start ends well |

After each of them but the platform file the clocks on the tree must be as they were found; after SIGKILL, once the next
start is over. Moments of signals are drawn from a seed, over the first third of a second after the first clock was set.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks._bench import Bench
from benchmarks._manager_faults import FAULTS, KNOBLESS
from benchmarks._manager_signals import SIGNALS, signalled
from benchmarks._outcome import Bar, Figure, Outcome, at_least

MINUTES = 4
TIMES, SIGNALLED = 100, 20
Found = list[list[bool]]


def run(bench: Bench) -> Outcome:
    """Return of each fault how often it was handled, and how often the knobs were as found."""
    found: dict[str, Found] = {}
    for name, inject in FAULTS.items():
        found[name] = bench.once(
            {"fault": name, "quick": bench.quick}, _each, inject, 3 if bench.quick else TIMES
        )
        bench.say(f"{name}: {sum(handled for handled, _ in found[name])} of {len(found[name])}")
    for name, number in SIGNALS.items():
        times = 1 if bench.quick else SIGNALLED
        found[name] = bench.once({"fault": name, "quick": bench.quick}, _signals, int(number), times)
        bench.say(f"{name}: {sum(handled for handled, _ in found[name])} of {len(found[name])}")
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name, each in found.items():
        share = sum(handled for handled, _ in each) / len(each)
        figures[f"{name}: handled"] = Figure(share, "1", "measured", len(each))
        bars.append(at_least(f"{name}: share handled", share, 1.0))
        if name not in KNOBLESS:
            kept = sum(as_found for _, as_found in each) / len(each)
            figures[f"{name}: knobs as found"] = Figure(kept, "1", "measured", len(each))
            bars.append(at_least(f"{name}: share with knobs as found", kept, 1.0))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _each(inject: Callable[[Path, random.Random], tuple[bool, bool]], times: int) -> Found:
    draw = random.Random(0)
    found: Found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            found.append(list(inject(Path(folder), draw)))
    return found


def _signals(number: int, times: int) -> Found:
    draw = random.Random(number)
    found: Found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            found.append(list(signalled(Path(folder), number, draw.uniform(0.0, 1 / 3))))
    return found
