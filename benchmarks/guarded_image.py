"""A sum over the flash before each answer makes silent critical faults of an int8 image >= 5 times rarer.

A convolutional network on scikit-learn's digits (8x8, 3x3 to 8 and 16 channels, ReLU, a maximum over 2x2, 10 classes),
int8 by post-training quantisation, is built for a Cortex-M4 with and without the guard of `sarto.deploy.guard`, three
times from three seeds. Every flash and RAM bit of either image is exposed: code, vectors, the guard, the stack. A fault
is one flipped bit at any moment of a run over 8 test items. Both sides see as many faults, drawn anew for each
image, since their bits are others. The ratio of the times to a silent critical failure (a class changes, nothing tells)
is that of exposed bits times critical share; its lower bound takes the lower bound of the plain image and the upper one
of the guarded image. Critical by the second definition (the share of answers that are wrong), the faults that stop the
device, which become more, and both costs stand beside it.

The control is a dense network of 32 hidden units on the same digits, which gives an answer in so few instructions that
a scrub of its flash is no small part of them: with all of the flash for each answer, and with a sixteenth, over 64
items.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_least, at_most, over_seeds
from sarto.audit.faults.campaign import Plan
from sarto.audit.faults.campaign import run as campaign
from sarto.audit.faults.image import ImageSpace
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph import infer
from sarto.data.examples import Examples, of_arrays
from sarto.deploy.c.emit import emit
from sarto.deploy.lower.network import lower_network
from sarto.devices import device
from sarto.learn.loop import Training, train
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.guard import build_guarded
from sarto.measure.image import Image
from sarto.measure.model import RawSequences, of_items
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network

MINUTES = 9
SEEDS, FAULTS, TRAINED = 3, 2500, 1198
INPUTS = {True: 8, False: 64}
"""Of the convolutional network, and of the dense one."""
CONFIDENCE = 0.95
DEVICE = "cortex_m4"
SHAPE = (1, 8, 8)
CONVOLUTIONS = Architecture(
    SHAPE,
    (
        Node("c1", "conv", ("input",), {"channels": 8, "kernel": (3, 3), "padding": 1}),
        Node("r1", "relu", ("c1",), {}),
        Node("c2", "conv", ("r1",), {"channels": 16, "kernel": (3, 3), "padding": 1}),
        Node("r2", "relu", ("c2",), {}),
        Node("pool", "max_pool", ("r2",), {"kernel": (2, 2), "stride": 2}),
        Node("flat", "flatten", ("pool",), {}),
        Node("out", "linear", ("flat",), {"features": 10}),
    ),
)
DENSE = Architecture(
    SHAPE,
    (
        Node("flat", "flatten", ("input",), {}),
        Node("h", "linear", ("flat",), {"features": 32}),
        Node("r", "relu", ("h",), {}),
        Node("out", "linear", ("r",), {"features": 10}),
    ),
)


def run(bench: Bench) -> Outcome:
    """Return the rates of faults with and without the guard, what it costs, and the ratios."""
    seeds, faults = (1, 200) if bench.quick else (SEEDS, FAULTS)
    said = [
        bench.once(
            {"model": "convolutions", "seed": s, "faults": faults}, compared, CONVOLUTIONS, s, faults, 1
        )
        for s in range(seeds)
    ]
    figures: dict[str, Figure] = {}
    for key in said[0]:
        unit = "B" if key.endswith("flash") else "1"
        how = "measured" if key.endswith("flash") or key == "test accuracy" else "emulated"
        figures |= over_seeds(key, [one[key] for one in said], unit, how)
    for parts in (1, 16):
        one = bench.once(
            {"model": "dense", "parts": parts, "faults": faults}, compared, DENSE, 0, faults, parts
        )
        for key, value in one.items():
            figures[f"dense, flash in {parts} parts: {key}"] = Figure(value, "1", "emulated")
    least = {key: min(one[key] for one in said) for key in said[0]}
    most = {key: max(one[key] for one in said) for key in said[0]}
    for key in ("MTTF ratio, at least", "more instructions", "more flash", "due, plain", "due, guarded"):
        bench.say(f"{key}: {least[key]:.3g} to {most[key]:.3g}")
    bars = (
        at_least("MTTF ratio, lower bound of the worst seed", least["MTTF ratio, at least"], 5),
        at_least(
            "critical share, plain by guarded, likewise",
            least["critical ratio, at least"],
            5,
        ),
        at_most("more instructions per inference, of the worst seed", most["more instructions"], 0.05),
        at_most("more bytes of flash, of the worst seed", most["more flash"], 0.10),
    )
    return Outcome(figures, () if bench.quick else bars)


def compared(architecture: Architecture, seed: int, faults: int, parts: int) -> dict[str, float]:
    """Return what faults do to a network's image with and without the guard, and what the guard costs."""
    sources, given, accuracy = model(architecture, seed)
    core = device(DEVICE)
    images = {"plain": build(sources, core), "guarded": build_guarded(sources, core, parts)[0]}
    found: dict[str, float] = {"test accuracy": accuracy}
    bounds: dict[str, tuple[float, float, float, int]] = {}
    for name, image in images.items():
        space = ImageSpace(image, given, flash_from="any")
        # No stratum of so many faults is as sure as this: both sides see all of them.
        rates = campaign(space, Plan("network", 1e-4, CONFIDENCE, faults, seed)).rates
        critical = rates.critical
        bounds[name] = critical.low, critical.share, critical.high, space.bits
        found |= {f"{kind}, {name}": rate.share for kind, rate in rates.kinds.items()}
        found |= {f"critical at most, {name}": critical.high, f"critical at least, {name}": critical.low}
        found[f"answers made wrong by a fault, {name}"] = rates.misclassified.share
        found[f"faults that hurt over 10 % of the answers, {name}"] = rates.hurt.share
    bits = bounds["plain"][3] / bounds["guarded"][3]
    ratio = bounds["plain"][0] / bounds["guarded"][2]
    found |= {"critical ratio, at least": ratio, "MTTF ratio, at least": bits * ratio}
    if bounds["guarded"][1]:
        found["MTTF ratio"] = bits * bounds["plain"][1] / bounds["guarded"][1]
    plain, guarded = (instructions(images[name], given) for name in ("plain", "guarded"))
    found["more instructions"] = guarded / plain - 1
    found["more flash"] = images["guarded"].flash_b / images["plain"].flash_b - 1
    found |= {f"{name}, flash": image.flash_b for name, image in images.items()}
    return found


def instructions(image: Image, given: RawSequences) -> float:
    """Return the instructions of the inferences, all together."""
    return float(emulate(image, given.listed()).inference_instructions.sum())


def model(architecture: Architecture, seed: int) -> tuple[dict[str, str], RawSequences, float]:
    """Return the C of a network that was trained on the digits, test items for its board, and its test accuracy."""
    x, y = load_digits(return_X_y=True)
    pixels = np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, *SHAPE)
    order = np.random.default_rng(seed).permutation(len(y))
    learned, tested = (_part(pixels, y, order[rows]) for rows in (slice(None, TRAINED), slice(TRAINED, None)))
    network = Network(architecture, seed)
    train(network, learned, Training(epochs=40, batch=64, rate=3e-3, seed=seed))
    state = ptq.quantise(State(network.eval()), Evaluation(learned, learned))
    lowered = lower_network(state.network, tested.classes)
    items = lowered.items(tested.x)
    right = infer(lowered.graph, items).classes == tested.y
    return emit(lowered.graph), of_items(items[: INPUTS[architecture is CONVOLUTIONS]]), float(right.mean())


def _part(pixels: Any, target: Any, rows: Any) -> Examples:
    return of_arrays(pixels[rows], target[rows])
