"""A network whose tables lie in a memory of too low a voltage: accuracy and silent errors by bit-error rate and guard.

The int8 networks of `_digits_board`, a small CNN and a dense network on scikit-learn's digits, three trainings each,
answer 100 test digits. The tables are read 800 times at each rate of wrong bits, from 10^-6 to 10^-3, as they are, with
a CRC of each table, and with a second copy; all see the same errors. Of the CNN there is an arm with bounds of channels
(`ranges`) in the graph, from the same weights. The MTTF ratio is that of reads with silent errors without and with the
guard, at the same rate of every bit, the guards' own bits counted; where none was seen it is the least that 95 % bounds
allow. LEGaTO's goal is 5 times. The price stands beside it: what is still answered, and exposed bits.

Nothing is said of volts and joules: no published curve comes with Sarto.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from benchmarks._bench import Bench
from benchmarks._digits_board import CONVOLUTIONS, DENSE, SHAPE, TRAINED
from benchmarks._outcome import Figure, Outcome, at_least, over_seeds
from sarto.audit.faults.undervolting import READS, SILENT, protection, undervolted
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.data.examples import of_arrays
from sarto.deploy.lower.network import lower_network
from sarto.learn.harden import restrict_ranges
from sarto.learn.loop import Training, torch_threads, train
from sarto.measure.model import of_items
from sarto.models.network.module import Network

MINUTES = 8
SEEDS, ITEMS, READ = 3, 100, 800
QUICK_ITEMS, QUICK_READ = 40, 8
RATES = (1e-6, 1e-5, 1e-4, 1e-3)
ARMS = {"CNN": CONVOLUTIONS, "CNN with bounds": CONVOLUTIONS, "dense": DENSE}
GOAL, GOAL_AT = 5.0, 1e-4
"""LEGaTO's goal for the time to failure, and the rate at which it is asked here."""


def run(bench: Bench) -> Outcome:
    """Return what the networks answer at every rate with every guard."""
    items, reads = (QUICK_ITEMS, QUICK_READ) if bench.quick else (ITEMS, READ)
    rates = RATES[-2:] if bench.quick else RATES
    figures: dict[str, Figure] = {}
    for arm in ARMS:
        found: list[dict[str, float]] = []
        for seed in range(1 if bench.quick else SEEDS):
            settings = {"arm": arm, "seed": seed, "items": items, "reads": reads, "rates": list(rates)}
            found.append(bench.once(settings, swept, arm, seed, items, reads, rates))
            bench.say(f"{arm}, seed {seed}: {found[-1]['no errors: accuracy']:.4f} without errors")
        for what in found[0]:
            unit = "bits" if what.endswith("bits") else "1"
            figures |= over_seeds(f"{arm}, {what}", [of[what] for of in found], unit, "measured")
    bars = [
        at_least(f"MTTF ratio of {guard}, {arm}, at {GOAL_AT:g}, least of seeds", _least(figures, key), GOAL)
        for arm in ("CNN", "dense")
        for guard in ("crc", "copy")
        for key in [f"{arm}, {GOAL_AT:g}, {guard}: MTTF ratio, mean"]
    ]
    return Outcome(figures, () if bench.quick else tuple(bars))


def _least(figures: dict[str, Figure], key: str) -> float:
    spread = figures[key].spread
    return figures[key].value if spread is None else spread[0]


def swept(arm: str, seed: int, items: int, reads: int, rates: tuple[float, ...]) -> dict[str, float]:
    """Return the figures of one network: accuracy, answers, silent errors and MTTF ratios by rate and guard."""
    lowered, x, y = _made(arm, seed, items)
    given = of_items(lowered.items(x))
    points = undervolted(
        lowered.graph, given.raw, given.offsets, y, rates=(0.0, *rates), draws=reads, seed=seed
    )
    told: dict[str, float] = {"no errors: accuracy": points[0]["accuracy"]}
    plain = {p.settings["bit_error_rate"]: p for p in points if p.settings["guard"] == "none"}
    for point in points:
        rate, guard = point.settings["bit_error_rate"], point.settings["guard"]
        if not rate:
            told[f"no errors, {guard}: exposed bits"] = point["exposed bits"]
            continue
        for what in ("accuracy", "answered", SILENT, READS):
            told[f"{rate:g}, {guard}: {what}"] = point[what]
        if guard != "none":
            told[f"{rate:g}, {guard}: MTTF ratio"] = protection(plain[rate], point).value
    return told


def _made(arm: str, seed: int, items: int) -> tuple[Any, Any, Any]:
    """Return the integers of a network that was trained by a seed, and test items with their classes."""
    x, y = map(np.asarray, load_digits(return_X_y=True))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]
    pixels = np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, *SHAPE)
    order = np.random.default_rng(seed).permutation(len(y))
    learned, tested = (of_arrays(pixels[rows], y[rows]) for rows in (order[:TRAINED], order[TRAINED:]))
    network = Network(ARMS[arm], seed)
    with torch_threads(1):
        train(network, learned, Training(epochs=40, batch=64, rate=3e-3, seed=seed))
        network.eval()
        if arm == "CNN with bounds":
            network = restrict_ranges(network, learned.x)
        state = ptq.quantise(State(network), Evaluation(learned, learned))
        lowered = lower_network(state.network, tested.classes)
    return lowered, tested.x[:items], tested.y[:items]
