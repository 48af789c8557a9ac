"""LeNet-5 (Caffe) on MNIST: >= 39x at <= .8 % error, and >= 400x at <= 1.0 %, from decoded files, mean of 3 seeds.

The ratio is that of 431,080 float32 numbers to the bytes of the file, all of it. The two recipes are those of
`lenet300`, from one teacher for each seed; comparators are LZMA on the same symbols and on the pruned float32
weights. Each configuration is tested once for a seed; it was chosen on validation images of seed 0.

Published: Deep Compression 39x at .74 %; 606x at 1.0 % (Oktay et al., ICLR 2020); up to 1,500x at .98 % (MIRACLE's
own repository; Havasi et al., ICLR 2019), which ships the number of a random draw and no weights.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from benchmarks._bench import Bench
from benchmarks._lenet import all_shown, bars, data, deep, judged, rate, teacher, told
from benchmarks._outcome import Outcome
from sarto.compress.rate import RateAware
from sarto.learn.loop import Training, accuracy, torch_threads

MINUTES = 60
SEEDS = 3
FLOAT_B = 431_080 * 4
DENSITIES = {"conv1": 0.66, "conv2": 0.12, "fc1": 0.08, "fc2": 0.19}
"""Of Han et al., ICLR 2016, table 3."""
TEACHER = Training(epochs=5, batch=256, rate=2e-3)
DEEP = Training(epochs=8, batch=256, rate=1e-3)
RATE = Training(epochs=8, batch=128, rate=2e-3)
STEP = RateAware(price=1e-5, values=8)
WIDTHS = {"conv1": 10, "conv2": 24, "fc1": 80}
BIASES = 15
ARMS = ("deep", "rate")


def run(bench: Bench) -> Outcome:
    """Return the ratios, errors and seconds, and hold them against the bars."""
    found: list[dict[str, Any]] = []
    for seed in range(1 if bench.quick else SEEDS):
        found += [bench.once({"seed": seed, "quick": bench.quick}, one, seed, bench.quick)]
        told(bench, seed, found[-1], ARMS, FLOAT_B)
    figures = all_shown(found, ARMS, FLOAT_B)
    if bench.quick:
        return Outcome(figures)
    return Outcome(
        figures, (*bars("deep", found, FLOAT_B, 39, 0.008), *bars("rate", found, FLOAT_B, 400, 0.01))
    )


def one(seed: int, quick: bool) -> dict[str, Any]:
    """Return what one seed found."""
    with torch_threads(1):
        held = data(seed, 0.05 if quick else 1.0)
        begun = time.process_time()
        model = teacher("lenet5", held, seed, TEACHER)
        spent = time.process_time() - begun
        found: dict[str, Any] = {"teacher": {"error": 1 - accuracy(model, held.test), "seconds": spent}}
        for arm in ARMS:
            begun = time.process_time() - spent
            if arm == "deep":
                state = deep(model, held, replace(DEEP, seed=seed), DENSITIES, bits=5, conv_bits=8)
            else:
                state = rate(model, held, replace(RATE, seed=seed), WIDTHS, STEP, BIASES)
            found[arm] = judged(state, held, begun)
        return found
