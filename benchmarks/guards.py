"""Guards side by side: a sum over the flash, checksummed layers, both; faults anywhere, in RAM, weights, and code.

The networks are those of `guarded_image`, a small int8 CNN and an int8 dense network on scikit-learn's digits, on a
Cortex-M4, three seeds. A fault is one flipped bit at any moment of a run over 8 (dense: 64) test items. Anywhere is
all of flash and RAM, code, stack and the guards' own bytes and code included, each bit alike; the other campaigns draw
from the bits of one place: RAM (variables and stack), tables of weights, code. `abft` checks the fully connected
layers, `abft:all` convolutions too. Every variant sees as many faults, drawn anew, since its bits are others.

Beside silent critical faults (a class changes, nothing tells) stand the share of answers that are wrong, the second
definition, and the faults that end in no answer (due). The ratio of the times to a silent critical failure is that of
exposed bits times critical share, of all seeds together; its bounds take the ends of both intervals, the worst against
the worst, and where no critical fault of the guarded images was seen it is the lower one. No bar was set: the figures
say what each guard does, and where it does nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int64

from benchmarks._bench import Bench
from benchmarks._digits_board import made
from benchmarks._outcome import Figure, Outcome, over_seeds
from sarto.audit.faults.campaign import Plan
from sarto.audit.faults.campaign import run as campaign
from sarto.audit.faults.image import ImageSpace
from sarto.audit.faults.ratio import Share, ratio
from sarto.audit.faults.sample import Cell, interval
from sarto.audit.faults.verdicts import Judged
from sarto.core.evidence import How
from sarto.core.store import content_hash
from sarto.deploy.c.checksums import coverage
from sarto.deploy.c.emit import emit
from sarto.deploy.guard import Guards
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.guard import build_guarded
from sarto.measure.model import of_items

MINUTES = 6
SEEDS, CONFIDENCE, DEVICE = 3, 0.95, "cortex_m4"
INPUTS = {"convolutions": 8, "dense": 64}
GUARDS = {
    "convolutions": ("flash", "abft", "abft:all", "flash,abft"),
    "dense": ("flash", "abft", "flash,abft"),
}
"""Beside the plain image; of the dense network `abft` is `abft:all`."""
FAULTS = {
    "convolutions": {"anywhere": 400, "RAM": 150, "weights": 75, "code": 75},
    "dense": {"anywhere": 600, "RAM": 300, "weights": 100, "code": 100},
}
QUICK = {"anywhere": 60, "RAM": 30, "weights": 30, "code": 30}
PLACES: dict[str, tuple[str, ...]] = {
    "anywhere": (),
    "RAM": ("variables", "stack"),
    "weights": ("weights",),
    "code": ("code",),
}
"""Kinds of regions of an image; none is all."""


@dataclass(frozen=True, eq=False)
class Part:
    """The faults of an image in regions of some kinds."""

    whole: ImageSpace
    kinds: tuple[str, ...]

    name = "image"
    how: How = "emulated"

    def __len__(self) -> int:
        return len(self.whole)

    @cached_property
    def numbers(self) -> Int64[np.ndarray, " cell"]:
        """Which of the image's cells there are."""
        taken = [not self.kinds or cell.part in self.kinds for cell in self.whole.cells]
        return np.flatnonzero(taken).astype(np.int64)

    @property
    def cells(self) -> Sequence[Cell]:
        """The cells."""
        return [cell for cell in self.whole.cells if not self.kinds or cell.part in self.kinds]

    @property
    def sha256(self) -> str:
        """Hash over all that verdicts depend on."""
        return content_hash(self.whole.sha256, list(self.kinds))

    def judge(self, places: Int64[np.ndarray, "fault 2"]) -> Judged:
        """Return what faults do."""
        return self.whole.judge(np.stack([self.numbers[places[:, 0]], places[:, 1]], axis=1))


def run(bench: Bench) -> Outcome:
    """Return the rates of faults with each guard, in each place, and what the guard takes."""
    figures: dict[str, Figure] = {}
    for name, guards in GUARDS.items():
        faults = QUICK if bench.quick else FAULTS[name]
        said: dict[str, list[dict[str, float]]] = {}
        for guard in ("plain", *guards):
            for seed in range(1 if bench.quick else SEEDS):
                bench.say(f"{name}, seed {seed}, {guard}")
                settings = {"network": name, "seed": seed, "guard": guard, "faults": faults}
                said.setdefault(guard, []).append(bench.once(settings, judged, name, seed, guard, faults))
        for guard, rows in said.items():
            if guard != "plain":
                key = f"{name}, {guard}: MTTF ratio, 95 % bounds"
                figures[key] = pooled(said["plain"], rows, faults["anywhere"])
                for row, plain in zip(rows, said["plain"], strict=True):
                    row |= {f"more {key}": row[key] / plain[key] - 1 for key in ("instructions", "flash")}
            for key in rows[0]:
                unit = {"flash": "B", "instructions": "instructions", "bits": "bit"}.get(key, "1")
                how: How = "measured" if key in _MEASURED else "emulated"
                figures |= over_seeds(f"{name}, {guard}: {key}", [row[key] for row in rows], unit, how)
    return Outcome(figures)


_MEASURED = ("flash", "more flash", "test accuracy", "checked multiplications", "checked weights", "bits")


def judged(name: str, seed: int, guard: str, faults: Mapping[str, int]) -> dict[str, float]:
    """Return what faults do to a network's image in each place, and what the image takes."""
    model, core = made(name, seed), device(DEVICE)
    sources, given = emit(model.graph), of_items(model.tested[: INPUTS[name]])
    guards = Guards() if guard == "plain" else Guards.of(guard)
    image = (
        build(sources, core)
        if guard == "plain"
        else build_guarded(sources, core, guards, graph=model.graph)[0]
    )
    space, found = ImageSpace(image, given, flash_from="any"), dict[str, float]()
    for place, kinds in PLACES.items():
        plan = Plan("network", 1e-4, CONFIDENCE, faults[place], seed)
        rates = campaign(Part(space, kinds), plan).rates
        found |= {
            f"{place}, critical": rates.critical.share,
            f"{place}, answers made wrong by a fault": rates.misclassified.share,
            f"{place}, due": rates.kinds["due"].share,
        }
    found |= {
        "test accuracy": model.accuracy,
        "bits": space.bits,
        "flash": image.flash_b,
        "instructions": float(emulate(image, given.listed()).inference_instructions.mean()),
    }
    if guards.abft:
        covered = coverage(model.graph, guards.abft)
        found["checked multiplications"] = covered.multiplications or 0.0
        found["checked weights"] = covered.weights
    return found


def pooled(plain: Sequence[dict[str, float]], guarded: Sequence[dict[str, float]], faults: int) -> Figure:
    """Return the MTTF ratio of all seeds, each seen by as many faults anywhere, with its bounds."""
    shares: list[Share] = []
    for rows in (plain, guarded):
        count = round(sum(row["anywhere, critical"] for row in rows) * faults)
        seen = faults * len(rows)
        bits = round(sum(row["bits"] for row in rows))
        shares.append((bits, count / seen, *interval(count, seen, confidence=CONFIDENCE)))
    value, low, high = ratio(*shares)
    finite = value if math.isfinite(value) else low
    return Figure(finite, "1", "emulated", len(plain), (low, high if math.isfinite(high) else finite))
