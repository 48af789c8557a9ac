"""Spoken digits from microphone samples to the class in integers, in 64 KiB of flash and 16 KiB of RAM, by speaker.

`fsdd`: 10 digits, 6 speakers, 3,000 recordings of 16-bit samples at 8 kHz. Each speaker in turn is left out and tested.
A network is trained on the mel frames of the other five, of recordings said otherwise (`_keywords`), and quantised to
8 bits by `ptq`; the front end, with the levels of the training recordings, comes before it. The image hears samples,
and says the class of the last .99 s of them: built for a Cortex-M4, where its answers to `ON_DEVICE` test recordings
are equal in every bit to the interpreter's, as those to all others are on the host. What a second takes is counted on
seconds full of sound. Beside it stands the network in floats on the same frames.

This is the second recipe. The first took the bands as they are (no cepstra, no stretching, 48, 64 and 64 channels,
each version bent once and seen four times) and had .784 in integers on this very test (.782 and .787; george .587,
jackson .695, lucas .845, nicolas .773, theo .904, yweweler .902), below the bar. So the test was seen once before the
second was chosen, and one that is chosen after a miss is not as good a witness as the first.

Both were settled on the speakers that are not `UNSEEN`: each of the four was left out in turn, and the network trained
on the other three. So the figures of these four know what the choice of the recipe saw. Of jackson and yweweler the
lengths of their recordings had been looked at, and by the second choice the accuracies above were known, but nothing
was judged on them. On these two the second is no better (.798, the first .7985): its gain is on the four alone, which
were .777 and are .821. A first start of its run was stopped after george (.648, as now) to wrap a line of this text.

Accuracies there, in floats, of one seed unless two are given, whose george alone is .1 apart: the first recipe .782 as
it was chosen, .753 with bends drawn anew for every pass. With that, stretching .761, and cepstra .779 and .766 (learned
from there on .776); on these, noise of some colour .779, voices mixed .766, colours exchanged .770, levels spread .770,
ends cut and noise about them .756, a fourth convolution .772, a third over 13 frames .747, means without largest values
.696, three networks of 24, 40 and 40 channels .699, joined .728; 64, 80 and 80 channels .789 and .797. Without cepstra,
bands warped besides .725, and steps of 128 items .743. This recipe has 60 channels in the first convolution in place of
64, since those were 636 B too large, and was not tried apart. Before the first recipe: gains down to -26 dB, since one
of the four speaks so quietly, made .67 of .58, and four passes in place of one .78; ten brought no more.

Controls, on the same recordings and two of their versions, before the network's levels: a multinomial logistic
regression on mean and deviation of each band, and on cepstra with their course in five parts; and a support vector
machine with radial functions on the latter. They compute in floats and fit no budget. Their penalties are the best of
four or five, by the same four speakers: .51, .72 and .68.
"""

# scikit-learn is typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int16, Real, UInt16
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks._bench import Bench, real_data
from benchmarks._fitted import Answers, pooled
from benchmarks._keywords import (
    Digits,
    architecture,
    bent,
    cepstra,
    hear_cepstra,
    joined,
    logarithms,
    read,
    statistics,
    stretched,
    varied,
)
from benchmarks._outcome import Figure, Outcome, at_least, at_most, over_seeds
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.device import Device
from sarto.core.graph.front_end import LIMIT, SCALE, normalised
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.data.source import source_sha256
from sarto.deploy.c.emit import emit
from sarto.deploy.lower.front_end import LoweredFrontEnd, MelFrames, lower_front_end, with_front_end
from sarto.deploy.lower.network import lower_network
from sarto.devices import device
from sarto.learn.loop import Training, train
from sarto.measure.model import measure_model, of_items
from sarto.models.network.module import Network, predict

MINUTES = 20
SOURCE = "fsdd/fsdd.npz"
FRONT = MelFrames(8000, frame=256, hop=128, frames=61, bands=32, low_hz=80, high_hz=3800, floor=8)
VERSIONS = 8
"""Of every recording, said otherwise."""
PASSES, LONGER = 4, 92
"""How often each version is stretched and bent anew, and its frames before."""
TRAINING = Training(epochs=1, batch=64, rate=3e-3, decay=1e-2, warm_up=0.05, smoothing=0.05)
CLASSES = tuple(str(digit) for digit in range(10))
UNSEEN = ("jackson", "yweweler")
SEEDS, QUICK_VERSIONS, FOR_CONTROLS = 2, 1, 2
FLASH_B, RAM_B, ACCURACY, AIM = 64 * 1024, 16 * 1024, 0.80, 0.85
ON_DEVICE, SECONDS = 8, 4
COSTS = ("flash", "ram", "static ram", "peak stack", "instructions per inference")
PENALTIES = {"statistics": 0.01, "cepstra": 0.0003, "svm": 0.2}
Cell = dict[str, Any]


def run(bench: Bench) -> Outcome:
    """Return accuracy and cost of the networks, and accuracy of the controls."""
    data = real_data(SOURCE)
    names = read(Path(data)).speakers[: 1 if bench.quick else None]
    seeds = range(1 if bench.quick else SEEDS)
    cells = [[_cell(bench, data, seed, name) for name in names] for seed in seeds]
    controls = [_kept(bench, "controls", _controls, data, 0, name) for name in names]
    figures: dict[str, Figure] = {}
    for what in ("integers", "floats"):
        each = [pooled([Answers(**cell[what]) for cell in one]) for one in cells]
        figures |= over_seeds(f"accuracy, {what}", [a.accuracy for a in each], "1", "measured")
        shares = [a.by_group() for a in each]
        unseen = [[share[name] for name in UNSEEN if name in share] for share in shares]
        if all(unseen):
            values = [float(np.mean(one)) for one in unseen]
            figures |= over_seeds(f"accuracy, {what}, speakers unseen by the recipe", values, "1", "measured")
        for name in names:
            figures |= over_seeds(f"accuracy, {what}, {name}", [s[name] for s in shares], "1", "measured")
    for control in controls[0]:
        answers = pooled([Answers(**cell[control]) for cell in controls])
        values = list(answers.by_group().values())
        figures |= over_seeds(f"accuracy, {control}, floats, over speakers", values, "1", "measured")
    every = [cell["costs"] for one in cells for cell in one]
    for what, unit in zip(COSTS, ("B", "B", "B", "B", "instructions"), strict=True):
        how = "measured" if what in ("flash", "static ram") else "emulated"
        named = "instructions of .99 s of sound" if unit != "B" else what
        figures |= over_seeds(named, [costs[what] for costs in every], unit, how, "largest")
    if bench.quick:
        return Outcome(figures, ())
    got = figures["accuracy, integers, mean"].value
    return Outcome(
        figures,
        (
            at_least("accuracy of the integers, mean", got, ACCURACY),
            at_least("the same, aim", got, AIM),
            at_most("flash in B, largest", figures["flash, largest"].value, FLASH_B),
            at_most("ram in B, largest", figures["ram, largest"].value, RAM_B),
        ),
    )


def _cell(bench: Bench, data: str, seed: int, name: str) -> Cell:
    cell = _kept(bench, "network", _network, data, seed, name)
    right = {what: Answers(**cell[what]).accuracy for what in ("integers", "floats")}
    bench.say(
        f"seed {seed}, {name}: {right['integers']:.4f} in integers, {right['floats']:.4f} in floats, {cell['costs']}"
    )
    return cell


def _kept(bench: Bench, what: str, work: Callable[..., Cell], data: str, seed: int, name: str) -> Cell:
    versions = FOR_CONTROLS if what == "controls" else QUICK_VERSIONS if bench.quick else VERSIONS
    settings = {
        "what": what,
        "source": source_sha256(data),
        "seed": seed,
        "speaker": name,
        "versions": versions,
    }
    return bench.once(settings, work, data, seed, name, versions)


@lru_cache(maxsize=1)
def _frames(
    data: str, seed: int, versions: int
) -> tuple[Digits, list[UInt16[np.ndarray, "item frame band"]]]:
    """Return all recordings, and the logarithms of their frames as they are, and of each version of them."""
    digits = read(Path(data))
    made = replace(FRONT, frames=LONGER)
    found = [logarithms(made, digits.sounds)]
    for version in range(versions):
        rng = generator(seed, "said otherwise", version)
        found.append(logarithms(made, tuple(varied(s, rng, digits.rate_hz) for s in digits.sounds)))
    return digits, found


def _network(data: str, seed: int, name: str, versions: int) -> Cell:
    digits, (plain, *others) = _frames(data, seed, versions)
    tested = digits.speaker == digits.speakers.index(name)
    learned, test = (digits.select(np.flatnonzero(part)) for part in (~tested, tested))
    end = lower_front_end(FRONT, *joined(learned.sounds))
    network = Network(architecture((FRONT.bands, FRONT.frames), len(CLASSES)), seed)
    rng = generator(seed, "otherwise", name)
    hear_cepstra(network, 1 / end.factor)
    x = [_otherwise(end, logs[~tested], rng) for _ in range(PASSES) for logs in others]
    train(network, _examples(np.concatenate(x), np.tile(learned.label, len(x))), replace(TRAINING, seed=seed))
    plain = plain[:, -FRONT.frames :]
    calibration = _examples(_heard(end, plain[~tested]), learned.label)
    lowered = lower_network(
        ptq.quantise(State(network), Evaluation(calibration, calibration)).network, CLASSES
    )
    raw = end.items(*joined(test.sounds))
    graph, core = with_front_end(lowered, end).graph, device("cortex_m4")
    assert isinstance(core, Device)
    measured = partial(measure_model, graph, emit(graph), core, optimise="-O2", command="benchmark")
    said = measured(of_items(raw[..., None]), on_device=ON_DEVICE)
    costs = measured(of_items(_full_of_sound(test)[..., None]), on_device=SECONDS)
    found = {e.what: e.value for e in costs.evidence}
    floats = predict(network, _examples(_heard(end, plain[tested]), test.label).x).argmax(axis=1)
    return {
        "integers": asdict(_answers(test, said.outcome.classes)),
        "floats": asdict(_answers(test, floats)),
        "costs": {what: found[what] for what in COSTS},
    }


def _otherwise(
    end: LoweredFrontEnd, logs: UInt16[np.ndarray, "item frame band"], rng: np.random.Generator
) -> Float[np.ndarray, "item frame band"]:
    """Return what the network sees of logarithms, stretched and bent."""
    return bent(_heard(end, stretched(logs, rng, FRONT.frames)), rng, LIMIT * SCALE)


def _heard(
    end: LoweredFrontEnd, logs: Real[np.ndarray, "item frame band"]
) -> Float[np.ndarray, "item frame band"]:
    """Return what the network sees of logarithms."""
    rows = np.rint(logs).reshape(-1, FRONT.bands).astype(np.int64)
    found = normalised(rows, end.zero, end.factor, end.shift) * np.float32(SCALE)
    return found.reshape(logs.shape).astype(np.float32)


def _examples(x: Float[np.ndarray, "item frame band"], label: Int[np.ndarray, " item"]) -> Examples:
    """Return frames as steps whose channels are the bands."""
    return Examples(np.ascontiguousarray(x.swapaxes(1, 2)), label, CLASSES, input_scale=SCALE)


def _full_of_sound(test: Digits) -> Int16[np.ndarray, "second sample"]:
    """Return items with no silence but that of speech: recordings one after the other."""
    count = SECONDS * FRONT.samples
    return joined(test.sounds)[0][:count].reshape(SECONDS, -1)


def _answers(test: Digits, guess: Int[np.ndarray, " item"]) -> Answers:
    return Answers(test.label.tolist(), guess.tolist(), [test.speakers[i] for i in test.speaker.tolist()])


def _controls(data: str, seed: int, name: str, versions: int) -> Cell:
    digits, longer = _frames(data, seed, versions)
    logs = [one[:, -FRONT.frames :] for one in longer]
    tested = digits.speaker == digits.speakers.index(name)
    test, label = digits.select(np.flatnonzero(tested)), np.tile(digits.label[~tested], len(logs))
    found: Cell = {}
    for what, seen in (("statistics", statistics), ("cepstra", cepstra)):
        x = np.concatenate([seen(one[~tested]) for one in logs])
        judged = seen(logs[0][tested])
        models: dict[str, Any] = {
            f"logistic regression on {what}": LogisticRegression(C=PENALTIES[what], max_iter=1000)
        }
        if what == "cepstra":
            models["support vectors on cepstra"] = SVC(C=PENALTIES["svm"])
        for model, estimator in models.items():
            fitted = make_pipeline(StandardScaler(), estimator).fit(x, label)
            found[model] = asdict(_answers(test, fitted.predict(judged)))
    return found
