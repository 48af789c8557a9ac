"""A MAM layer trains at <= 25x the time of `nn.Linear`, and <= 1.5x that of a two-pass kernel compiled by gcc.

The layer has a kernel of its own in C where the computer has a compiler, and a search in torch where not: both are
timed; the bars are for the first. Forward and backward of one layer on one thread; all sides in turns, in one process.
The time is the processor's for this thread, so that what other programs take of the core is not in it (they still
disturb caches and clock). Every ratio is the median over turns, with the least and the largest. Outputs, winners and
gradients of the layer and of the comparator in C are held equal: the first two in every bit, the gradients to the order
of their sums.

Cases: 128 x 256 x 256 (batch, inputs, outputs), which has the bars; 256 x 512 x 256; a convolution of 16 to 32 channels
with 3 x 3 kernels on 8 images of 16 x 16, beside torch's own convolution, where the kernel in C gets the patches that
torch lays out for both. Inputs are those after a ReLU: half of them are 0, so that products are often equal.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import product
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_least, at_most
from benchmarks._two_pass import TwoPass
from sarto.learn.loop import torch_threads
from sarto.models.mam import kernel as own_kernel
from sarto.models.mam.search import max_min, winners

MINUTES = 1
TURNS, QUICK_TURNS = 41, 3
LINEAR = ((128, 256, 256), (256, 512, 256))
IMAGES, SIDE, CHANNELS, OUT = 8, 16, 16, 32
Work = Callable[[], Any]


def run(bench: Bench) -> Outcome:
    """Return the times, their ratios, and whether both sides agree."""
    figures: dict[str, Figure] = {}
    agreed: list[bool] = []
    turns = QUICK_TURNS if bench.quick else TURNS
    with torch_threads(1):
        for sizes in LINEAR:
            works, same = linear(*sizes)
            agreed.append(same)
            figures |= compared(" x ".join(map(str, sizes)), timed(works, turns))
        works, same = convolution()
        agreed.append(same)
        figures |= compared("convolution", timed(works, turns))
    first = " x ".join(map(str, LINEAR[0]))
    bars = (
        at_least("cases in which outputs, winners and gradients agree", sum(agreed), len(agreed)),
        at_most(f"{first}: MAM over nn.Linear", figures[f"{first}: MAM over torch's sum"].value, 25),
        at_most(
            f"{first}: MAM over the kernel in C", figures[f"{first}: MAM over the kernel in C"].value, 1.5
        ),
    )
    return Outcome(figures, () if bench.quick else bars)


def drawn(*shape: int, seed: int) -> Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(rows: int, inputs: int, neurons: int) -> tuple[dict[str, Work], bool]:
    """Return what is timed for a linear layer, and whether both sides agree."""
    x, weight = drawn(rows, inputs, seed=0).relu(), drawn(neurons, inputs, seed=1)
    outer, kernel = drawn(rows, neurons, seed=2), TwoPass(x, weight)
    both = (x.clone().requires_grad_(), weight.clone().requires_grad_())

    def mam() -> object:
        return torch.autograd.grad(max_min(*both), both, outer)

    works: dict[str, Work] = {
        "MAM": mam,
        "MAM without a compiler": without_compiler(mam),
        "torch's sum": lambda: torch.autograd.grad(functional.linear(*both), both, outer),
        "the kernel in C": lambda: (kernel.forward(), kernel.backward(outer)),
    }
    return works, agree(kernel, outer, both)


def convolution() -> tuple[dict[str, Work], bool]:
    """Return the same for a convolution."""
    images, weight = drawn(IMAGES, CHANNELS, SIDE, SIDE, seed=0).relu(), drawn(OUT, CHANNELS, 3, 3, seed=1)
    both = (images.clone().requires_grad_(), weight.clone().requires_grad_())
    outer = drawn(IMAGES, OUT, SIDE, SIDE, seed=2)
    rows = laid(images)
    kernel, outer_rows = TwoPass(rows, weight.flatten(1)), outer.flatten(2).transpose(1, 2).flatten(0, 1)

    def mam() -> object:
        found = max_min(laid(both[0]), both[1].flatten(1)).view(IMAGES, SIDE * SIDE, OUT)
        return torch.autograd.grad(found.transpose(1, 2).reshape(outer.shape), both, outer)

    def in_c() -> object:
        kernel.x = laid(images).contiguous()
        kernel.forward()
        kernel.backward(outer_rows.contiguous())
        columns = kernel.to_x.view(IMAGES, SIDE * SIDE, -1).transpose(1, 2)
        return functional.fold(columns, (SIDE, SIDE), 3, padding=1)

    works: dict[str, Work] = {
        "MAM": mam,
        "MAM without a compiler": without_compiler(mam),
        "torch's sum": lambda: torch.autograd.grad(functional.conv2d(*both, padding=1), both, outer),
        "the kernel in C": in_c,
    }
    pair = (rows.clone().requires_grad_(), weight.flatten(1).clone().requires_grad_())
    return works, agree(kernel, outer_rows.contiguous(), pair)


def without_compiler(work: Work) -> Work:
    """Return the same work, done as where there is no compiler."""

    def done() -> object:
        with mock.patch.object(own_kernel, "of", return_value=None):
            return work()

    return done


def laid(images: Tensor) -> Tensor:
    """Return what lies under a 3 x 3 kernel at each place of each image."""
    return functional.unfold(images, 3, padding=1).transpose(1, 2).flatten(0, 1)


def agree(kernel: TwoPass, outer: Tensor, both: tuple[Tensor, Tensor]) -> bool:
    """Return whether the kernel finds what the layer finds."""
    kernel.forward()
    kernel.backward(outer)
    largest, smallest = winners(*both)
    y = max_min(*both)
    gradients = torch.autograd.grad(y, both, outer)
    return (
        own_kernel.library() is not None
        and torch.equal(y, kernel.y)
        and torch.equal(largest[0], kernel.largest.long())
        and torch.equal(smallest[0], kernel.smallest.long())
        and torch.allclose(gradients[0], kernel.to_x, rtol=1e-4, atol=1e-4)
        and torch.allclose(gradients[1], kernel.to_weight, rtol=1e-4, atol=1e-4)
    )


def timed(works: dict[str, Work], turns: int) -> dict[str, list[float]]:
    """Return the seconds of each work, turn after turn; the first turn is for warming up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(turns + 1):
        for name, work in works.items():
            start = time.thread_time()
            work()
            if turn:
                times[name].append(time.thread_time() - start)
    return times


def compared(case: str, times: dict[str, list[float]]) -> dict[str, Figure]:
    """Return the times of a case, and those of MAM over the others'."""
    found = {f"{case}: {name}": figure(each, "s") for name, each in times.items()}
    for ours, other in product(("MAM", "MAM without a compiler"), ("torch's sum", "the kernel in C")):
        ratios = [a / b for a, b in zip(times[ours], times[other], strict=True)]
        found[f"{case}: {ours} over {other}"] = figure(ratios, "1")
    return found


def figure(values: list[float], unit: str) -> Figure:
    """Return the median with the least and the largest."""
    return Figure(statistics.median(values), unit, "measured", len(values), (min(values), max(values)))
