"""JapaneseVowels in integers: 98.5 % right in 32 KiB of flash and 4 KiB of RAM, 98 % in 8 KiB of both together.

The split of the archive (270 utterances to train, 370 to test), 5 seeds, every test item on the emulated device. For
the 8 KiB of linked image, static RAM and peak stack together, `fit` runs with each of a few splits into flash and
RAM, and the model with the least validation loss counts; the test items play no part in the choice.
"""

from __future__ import annotations

from benchmarks._bench import Bench, real_data
from benchmarks._fitted import Fitted, fitted
from benchmarks._outcome import Figure, Outcome, at_least, at_most, over_seeds
from sarto.core.budget import Budget
from sarto.core.evidence import How

MINUTES = 25
DATA = "japanese_vowels/JapaneseVowels_TRAIN.ts"
WIDE = (32 * 1024, 4 * 1024)
WIDE_ACCURACY = 0.985
TOGETHER_B = 8 * 1024
SPLITS = tuple((TOGETHER_B - ram, ram) for ram in (512, 1024, 1536))
"""Flash and RAM in bytes. A 16-bit state and a sum of squares are 10 B of RAM for each unit; 1536 B of RAM feed 128
units, more than 6.5 KiB of flash can hold the weights of."""
TOGETHER_ACCURACY = 0.98
HOW: dict[str, How] = {"flash": "measured", "ram": "emulated"}
TRIALS, QUICK_TRIALS = 96, 16


def run(bench: Bench) -> Outcome:
    """Return test accuracies and sizes for both budgets."""
    source = real_data(DATA)
    trials = QUICK_TRIALS if bench.quick else TRIALS
    wide: list[Fitted] = []
    small: list[Fitted] = []
    for seed in bench.seeds:
        wide.append(fitted(bench, source, Budget(*WIDE), seed=seed, trials=trials))
        bench.say(f"seed {seed}, 32 KiB and 4 KiB: {said(wide[-1])}")
        tried: list[Fitted] = []
        for flash_b, ram_b in SPLITS:
            tried.append(fitted(bench, source, Budget(flash_b, ram_b), seed=seed, trials=trials))
            bench.say(f"seed {seed}, {flash_b} B and {ram_b} B: {said(tried[-1])}")
        small.append(min(tried, key=lambda f: (f.figures["validation loss"], together(f))))
    figures: dict[str, Figure] = {}
    for where, models in (("32 KiB and 4 KiB", wide), ("8 KiB together", small)):
        figures |= over_seeds(
            f"test accuracy, {where}", [m.answers.accuracy for m in models], "1", "emulated"
        )
        errors = [m.figures["validation error"] for m in models]
        figures |= over_seeds(f"validation error, {where}", errors, "1", "measured")
        for what, how in HOW.items():
            figures |= over_seeds(f"{what}, {where}", [m.figures[what] for m in models], "B", how, "largest")
        instructions = [m.figures["instructions per inference"] for m in models]
        figures |= over_seeds(f"instructions, {where}", instructions, "instructions", "emulated", "largest")
    figures |= over_seeds(
        "flash and ram, 8 KiB together", [together(m) for m in small], "B", "emulated", "largest"
    )
    items = len(wide[0].answers.target)
    figures["test items, all of them emulated"] = Figure(items, "items", "emulated")
    if bench.quick:
        return Outcome(figures)
    first, second = (
        figures[f"test accuracy, {w}, mean"].value for w in ("32 KiB and 4 KiB", "8 KiB together")
    )
    bars = (
        at_least("test accuracy within 32 KiB flash and 4 KiB RAM, mean", first, WIDE_ACCURACY),
        at_most("flash in B, largest", figures["flash, 32 KiB and 4 KiB, largest"].value, WIDE[0]),
        at_most("ram in B, largest", figures["ram, 32 KiB and 4 KiB, largest"].value, WIDE[1]),
        at_least("test accuracy within 8 KiB together, mean", second, TOGETHER_ACCURACY),
        at_most(
            "image, static RAM and peak stack in B, largest",
            figures["flash and ram, 8 KiB together, largest"].value,
            TOGETHER_B,
        ),
    )
    return Outcome(figures, bars)


def together(model: Fitted) -> float:
    """Return linked image, static RAM and peak stack in bytes."""
    return model.figures["flash"] + model.figures["ram"]


def said(model: Fitted) -> str:
    """Return how the model did, in words."""
    figures = model.figures
    return (
        f"validation error {figures['validation error']:.4f}, loss {figures['validation loss']:.4f}, "
        f"test accuracy {model.answers.accuracy:.4f}, "
        f"{figures['flash']:.0f} B flash, {figures['ram']:.0f} B RAM, {model.model}"
    )
