"""How closely the kernel's spectrum and the loss curve of each pruned network follow those of the dense one.

A residual network of width 4 with 10 % and 2 % of its weights, on 2,000 images of MNIST at half size, three seeds. The
exact neural tangent kernel of 32 images and all outputs, before training, against the dense network's:

    trace        tr Theta / tr Theta_dense,
    alignment    <Theta, Theta_dense>_F / (||Theta||_F ||Theta_dense||_F),
    spectrum     mean |log10(lambda_i / lambda_i,dense)| over the 20 largest, each divided by its trace,
    loss curve   mean |loss - loss_dense| over the passes, in nat.

The same for random masks of equal density in every layer and for each method's masks shuffled within their layers. A
cell that collapses is left out, and said; so are alignment and spectrum of a kernel that is 0, where paths are left and
none is active on these images. The bound by paths is checked on every network.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import product
from typing import Any

import torch

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_least, over_seeds
from benchmarks._pictures import pictures
from sarto.compress.controls import equal_random, shuffled
from sarto.compress.path_bound import path_bound
from sarto.compress.pruning import prune, scoring_batches
from sarto.core.errors import SartoError
from sarto.core.executors import open_executor
from sarto.learn.loop import Training, train
from sarto.learn.tangent_kernel import tangent_kernel
from sarto.models.network.module import Network
from sarto.models.network.named import named

MINUTES = 15
METHODS = ("magnitude", "snip", "grasp", "synflow", "ntk_sap", "px")
ARMS = (*METHODS, *(f"{method}, shuffled" for method in METHODS), "equal random")
DENSITIES = (0.1, 0.02)
SEEDS, IMAGES, ITEMS, EPOCHS, LARGEST = 3, 2000, 32, 5, 20


def run(bench: Bench) -> Outcome:
    """Return how far each arm is from dense, and whether the bound held everywhere."""
    seeds = range(1 if bench.quick else SEEDS)
    cells = list(product(ARMS, DENSITIES[:1] if bench.quick else DENSITIES, seeds))
    with open_executor(bench.workers) as executor, ThreadPoolExecutor(bench.workers) as waiting:
        running = [waiting.submit(_kept, bench, executor, *one) for one in cells]
        found = dict(zip(cells, (future.result() for future in running), strict=True))
    figures: dict[str, Figure] = {}
    for arm, share in dict.fromkeys((a, s) for a, s, _ in cells):
        figures |= _figures(f"density {share:g}, {arm}", [found[arm, share, seed] for seed in seeds])
    good = [cell for cell in found.values() if not cell["collapse"]]
    held = sum(cell["held"] for cell in good) / len(good)
    figures["networks whose bound holds"] = Figure(held, "1", "measured", len(good))
    bars = (at_least("share of networks for which the bound by paths holds", held, 1.0),)
    return Outcome(figures, () if bench.quick else bars)


def _figures(title: str, cells: Sequence[dict[str, Any]]) -> dict[str, Figure]:
    good = [cell for cell in cells if not cell["collapse"]]
    there = [cell for cell in good if cell["trace"] > 0]
    found = {
        f"{title}: cells that collapse": Figure(len(cells) - len(good), "1", "measured", len(cells)),
        f"{title}: kernels that are 0": Figure(len(good) - len(there), "1", "measured", len(cells)),
    }
    for what, unit, of in (
        ("trace", "1", good),
        ("alignment", "1", there),
        ("spectrum", "decade", there),
        ("loss curve", "nat", good),
    ):
        if of:
            found |= over_seeds(f"{title}: {what}", [cell[what] for cell in of], unit, "measured")
    return found


def _kept(bench: Bench, executor: Executor, arm: str, share: float, seed: int) -> dict[str, Any]:
    settings = {"arm": arm, "density": share, "seed": seed, "quick": bench.quick}
    found = bench.once(settings, lambda: executor.submit(cell, arm, share, seed, bench.quick).result())
    said = found["collapse"] or ", ".join(f"{k} {found[k]:.3f}" for k in ("trace", "alignment", "spectrum"))
    bench.say(f"{arm} {share:g} seed {seed}: {said}")
    return found


def cell(arm: str, share: float, seed: int, quick: bool) -> dict[str, Any]:
    """Compare one pruned network with the dense one of the same seed."""
    torch.set_num_threads(1)
    examples, _ = pictures("mnist", 300 if quick else IMAGES, seed, 10)
    x = torch.as_tensor(examples.x[: 8 if quick else ITEMS])
    training = Training(epochs=1 if quick else EPOCHS, batch=64, rate=0.05, optimiser="sgd", seed=seed)
    dense = Network(named("residual", examples.shape, 10, width=4), seed=seed)
    method = arm.removesuffix(", shuffled")
    try:
        if arm == "equal random":
            network = equal_random(dense, share, seed)
        else:
            batches, rounds = scoring_batches(examples, seed), 2 if quick else 0
            network = prune(dense, method, share, batches=batches, rounds=rounds, emptied=True, seed=seed)
            network = network if arm == method else shuffled(network, seed)
    except SartoError as error:
        if error.code != "E124":
            raise
        return {"collapse": error.message}
    kernel, whole = (tangent_kernel(n.double(), x.double()) for n in (network, dense))
    bound, trace = path_bound(network, x.double()), float(kernel.trace())
    values, wanted = (torch.linalg.eigvalsh(k).flip(0)[:LARGEST] / k.trace() for k in (kernel, whole))
    curves = [train(n.float(), examples, training).loss for n in (network, dense)]
    return {
        "collapse": "",
        "held": trace <= bound.by_output <= bound.whole,
        "trace": trace / float(whole.trace()),
        "alignment": float((kernel * whole).sum() / (kernel.norm() * whole.norm())),
        "spectrum": float((values.clamp_min(1e-12).log10() - wanted.log10()).abs().mean()),
        "loss curve": sum(abs(a - b) for a, b in zip(*curves, strict=True)) / len(curves[0]),
    }
