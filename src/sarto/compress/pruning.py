"""Prunes a network with any method that scores weights, to exactly the density asked for.

In round r of R the method scores the network as it is then, and the share `d_r = d^((r + 1) / R)` of the weights, those
with the largest scores, is kept. A layer that loses all its weights, or a network that no path runs through, is an
error.

Source: Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow", NeurIPS 2020,
algorithm 1.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (4,), 2, width=8), seed=0)
>>> smaller = prune(network, "magnitude", 0.25)
>>> sum(int(layer.effective.count_nonzero()) for _, layer in smaller.weighted()), 28  # of 112 weights
(28, 28)
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from sarto.compress.connected import breaks_at, connected
from sarto.compress.prune._copy import Batches, Scores
from sarto.compress.prune._masks import Scope, select
from sarto.compress.prune._schedule import exponential
from sarto.compress.state import Evaluation, State
from sarto.core.recipe import Step
from sarto.core.rooms import load_method, methods
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.models.input_error import InputError
from sarto.models.network.module import Network

ROOM = "sarto.compress.prune"
BATCH, BATCHES = 128, 2
"""Examples of a batch, and batches, that scores are taken on: those of the PX repository's CIFAR-10 script."""


def scoring(method: str) -> ModuleType:
    """Return the module of a method that scores weights.

    Raises:
        SartoError: E111, when there is none of that name; E125, when it cuts whole channels.
    """
    module = load_method(ROOM, method)
    if not hasattr(module, "score"):
        scored = [name for name in methods(ROOM) if hasattr(load_method(ROOM, name), "score")]
        raise InputError(
            "E125", f"{method} does not score single weights", hint=f"those that do: {', '.join(scored)}"
        )
    return module


def prune(
    network: Network,
    method: str,
    density: float,
    *,
    batches: Batches = (),
    rounds: int = 0,
    scope: Scope = "global",
    floor: int = 0,
    emptied: bool = False,
    seed: int = 0,
) -> Network:
    """Return a pruned copy of `network`.

    Args:
        network: trained or not; masks that it has stay.
        method: a file of `compress/prune` that scores weights.
        density: share of the weights that is kept.
        batches: examples, for methods that look at them.
        rounds: 0 for those of the method.
        scope: whether weights of all layers are compared, or each layer keeps the share.
        floor: weights that every layer keeps.
        emptied: whether a layer may lose all its weights where another path runs past it, as a residual branch.
        seed: of methods that draw.

    Raises:
        InputError: E116, when a setting cannot be used; E124, when a layer collapses or the density cannot be met;
            E125, when the method does not understand a layer. Those two name the layer.
    """
    if not 0 < density <= 1 or rounds < 0 or floor < 0 or scope not in ("global", "local"):
        raise InputError(
            "E116",
            f"density {density:g}, {rounds} rounds, floor {floor}, scope {scope} cannot be used",
            cause="the density is above 0 and at most 1, the scope `global` or `local`, the rest at least 0",
        )
    module, own = scoring(method), copy.deepcopy(network)
    for number, share in enumerate(exponential(density, rounds or int(module.ROUNDS))):
        drawn = int(generator(seed, "prune", number).integers(2**63))  # pyright: ignore[reportUnknownArgumentType]
        scores: Scores = module.score(own, batches, drawn)
        keep = select(own, scores, share, scope, floor)
        apply(own, keep, f"{method} at density {share:.4g}", emptied)
    return own


def apply(network: Network, keep: dict[str, Tensor], what: str, emptied: bool = False) -> None:
    """Prune `network` to the masks `keep`; `what` did it, for the message.

    Raises:
        InputError: E124, when a layer has nothing left and must not be `emptied`, or no path runs from the input to the
            output.
    """
    for name, layer in network.weighted():
        if not emptied and not bool(keep[name].any()):
            raise InputError(
                "E124",
                f"layer '{name}' collapses: {what} keeps none of its {layer.weight.numel()} weights",
                cause="its scores are the smallest of all",
                hint="keep more, prune in more rounds, in each layer (scope local), set a floor, or allow it where "
                "another path runs past (emptied)",
            )
        layer.prune(keep[name])
    check_connected(network, what)


def check_connected(network: Network, what: str) -> None:
    """Refuse a network that no path runs through any more; `what` did it, for the message.

    Raises:
        InputError: E124, which names the layer where paths end.
    """
    if not any(bool(on.any()) for on in connected(network).values()):
        raise InputError(
            "E124",
            f"layer '{breaks_at(network)}' collapses: {what} leaves no path through it from the input to the output",
            cause="the weights that it keeps are behind, or before, others that are pruned",
            hint="keep more, prune in more rounds, in each layer (scope local), or set a floor",
        )


def scoring_batches(
    examples: Examples, seed: int, batch: int = BATCH, count: int = BATCHES
) -> list[tuple[Tensor, Tensor]]:
    """Return `count` batches of examples drawn without repetition, fewer where there are not as many."""
    order = generator(seed, "scored examples").permutation(len(examples))[: batch * count]
    return [
        (torch.as_tensor(examples.x[part]), torch.as_tensor(examples.y[part]))
        for part in np.array_split(order, max(1, -(-len(order) // batch)))
    ]


@dataclass(frozen=True)
class Pruning:
    """A step of a recipe: prune, then tune what is left on the training examples.

    Attributes:
        method: a file of `compress/prune` that scores weights.
        density: share of the weights that is kept.
        scope, rounds, floor, emptied: see `prune`.
        tuned: whether the network is trained afterwards.
    """

    method: str
    density: float
    scope: Scope = "global"
    rounds: int = 0
    floor: int = 0
    emptied: bool = False
    tuned: bool = True

    def __call__(self, state: State, evaluation: Evaluation) -> State:
        """Return the state with a pruned network."""
        network = prune(
            state.network,
            self.method,
            self.density,
            batches=scoring_batches(evaluation.train, evaluation.seed),
            rounds=self.rounds,
            scope=self.scope,
            floor=self.floor,
            emptied=self.emptied,
            seed=evaluation.seed,
        )
        if self.tuned:
            evaluation.tune(network)
        return state.then(Step(self.method, {k: v for k, v in vars(self).items() if k != "method"}), network)
