"""What a recipe works on: a network on its way to being small, and what its steps may use.

A step takes a `State` and an `Evaluation` and returns another state; it never changes the one that it was given. Its
weights' masks and forms are in the network, so a state is all there is to know. What a form is, `forms` says.

>>> from sarto.models.network.named import named
>>> state = State(Network(named("mlp", (4,), 2, width=3), seed=0))
>>> state.then(Step("magnitude", {"sparsity": 0.5}), state.copy()).recipe
Recipe(steps=(Step(method='magnitude', settings={'sparsity': 0.5}),))
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from sarto.compress._records import BEST
from sarto.compress.container import from_bytes, to_bytes
from sarto.compress.stored import Stored
from sarto.compress.uniform import activations, quantization, set_quantization
from sarto.core.budget import Budget
from sarto.core.checkpoint_interval import Failures
from sarto.core.progress import Silent, Talk
from sarto.core.quantization import Quantization
from sarto.core.recipe import Recipe, Step
from sarto.core.table import Table
from sarto.data.examples import Examples
from sarto.learn.loop import History, Hook, Loss, Training, accuracy, identity, train
from sarto.models.network.module import Network


@runtime_checkable
class Form(Protocol):
    """A module that makes the weight that is used out of the masked one, and knows how that is stored."""

    def __call__(self, weight: Tensor) -> Tensor:
        """Return the weight that is used; 0 stays 0."""
        ...

    def stored(self, weight: Tensor) -> Stored:
        """Return how `self(weight)` is stored; restored it is the same in every bit."""
        ...


@dataclass(frozen=True, eq=False)
class State:
    """A network on its way, and the steps that made it of the one that was given."""

    network: Network
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no architecture.

        Raises:
            InputError: E126, for a recurrent network.
        """
        _ = self.network.architecture

    @property
    def recipe(self) -> Recipe:
        """The steps so far."""
        return Recipe(self.steps)

    def copy(self) -> Network:
        """Return a network of its own to work on."""
        return copy.deepcopy(self.network)

    def then(self, step: Step, network: Network) -> State:
        """Return the state after a step."""
        return State(network, (*self.steps, step))

    @property
    def quantization(self) -> Quantization:
        """What the integers of the network stand for; empty while it computes in floats."""
        return quantization(self.network)

    def stored(self) -> dict[str, Stored]:
        """Return how every parameter is stored, by name: weights in their form, all else as short as is exact."""
        found = {name: Stored.of_exact(value) for name, value in self.network.arrays().items()}
        for name, layer in self.network.weighted():
            if layer.form is not None:
                found[f"{name}.weight"] = form_of(layer.form).stored(masked(layer.weight, layer.mask))
        return found

    def packed(self, coder: str = BEST) -> tuple[bytes, Table]:
        """Return the network as a container, and the table of its bytes; see `container.to_bytes`."""
        network = self.network
        return to_bytes(network.architecture, self.stored(), coder, activations=activations(network))


def restored(data: bytes, most_b: int | None = None) -> Network:
    """Return the network that a container gives back, with the integers that it computes in, if it does.

    Args:
        data: of the container.
        most_b: as in `container.read`.

    Raises:
        InputError: E131 and E132, as `container.from_bytes`.
    """
    contents = from_bytes(data, most_b)
    network = Network(contents.architecture)
    network.load_arrays(contents.arrays())
    set_quantization(network, contents.quantization)
    return network


def masked(weight: Tensor, mask: Tensor | None) -> Tensor:
    """Return the weights with 0 where they are pruned, without a gradient."""
    return (weight if mask is None else weight * mask).detach()


def form_of(module: nn.Module) -> Form:
    """Return a layer's form as what it is."""
    assert isinstance(module, Form), f"{type(module).__name__} does not know how it is stored"
    return module


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What steps may look at. Test items are not among it.

    Attributes:
        train: to fit and to calibrate on.
        validation: to judge on.
        training: how a network is tuned after a step that changed it, unless the step says otherwise.
        loss: of every tuning; a distillation, or None for the cross-entropy.
        seed: of everything random.
        budget: what the end must fit.
        integer_accuracy: network, examples -> accuracy of its integers, handed in from above; None where nobody asks.
        talk: told of what takes time.
        checkpoints: a folder in which every tuning keeps where it stands, or None.
        failures: that are to be expected meanwhile, as in `learn/loop.train`.
        histories: what every tuning saw, in order; steps only add to it.
    """

    train: Examples
    validation: Examples
    training: Training = field(default_factory=Training)
    loss: Loss | None = None
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    integer_accuracy: Callable[[Network, Examples], float] | None = None
    talk: Talk = field(default_factory=Silent)
    checkpoints: Path | None = None
    failures: Failures | None = None
    histories: list[History] = field(default_factory=list[History])

    def accuracy(self, network: Network) -> float:
        """Return the validation accuracy."""
        return accuracy(network, self.validation)

    def tune(
        self,
        network: Network,
        training: Training | None = None,
        before_step: Hook | None = None,
        judged_from: int = 0,
    ) -> History:
        """Train `network` in place as this evaluation says, and keep the pass that is best on validation.

        With a folder for checkpoints the same tuning, asked for again, goes on where it stood, or is there at once.

        Args:
            network: its weights are changed.
            training: in place of the evaluation's own.
            before_step, judged_from: as in `learn/loop.train`.
        """
        training = training or self.training
        checkpoint = None
        if self.checkpoints is not None:
            name = identity(network, self.train, self.validation, training)
            checkpoint = self.checkpoints / f"{name}.npz"
        history = train(
            network,
            self.train,
            training,
            validation=self.validation,
            loss=self.loss,
            before_step=before_step,
            judged_from=judged_from,
            checkpoint=checkpoint,
            failures=self.failures,
            talk=self.talk,
        )
        self.histories.append(history)
        return history
