"""Bounds from calibration lower the mean misclassified share under flipped float32 weight bits >= 10x, untrained.

The digits CNN (38,282 float32 parameters, learned from 1,200 digits) gets 3,000 single-bit flips, drawn evenly from its
weights, each judged on the 597 test digits; the same flips go into every network of the same weights. Arms:

- ReLU: as trained;
- bounds of layers, bounds of channels: `restrict_ranges` on the training digits, NaN becomes 0, nothing is trained;
- NaN becomes 0 alone, the control that says what the bounds do beside it;
- ReLU6: trained so from the start by the same passes, without and with NaN as 0 (the published design).

Critical is told under both published definitions, which may disagree: the share of faults with which any image changes
its class, and the mean share of images that a fault makes wrong, with 99 % intervals; beside them the tail of faults
that hurt more than a tenth of the images, and answers that are no numbers, which a guard turns into silent ones. Ratios
are of means over the same flips, with a 95 % interval by resampling flips; that of bounds of layers has the bar.

MTTF ratios, for the same raw rate per bit, are of exposed bits times what a flip does by either definition; bounds are
stored, so their bits count, and flips of them (all, or 500 drawn) are judged too.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import nn

from benchmarks._bench import Bench
from benchmarks._digits import Digits, accuracy, cnn, digits, trained
from benchmarks._outcome import Figure, Outcome, at_least
from sarto.audit.faults.network import NetworkSpace
from sarto.audit.faults.sample import draw, strata
from sarto.audit.faults.verdicts import Judged, rates
from sarto.core.seed import generator
from sarto.learn.harden import Bound, restrict_ranges
from sarto.learn.loop import torch_threads

MINUTES = 3
FLIPS, QUICK_FLIPS = 3000, 200
RESAMPLED = 2000
GUARDS = 500
"""Flips of bounds."""


def run(bench: Bench) -> Outcome:
    """Return what the flips do in every arm."""
    data, flips = digits(), QUICK_FLIPS if bench.quick else FLIPS
    figures: dict[str, Figure] = {}
    with torch_threads(1):
        arms = _arms(data)
        wrong: dict[str, Float[np.ndarray, " fault"]] = {}
        harm: dict[str, tuple[float, float]] = {}
        for name, network in arms.items():
            bench.say(name)
            space = NetworkSpace(network, data.test_x, ("weights",))
            found = space.judge(_drawn(space, flips))
            figures |= _told(name, network, data, found, space.bits)
            wrong[name] = found.wrong / found.inputs
            parts = [(found, space.bits)]
            if "bounds" in name:
                guards = NetworkSpace(network, data.test_x, ("guards",))
                parts.append((guards.judge(_drawn(guards, min(GUARDS, guards.bits))), guards.bits))
                figures[f"{name}: bits of bounds"] = Figure(float(guards.bits), "1", "measured")
            result = rates(parts)
            harm[name] = (
                result.population * result.critical.share,
                result.population * result.misclassified.share,
            )
    for name in list(arms)[1:]:
        ratio, interval = _ratio(wrong["ReLU"], wrong[name])
        figures[f"{name}: mean misclassified share, times lower"] = Figure(
            ratio, "1", "measured", flips, interval
        )
        for what, plain, own in zip(("any image", "share of images"), harm["ReLU"], harm[name], strict=True):
            figures[f"{name}: MTTF ratio by {what}"] = Figure(
                plain / own if own else np.inf, "1", "measured", flips
            )
    key = "bounds of layers: mean misclassified share, times lower"
    return Outcome(figures, () if bench.quick else (at_least(key, figures[key].value, 10),))


def _arms(data: Digits) -> dict[str, nn.Module]:
    """Return the networks."""
    plain, bent = trained(cnn, data), trained(partial(cnn, nn.ReLU6), data)
    return {
        "ReLU": plain,
        "NaN as 0": _unbounded(plain, data),
        "bounds of layers": restrict_ranges(plain, data.train_x),
        "bounds of channels": restrict_ranges(plain, data.train_x, per="channel"),
        "ReLU6, trained": bent,
        "ReLU6, trained, NaN as 0": _unbounded(bent, data),
    }


def _unbounded(network: nn.Module, data: Digits) -> nn.Module:
    """Return the network with NaN as 0 and nothing else."""
    found = restrict_ranges(network, data.train_x)
    for module in found.modules():
        if isinstance(module, Bound):
            module.low, module.high = torch.tensor(-torch.inf), torch.tensor(torch.inf)
    return found


def _drawn(space: NetworkSpace, count: int) -> Int64[np.ndarray, "fault 2"]:
    (whole,) = strata(space.cells, "network")
    return whole.places(draw(whole.size, count, 0))


def _told(name: str, network: nn.Module, data: Digits, found: Judged, bits: int) -> dict[str, Figure]:
    result, n = rates([(found, bits)]), len(found)
    kinds = {
        "any image changes": result.critical,
        "mean misclassified share": result.misclassified,
        "more than a tenth of the images wrong": result.hurt,
        "no number": result.kinds["due"],
    }
    figures = {f"{name}: accuracy": Figure(accuracy(network, data), "1", "measured", found.inputs)}
    for what, rate in kinds.items():
        figures[f"{name}: {what}, 99 % interval"] = Figure(
            rate.share, "1", "measured", n, (rate.low, rate.high)
        )
    lost = float(np.mean((found.wrong + found.failed) / found.inputs))
    return figures | {
        f"{name}: mean share of images wrong or without a number": Figure(lost, "1", "measured", n)
    }


def _ratio(
    plain: Float[np.ndarray, " fault"], other: Float[np.ndarray, " fault"]
) -> tuple[float, tuple[float, float]]:
    """Return the ratio of means, with the 2.5 % and 97.5 % quantiles of it over flips drawn anew."""
    chosen = generator(0, "flips").integers(len(plain), size=(RESAMPLED, len(plain)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = plain[chosen].mean(1) / other[chosen].mean(1)
        return float(plain.mean() / other.mean()), (
            float(np.nanquantile(ratios, 0.025, method="lower")),
            float(np.nanquantile(ratios, 0.975, method="higher")),
        )
