"""A reservoir on an imperfect analogue array: the price of read noise, few bits and drift, and whether evolving pays.

JapaneseVowels (the archive's split, 100 units) and `sp_sw_har` (watch, purity >= .6, seed s tests the subjects with
number % 5 == s and trains on every other window of the others, 32 units), 5 seeds, each with weights, array and noise
of its own. Gains and leak were tuned for each seed on folds of the training part (by subject where there are some),
without noise. Three accuracies on the test part:

- software: the plain reservoir of the same weights, size and settings, its readout trained on it;
- retrained: the array, its readout trained on the states of that same imperfect array;
- kept: the same array, with the readout of the ideal one (of the whole phase-change model: as it was just written).

Each imperfection comes alone: read noise for every access in units of the largest conductance, bits of the written
conductances, drift with the published exponents of phase-change elements, without and with compensation; and all of
the published phase-change model at once. A noise budget is the most of it for which the mean loss against software
stays within .01 by a one-sided 95 % bound over the seeds (`sarto.learn.noise_budget`); a figure that is missing was
not reached. The pooling and the ranges of the controls were fixed before, and the level of noise for the search is an
illustration.

Then the controls are tuned under noise (4 bits, read noise .2) by CMA-ES and by random search, 60 evaluations each,
on the same folds; the settings tuned without noise, by random search with as many evaluations, are the control. Each
is tested once, over two draws of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, replace
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_most, over_seeds
from benchmarks._substrate import CONTROLS, accuracies, array, quality, software, task
from sarto.core.executors import open_executor
from sarto.learn.evolution import Method, tuned
from sarto.learn.noise_budget import NoiseBudget, noise_budget
from sarto.models.substrate.crossbar import Crossbar
from sarto.models.substrate.memristor import Memristor, PhaseChange

MINUTES = 10
TASKS = ("vowels", "activities")
READ_NOISE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
BITS = (8, 7, 6, 5, 4, 3, 2)
AGES = {"1 h": 3600.0, "1 d": 86400.0, "30 d": 30 * 86400.0, "1 y": 365 * 86400.0}
LOSS = 0.01
REFINEMENTS = 2
NOISY = Memristor(bits=4, read_noise=0.2)
EVALUATIONS, QUICK_EVALUATIONS = 60, 20
TEST_DRAWS = 2
DRIFT = PhaseChange(write_scale=0.0, read_scale=0.0)
READOUTS = ("retrained", "kept")
Change = Callable[[Crossbar], tuple[Crossbar, Crossbar]]
"""From the ideal array to the one that is used, and the one whose readout is kept."""


def run(bench: Bench) -> Outcome:
    """Return accuracies, budgets and the comparison of the searches."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name in TASKS[:1] if bench.quick else TASKS:
        figures |= _curves(bench, name)
        if not bench.quick:
            figures |= _budgets(bench, name)
        found, spent = _searches(bench, name)
        figures |= found
        gap = figures[f"ideal array against software, {name}, largest difference in accuracy"].value
        bars += [
            at_most(f"ideal array against software, {name}, difference in accuracy", gap, 0.0),
            at_most(f"evaluations of evolution over those of random search, {name}", spent, 0.0),
        ]
    return Outcome(figures, () if bench.quick else tuple(bars))


def _curves(bench: Bench, name: str) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    plain = [_software(bench, name, seed) for seed in bench.seeds]
    ideal = [_tested(bench, name, "ideal", seed)["retrained"] for seed in bench.seeds]
    figures |= over_seeds(f"accuracy, software, {name}", plain, "1", "measured")
    gaps = [abs(a - b) for a, b in zip(plain, ideal, strict=True)]
    figures[f"ideal array against software, {name}, largest difference in accuracy"] = Figure(
        max(gaps), "1", "measured", len(gaps)
    )
    for imperfection in imperfections():
        if imperfection == "ideal":
            continue
        found = [_tested(bench, name, imperfection, seed) for seed in bench.seeds]
        for readout in READOUTS:
            values = [each[readout] for each in found]
            figures |= over_seeds(f"accuracy, {readout}, {imperfection}, {name}", values, "1", "estimated")
        means = ", ".join(f"{r} {np.mean([each[r] for each in found]):.4f}" for r in READOUTS)
        bench.say(f"{name}, {imperfection}: {means}; software {np.mean(plain):.4f}")
    return figures


def imperfections() -> list[str]:
    """Return the names of all imperfections, the ideal array first."""
    aged = [f"drift {age}{how}" for age in AGES for how in ("", " compensated")]
    every = [f"phase-change {age}, compensated" for age in ("20 s", *AGES)]
    return ["ideal", *(f"read noise {s:g}" for s in READ_NOISE), *(f"{b} bits" for b in BITS), *aged, *every]


def changed(imperfection: str, ideal: Crossbar) -> tuple[Crossbar, Crossbar]:
    """Return the array with the imperfection, and the array whose readout is kept."""
    words = imperfection.split()
    if words[0] == "read":
        return _with(ideal, Memristor(read_noise=float(words[2]))), ideal
    if words[-1] == "bits":
        return _with(ideal, Memristor(bits=int(words[0]))), ideal
    if words[0] == "drift":
        return _aged(ideal, AGES[" ".join(words[1:3])], compensated=words[-1] == "compensated"), ideal
    if words[0] == "phase-change":
        age = {"20 s": 20.0, **AGES}[" ".join(words[1:3]).rstrip(",")]
        young = replace(_with(ideal, PhaseChange()), compensated=True)
        return replace(young, age_s=age), young
    return ideal, ideal


def _with(ideal: Crossbar, memristor: Memristor) -> Crossbar:
    return replace(ideal, memristor=memristor)


def _aged(ideal: Crossbar, age_s: float, *, compensated: bool) -> Crossbar:
    return replace(ideal, memristor=DRIFT, age_s=age_s, compensated=compensated)


def _tested(bench: Bench, name: str, imperfection: str, seed: int) -> dict[str, float]:
    def change(ideal: Crossbar) -> tuple[Crossbar, Crossbar]:
        return changed(imperfection, ideal)

    return _once(bench, name, {"imperfection": imperfection}, change, seed)


def _once(bench: Bench, name: str, what: Mapping[str, Any], change: Change, seed: int) -> dict[str, float]:
    """Return both accuracies on the changed array of `seed`, with the settings that were tuned without noise."""
    on, values = task(name, seed), _clean_values(bench, name, seed)
    used, first = change(array(on, seed, Memristor(), values))
    settings = {"task": name, "data": on.sha256, "seed": seed, "values": values, **what}
    return bench.once(settings, accuracies, on, used, first, seed)


def _software(bench: Bench, name: str, seed: int) -> float:
    on, values = task(name, seed), _clean_values(bench, name, seed)
    settings = {"software": name, "data": on.sha256, "seed": seed, "values": values}
    return bench.once(settings, software, on, seed, values)


def _budgets(bench: Bench, name: str) -> dict[str, Figure]:
    """Return how much of each imperfection loses no more than LOSS against the ideal array, which is the software."""
    figures: dict[str, Figure] = {}
    clean = {seed: _tested(bench, name, "ideal", seed) for seed in bench.seeds}
    for readout in READOUTS:

        def noise(level: float, seed: int, readout: str = readout) -> float:
            def change(ideal: Crossbar) -> tuple[Crossbar, Crossbar]:
                return _with(ideal, Memristor(read_noise=level)), ideal

            what = {"imperfection": f"read noise {level:g}"} if level in READ_NOISE else {"read noise": level}
            return clean[seed][readout] if level == 0 else _once(bench, name, what, change, seed)[readout]

        def bits(level: float, seed: int, readout: str = readout) -> float:
            exact = level == float("inf")
            return (clean[seed] if exact else _tested(bench, name, f"{int(level)} bits", seed))[readout]

        def drift(level: float, seed: int, readout: str = readout) -> float:
            def change(ideal: Crossbar) -> tuple[Crossbar, Crossbar]:
                return _aged(ideal, level, compensated=False), ideal

            age = {v: k for k, v in AGES.items()}.get(level)
            what = {"age": level} if age is None else {"imperfection": f"drift {age}"}
            young = level <= DRIFT.drift_start_s
            return clean[seed][readout] if young else _once(bench, name, what, change, seed)[readout]

        seeds = list(bench.seeds)
        ratio: dict[str, Any] = {"refinements": REFINEMENTS, "log": True}
        found = noise_budget(noise, READ_NOISE, clean=0.0, loss=LOSS, seeds=seeds, **ratio)
        figures |= _budget(f"read noise, {readout}", name, found, "1", len(seeds))
        found = noise_budget(bits, BITS, clean=float("inf"), loss=LOSS, seeds=seeds)
        figures |= _budget(f"bits, {readout}", name, found, "bit", len(seeds))
        ages = tuple(AGES.values())
        found = noise_budget(drift, ages, clean=20.0, loss=LOSS, seeds=seeds, **ratio)
        figures |= _budget(f"uncompensated drift, {readout}", name, found, "s", len(seeds))
    return figures


def _budget(what: str, name: str, found: NoiseBudget, unit: str, n: int) -> dict[str, Figure]:
    """Return the level that holds, if one does, and the least harmful one that was seen to fail, if one was."""
    ends = {"worst that holds": found.value, "first that fails": found.interval[1]}
    return {
        f"budget of {what}, {name}, {end}": Figure(level, unit, "estimated", n)
        for end, level in ends.items()
        if level is not None and math.isfinite(level)
    }


def _clean_values(bench: Bench, name: str, seed: int) -> dict[str, float]:
    return _search(bench, name, seed, Memristor(), "random")["values"]


def _searches(bench: Bench, name: str) -> tuple[dict[str, Figure], float]:
    """Return what each search reaches on the test part under noise, and by how many evaluations they differ."""
    reached: dict[str, list[float]] = {"evolved": [], "random search": [], "tuned without noise": []}
    judged: dict[str, list[float]] = {"evolved": [], "random search": []}
    spent: list[int] = []
    for seed in bench.seeds:
        both: dict[str, Method] = {"evolved": "cma", "random search": "random"}
        found = {how: _search(bench, name, seed, NOISY, method) for how, method in both.items()}
        spent.append(abs(found["evolved"]["evaluations"] - found["random search"]["evaluations"]))
        chosen = {how: each["values"] for how, each in found.items()}
        chosen["tuned without noise"] = _clean_values(bench, name, seed)
        for how, values in chosen.items():
            reached[how].append(_reached(bench, name, seed, values))
        for how, each in found.items():
            judged[how].append(each["quality"])
        shown = ", ".join(f"{how} {values[-1]:.4f}" for how, values in reached.items())
        bench.say(f"{name}, seed {seed}, under noise: {shown}; evolved {chosen['evolved']}")
    figures: dict[str, Figure] = {}
    for how, values in reached.items():
        figures |= over_seeds(f"test accuracy under noise, {how}, {name}", values, "1", "estimated")
    for how, values in judged.items():
        figures |= over_seeds(f"validation accuracy under noise, {how}, {name}", values, "1", "estimated")
    for rival in ("random search", "tuned without noise"):
        gains = [a - b for a, b in zip(reached["evolved"], reached[rival], strict=True)]
        figures |= over_seeds(f"test accuracy, evolved over {rival}, {name}", gains, "1", "estimated")
    return figures, float(max(spent))


def _search(bench: Bench, name: str, seed: int, memristor: Memristor, method: Method) -> dict[str, Any]:
    on = task(name, seed)
    evaluations = QUICK_EVALUATIONS if bench.quick else EVALUATIONS
    settings = {
        "search": name,
        "data": on.sha256,
        "seed": seed,
        "memristor": repr(memristor),
        "method": method,
        "evaluations": evaluations,
    }
    return bench.once(settings, _searched, bench, name, seed, memristor, method, evaluations)


def _searched(
    bench: Bench, name: str, seed: int, memristor: Memristor, method: Method, evaluations: int
) -> dict[str, Any]:
    evaluate = partial(quality, name, seed, memristor)
    found = tuned(
        evaluate,
        CONTROLS,
        evaluations=evaluations,
        seed=seed,
        method=method,
        finalists=3,
        confirmations=4,
        executor=_workers(bench.workers),
    )
    return {key: value for key, value in asdict(found).items() if key != "table"}


@cache
def _workers(count: int) -> Executor:
    """Return one executor for all searches, so that data are read once by each process."""
    return open_executor(count)


def _reached(bench: Bench, name: str, seed: int, values: dict[str, float]) -> float:
    on = task(name, seed)
    used = array(on, seed, NOISY, values)
    drawn: list[float] = []
    for draw in range(TEST_DRAWS):
        settings = {"reached": name, "data": on.sha256, "seed": seed, "values": values, "draw": draw}
        drawn.append(bench.once(settings, accuracies, on, used, used, 1000 * (draw + 1) + seed)["retrained"])
    return float(np.mean(drawn))
