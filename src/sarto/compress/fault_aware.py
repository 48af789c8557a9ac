"""Tuning with errors in what layers return, in the shapes that neutron beams leave, so that the weights bear them.

What is learned goes with the weights: in use there is no operation and no byte more. See `learn/harden/faulty`.

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> tuned = FaultAware(share=0.5, epochs=1)(state, evaluation)
>>> str(tuned.recipe)
'fault_aware(share=0.5, patterns=line+square+all, from_epoch=0, epochs=1, clip=1.0)'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sarto.compress.state import Evaluation, State
from sarto.core.recipe import Step
from sarto.learn.harden import Faulty, Injection


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
