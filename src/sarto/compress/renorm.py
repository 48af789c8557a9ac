"""Norms get the mean and variance that their inputs have now: pruning changes those, and only a tuning updates them.

    mean = E[x],   variance = Var[x]      of each channel, over the training items,

as the means over their batches, with each batch normalised by its own meanwhile. No weight changes.

Source: Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018, section 3.2;
He, Zhang and Sun, "Channel pruning for accelerating very deep neural networks", ICCV 2017, on statistics that go stale.

>>> from sarto.data.examples import of_arrays
>>> from sarto.models.network.named import named
>>> import numpy as np
>>> data = of_arrays(np.random.default_rng(0).normal(size=(64, 1, 8)), np.arange(64) % 2)
>>> from sarto.models.network.module import Network
>>> state = State(Network(named("cnn1d", (1, 8), 2, width=4, depth=1), seed=0))
>>> fresh = Renorm()(state, Evaluation(data, data))
>>> [bool(s.network.arrays()["conv1_norm.mean"].any()) for s in (state, fresh)]
[False, True]
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from sarto.compress.state import Evaluation, State
from sarto.core.recipe import Step
from sarto.learn.loop import batches
from sarto.models.input_error import InputError
from sarto.models.network.module import laid_out


@dataclass(frozen=True)
class Renorm:
    """A step of a recipe; see the module.

    Attributes:
        batch: items of a batch, at least 2.
    """

    batch: int = 256

    def __call__(self, state: State, evaluation: Evaluation) -> State:
        """Return the state with the statistics of its norms estimated anew.

        Raises:
            InputError: E116, when the batch is too small; E128, when there is no norm.
        """
        if self.batch < 2:
            raise InputError("E116", f"{self} cannot be used", cause="a variance needs 2 items at least")
        network = state.copy()
        norms = [
            layer for layer in network.layers.values() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
        ]
        if not norms:
            raise InputError(
                "E128",
                "renorm finds no norm",
                cause="the network has none, or they are folded",
                hint="leave it out, or put it before fold",
            )
        before = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
        network.train()
        with torch.no_grad():
            for items in batches(len(evaluation.train), self.batch, evaluation.seed, 0):
                network(laid_out(torch.as_tensor(evaluation.train.x[items]).to(network.device)))
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
        return state.then(Step("renorm", vars(self)), network.eval())
