"""Steps are to the bit those of torch's classes, and go on as they were after a state was taken back."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from sarto.learn.optimiser import Kind, Optimiser


def parameters(seed: int = 0) -> list[Tensor]:
    draws = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=draws).requires_grad_() for shape in ((4, 3), (4,), (2, 2, 2))]


def give_gradients(of: list[Tensor], step: int) -> None:
    draws = torch.Generator().manual_seed(100 + step)
    for number, parameter in enumerate(of):
        gradient = torch.randn(parameter.shape, generator=draws)
        parameter.grad = None if (step, number) == (0, 1) else gradient


def torchs(of: list[Tensor], kind: Kind, decay: float) -> torch.optim.Optimizer:
    groups = [
        {"params": [p for p in of if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in of if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=0.1)


@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_steps_are_those_of_torch_to_the_bit(kind: Kind, decay: float) -> None:
    own, theirs = parameters(), parameters()
    ours, reference = Optimiser(own, kind, 0.1, decay), torchs(theirs, kind, decay)
    for step in range(6):
        rate = 0.1 / (1 + step)
        give_gradients(own, step)
        give_gradients(theirs, step)
        for group in reference.param_groups:
            group["lr"] = rate
        ours.step(rate)
        reference.step()
        assert all(torch.equal(a, b) for a, b in zip(own, theirs, strict=True))
    ours.zero_grad()
    assert all(p.grad is None for p in own)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_a_state_that_is_taken_back_goes_on_as_it_would_have(kind: Kind) -> None:
    first = parameters()
    whole = Optimiser(first, kind, 0.1, 0.01)
    for step in range(3):
        give_gradients(first, step)
        whole.step()
    second = [p.detach().clone().requires_grad_() for p in first]
    again = Optimiser(second, kind, 0.1, 0.01)
    again.load_state(whole.state())
    for step in range(3, 6):
        for of, optimiser in ((first, whole), (second, again)):
            give_gradients(of, step)
            optimiser.step()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_what_needs_no_gradient_is_left_alone() -> None:
    held = torch.ones(2, 2)
    learns = torch.ones(2, 2, requires_grad=True)
    optimiser = Optimiser([held, learns], decay=0.5)
    learns.sum().backward()
    optimiser.step()
    assert torch.equal(held, torch.ones(2, 2))
    assert list(optimiser.state()) == [0]


def test_a_training_does_not_load_the_compiler() -> None:
    code = (
        "import sys, numpy as np\n"
        "from sarto.data.examples import of_arrays\n"
        "from sarto.learn.loop import Training, train\n"
        "from sarto.models.network.module import Network\n"
        "from sarto.models.network.named import named\n"
        "data = of_arrays(np.eye(8), np.arange(8) % 2)\n"
        "train(Network(named('mlp', (8,), 2, width=4)), data, Training(epochs=1))\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
