"""Errors in what layers return while a network learns, in the shapes that neutron beams leave, so that it bears them.

In each pass of a batch through the network one layer is drawn, a convolution or a linear one, and where a mask m is 1
its output y becomes

    y' = e y,    e = U(0, max(1, epoch)) with a random sign, one number for the pass,

in each item with probability `share`. The mask is one for the pass: at each channel, with the probability that belongs
to the pattern,

    line      a row or a column of the channel's map            0.75
    square    a rectangle between two rows and two columns      0.30
    all       the whole channel                                 0.10
    single    one number of the output, of one channel

and of a layer without a map each feature with probability 0.30 (or one). Errors grow with the epochs; gradients pass
through the product. In use nothing is left of it: no operation, no byte.

What is drawn depends on the seed and the number of the step alone, so that training that is taken up again goes on as
it would have.

Source: Cavagnero et al., "Transient-fault-aware design and training to enhance DNNs reliability with zero-overhead",
IOLTS 2022. Derived anew, where the code published beside it (DieHardNet) takes rows for columns of maps that are no
square, draws one place for both axes of a single error, or multiplies twice.

>>> from sarto.data.examples import of_arrays
>>> from sarto.learn.loop import Training, train
>>> from sarto.models.network.module import Network
>>> from sarto.models.network.named import named
>>> x = np.random.default_rng(0).normal(size=(256, 2))
>>> data, net = of_arrays(x, (x[:, 0] > 0).astype(int)), Network(named("mlp", (2,), 2, width=16), seed=0)
>>> with Faulty(net, Injection(share=0.5)) as faulty:
...     history = train(net, data, Training(epochs=9), before_step=faulty.before_step(epochs=9))
>>> history.loss[-1] < history.loss[0], faulty.drawn
(True, 18)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from sarto.core.seed import generator
from sarto.learn.loop import Hook
from sarto.models.input_error import InputError
from sarto.models.network.weights import WeightedLayer

PATTERNS = {"line": 0.75, "square": 0.30, "all": 0.10, "single": 0.0}
"""Masks, and the share of the channels that each takes; a single error takes one."""
FEATURES = 0.30
"""Share of the outputs that an error takes of a layer without a map."""
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, WeightedLayer)
"""Layers in which errors are."""


@dataclass(frozen=True)
class Injection:
    """Which errors there are while a network learns.

    Attributes:
        share: probability that an item of a batch has the error; 0.75 in the published example.
        patterns: of `PATTERNS`, of which each pass has one.
        from_epoch: epochs before that are without errors.
        seed: of all that is drawn.
    """

    share: float = 0.75
    patterns: tuple[str, ...] = ("line", "square", "all")
    from_epoch: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        strange = [pattern for pattern in self.patterns if pattern not in PATTERNS]
        if strange or not self.patterns or not 0 < self.share <= 1 or self.from_epoch < 0:
            raise InputError(
                "E116",
                f"{self} cannot be used",
                cause="a share is above 0 and at most 1, an epoch at least 0, and there is at least one pattern",
                hint=f"patterns are {', '.join(PATTERNS)}",
            )


class Faulty:
    """Has errors in the layers of a network whenever it learns, from `with` on until its end.

    Nothing in the network is changed, and `state_dict` stays as it is.

    Args:
        network: a torch module, or a `Network`.
        injection: which errors.

    Attributes:
        drawn: passes that have had an error.

    Raises:
        InputError: E147, when there is no layer that errors could be in.
    """

    def __init__(self, network: nn.Module, injection: Injection) -> None:
        self.injection, self.drawn = injection, 0
        self._network = network
        self._layers = [module for module in network.modules() if isinstance(module, LAYERS)]
        self._step = self._epoch = self._pass = 0
        self._rng = generator(injection.seed, "faults", 0, 0)
        self._chosen: nn.Module | None = None
        self._hooks = list[RemovableHandle]()
        if not self._layers:
            raise InputError(
                "E147",
                f"{type(network).__name__} has no layer that errors could be in",
                cause="they are in what convolutions and linear layers return",
            )

    def __enter__(self) -> Self:
        self._hooks = [self._network.register_forward_pre_hook(self.before_pass)]
        self._hooks += [layer.register_forward_hook(self.after_layer) for layer in self._layers]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def at(self, step: int, epoch: int) -> None:
        """Say which step of training comes, from 0, and in which pass over the examples."""
        self._step, self._epoch, self._pass = step, epoch, 0

    def before_step(self, epochs: int) -> Hook:
        """Return what `learn.loop.train` calls before each step of a training of so many epochs."""
        return lambda step, steps: self.at(step, step * epochs // steps)

    def before_pass(self, _network: nn.Module, _items: Any) -> None:
        """Draw the layer of a pass that is learned from."""
        self._chosen = None
        learns = self._network.training and torch.is_grad_enabled()
        if learns and self._epoch >= self.injection.from_epoch:
            self._rng = generator(self.injection.seed, "faults", self._step, self._pass)
            self._pass += 1
            self._chosen = self._layers[self._rng.integers(len(self._layers))]

    def after_layer(self, layer: nn.Module, _inputs: Any, y: Tensor) -> Tensor | None:
        """Return what a layer gives, if it is the one that has an error."""
        if layer is not self._chosen:
            return None
        self._chosen = None
        self.drawn += 1
        return self.disturbed(y, self._rng)

    def disturbed(self, y: Tensor, rng: np.random.Generator) -> Tensor:
        """Return an output with an error."""
        pattern = self.injection.patterns[rng.integers(len(self.injection.patterns))]
        items = rng.random(len(y)) < self.injection.share
        taken = mask(pattern, tuple(y.shape[1:]), rng)
        error = rng.uniform(0, max(1, self._epoch)) * (1 if rng.random() < 0.5 else -1)
        there = torch.as_tensor(items.reshape(-1, *(1,) * taken.ndim) & taken).to(y.device)
        return torch.where(there, y * error, y)


def mask(pattern: str, shape: tuple[int, ...], rng: np.random.Generator) -> Bool[np.ndarray, "..."]:
    """Return where an error is in an output of `shape`, (channel, ...) or (feature).

    >>> mask("line", (2, 2, 3), np.random.default_rng(0)).astype(int).tolist()
    [[[1, 1, 1], [0, 0, 0]], [[1, 1, 1], [0, 0, 0]]]
    """
    if pattern == "single":
        found = np.zeros(shape, bool)
        found[tuple(rng.integers(shape))] = True
        return found
    places = shape[1:]
    channels = rng.random(shape[0]) < (PATTERNS[pattern] if places else FEATURES)
    area = np.ones(places, bool)
    if places and pattern == "line":
        axis = int(rng.integers(len(places)))
        area[:] = np.arange(places[axis]).reshape(-1, *(1,) * (len(places) - 1 - axis)) == rng.integers(
            places[axis]
        )
    elif places and pattern == "square":
        area[:] = False
        ends = [np.sort(rng.integers(size, size=2)) for size in places]
        area[tuple(slice(low, high + 1) for low, high in ends)] = True
    return channels.reshape(-1, *(1,) * len(places)) & area
