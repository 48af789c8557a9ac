"""The optimiser of a training: AdamW, or gradient descent with Nesterov's momentum.

The steps are torch's own functions, and to the bit those of `torch.optim.AdamW` and `SGD`. The classes there load
torch's compiler when they are made, which takes longer than many a small training; nothing here does.

Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2; Sutskever et al., "On
the importance of initialization and momentum in deep learning", ICML 2013, section 2.

>>> weight = torch.ones(2, 2, requires_grad=True)
>>> optimiser = Optimiser([weight], "adam", rate=0.1)
>>> weight.sum().backward()
>>> optimiser.step(0.1)
>>> [round(value, 4) for value in weight.detach().flatten().tolist()]
[0.9, 0.9, 0.9, 0.9]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

Kind = Literal["adam", "sgd"]
MOMENTUM = 0.9
BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Of AdamW: Kingma and Ba, ICLR 2015, algorithm 1, which torch takes, too."""


class Optimiser:
    """See the module.

    Args:
        parameters: that learn; those without a gradient are left as they are in a step.
        kind: `adam` or `sgd`.
        rate: of steps that are given none.
        decay: of weights, which have two dimensions or more; biases and scales have none.
    """

    def __init__(
        self, parameters: Iterable[Tensor], kind: Kind = "adam", rate: float = 1e-3, decay: float = 0.0
    ) -> None:
        learning = [p for p in parameters if p.requires_grad]
        self._groups = [
            (decay, [p for p in learning if p.ndim > 1]),
            (0.0, [p for p in learning if p.ndim <= 1]),
        ]
        self._kind, self._rate = kind, rate
        self._state: dict[Tensor, dict[str, Tensor]] = {}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self._parameters():
            parameter.grad = None

    def step(self, rate: float | None = None) -> None:
        """Change the parameters by their gradients."""
        rate = self._rate if rate is None else rate
        with torch.no_grad():
            for decay, parameters in self._groups:
                if moved := [p for p in parameters if p.grad is not None]:
                    (self._adam if self._kind == "adam" else self._sgd)(moved, rate, decay)

    def state(self) -> dict[int, dict[str, Tensor]]:
        """Return what was kept of each parameter, by its number: step and moments, or momentum."""
        numbers = {parameter: number for number, parameter in enumerate(self._parameters())}
        return {numbers[parameter]: dict(kept) for parameter, kept in self._state.items()}

    def load_state(self, state: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Take back what `state` returned, on the device and in the type of each parameter."""
        parameters = self._parameters()
        self._state = {
            parameters[number]: {
                name: value.clone() if name == "step" else value.clone().to(parameters[number])
                for name, value in kept.items()
            }
            for number, kept in state.items()
        }

    def _parameters(self) -> list[Tensor]:
        return [parameter for _, parameters in self._groups for parameter in parameters]

    def _adam(self, moved: list[Tensor], rate: float, decay: float) -> None:
        for parameter in moved:
            if parameter not in self._state:
                self._state[parameter] = {
                    "step": torch.tensor(0.0),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        kept = [self._state[parameter] for parameter in moved]
        adamw(
            moved,
            _gradients(moved),
            [one["exp_avg"] for one in kept],
            [one["exp_avg_sq"] for one in kept],
            [],
            [one["step"] for one in kept],
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=decay,
            eps=EPSILON,
            maximize=False,
        )

    def _sgd(self, moved: list[Tensor], rate: float, decay: float) -> None:
        momenta: list[Any] = [self._state.get(p, {}).get("momentum_buffer") for p in moved]
        sgd(
            moved,
            _gradients(moved),
            momenta,
            weight_decay=decay,
            momentum=MOMENTUM,
            lr=rate,
            dampening=0.0,
            nesterov=True,
            maximize=False,
        )
        for parameter, momentum in zip(moved, momenta, strict=True):
            self._state[parameter] = {"momentum_buffer": momentum}


def _gradients(moved: list[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in moved if parameter.grad is not None]
