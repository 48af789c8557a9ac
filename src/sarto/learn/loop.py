"""Trains a network, feed-forward or recurrent, on examples: the same weights for the same seed, whatever came before.

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
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from sarto.core.checkpoint_interval import Failures
from sarto.core.progress import Silent, Talk
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.learn._checkpoint import Kept, Standing
from sarto.learn._checkpoint import identity as identity
from sarto.learn.optimiser import Optimiser
from sarto.models.input_error import InputError
from sarto.models.network.module import Network, laid_out, predict
from sarto.models.trainable import Trainable

N = TypeVar("N", bound=Trainable)

Hook = Callable[[int, int], None]
"""(number of the step from 0, number of all steps) -> nothing."""
Cost = Callable[[N, Tensor, Tensor, Tensor], Tensor]
"""(what is trained, items, outputs, class indices) -> loss."""
Loss = Cost[Network]
"""The same of a network with an architecture; what distils or counts bits is one of these."""


@runtime_checkable
class Learning(Protocol):
    """A loss that learns something itself, which a training that is taken up again needs back."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return what it has learned."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state_dict` returned."""
        ...


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
        clip: largest norm of the gradient of a step, which is scaled down to it, or 0 for any.
        patience: passes without a better validation loss after which training ends, or 0 for never.
        threads: of torch; 1 is fastest for small networks.
        device: where to train, `cpu` or `cuda`; the network comes back afterwards. None trains it where it is.
        seed: of the order of the items.
    """

    epochs: int = 10
    batch: int = 128
    rate: float = 1e-3
    optimiser: Literal["adam", "sgd"] = "adam"
    decay: float = 0.0
    warm_up: float = 0.0
    smoothing: float = 0.0
    clip: float = 0.0
    patience: int = 0
    threads: int = 1
    device: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        good = self.epochs >= 0 and self.batch >= 1 and self.rate > 0 and 0 <= self.warm_up < 1
        good = good and self.threads >= 1
        good = good and self.clip >= 0
        if not good or self.decay < 0 or not 0 <= self.smoothing < 1 or self.patience < 0:
            raise InputError(
                "E116",
                f"{self} cannot be used",
                cause="epochs, decay, clip and patience are at least 0, batch and threads at least 1, the rate above "
                "0, shares at least 0 and below 1",
            )


@dataclass
class History:
    """What training saw: mean loss of each pass, loss and accuracy on validation after it."""

    loss: list[float] = field(default_factory=list[float])
    validation_loss: list[float] = field(default_factory=list[float])
    validation_accuracy: list[float] = field(default_factory=list[float])


def train(
    network: N,
    examples: Examples,
    training: Training,
    *,
    validation: Examples | None = None,
    loss: Cost[N] | None = None,
    before_step: Hook | None = None,
    after_step: Hook | None = None,
    judged_from: int = 0,
    checkpoint: Path | None = None,
    failures: Failures | None = None,
    talk: Talk | None = None,
) -> History:
    """Train `network` in place.

    Args:
        network: of any kind; its weights are changed, masks and forms stay.
        examples: to learn from.
        training: how.
        validation: to watch; the weights of the best pass are kept. None keeps those of the last.
        loss: in place of the cross-entropy.
        before_step, after_step: called with the number of the step (from 0) and of all steps.
        judged_from: passes before that are not validated: what changes in them is not yet what is asked for.
        checkpoint: a file to keep where training stands. The same training, started again, goes on from there to the
            same weights; hooks and loss must depend on the number of the step and on the network alone for that, or
            the loss be a `Learning` one.
        failures: that are to be expected. A checkpoint is then written after a step whenever one is due by Young's
            interval, see `core.checkpoints`; without, after every pass.
        talk: told of every pass, and of checkpoints that are damaged.

    Raises:
        InputError: E116, when the device is not there; E122, when items do not fit the network; E404, when the loss is
            no longer finite.
    """
    with torch_threads(training.threads), _moved(network, training.device):
        run = _Run(network, examples, training, validation, loss or cross_entropy(training.smoothing))
        kept, talk = None, talk or Silent()
        if checkpoint is not None:
            belongs_to = identity(network, examples, validation, training)
            kept = Kept(checkpoint, belongs_to, failures, talk.note)
        return run.all_passes(before_step, after_step, judged_from, kept, talk)


@contextmanager
def _moved(network: Trainable, device: str | None) -> Generator[None]:
    """Have a network on a device, and where it was before afterwards."""
    home = network.device
    if device is not None:
        network.to(_there(device))
    try:
        yield
    finally:
        network.to(home)


def _there(device: str) -> torch.device:
    """Return a device that this torch can use.

    Raises:
        InputError: E116, when it cannot.
    """
    cause = "torch knows no such device"
    try:
        found = torch.device(device)
        if found.type == "cpu" or (found.type == "cuda" and torch.cuda.is_available()):
            return found
        cause = f"torch {torch.__version__} finds no such device on this machine"
    except RuntimeError:
        pass
    raise InputError("E116", f"'{device}' cannot be trained on", cause=cause, hint="cpu is always there")


@contextmanager
def torch_threads(count: int) -> Generator[None]:
    """Let torch use `count` threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Run(Generic[N]):
    """One training."""

    def __init__(
        self,
        network: N,
        examples: Examples,
        training: Training,
        validation: Examples | None,
        loss: Cost[N],
    ) -> None:
        self.network, self.examples, self.training = network, examples, training
        self.validation, self.loss = validation, loss
        self.optimiser = Optimiser(network.parameters(), training.optimiser, training.rate, training.decay)
        self.per_pass = steps_of(len(examples), training.batch)
        self.steps = training.epochs * self.per_pass
        self.history, self.best, self.total, self.done = History(), dict[str, Tensor](), 0.0, 0
        self.x, self.y = torch.as_tensor(examples.x), torch.as_tensor(examples.y)

    def all_passes(
        self,
        before_step: Hook | None,
        after_step: Hook | None,
        judged_from: int,
        kept: Kept | None,
        talk: Talk,
    ) -> History:
        """Run every pass that is not yet done."""
        if kept is not None:
            self._take_up(kept.newest(self.network, self.optimiser))
        first = self.done // self.per_pass
        with talk.stage("training", self.training.epochs) as stage:
            if first:
                stage.advance(first, f"{first} passes were done before")
            for epoch in range(first, self.training.epochs):
                if _exhausted(self.history, self.training.patience):
                    break
                self._one_pass(epoch, before_step, after_step, kept)
                note = self._judged(epoch >= judged_from)
                if kept is not None and kept.due(pass_ends=True):
                    kept.write(self._standing(), self.network, self.optimiser)
                stage.advance(1, note)
        if self.best:
            self.network.load_state_dict(self.best)
        self.network.eval()
        if kept is not None:
            done = Standing(self.steps, history=asdict(self.history), loss=self._learned())
            kept.finish(done, self.network)
        return self.history

    def _learned(self) -> dict[str, Tensor]:
        return self.loss.state_dict() if isinstance(self.loss, Learning) else {}

    def _standing(self) -> Standing:
        return Standing(self.done, self.total, asdict(self.history), self.best, self._learned())

    def _take_up(self, found: Standing) -> None:
        """Go on from where a training stood."""
        self.history, self.best = History(**found.history), found.best
        self.done, self.total = found.step, found.total
        if found.step and isinstance(self.loss, Learning):
            self.loss.load_state_dict(found.loss)

    def _one_pass(
        self, epoch: int, before_step: Hook | None, after_step: Hook | None, kept: Kept | None
    ) -> None:
        """Run the steps of a pass that are not yet done."""
        network, training = self.network, self.training
        network.train()
        order = batches(len(self.examples), training.batch, training.seed, epoch)
        for number, items in enumerate(order, epoch * self.per_pass):
            if number < self.done:
                continue
            if before_step is not None:
                before_step(number, self.steps)
            chosen = torch.as_tensor(items)
            inputs = laid_out(self.x[chosen].to(network.device))
            wanted = self.y[chosen].to(network.device)
            self.optimiser.zero_grad()
            value = self.loss(network, inputs, self._answered(inputs), wanted)
            value.backward()  # pyright: ignore[reportUnknownMemberType]
            if training.clip:
                torch.nn.utils.clip_grad_norm_(network.parameters(), training.clip)
            self.optimiser.step(learning_rate(training, number, self.steps))
            self.total += value.item() * len(items)
            self.done = number + 1
            if after_step is not None:
                after_step(number, self.steps)
            if kept is not None and self.done % self.per_pass and kept.due(pass_ends=False):
                kept.write(self._standing(), network, self.optimiser)
        self.history.loss.append(self.total / len(self.examples))
        self.total = 0.0
        if not math.isfinite(self.history.loss[-1]):
            raise InputError(
                "E404",
                f"the loss is {self.history.loss[-1]} after {epoch + 1} of {training.epochs} passes",
                cause=f"the learning rate of {training.rate:g} is too large, or the inputs are",
                hint="take a lower rate, or standardise the inputs",
            )

    def _answered(self, inputs: Tensor) -> Tensor:
        """Return the outputs of a step's items."""
        try:
            return self.network(inputs)
        except ValueError as error:
            if len(inputs) > 1 or isinstance(error, InputError):
                raise
            raise InputError(
                "E116",
                "a step of one item cannot be trained on: "
                f"{len(self.examples)} items in steps of {self.training.batch}",
                cause="a norm takes mean and variance over the items of a step",
                hint="take another number of items for a step (--batch)",
            ) from error

    def _judged(self, counts: bool) -> str:
        """Judge the weights on validation if this pass counts, keep the best, and say what was seen."""
        history = self.history
        note = f"loss {history.loss[-1]:.4f}"
        if self.validation is None or not counts:
            return note
        loss, share = _judge(self.network, self.validation)
        if not history.validation_loss or loss < min(history.validation_loss):
            self.best = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        history.validation_loss.append(loss)
        history.validation_accuracy.append(share)
        return f"{note}, validation accuracy {share:.4f}"


def cross_entropy(smoothing: float = 0.0) -> Cost[Trainable]:
    """Return the loss `-log softmax(outputs)[class]`, in the mean over the items."""

    def cost(_network: Trainable, _x: Tensor, outputs: Tensor, wanted: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, wanted, label_smoothing=smoothing)

    return cost


def steps_of(items: int, size: int) -> int:
    """Return the steps of a pass: a single item that is left over goes into the step before, as norms need two.

    >>> [steps_of(items, 10) for items in (1, 10, 11, 12, 20)]
    [1, 1, 1, 2, 2]
    """
    return items if size == 1 else max(1, items // size + (items % size > 1))


def batches(items: int, size: int, seed: int, epoch: int) -> Iterator[Int[np.ndarray, " chosen"]]:
    """Yield the items of each step of a pass, in the order of the seed and the pass."""
    order = generator(seed, "pass", epoch).permutation(items)
    last = steps_of(items, size) - 1
    for step in range(last):
        yield order[step * size : (step + 1) * size]
    yield order[last * size :]


def learning_rate(training: Training, step: int, steps: int) -> float:
    """Return the rate of a step (from 0) of all steps.

    >>> [round(learning_rate(Training(rate=1.0, warm_up=0.2), step, 10), 3) for step in (0, 1, 2, 6, 9)]
    [0.333, 0.667, 1.0, 0.5, 0.038]
    """
    rising = round(training.warm_up * steps)
    if step < rising:
        return training.rate * (step + 1) / (rising + 1)
    return training.rate * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising))) / 2


def accuracy(network: Trainable, examples: Examples) -> float:
    """Return the share of items whose largest output is their class."""
    return _share_right(predict(network, examples.x), examples)


def _judge(network: Trainable, examples: Examples) -> tuple[float, float]:
    """Return cross-entropy and accuracy."""
    outputs = predict(network, examples.x)
    loss = functional.cross_entropy(torch.as_tensor(outputs), torch.as_tensor(examples.y)).item()
    return loss, _share_right(outputs, examples)


def _share_right(outputs: Float[np.ndarray, "item output"], examples: Examples) -> float:
    return float(np.count_nonzero(outputs.argmax(1) == examples.y)) / len(examples)


def _exhausted(history: History, patience: int) -> bool:
    seen = history.validation_loss
    return bool(patience and seen and len(seen) - 1 - int(np.argmin(seen)) >= patience)
