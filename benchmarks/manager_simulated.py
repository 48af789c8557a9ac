"""A manager on the published figures of the Odroid XU3, beside governors and an oracle: energy, misses, accuracy.

The points are the widths of a nested network that `dynamic_accuracy` trained on CIFAR-10, with the accuracies that it
kept, in 29 settings: the six that are published, and every 100 MHz in between (`runtime.points.between`). There are two
such ladders: `improved`, of the recipe that it chose, whose narrowest width is nearly as accurate as the widest, and
`joint`, of all widths trained at once, which are less accurate and further apart. A width does a share of the work, by
its multiplications, of the job that the published times are for. 10 scenarios of 2,000 jobs (`runtime.scenarios`):
deadlines of .15 to 1 s, accuracies from that of the least accurate width to 8 % of their range below that of the most
accurate, power of .35, .9 or 2.5 W, other work that slows jobs down 1, 1.5 or 2.2 times, heat that takes clocks above
1 GHz away in a third of the time, 6 % of noise, and a second model that has the A15 to itself in a fifth of the time.
Each changes after 100 jobs in the mean. Settings of the manager were chosen on seeds from 100 on.

The oracle chooses by the same policy for each job, and knows how much slower it will run. It looks no further than that
job: `changes are free` is an oracle whose changes of setting cost nothing, less than which no series can take within
the same limits. `governors` run the full width. Beside them: a manager that does not learn; one that has the full width
alone; and, with the full width alone, deadlines of at least .4 s, no limit of power and 60 mW between jobs, all against
the energy-aware scheduler at equal accuracy. All energies also with 60 mW between jobs.

Then the best mix of two points under a mean energy against the best single point, with a deadline of .4 s.

Simulated on a published table: nothing was run on that board.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from sarto.core.errors import SartoError
from sarto.core.executors import open_executor
from sarto.devices.platforms import Platform, platform
from sarto.models.dynamic.named import grouped
from sarto.models.dynamic.nesting import nesting
from sarto.models.network.tiny import macs
from sarto.runtime.points import Points, Variant, between, grid
from sarto.runtime.policies.energy_budget import mix
from sarto.runtime.scenarios import Limits, drawn
from sarto.runtime.simulate import simulate

MINUTES = 8
SCENARIOS, JOBS, LATE = 10, 2000, 0.02
DATA, WIDTHS = "cifar10", (25, 50, 75, 100)
IDLE_W = 0.06
SPARED = 0.08
"""Share of the range of accuracies that no job asks for."""
ENERGY, EXCESS, GAIN, DEADLINE_S = 1.05, 0.01, 0.04, 0.4
KEPT = Path(__file__).parent / "results" / "dynamic_accuracy.json"
GOVERNORS = ("performance", "powersave", "schedutil", "energy_aware")
POLICIES = ("min_energy", "max_accuracy")
COLUMNS = ("energy_j", "late", "over_power", "accuracy", "below", "changes")
WORDS = {
    "energy_j": ("energy of a job", "J"),
    "late": ("late", "1"),
    "over_power": ("over power", "1"),
    "accuracy": ("accuracy", "1"),
    "below": ("below accuracy", "1"),
    "changes": ("changes of setting", "1"),
}
Found = dict[str, list[dict[str, float]]]


def run(bench: Bench) -> Outcome:
    """Return energy, misses, violations and accuracy of every policy, and the gain of a mix of two points."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name, method in recipes().items():
        ladder = kept_ladder(method)
        merged = _scenarios(bench, name, ladder)
        gains = mixes(ladder)
        best = max(gains, key=lambda budget: gains[budget][0])
        figures |= _figures(name, ladder, merged)
        mixed = f"{name}, best mix of two points"
        figures[f"{mixed} less the best point: accuracy"] = Figure(gains[best][0], "1", "estimated")
        figures[f"{mixed}: accuracy"] = Figure(gains[best][1], "1", "estimated")
        figures[f"{mixed}: mean energy"] = Figure(best, "J", "estimated")
        bars += _bars(name, merged)
        bars.append(at_least(f"{mixed} less the best point: accuracy", gains[best][0], GAIN))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _scenarios(bench: Bench, name: str, ladder: Sequence[Variant]) -> Found:
    """Return how every policy did in each scenario."""
    seeds = range(2 if bench.quick else SCENARIOS)
    settings = {"ladder": [[v.name, v.accuracy, v.work] for v in ladder], "quick": bench.quick}
    with open_executor(bench.workers) as executor:
        found: list[Found] = [
            bench.once(settings | {"seed": seed}, one.result)
            for seed, one in [(seed, executor.submit(scenario, ladder, seed)) for seed in seeds]
        ]
    bench.say(f"{name}: {len(found)} scenarios")
    return {policy: [each for one in found for each in one[policy]] for policy in found[0]}


def _figures(name: str, ladder: Sequence[Variant], merged: Found) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for policy, each in merged.items():
        for column, (what, unit) in WORDS.items():
            values = [one[column] for one in each]
            figures |= over_seeds(f"{name}, {policy}: {what}", values, unit, "estimated")
    for variant in ladder:
        figures[f"{name}, {variant.name}: accuracy"] = Figure(variant.accuracy, "1", "measured")
        figures[f"{name}, {variant.name}: share of the work"] = Figure(variant.work, "1", "estimated")
    return figures | _ratios(name, merged)


def _kept() -> dict[str, Any]:
    """Return the figures that `dynamic_accuracy` kept."""
    if not KEPT.exists():
        raise SartoError(
            "E101",
            f"there is no {KEPT.name}",
            cause="the points are widths with the accuracies that another benchmark kept",
            hint="run it first: python -m benchmarks dynamic_accuracy",
        )
    return json.loads(KEPT.read_text(encoding="utf-8"))["figures"]


def recipes() -> dict[str, str]:
    """Return ladder -> method of `dynamic_accuracy`: that which it chose, and all widths at once."""
    chosen = f" less incremental at {WIDTHS[0]} %, mean"
    (method,) = (
        key.removeprefix(f"{DATA}, ").removesuffix(chosen)
        for key in _kept()
        if key.startswith(f"{DATA}, ") and key.endswith(chosen)
    )
    return {"improved": method, "joint": "joint"}


def kept_ladder(method: str) -> list[Variant]:
    """Return the widths with the accuracies that `dynamic_accuracy` kept for a method."""
    figures = _kept()
    nested = nesting(grouped("alexnet", (3, 32, 32), 10, len(WIDTHS)), len(WIDTHS))
    whole = macs(nested.architecture)
    return [
        Variant(
            f"{width} %",
            figures[f"{DATA}, {method}: accuracy at {width} %, mean"]["value"],
            macs(nested.cut(number)) / whole,
            "measured",
            f"dynamic_accuracy, {method}",
        )
        for number, width in enumerate(WIDTHS, 1)
    ]


def scenario(ladder: Sequence[Variant], seed: int) -> Found:
    """Return how every policy did in the scenario of a seed."""
    device = between(platform("odroid_xu3"), 100e6)
    points = Points.of(grid(ladder, device))
    none = replace(device.move_s, value=0.0)
    free = replace(device, frequency_change_s=none, move_s=none)
    full = Points.of(grid(ladder[-1:], device))
    least, most = (end(v.accuracy for v in ladder) for end in (min, max))
    floors = (least, most - SPARED * (most - least))
    hard = drawn(JOBS, Limits(floors), clusters=2, seed=seed, second=0)
    easy = replace(
        drawn(JOBS, Limits(floors, (DEADLINE_S, 1.0)), clusters=2, seed=seed),
        power_w=np.full(JOBS, np.inf),
        accuracy=np.zeros(JOBS),
    )
    found: dict[str, dict[str, float]] = {}

    def put(
        name: str,
        of: Points,
        policy: str,
        *,
        case: Any = hard,
        idle_w: float = 0.0,
        on: Platform = device,
        **how: Any,
    ) -> None:
        summary = simulate(of, on, case, policy, late=LATE, idle_w=idle_w, **how).summary()
        found[name] = {column: getattr(summary, column) for column in COLUMNS}

    for policy in POLICIES:
        put(policy, points, policy)
        put(f"oracle of {policy}", points, policy, oracle=True)
        put(f"oracle of {policy}, changes are free", points, policy, oracle=True, on=free)
        put(f"{policy}, does not learn", points, policy, learns=False)
        put(f"{policy}, idle 60 mW", points, policy, idle_w=IDLE_W)
        put(f"oracle of {policy}, idle 60 mW", points, policy, oracle=True, idle_w=IDLE_W)
    put("min_energy, full width alone", full, "min_energy")
    for policy in GOVERNORS:
        put(policy, points, policy)
        put(f"{policy}, idle 60 mW", points, policy, idle_w=IDLE_W)
    for policy in ("schedutil", "energy_aware", "min_energy"):
        put(f"equal accuracy, {policy}", full, policy, case=easy, idle_w=IDLE_W)
    put("equal accuracy, oracle", full, "min_energy", case=easy, idle_w=IDLE_W, oracle=True)
    return {name: [one] for name, one in found.items()}


def mixes(ladder: Sequence[Variant]) -> dict[float, tuple[float, float]]:
    """Return for each mean energy what the best mix is more accurate than the best point, and how accurate it is."""
    points = Points.of(grid(ladder, between(platform("odroid_xu3"), 100e6)))
    energy = np.where(points.latency_s <= DEADLINE_S, points.energy_j, np.inf)
    found: dict[float, tuple[float, float]] = {}
    for budget in np.linspace(float(energy.min()), 0.12, 200).tolist():
        best = mix(energy, points.accuracy, budget)
        mean = float((1 - best.share) * points.accuracy[best.low] + best.share * points.accuracy[best.high])
        found[budget] = (mean - float(points.accuracy[energy <= budget].max()), mean)
    return found


def _mean(found: Found, name: str, column: str) -> float:
    return statistics.fmean(one[column] for one in found[name])


def _ratios(ladder: str, found: Found) -> dict[str, Figure]:
    """Return energies over that of the manager, in the mean over scenarios."""
    pairs = {
        "min_energy": "oracle of min_energy, changes are free",
        "schedutil": "min_energy",
        "energy_aware": "min_energy",
        "performance": "min_energy",
        "equal accuracy, energy_aware": "equal accuracy, min_energy",
        "equal accuracy, schedutil": "equal accuracy, min_energy",
    }
    return {
        f"{ladder}, energy of {name} over that of {mine}": Figure(
            _mean(found, name, "energy_j") / _mean(found, mine, "energy_j"),
            "1",
            "estimated",
            len(found[name]),
        )
        for name, mine in pairs.items()
    }


def _bars(name: str, found: Found) -> Iterator[Bar]:
    for policy in POLICIES:
        for idle in ("", ", idle 60 mW"):
            over = _mean(found, policy + idle, "energy_j") / _mean(
                found, f"oracle of {policy}{idle}", "energy_j"
            )
            yield at_most(f"{name}, {policy}{idle}: energy over the oracle's", over, ENERGY)
        for column in ("late", "below"):
            more = _mean(found, policy, column) - _mean(found, f"oracle of {policy}", column)
            yield at_most(f"{name}, {policy}: {WORDS[column][0]}, more than the oracle", more, EXCESS)
        yield at_most(f"{name}, {policy}: over power", _mean(found, policy, "over_power"), 0)
