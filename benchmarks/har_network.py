"""Activities from phone and watch by small convolutional networks in integers, in 64 KiB of flash and 16 KiB of RAM.

`sp_sw_har`, accelerometers and gyroscopes of phone and watch (12 channels), windows of 2 s with one activity for at
least 60 % of their time. 5 folds: the subjects with number % 5 == fold are tested. In each fold every configuration
of `SHAPES` is trained on the other subjects but a fifth of them, which are held back to stop on and to choose by: the
least error of the *integers* there (then the least loss in floats). The chosen one is trained again on all of them, for
as many passes as were best; then 8 bits by `ptq`, lowered, built for a Cortex-M4 and run there. The test items are
looked at once.

Channels are scaled by mean and deviation of the training items and cut at `CUT` deviations, so that one count of the
input is the same for all; whoever feeds the device scales its sensors' words so. Beside it stand the networks in
floats, and the reservoirs of `har_reservoir`, which read the watch alone.

Limits are those of a random forest on 7 statistics a channel, of phone and watch, by the same folds.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._fitted import Answers, pooled
from benchmarks._outcome import Figure, Outcome, above, at_most, over_seeds
from benchmarks.har_reservoir import FOLDS, HOP, WINDOWS, fold_file
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.device import Device
from sarto.core.graph import infer
from sarto.data.examples import Examples, of_dataset
from sarto.data.load import load
from sarto.data.source import source_sha256
from sarto.data.splits import split
from sarto.deploy.c.emit import emit
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.devices import device
from sarto.learn.loop import Training, train
from sarto.measure.model import measure_model, of_items
from sarto.models.network.module import Network, predict
from sarto.models.network.named import named

MINUTES = 25
CHANNELS = ("phone*", "watch*")
WHERE = "purity >= .6"
CUT = 4.0
HELD = 0.2
EPOCHS, PATIENCE, BATCH = 60, 20, 64
RATE, DECAY = 3e-3, 1e-3
SHAPES: tuple[tuple[str, dict[str, int]], ...] = (
    ("cnn1d", {"width": 16, "depth": 3}),
    ("cnn1d", {"width": 32, "depth": 3}),
    ("separable", {"width": 32, "depth": 3}),
    ("residual", {"width": 16, "depth": 2}),
)
SEEDS, QUICK_SEEDS = 3, 1
FLASH_B, RAM_B = 64 * 1024, 16 * 1024
ACCURACY, MACRO_F1 = 0.946, 0.916
ON_DEVICE = 64
Cell = dict[str, Any]


def run(bench: Bench) -> Outcome:
    """Return accuracy, macro-F1 and cost of the networks."""
    seeds = range(QUICK_SEEDS if bench.quick else SEEDS)
    folds = range(1 if bench.quick else FOLDS)
    cells = [[_cell(bench, fold, seed) for fold in folds] for seed in seeds]
    figures: dict[str, Figure] = {}
    for what in ("integers", "floats"):
        answers = [pooled([Answers(**cell[what]) for cell in one]) for one in cells]
        figures |= over_seeds(f"accuracy, {what}", [a.accuracy for a in answers], "1", "measured")
        figures |= over_seeds(f"macro-F1, {what}", [a.macro_f1 for a in answers], "1", "measured")
    every = [cell for one in cells for cell in one]
    figures |= over_seeds("flash", [c["flash"] for c in every], "B", "measured", "largest")
    figures |= over_seeds("ram", [c["ram"] for c in every], "B", "emulated", "largest")
    counts = [c["instructions per inference"] for c in every]
    figures |= over_seeds("instructions", counts, "instructions", "emulated", "largest")
    for name in sorted({c["chosen"] for c in every}):
        chosen = sum(c["chosen"] == name for c in every)
        figures[f"chosen: {name}"] = Figure(chosen, "folds", "measured", len(every))
    if bench.quick:
        return Outcome(figures, ())
    mean = {what: figures[f"{what}, integers, mean"].value for what in ("accuracy", "macro-F1")}
    return Outcome(
        figures,
        (
            above("accuracy of the integers, mean", mean["accuracy"], ACCURACY),
            above("macro-F1 of the integers, mean", mean["macro-F1"], MACRO_F1),
            at_most("flash in B, largest", figures["flash, largest"].value, FLASH_B),
            at_most("ram in B, largest", figures["ram, largest"].value, RAM_B),
        ),
    )


def _cell(bench: Bench, fold: int, seed: int) -> Cell:
    source = fold_file(bench, fold)
    cell = bench.once(
        {"source": source_sha256(source), "fold": fold, "seed": seed}, _fold, source, fold, seed
    )
    right = Answers(**cell["integers"]).accuracy
    bench.say(f"seed {seed}, fold {fold}: {cell['chosen']}, {right:.4f} in integers, {cell['flash']:.0f} B")
    return cell


def _fold(source: str, fold: int, seed: int) -> Cell:
    data = load(source, group="subject", channels=CHANNELS, where=WINDOWS[WHERE], hop=HOP)
    parts = split(data, seed)
    rest, test = (of_dataset(data.select(part)) for part in (parts.train, parts.test))
    fit, held = rest.parts(HELD, seed)
    trials = [_trial(name, settings, fit, held, seed) for name, settings in SHAPES]
    chosen = min(range(len(trials)), key=lambda i: trials[i][:2])
    name, settings = SHAPES[chosen]
    learned, tested = _scaled(rest, rest), _scaled(rest, test)
    network = Network(named(name, learned.shape, len(learned.classes), **settings), seed)
    train(network, learned, _training(trials[chosen][2], seed))
    lowered = _integers(network, learned)
    core = device("cortex_m4")
    assert isinstance(core, Device)
    items = of_items(lowered.items(tested.x))
    measured = measure_model(
        lowered.graph,
        emit(lowered.graph),
        core,
        items,
        optimise="-O2",
        command="benchmark",
        on_device=ON_DEVICE,
    )
    assert test.groups is not None
    groups, true = [str(g) for g in test.groups], test.y.tolist()
    floats = predict(network.eval(), tested.x).argmax(axis=1).tolist()
    costs = {e.what: e.value for e in measured.evidence}
    return {
        "chosen": f"{name} {' '.join(f'{k} {v}' for k, v in settings.items())}",
        "passes": trials[chosen][2],
        "integers": asdict(Answers(true, measured.outcome.classes.tolist(), groups)),
        "floats": asdict(Answers(true, floats, groups)),
        **{what: costs[what] for what in ("flash", "ram", "instructions per inference")},
    }


def _trial(
    name: str, settings: dict[str, int], fit: Examples, held: Examples, seed: int
) -> tuple[float, float, int]:
    """Return error of the integers and loss of the floats on the items held back, and the passes that were best."""
    learned, judged = _scaled(fit, fit), _scaled(fit, held)
    network = Network(named(name, learned.shape, len(learned.classes), **settings), seed)
    seen = train(network, learned, replace(_training(EPOCHS, seed), patience=PATIENCE), validation=judged)
    lowered = _integers(network, learned)
    said = infer(lowered.graph, lowered.items(judged.x)).classes
    error = int(np.count_nonzero(said != judged.y)) / len(judged)
    return error, min(seen.validation_loss), int(np.argmin(seen.validation_loss)) + 1


def _training(epochs: int, seed: int) -> Training:
    return Training(epochs=epochs, batch=BATCH, rate=RATE, decay=DECAY, smoothing=0.05, seed=seed)


def _scaled(of: Examples, examples: Examples) -> Examples:
    """Return examples by mean and deviation of the channels of `of`, cut at `CUT`."""
    mean, deviation = of.x.mean(axis=(0, 2), keepdims=True), of.x.std(axis=(0, 2), keepdims=True)
    return replace(examples, x=((examples.x - mean) / deviation).clip(-CUT, CUT).astype(np.float32))


def _integers(network: Network, learned: Examples) -> Lowered:
    state = ptq.quantise(State(network.eval()), Evaluation(learned, learned))
    return lower_network(state.network, learned.classes)
