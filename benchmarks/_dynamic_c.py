"""Nested networks as integers and C, for `dynamic_c` and `anytime`: trained, quantised once, and run at every width.

The items that are learned from are cut in two (`VALIDATED`): networks learn from the first part, and all that is chosen
(a learning rate, a static network, the leads of a cascade) is chosen on the second. Networks are trained group by group
and their shared head is polished, which costs no byte; the rate is the one with the highest mean accuracy over widths.
All accuracies are those of the integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int

from benchmarks._dynamic_methods import POLISH_RATE
from benchmarks._dynamic_tasks import GROUPS, TASKS, VALIDATED, WIDTHS, Task
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph import Graph, infer
from sarto.core.graph.widths import cut
from sarto.data.examples import Examples
from sarto.deploy.copies import table_sizes
from sarto.deploy.lower.dynamic import lower_dynamic, quantised
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.devices import device
from sarto.learn.incremental import train_incrementally
from sarto.learn.loop import Training, train
from sarto.learn.width_heads import polish
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.model import of_items
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network

QUICK_PASSES, EMULATED, DEVICE = 2, 8, "cortex_m4"
PREDICTS = "const int best = model_run(arena, MODEL_WIDTH);"
"""What `model_predict` does in the generated C of a nested network; it is replaced to measure other ways to run it."""


@dataclass(frozen=True, eq=False)
class Ground:
    """A task on one seed: items to learn from, to choose on and to test on, and for how many passes."""

    task: Task
    fit: Examples
    held: Examples
    tested: Examples
    passes: int
    seed: int

    @staticmethod
    def of(name: str, seed: int, quick: bool) -> Ground:
        """Return the ground of a task."""
        torch.set_num_threads(1)
        task = TASKS[name]
        learned, tested = task.read(seed)
        fit, held = learned.parts(VALIDATED, seed)
        return Ground(task, fit, held, tested, QUICK_PASSES if quick else task.passes, seed)

    def training(self, rate: float) -> Training:
        """Return how every weight is trained."""
        return Training(self.passes, self.task.batch, rate, seed=self.seed)

    @property
    def evaluation(self) -> Evaluation:
        """What quantisation may look at."""
        return Evaluation(self.fit, self.held)


def accuracy(graph: Graph, lowered: Lowered, examples: Examples) -> float:
    """Return the share of items whose class the integers find."""
    return float((infer(graph, lowered.items(examples.x)).classes == examples.y).mean())


def accuracies(lowered: Lowered, examples: Examples) -> dict[int, float]:
    """Return the accuracy at every width."""
    return {width: accuracy(cut(lowered.graph, width), lowered, examples) for width in WIDTHS}


def nested(ground: Ground) -> Lowered:
    """Return the integer graph of all widths, at the rate that is best on validation."""
    best: tuple[float, Lowered] | None = None
    for rate in ground.task.rates:
        network = DynamicNetwork(ground.task.full(ground.fit), GROUPS, ground.seed)
        train_incrementally(network, ground.fit, ground.training(rate))
        polish(network, ground.fit, replace(ground.training(rate), rate=POLISH_RATE))
        network.eval()
        found = lower_dynamic(network, quantised(network, ground.evaluation), ground.fit.classes)
        score = float(np.mean(list(accuracies(found, ground.held).values())))
        if best is None or score > best[0]:
            best = score, found
    assert best is not None
    return best[1]


def static(ground: Ground, architecture: Architecture) -> tuple[float, Lowered]:
    """Return a network of its own in integers, at its best rate, and its accuracy on validation."""
    best: tuple[float, Lowered] | None = None
    for rate in ground.task.rates:
        network = Network(architecture, ground.seed)
        train(network, ground.fit, ground.training(rate))
        small = ptq.quantise(State(network.eval()), ground.evaluation).network
        found = lower_network(small, ground.fit.classes)
        score = accuracy(found.graph, found, ground.held)
        if best is None or score > best[0]:
            best = score, found
    assert best is not None
    return best


def tables_b(sources: Mapping[str, str]) -> int:
    """Return the bytes of all tables of a model's C: weights, biases, factors."""
    return sum(table_sizes(sources["model.c"]).values())


def instructions(
    sources: Mapping[str, str], lowered: Lowered, examples: Examples
) -> Int[np.ndarray, " item"]:
    """Return the instructions of some items on the emulated core, the last of all spread over the examples."""
    some = examples.select(np.linspace(0, len(examples) - 1, EMULATED).astype(np.int64))
    found = emulate(build(sources, device(DEVICE)), of_items(lowered.items(some.x)).listed())
    return found.inference_instructions.astype(np.int64)


def with_predict(sources: Mapping[str, str], text: str) -> dict[str, str]:
    """Return the sources with a `model_predict` that does something else."""
    assert sources["model.c"].count(PREDICTS) == 1, "the model has widths"
    return {**sources, "model.c": sources["model.c"].replace(PREDICTS, text)}
