"""Lottery tickets: prune by magnitude after training, rewind what is left to an early step, and train again.

Rounds of: train to the end; keep the share `d^(1/R)` of the weights that are left, the largest; set all parameters back
to what they were after `rewind` steps of the first training. Every training is a whole one.

Source: Frankle and Carbin, "The lottery ticket hypothesis", ICLR 2019 (rewind 0); Frankle et al., "Linear mode
connectivity and the lottery ticket hypothesis", ICML 2020 (rewind above 0).

>>> import numpy as np
>>> from sarto.data.examples import of_arrays
>>> from sarto.models.network.named import named
>>> x = np.random.default_rng(0).normal(size=(60, 2))
>>> data = of_arrays(x, (x[:, 0] > 0).astype(int))
>>> network = Network(named("mlp", (2,), 2, width=8, depth=1), seed=0)
>>> ticket = lottery_ticket(network, 0.25, data, Training(epochs=2, batch=20), rounds=2)
>>> kept = ticket.layer("fc1").mask.bool()
>>> bool((ticket.layer("fc1").weight == network.layer("fc1").weight)[kept].all())  # rewound to the start
True
"""

from __future__ import annotations

import copy

from torch import Tensor

from sarto.compress.prune._masks import Scope
from sarto.compress.pruning import prune
from sarto.data.examples import Examples
from sarto.learn.loop import Training, train
from sarto.models.input_error import InputError
from sarto.models.network.module import Network


def lottery_ticket(
    network: Network,
    density: float,
    examples: Examples,
    training: Training,
    *,
    rounds: int = 1,
    rewind: int = 0,
    scope: Scope = "global",
    floor: int = 0,
) -> Network:
    """Return a copy that is pruned and rewound, ready to be trained.

    Args:
        network: as it is initialised.
        density: share of the weights that is kept in the end.
        examples: to train on.
        training: how, in every round.
        rounds: of training and pruning.
        rewind: steps of the first training after which the weights are those that are rewound to.
        scope, floor: see `pruning.prune`.

    Raises:
        InputError: E116, when the training has no such step; E124, when a layer collapses.
    """
    steps = training.epochs * -(-len(examples) // training.batch)
    if not 0 <= rewind <= steps or rounds < 1:
        raise InputError(
            "E116",
            f"rewinding to step {rewind} in {rounds} rounds cannot be done",
            cause=f"the training has {steps} steps, and there is at least one round",
        )
    start, current = _parameters(network), copy.deepcopy(network)
    for number in range(rounds):
        if number == 0 and rewind:
            start = _trained_and_seen(current, examples, training, rewind)
        else:
            train(current, examples, training)
        current = prune(current, "magnitude", density ** ((number + 1) / rounds), scope=scope, floor=floor)
        current.load_state_dict({**current.state_dict(), **start})
    return current


def _parameters(network: Network) -> dict[str, Tensor]:
    """Return all that training changes: parameters and running statistics, not the masks."""
    return {k: v.clone() for k, v in network.state_dict().items() if not k.endswith(".mask")}


def _trained_and_seen(
    network: Network, examples: Examples, training: Training, step: int
) -> dict[str, Tensor]:
    seen: dict[str, Tensor] = {}

    def look(number: int, _steps: int) -> None:
        if number == step:
            seen.update(_parameters(network))

    train(network, examples, training, after_step=look)
    return seen
