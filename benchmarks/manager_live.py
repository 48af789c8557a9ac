"""A manager live on this machine: a process that runs generated C under a deadline while other programs come and go.

The model is the nested network of `dynamic_accuracy` on digits (incremental training, shared head polished), in
integers, as C with the width as an argument, compiled for this host. A job classifies a batch of labelled test images,
as many as take `JOB_S` of one processor at full width at best. Its deadline is `DEADLINE` times the median of jobs at
full width in the best of the settings while the machine is quiet, so that the full width is on time then; jobs are
released every `PERIOD` deadlines. Four phases of equal length: quiet, `HOGS` busy programs, quiet, busy; these are
stopped and go on by signals. A job takes many slices of a scheduler (3 ms), so that it is shared out among programs,
and not merely held up by one or run before it.

A point is a width, with a number of threads and the cores that they may run on; before each job all three are set as
the point wants, by knobs that read back what they set, and that time is part of the job. The policy is `tail_risk` with
a target of 2 %; its accuracies are those of validation images, its times were measured while the machine was quiet.
Before each job it reads how many other programs want a processor (`/proc/loadavg`), which is part of the job as well.
An arm of its own, to which no bar applies, is the same manager without that reading.

Beside it each fixed width, in the setting that was late least often in a shorter run of its own before (as the manager,
they were all tried). Runs of all arms take turns, ten of each, on the same images. A job is late if it takes longer
than its deadline; the time from its release is told as well. The accuracy is the share of right answers over all jobs,
late ones included; that with late answers counted as wrong is told beside it.

Bars: late jobs of the manager, in the mean over runs; and its accuracy less that of the best fixed width that is late
as seldom, in the mean over pairs. Where no fixed width is, the one that is late least is taken, and a figure says so.
Frequency and energy are what this machine says of them, or `unavailable`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import numpy as np
from jaxtyping import Int

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from sarto.core.points import OperatingPoint
from sarto.core.seed import generator
from sarto.measure.ladder import timed_points
from sarto.measure.monitors import Runnable, monitors
from sarto.measure.widths import WidthProgram
from sarto.runtime.affinity import Affinity
from sarto.runtime.goal import Goal
from sarto.runtime.knobs import CPUFREQ, Call, Knobs
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points
from sarto.runtime.policies.tail_risk import Policy
from sarto.runtime.session import Session, session

MINUTES = 30
RUNS, PHASE_S, QUICK_PHASE_S, QUIET_JOBS, BATCHES = 10, 6.0, 2.0, 40, 4
JOB_S, PERIOD, DEADLINE, HOGS, TARGET = 80e-3, 2.0, 1.5, 3, 0.02
MORE_ACCURATE = 0.01
ADAPTIVE, BLIND = "manager", "manager that counts no others"
HOG = [sys.executable, "-c", "while True: pass"]
MANAGED = (ADAPTIVE, BLIND)
Run = dict[str, float]
Ints = Int[np.ndarray, " item"]


def run(bench: Bench) -> Outcome:
    """Return late jobs and accuracies of the manager and of fixed widths."""
    kept = bench.once({"quick": bench.quick}, prepared, bench.quick)
    for reading in (monitor.read() for name, monitor in monitors().items() if name in ("rapl", "hwmon")):
        bench.say(f"{reading}")
    clocks = sorted(CPUFREQ.glob("policy*")) if CPUFREQ.exists() else []
    bench.say(f"frequency {'can be set' if clocks else 'unavailable: the kernel has no cpufreq policy here'}")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        found = executor.submit(measured, kept, 1 if bench.quick else RUNS, bench.quick).result()
    runs: dict[str, list[Run]] = found["runs"]
    figures = {
        f"{name}: {what}": Figure(value, unit, "measured")
        for name, (value, unit) in found["figures"].items()
        for what in ("this machine",)
    }
    for name, each in runs.items():
        for what in ("late", "late from release", "accuracy", "accuracy, late answers wrong"):
            figures |= over_seeds(f"{name}: {what}", [one[what] for one in each], "1", "measured")
    for what in ("changes of point", "knobs set and read back", "knobs refused", "jobs"):
        figures |= over_seeds(f"{ADAPTIVE}: {what}", [one[what] for one in runs[ADAPTIVE]], "1", "measured")
    late = {name: statistics.fmean(one["late"] for one in each) for name, each in runs.items()}
    fixed = [name for name in runs if name not in MANAGED]
    seldom = [name for name in fixed if late[name] <= TARGET]
    best = max(
        seldom or [min(fixed, key=lambda name: late[name])],
        key=lambda name: statistics.fmean(one["accuracy"] for one in runs[name]),
    )
    figures["fixed widths that are late as seldom as asked"] = Figure(len(seldom), "1", "measured")
    bars = [at_most(f"{ADAPTIVE}: late, mean over runs", late[ADAPTIVE], TARGET)]
    for what in ("accuracy", "accuracy, late answers wrong"):
        more = [a[what] - b[what] for a, b in zip(runs[ADAPTIVE], runs[best], strict=True)]
        figures |= over_seeds(f"{ADAPTIVE} less {best}: {what}", more, "1", "measured")
        if what == "accuracy":
            bars.append(_more(best, more))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _more(best: str, more: Sequence[float]) -> Bar:
    return at_least(
        f"{ADAPTIVE} less {best}: accuracy, mean over pairs", statistics.fmean(more), MORE_ACCURATE
    )


def prepared(quick: bool) -> dict[str, Any]:
    """Return the C of the network, test images as it takes them, their classes, and accuracies of each width."""
    # Loaded here: the process that measures has no need of torch.
    from benchmarks._dynamic_methods import POLISH_RATE
    from benchmarks._dynamic_tasks import GROUPS, TASKS, WIDTHS
    from sarto.compress.state import Evaluation
    from sarto.core.graph import infer
    from sarto.core.graph.widths import cut
    from sarto.deploy.c.emit import emit
    from sarto.deploy.lower.dynamic import lower_dynamic, quantised
    from sarto.learn.incremental import train_incrementally
    from sarto.learn.loop import Training
    from sarto.learn.width_heads import polish
    from sarto.measure.model import of_items
    from sarto.models.dynamic.module import DynamicNetwork

    task = TASKS["digits"]
    learned, tested = task.read(0)
    learned, validation = learned.parts(0.25, 0)
    training = Training(2 if quick else task.passes, task.batch, task.rates[-1])
    network = DynamicNetwork(task.full(learned), GROUPS, 0)
    train_incrementally(network, learned, training)
    polish(network, learned, replace(training, rate=POLISH_RATE))
    lowered = lower_dynamic(network, quantised(network, Evaluation(learned, validation)))

    def accuracies(of: Any) -> list[float]:
        items = lowered.items(of.x)
        return [float((infer(cut(lowered.graph, k), items).classes == of.y).mean()) for k in WIDTHS]

    lines = of_items(lowered.items(tested.x)).listed()
    return {
        "sources": emit(lowered.graph),
        "lines": [item.tolist() for item in lines],
        "target": np.asarray(tested.y).tolist(),
        "accuracy": accuracies(validation),
        "test accuracy": accuracies(tested),
    }


@dataclass
class Runner:
    """Runs batches at a width on one or two threads, each with its own copy of the model's memory."""

    programs: Sequence[WidthProgram]
    lines: Any
    pool: ThreadPoolExecutor
    width: int = 1
    threads: int = 1

    def batch(self, items: Ints) -> Ints:
        """Return the classes of items."""
        if self.threads == 1:
            return self._part(0, items)
        half = len(items) // 2
        other = self.pool.submit(self._part, 1, items[half:])
        return np.concatenate([self._part(0, items[:half]), other.result()])

    def _part(self, which: int, items: Ints) -> Ints:
        return self.programs[which].classes(self.lines[items], self.width)

    def knobs(self) -> Knobs:
        """Return what can be set: width, threads, and the cores of this process."""
        return Knobs(
            [
                Call("width", lambda: self.width, lambda text: setattr(self, "width", int(text))),
                Call("threads", lambda: self.threads, lambda text: setattr(self, "threads", int(text))),
                Affinity(),
            ],
            act=True,
        )


def wanted(point: OperatingPoint) -> Mapping[str, str]:
    """Return what each knob is to be at a point."""
    return {name: str(point.settings[name]) for name in ("width", "threads", "affinity")}


def settings_here() -> dict[str, dict[str, str]]:
    """Return threads and cores: one thread on any core, one on the last core, two threads where there are two cores."""
    cores = sorted(os.sched_getaffinity(0))
    every = ",".join(map(str, cores))
    found = {"one thread": {"threads": "1", "affinity": every}}
    if len(cores) > 1:
        found["one thread on one core"] = {"threads": "1", "affinity": str(cores[-1])}
        found["two threads"] = {"threads": "2", "affinity": every}
    return found


def measured(kept: Mapping[str, Any], runs: int, quick: bool) -> dict[str, Any]:
    """Return what all arms did on this machine; runs in a process of its own."""
    lines = np.array(kept["lines"])
    programs = [WidthProgram(kept["sources"]) for _ in range(2)]
    phase_s = QUICK_PHASE_S if quick else PHASE_S
    with ThreadPoolExecutor(1) as pool, hogs() as busy:
        runner = Runner(programs, lines, pool)
        runner.width = programs[0].widths
        runner.batch(np.arange(20))
        item_s = min(_timed(runner, np.arange(20)) for _ in range(200)) / 20
        size = max(2, 2 * round(JOB_S / item_s / 2))
        points = points_here(runner, size, kept["accuracy"])
        deadline_s = DEADLINE * quiet_s(runner, points, size)
        live = Live(runner, busy, np.array(kept["target"]), size, deadline_s, phase_s)
        fixed = replace(live, phase_s=phase_s / 2).tuned(points)
        found: dict[str, list[Run]] = {}
        for number in range(runs):
            arms = [
                *((name, points) for name in MANAGED),
                *((name, [point]) for name, point in fixed.items()),
            ]
            for name, some in arms[number % len(arms) :] + arms[: number % len(arms)]:
                found.setdefault(name, []).append(live.run(some, number, counts=name != BLIND))
    figures: dict[str, tuple[float, str]] = {
        "images of a job": (size, "1"),
        "deadline": (deadline_s, "s"),
        "period": (PERIOD * deadline_s, "s"),
    }
    figures |= {f"time of {p.name}, quiet": (p["latency"], "s") for p in points}
    figures |= {f"test accuracy at width {k}": (a, "1") for k, a in enumerate(kept["test accuracy"], 1)}
    return {"runs": {name: found[name] for name in [*MANAGED, *fixed]}, "figures": figures}


def _timed(runner: Runner, items: Ints) -> float:
    begun = time.perf_counter()
    runner.batch(items)
    return time.perf_counter() - begun


def quiet_s(runner: Runner, points: Sequence[OperatingPoint], size: int) -> float:
    """Return the median time of jobs at full width, in the setting where it is least."""
    widest = max(int(point.settings["width"]) for point in points)
    items, found = np.arange(size) % len(runner.lines), list[float]()
    with runner.knobs() as knobs:
        for point in points:
            if int(point.settings["width"]) == widest:
                for name, value in wanted(point).items():
                    knobs.set(name, value)
                times = [_timed(runner, items) for _ in range(QUIET_JOBS)]
                found.append(statistics.median(times))
    return min(found)


def points_here(runner: Runner, size: int, accuracy: Sequence[float]) -> list[OperatingPoint]:
    """Return a point for each width in each setting, timed on batches of images."""
    found: list[OperatingPoint] = []
    count = len(runner.lines)
    batches = [np.arange(i * size, (i + 1) * size) % count for i in range(BATCHES)]
    with runner.knobs() as knobs:
        for setting, values in settings_here().items():
            for name, value in values.items():
                knobs.set(name, value)
            names = {f"{100 * k // len(accuracy)} %, {setting}": k for k in range(1, len(accuracy) + 1)}
            timed = timed_points(
                {name: _at(runner, k) for name, k in names.items()},
                batches,
                {name: accuracy[k - 1] for name, k in names.items()},
            )
            found += [
                replace(p, settings={"variant": p.name, "cluster": setting, "width": names[p.name], **values})
                for p in timed
            ]
    return found


def _at(runner: Runner, width: int) -> Any:
    def job(items: Ints) -> Ints:
        runner.width = width
        return runner.batch(items)

    return job


@dataclass
class Live:
    """Runs of the scenario."""

    runner: Runner
    busy: Sequence[int]
    target: Any
    size: int
    deadline_s: float
    phase_s: float

    def tuned(self, points: Sequence[OperatingPoint]) -> dict[str, OperatingPoint]:
        """Return of each width the point that is late least often in a run of its own, the fastest of equals."""
        late = [
            (self.run([p], 1000 + number)["late"], p["latency"], number) for number, p in enumerate(points)
        ]
        best: dict[int, OperatingPoint] = {}
        for _, _, number in sorted(late):
            best.setdefault(int(points[number].settings["width"]), points[number])
        return {f"fixed {best[width].name}": best[width] for width in sorted(best)}

    def run(self, points: Sequence[OperatingPoint], seed: int, *, counts: bool = True) -> Run:
        """Return how one run of the scenario went; one point is a fixed one. Without `counts` others are not seen."""
        crowd = Runnable() if counts else None
        manager = Manager(Points.of(points), Policy(TARGET), late=TARGET)
        works = {p.name: self.runner.batch for p in points}
        rng = generator(seed, "live images")
        jobs = int(4 * self.phase_s / (PERIOD * self.deadline_s))
        batches = rng.integers(0, len(self.target), (jobs, self.size))
        totals = np.zeros((jobs, 4))
        states: list[str] = []
        chosen: list[int] = []
        gc.collect()
        gc.disable()
        try:
            with session(manager, works, knobs=self.runner.knobs(), wanted=wanted, crowd=crowd) as s:
                s.goal = Goal(self.deadline_s)
                begun = time.perf_counter() + 0.01
                for job in range(jobs):
                    if job % (jobs // 4 + 1) == 0:
                        _signal(self.busy, signal.SIGCONT if job // (jobs // 4 + 1) % 2 else signal.SIGSTOP)
                    totals[job] = self._job(s, batches[job], begun + job * PERIOD * self.deadline_s)
                    states += [one.state for one in s.applied]
                    chosen.append(-1 if s.last is None else s.last.index)
        finally:
            gc.enable()
            _signal(self.busy, signal.SIGSTOP)
        late, late_from_release, right, right_in_time = totals.mean(axis=0)
        return {
            "late": float(late),
            "late from release": float(late_from_release),
            "accuracy": float(right),
            "accuracy, late answers wrong": float(right_in_time),
            "changes of point": float(np.count_nonzero(np.diff(chosen))),
            "knobs set and read back": float(states.count("set")),
            "knobs refused": float(states.count("refused")),
            "jobs": float(jobs),
        }

    def _job(self, s: Session[Ints, Ints], batch: Ints, release: float) -> tuple[float, float, float, float]:
        wait = release - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        answers = s.infer(batch)
        deadline = s.goal.deadline_s
        late = s.seconds > deadline
        right = int(np.count_nonzero(self.target[batch] == answers)) / len(batch)
        return late, time.perf_counter() - release > deadline, right, 0.0 if late else right


@contextlib.contextmanager
def hogs() -> Generator[list[int]]:
    """Start busy programs, stopped, and end them."""
    started = [subprocess.Popen(HOG) for _ in range(HOGS)]
    try:
        _signal([one.pid for one in started], signal.SIGSTOP)
        yield [one.pid for one in started]
    finally:
        for one in started:
            one.kill()
            one.wait()


def _signal(processes: Sequence[int], which: signal.Signals) -> None:
    for process in processes:
        os.kill(process, which)
