"""Trains a network on examples: the same weights for the same seed, whatever was computed before.

A pass over the examples visits them in an order drawn from the seed and the number of the pass. The learning rate falls
from `rate` along half a cosine to 0, `rate (1 + cos(pi t / T)) / 2` in step t of T, after `warm_up` of the steps in
which it rises from 0. Of the passes the weights that were best on validation are kept, if there is something to
validate on. The number of threads is set, since sums depend on it.

Source: Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts; Kingma and Ba, "Adam", ICLR 2015.

>>> import numpy as np
>>> from sarto.data.examples import of_arrays
>>> from sarto.models.network.module import Network
>>> from sarto.models.network.named import named
>>> x = np.random.default_rng(0).normal(size=(200, 2))
>>> data = of_arrays(x, (x[:, 0] * x[:, 1] > 0).astype(int))
>>> net = Network(named("mlp", (2,), 2, width=16), seed=0)
>>> history = train(net, data, Training(epochs=30, batch=20, rate=0.01, seed=0))
>>> bool(accuracy(net, data) > 0.9), len(history.loss)
(True, 30)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from sarto.core.progress import Silent, Talk
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.models.input_error import InputError
from sarto.models.network.module import Network, predict

Loss = Callable[[Network, Tensor, Tensor, Tensor], Tensor]
"""(network, items, outputs, class indices) -> loss; what distils or counts bits is one of these."""


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes:
        epochs: passes over the examples.
        batch: items of a step.
        rate: the largest learning rate.
        optimiser: `adam`, or `sgd` with Nesterov's momentum of 0.9.
        decay: weight decay (AdamW's, decoupled, with `adam`).
        warm_up: share of the steps in which the rate rises.
        smoothing: of the labels.
        patience: passes without a better validation loss after which training ends, or 0 for never.
        threads: of torch; 1 is fastest for small networks.
        seed: of the order of the items.
    """

    epochs: int = 10
    batch: int = 128
    rate: float = 1e-3
    optimiser: Literal["adam", "sgd"] = "adam"
    decay: float = 0.0
    warm_up: float = 0.0
    smoothing: float = 0.0
    patience: int = 0
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        good = self.epochs >= 0 and self.batch >= 1 and self.rate > 0 and 0 <= self.warm_up < 1
        good = good and self.threads >= 1
        if not good or self.decay < 0 or not 0 <= self.smoothing < 1 or self.patience < 0:
            raise InputError(
                "E116",
                f"{self} cannot be used",
                cause="epochs, decay and patience are at least 0, batch and threads at least 1, the rate above 0, "
                "shares at least 0 and below 1",
            )


@dataclass
class History:
    """What training saw: mean loss of each pass, loss and accuracy on validation after it."""

    loss: list[float] = field(default_factory=list[float])
    validation_loss: list[float] = field(default_factory=list[float])
    validation_accuracy: list[float] = field(default_factory=list[float])


def train(
    network: Network,
    examples: Examples,
    training: Training,
    *,
    validation: Examples | None = None,
    loss: Loss | None = None,
    before_step: Callable[[int, int], None] | None = None,
    after_step: Callable[[int, int], None] | None = None,
    judged_from: int = 0,
    talk: Talk | None = None,
) -> History:
    """Train `network` in place.

    Args:
        network: its weights are changed; masks and forms stay.
        examples: to learn from.
        training: how.
        validation: to watch; the weights of the best pass are kept. None keeps those of the last.
        loss: in place of the cross-entropy.
        before_step, after_step: called with the number of the step (from 0) and of all steps.
        judged_from: passes before that are not validated: what changes in them is not yet what is asked for.
        talk: told of every pass.

    Raises:
        InputError: E122, when items do not fit the network; E404, when the loss is no longer finite.
    """
    with torch_threads(training.threads):
        return _train(
            network,
            examples,
            training,
            validation,
            loss,
            before_step,
            after_step,
            judged_from,
            talk or Silent(),
        )


@contextmanager
def torch_threads(count: int) -> Generator[None]:
    """Let torch use `count` threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(
    network: Network,
    examples: Examples,
    training: Training,
    validation: Examples | None,
    loss: Loss | None,
    before_step: Callable[[int, int], None] | None,
    after_step: Callable[[int, int], None] | None,
    judged_from: int,
    talk: Talk,
) -> History:
    history, cost = History(), loss or cross_entropy(training.smoothing)
    steps = training.epochs * math.ceil(len(examples) / training.batch)
    optimiser = _optimiser(network, training)
    device = next(network.parameters()).device
    x, y = torch.as_tensor(examples.x), torch.as_tensor(examples.y)
    best: dict[str, Tensor] = {}
    number = 0
    with talk.stage("training", training.epochs) as stage:
        for epoch in range(training.epochs):
            network.train()
            total = 0.0
            for items in batches(len(examples), training.batch, training.seed, epoch):
                if before_step is not None:
                    before_step(number, steps)
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate(training, number, steps)
                chosen = torch.as_tensor(items)
                inputs, wanted = x[chosen].to(device), y[chosen].to(device)
                optimiser.zero_grad()
                value = cost(network, inputs, network(inputs), wanted)
                value.backward()  # pyright: ignore[reportUnknownMemberType]
                optimiser.step()  # pyright: ignore[reportUnknownMemberType]
                total += value.item() * len(items)
                if after_step is not None:
                    after_step(number, steps)
                number += 1
            history.loss.append(total / len(examples))
            if not math.isfinite(history.loss[-1]):
                raise InputError(
                    "E404",
                    f"the loss is {history.loss[-1]} after {epoch + 1} of {training.epochs} passes",
                    cause=f"the learning rate of {training.rate:g} is too large, or the inputs are",
                    hint="take a lower rate, or standardise the inputs",
                )
            note = f"loss {history.loss[-1]:.4f}"
            if validation is not None and epoch >= judged_from:
                judged = _judge(network, validation)
                if not history.validation_loss or judged[0] < min(history.validation_loss):
                    best = {k: v.detach().clone() for k, v in network.state_dict().items()}
                history.validation_loss.append(judged[0])
                history.validation_accuracy.append(judged[1])
                note += f", validation accuracy {judged[1]:.4f}"
            stage.advance(1, note)
            if _exhausted(history, training.patience):
                break
    if best:
        network.load_state_dict(best)
    network.eval()
    return history


def cross_entropy(smoothing: float = 0.0) -> Loss:
    """Return the loss `-log softmax(outputs)[class]`, in the mean over the items."""

    def cost(_network: Network, _x: Tensor, outputs: Tensor, wanted: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, wanted, label_smoothing=smoothing)

    return cost


def batches(items: int, size: int, seed: int, epoch: int) -> Iterator[Int[np.ndarray, " chosen"]]:
    """Yield the items of each step of a pass, in the order of the seed and the pass."""
    order = generator(seed, "pass", epoch).permutation(items)
    for first in range(0, items, size):
        yield order[first : first + size]


def learning_rate(training: Training, step: int, steps: int) -> float:
    """Return the rate of a step (from 0) of all steps.

    >>> [round(learning_rate(Training(rate=1.0, warm_up=0.2), step, 10), 3) for step in (0, 1, 2, 6, 9)]
    [0.333, 0.667, 1.0, 0.5, 0.038]
    """
    rising = round(training.warm_up * steps)
    if step < rising:
        return training.rate * (step + 1) / (rising + 1)
    return training.rate * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising))) / 2


def accuracy(network: Network, examples: Examples) -> float:
    """Return the share of items whose largest output is their class."""
    return _share_right(predict(network, examples.x), examples)


def _judge(network: Network, examples: Examples) -> tuple[float, float]:
    """Return cross-entropy and accuracy."""
    outputs = predict(network, examples.x)
    loss = functional.cross_entropy(torch.as_tensor(outputs), torch.as_tensor(examples.y)).item()
    return loss, _share_right(outputs, examples)


def _share_right(outputs: Float[np.ndarray, "item output"], examples: Examples) -> float:
    return np.count_nonzero(outputs.argmax(1) == examples.y) / len(examples)


def _exhausted(history: History, patience: int) -> bool:
    seen = history.validation_loss
    return bool(patience and seen and len(seen) - 1 - int(np.argmin(seen)) >= patience)


def _optimiser(network: Network, training: Training) -> torch.optim.Optimizer:
    """Return the optimiser; weight decay is on weights, not on biases and norms."""
    decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": training.decay}, {"params": others, "weight_decay": 0.0}]
    groups = [g for g in groups if g["params"]]
    if training.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=training.rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=training.rate)
