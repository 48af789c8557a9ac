"""Bounds behind activations and of scores, as wide as what the training items give; nothing is trained.

A step before those that make integers, which then have the bounds of a tensor as limits that cost nothing. See
`learn/harden/ranges`.

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> bounded = Ranges(per="layer")(state, evaluation)
>>> [node.op for node in bounded.network.architecture.nodes], str(bounded.recipe)
(['linear', 'clip', 'linear', 'clip', 'linear', 'clip'], 'ranges(per=layer)')
>>> bool(evaluation.accuracy(bounded.network) >= evaluation.accuracy(state.network) - 0.02)
True
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from sarto.compress.state import Evaluation, State
from sarto.core.recipe import Step
from sarto.learn.harden import restrict_ranges


@dataclass(frozen=True)
class Ranges:
    """A step of a recipe; see the module.

    Attributes:
        per: whether each channel has bounds of its own, or a tensor one pair.
    """

    per: Literal["channel", "layer"] = "channel"

    def __call__(self, state: State, evaluation: Evaluation) -> State:
        """Return the state with bounds of what activations are for the training items.

        Raises:
            InputError: E147, when the network computes in integers already, or a bound is no number.
        """
        network = restrict_ranges(state.network, evaluation.train.x, per=self.per)
        return state.then(Step("ranges", asdict(self)), network)
