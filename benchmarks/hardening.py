"""Bounds from calibration lower the mean misclassified share under flipped float32 weight bits >= 10x, untrained.

The digits CNN (38,282 float32 parameters, learned from 1,200 digits) gets 3,000 single-bit flips, drawn evenly from its
weights, each judged on the 597 test digits; the same flips go into every arm of a training, of which there are three:

- ReLU: as trained;
- bounds of channels, bounds of layers: `restrict_ranges` on the training digits, NaN becomes 0, nothing is trained;
- NaN becomes 0 alone, the control that says what the bounds do beside it;
- ReLU6: trained so from the start by the same passes (the published design).

Ranger, as published, has bounds of layers; bounds of channels are kept in 31 times the bits, which count. Which of the
two has the bar was settled on other flips and another training than those told here.

Critical is told under both published definitions, which may disagree: the share of faults with which any image changes
its class, and the mean share of images that a fault makes wrong; beside them the tail of faults that hurt more than a
tenth of the images, and the images that get no number, which a guard would turn into silent errors. Ratios are of means
over the same flips. MTTF ratios, for the same raw rate per bit, are of exposed bits times what a flip does by either
definition; bounds are stored, so their bits count, and flips of them (256 drawn) are judged too.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from functools import partial

import torch
from torch import nn

from benchmarks._bench import Bench
from benchmarks._digits import Digits, accuracy, cnn, digits, trained
from benchmarks._flipped import drawn
from benchmarks._outcome import Figure, Outcome, at_least, over_seeds
from sarto.audit.faults.network import NetworkSpace
from sarto.audit.faults.verdicts import rates
from sarto.learn.harden import Bound, restrict_ranges
from sarto.learn.loop import torch_threads

MINUTES = 4
FLIPS, QUICK_FLIPS, GUARDS = 3000, 200, 256
SEEDS = (1, 2, 3)
Told = dict[str, dict[str, float]]


def run(bench: Bench) -> Outcome:
    """Return what the flips do in every arm."""
    seeds = SEEDS[:1] if bench.quick else SEEDS
    flips = QUICK_FLIPS if bench.quick else FLIPS
    found = [bench.once({"seed": seed, "flips": flips}, _arms, seed, flips) for seed in seeds]
    figures: dict[str, Figure] = {}
    for arm, told in found[0].items():
        for what in told:
            figures |= over_seeds(f"{arm}: {what}", [of[arm][what] for of in found], "1", "measured")
    for arm in list(found[0])[1:]:
        for what in ("mean misclassified share", "exposed any-image faults", "exposed misclassified share"):
            name = what.replace("exposed any-image faults", "MTTF ratio by any image")
            name = name.replace("exposed misclassified share", "MTTF ratio by share of images")
            times = name if "MTTF" in name else f"{name}, times lower"
            ratios = [of["ReLU"][what] / of[arm][what] if of[arm][what] else math.inf for of in found]
            figures |= over_seeds(f"{arm}: {times}", ratios, "1", "measured")
    key = "bounds of channels: mean misclassified share, times lower, mean"
    return Outcome(figures, () if bench.quick else (at_least(key, figures[key].value, 10),))


def _arms(seed: int, flips: int) -> Told:
    """Return what flips do to the networks of one training."""
    data = digits(seed)
    with torch_threads(1):
        plain = trained(cnn, data, seed)
        arms: dict[str, nn.Module] = {
            "ReLU": plain,
            "bounds of channels": restrict_ranges(plain, data.train_x),
            "bounds of layers": restrict_ranges(plain, data.train_x, per="layer"),
            "NaN as 0": _unbounded(plain, data),
            "ReLU6, trained": trained(partial(cnn, nn.ReLU6), data, seed),
        }
        return {name: _told(network, data, flips, seed) for name, network in arms.items()}


def _unbounded(network: nn.Module, data: Digits) -> nn.Module:
    """Return the network with NaN as 0 and nothing else."""
    found = restrict_ranges(network, data.train_x, per="layer")
    for module in found.modules():
        if isinstance(module, Bound):
            module.low, module.high = torch.tensor(-torch.inf), torch.tensor(torch.inf)
    return found


def _told(network: nn.Module, data: Digits, flips: int, seed: int) -> dict[str, float]:
    """Return accuracy, and what flips do by every definition."""
    space = NetworkSpace(network, data.test_x, ("weights",))
    found = space.judge(drawn(space.cells, flips, seed))
    parts, result = [(found, space.bits)], rates([(found, space.bits)])
    guards = NetworkSpace(network, data.test_x, ("guards",))
    if finite := sum(int(m.high.isfinite().sum()) for m in network.modules() if isinstance(m, Bound)):
        parts.append((guards.judge(drawn(guards.cells, min(GUARDS, guards.bits), seed)), guards.bits))
    whole = rates(parts)
    return {
        "accuracy": accuracy(network, data),
        "any image changes": result.critical.share,
        "mean misclassified share": result.misclassified.share,
        "more than a tenth of the images wrong": result.hurt.share,
        "mean share of images without a number": float(found.failed.mean() / found.inputs),
        "bits of bounds": float(64 * finite),
        "exposed any-image faults": whole.population * whole.critical.share,
        "exposed misclassified share": whole.population * whole.misclassified.share,
    }
