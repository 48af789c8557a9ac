"""Steps of a recipe after which a network bears wrong bits: bounds from training items, and training under errors.

    ranges:per=layer                          bounds behind activations and scores; nothing is trained
    relu6                                     ReLU6 in place of ReLU, then tuning
    fault_aware:share=0.5:patterns=line+all   tuning with errors in what layers return

Bounds come before integers are made (`ptq`, `qat`), which then have those of a tensor as the limits that they have
anyway. Training under errors comes before or after `relu6`; what it learns goes with the weights.

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> bounded = Ranges()(state, evaluation)
>>> [node.op for node in bounded.network.architecture.nodes], str(bounded.recipe)
(['linear', 'clip', 'linear', 'clip', 'linear', 'clip'], 'ranges(per=channel)')
>>> bool(evaluation.accuracy(bounded.network) >= evaluation.accuracy(state.network) - 0.02)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from sarto.compress.state import Evaluation, State
from sarto.core.recipe import Step
from sarto.learn.harden import Faulty, Injection, restrict_ranges


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


@dataclass(frozen=True)
class FaultAware:
    """A step of a recipe; see the module.

    Attributes:
        share: probability that an item has the error.
        patterns: shapes of errors, see `learn.harden.faulty`.
        from_epoch: passes before that are without errors.
        epochs: in place of those of the evaluation's training.
        clip: largest norm of a gradient, as published: single errors would else decide how a layer learns.
    """

    share: float = 0.75
    patterns: Sequence[str] = ("line", "square", "all")
    from_epoch: int = 0
    epochs: int | None = None
    clip: float = 1.0

    def __call__(self, state: State, evaluation: Evaluation) -> State:
        """Return the state after tuning with errors in one layer of each pass.

        Raises:
            InputError: E116, when a setting cannot be used.
        """
        injection = Injection(self.share, tuple(self.patterns), self.from_epoch, evaluation.seed)
        training = replace(evaluation.training, clip=self.clip)
        training = training if self.epochs is None else replace(training, epochs=self.epochs)
        network = state.copy()
        with Faulty(network, injection) as faulty:
            evaluation.tune(network, training, before_step=faulty.before_step(training.epochs))
        settings = {**asdict(self), "patterns": "+".join(self.patterns), "epochs": training.epochs}
        return state.then(Step("fault_aware", settings), network)
