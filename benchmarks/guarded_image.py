"""A sum over the flash before each answer makes silent critical faults of an int8 image >= 5 times rarer.

A convolutional network on scikit-learn's digits (8x8, 3x3 to 8 and 16 channels, ReLU, a maximum over 2x2, 10 classes),
int8 by post-training quantisation, is built for a Cortex-M4 with and without the guard of `sarto.deploy.guard`, three
times from three seeds. Every flash and RAM bit of either image is exposed: code, vectors, the guard, the stack. A fault
is one flipped bit at any moment of a run over 8 test items. Both sides see as many faults, drawn anew for each
image, since their bits are others. The ratio of the times to a silent critical failure (a class changes, nothing tells)
is that of exposed bits times critical share; its lower bound takes the lower bound of the plain image and the upper one
of the guarded image. Critical by the second definition (the share of answers that are wrong), the faults that stop the
device, which become more, and both costs stand beside it, and so does a guard that leaves the weights out.

The control is a dense network of 32 hidden units on the same digits, which gives an answer in so few instructions that
a scrub of its flash is no small part of them: with all of the flash for each answer, and with a sixteenth, over 64
items.
"""

from __future__ import annotations

from benchmarks._bench import Bench
from benchmarks._digits_board import made
from benchmarks._outcome import Figure, Outcome, at_least, at_most, over_seeds
from sarto.audit.faults.campaign import Plan
from sarto.audit.faults.campaign import run as campaign
from sarto.audit.faults.image import ImageSpace
from sarto.deploy.c.emit import emit
from sarto.deploy.guard import Guards
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.guard import build_guarded
from sarto.measure.model import of_items

MINUTES = 9
SEEDS, FAULTS = 3, 2500
INPUTS = {"convolutions": 8, "dense": 64}
CONFIDENCE = 0.95
DEVICE = "cortex_m4"
VARIANTS = {
    "convolutions": ("plain", "guarded", "guarded but for weights"),
    "dense": ("plain", "guarded", "guarded in 16 parts"),
}
GUARD = {"guarded": "flash", "guarded but for weights": "code", "guarded in 16 parts": "flash:16"}


def run(bench: Bench) -> Outcome:
    """Return the rates of faults with and without the guard, what it costs, and the ratios."""
    seeds, faults = (1, 200) if bench.quick else (SEEDS, FAULTS)

    def seen(name: str, seed: int, variant: str) -> dict[str, float]:
        bench.say(f"{name}, seed {seed}, {variant}")
        settings = {"network": name, "seed": seed, "variant": variant, "faults": faults}
        return bench.once(settings, judged, name, seed, variant, faults)

    figures: dict[str, Figure] = {}
    worst: dict[str, list[dict[str, float]]] = {}
    for name, count in (("convolutions", seeds), ("dense", 1)):
        said = {variant: [seen(name, s, variant) for s in range(count)] for variant in VARIANTS[name]}
        for variant, rows in said.items():
            for row, plain in zip(rows, said["plain"], strict=True):
                if variant != "plain":
                    row |= against(plain, row)
            for key in rows[0]:
                unit = "B" if key == "flash" else "instructions" if key == "instructions" else "1"
                how = "measured" if key in ("flash", "more flash", "test accuracy") else "emulated"
                values = [row[key] for row in rows]
                figures |= over_seeds(f"{name}, {variant}: {key}", values, unit, how)
        if name == "convolutions":
            worst = said
    rows = worst["guarded"]
    bars = (
        at_least(
            "MTTF ratio, lower bound of the worst seed", min(r["MTTF ratio, at least"] for r in rows), 5
        ),
        at_least(
            "critical share, plain by guarded, likewise", min(r["critical ratio, at least"] for r in rows), 5
        ),
        at_most(
            "more instructions per inference, of the worst seed",
            max(r["more instructions"] for r in rows),
            0.05,
        ),
        at_most("more bytes of flash, of the worst seed", max(r["more flash"] for r in rows), 0.10),
    )
    return Outcome(figures, () if bench.quick else bars)


def judged(name: str, seed: int, variant: str, faults: int) -> dict[str, float]:
    """Return what faults do to a network's image, and what it takes."""
    model, core = made(name, seed), device(DEVICE)
    sources, given = emit(model.graph), of_items(model.tested[: INPUTS[name]])
    if variant == "plain":
        image = build(sources, core)
    else:
        image = build_guarded(sources, core, Guards.of(GUARD[variant]))[0]
    space = ImageSpace(image, given, flash_from="any")
    # No sample of so many faults is as sure as this: every image sees all of them.
    rates = campaign(space, Plan("network", 1e-4, CONFIDENCE, faults, seed)).rates
    return {
        "test accuracy": model.accuracy,
        **{kind: rate.share for kind, rate in rates.kinds.items()},
        "critical at least": rates.critical.low,
        "critical at most": rates.critical.high,
        "answers made wrong by a fault": rates.misclassified.share,
        "faults that hurt over 10 % of the answers": rates.hurt.share,
        "bits": space.bits,
        "flash": image.flash_b,
        "instructions": float(emulate(image, given.listed()).inference_instructions.mean()),
    }


def against(plain: dict[str, float], guarded: dict[str, float]) -> dict[str, float]:
    """Return the ratios of an image to the plain one, and what it takes more."""
    ratio = plain["critical at least"] / guarded["critical at most"]
    return {
        "critical ratio, at least": ratio,
        "MTTF ratio, at least": ratio * plain["bits"] / guarded["bits"],
        "more instructions": guarded["instructions"] / plain["instructions"] - 1,
        "more flash": guarded["flash"] / plain["flash"] - 1,
    }
