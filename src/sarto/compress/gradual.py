"""Prunes by magnitude while a network is tuned: sparsity rises with a cube over the first part of the steps.

    s_t = s (1 - (1 - t / T)^3),    T = ramp * steps,

from what is pruned already to s = 1 - density; every `every` steps the smallest weights go. Only passes after the ramp
can be the one that is kept, since those before have more weights than asked for.

Source: Zhu and Gupta, "To prune, or not to prune", arXiv:1710.01878, equation 1.

>>> from sarto.data.examples import of_arrays
>>> from sarto.models.network.named import named
>>> import numpy as np
>>> x = np.random.default_rng(0).normal(size=(60, 2))
>>> data = of_arrays(x, (x[:, 0] > 0).astype(int))
>>> state = State(Network(named("mlp", (2,), 2, width=8), seed=0))
>>> after = Gradual(0.25, every=1)(state, Evaluation(data, data, Training(epochs=5, batch=10)))
>>> round(sum(int(layer.effective.count_nonzero()) for _, layer in after.network.weighted()) / 96, 3)
0.25
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sarto.compress.connected import density as density_of
from sarto.compress.prune._masks import Scope, select
from sarto.compress.prune._schedule import cubic
from sarto.compress.prune.magnitude import score
from sarto.compress.pruning import apply
from sarto.compress.state import Evaluation, State
from sarto.core.recipe import Step
from sarto.learn.loop import Training
from sarto.models.input_error import InputError
from sarto.models.network.module import Network

RAMP = 0.6
"""Share of the steps in which sparsity rises: the first 60 % served LeNet-300-100 at 8 % and at 1 %."""
EVERY = 16
"""Steps between two cuts; Zhu and Gupta take 100 to 1000 on networks that train for a thousand times as long."""


@dataclass(frozen=True)
class Gradual:
    """A step of a recipe: tune a network and prune it by magnitude meanwhile.

    Attributes:
        density: share of the weights that is kept in the end.
        scope: `global` compares the weights of all layers, `local` keeps the share in each.
        floor: weights that every layer keeps.
        ramp: share of the steps in which sparsity rises.
        every: steps between two cuts.
    """

    density: float
    scope: Scope = "global"
    floor: int = 0
    ramp: float = RAMP
    every: int = EVERY

    def __call__(self, state: State, evaluation: Evaluation) -> State:
        """Return the state with a pruned and tuned network.

        Raises:
            InputError: E116, when a setting cannot be used; E124, when a layer collapses.
        """
        if not 0 < self.density <= 1 or not 0 < self.ramp <= 1 or self.every < 1 or self.floor < 0:
            raise InputError(
                "E116",
                f"{self} cannot be used",
                cause="density and ramp are above 0 and at most 1, `every` is at least 1, the floor at least 0",
            )
        network = state.copy()
        first = _first_whole_pass(self.ramp, evaluation.training, len(evaluation.train))
        evaluation.tune(network, before_step=self._cutter(network), judged_from=first)
        return state.then(Step("gradual", vars(self)), network)

    def _cutter(self, network: Network) -> Callable[[int, int], None]:
        begun = density_of(network)

        def before_step(step: int, steps: int) -> None:
            ramp = math.ceil(self.ramp * (steps - 1))
            if step <= ramp and (step % self.every == 0 or step == ramp):
                gone = cubic(1.0, step, ramp) if ramp else 1.0
                share = begun + (self.density - begun) * gone
                keep = select(network, score(network, (), 0), share, self.scope, self.floor)
                apply(network, keep, f"gradual magnitude at density {share:.4g}")

        return before_step


def _first_whole_pass(ramp: float, training: Training, examples: int) -> int:
    """Return the first pass that ends with the density asked for."""
    per_pass = math.ceil(examples / training.batch)
    return math.ceil(ramp * (training.epochs * per_pass - 1)) // per_pass
