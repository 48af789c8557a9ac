"""Distillation: the value and the gradient of the loss, and hints whose maps learn."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sarto.data.examples import Examples, of_arrays
from sarto.learn.distill import Distillation, Hint, distilled
from sarto.learn.loop import Training, train
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named

torch.set_num_threads(1)


def softmax(z: list[float], t: float) -> list[float]:
    e = [math.exp(v / t) for v in z]
    return [v / sum(e) for v in e]


@pytest.mark.parametrize(("temperature", "share"), [(4.0, 0.7), (2.0, 1.0), (1.0, 0.0)])
def test_the_loss_is_that_of_the_formula(temperature: float, share: float) -> None:
    z_s, z_t, y = [[1.0, 2.0, -1.0], [0.0, 0.5, 3.0]], [[0.5, 1.0, 0.0], [2.0, 0.0, 1.0]], [1, 2]
    wanted = 0.0
    for s, t, c in zip(z_s, z_t, y, strict=True):
        p, q = softmax(t, temperature), softmax(s, temperature)
        kl = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        wanted += (share * temperature**2 * kl - (1 - share) * math.log(softmax(s, 1.0)[c])) / 2
    found = distilled(torch.tensor(z_s), torch.tensor(z_t), torch.tensor(y), temperature, share)
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_at_a_high_temperature_the_gradient_is_that_of_the_squared_difference_of_centred_outputs() -> None:
    """Hinton et al., equation 4: (z_s - z_t) / N for outputs of mean 0, which the T^2 keeps from vanishing."""
    z_s, z_t = torch.tensor([[1.0, 2.0, -3.0]], requires_grad=True), torch.tensor([[0.5, -1.0, 0.5]])
    distilled(z_s, z_t, torch.tensor([0]), 1000.0, 1.0).backward()
    assert z_s.grad is not None
    np.testing.assert_allclose(z_s.grad.numpy(), ((z_s.detach() - z_t) / 3).numpy(), rtol=0.01)


def moons(seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(120, 4))
    return of_arrays(x, (x[:, 0] * x[:, 1] > 0).astype(int))


def test_a_student_without_labels_learns_the_teachers_answers() -> None:
    data = moons(0)
    teacher = Network(named("mlp", (4,), 2, width=16), seed=0)
    train(teacher, data, Training(epochs=30, batch=20, rate=0.01))
    student = Network(named("mlp", (4,), 2, width=12), seed=1)
    wrong = Examples(data.x, 1 - data.y, data.classes)  # share 1 never looks at the classes
    before = {name: value.copy() for name, value in teacher.arrays().items()}
    train(student, wrong, Training(epochs=40, batch=20, rate=0.01), loss=Distillation(teacher, share=1.0))
    x = torch.as_tensor(data.x)
    same = (student(x).argmax(1) == teacher(x).argmax(1)).float().mean().item()
    assert same > 0.95
    assert all(np.array_equal(before[name], value) for name, value in teacher.arrays().items())


def test_hints_pull_inner_nodes_towards_the_teacher_through_a_map_that_learns() -> None:
    data = moons(1)
    teacher = Network(named("mlp", (4,), 2, width=8), seed=0)
    student = Network(named("mlp", (4,), 2, width=6), seed=1)
    hint = Hint("fc1_relu", "fc1_relu", 10.0)
    loss = Distillation(teacher, share=0.0, hints=[hint])
    history = train(student, data, Training(epochs=30, batch=20, rate=0.01), loss=loss)
    plain = Distillation(teacher, share=0.0)
    x, y = torch.as_tensor(data.x), torch.as_tensor(data.y)
    hinted = loss(student, x, student(x), y) - plain(student, x, student(x), y)
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert 0 < hinted.item() < 0.35 * history.loss[0]


def test_a_training_with_hints_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    data, file = moons(1), tmp_path / "standing.npz"
    teacher = Network(named("mlp", (4,), 2, width=8), seed=0)

    def learned(stop_at: int) -> Network:
        def stop(step: int, _steps: int) -> None:
            if step == stop_at:
                raise KeyboardInterrupt

        student = Network(named("mlp", (4,), 2, width=6), seed=1)
        hints = [Hint("fc1_relu", "fc1_relu", 10.0), Hint("fc2_relu", "fc1_relu")]
        loss = Distillation(teacher, share=0.5, hints=hints, seed=3)
        kept = None if stop_at < -1 else file
        how = Training(epochs=4, batch=len(data) // 3, rate=0.01)
        train(student, data, how, loss=loss, checkpoint=kept, after_step=stop)
        return student

    whole = learned(-2)
    with pytest.raises(KeyboardInterrupt):
        learned(8)
    for _ in range(2):  # it goes on, and is done
        again = learned(-1)
        assert all(np.array_equal(value, again.arrays()[name]) for name, value in whole.arrays().items())


def running(network: Network) -> list[Tensor]:
    return [buffer.clone() for name, buffer in network.named_buffers() if "running" in name]


def test_a_hint_leaves_running_statistics_of_norms_alone() -> None:
    teacher, student = (Network(named("cnn1d", (2, 8), 2, width=4, depth=1), seed=s) for s in (0, 1))
    student.train()
    x, y = torch.randn(6, 2, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(6, dtype=torch.int64)
    outputs = student(x)
    before = running(student)
    Distillation(teacher, hints=[Hint("conv1_relu", "conv1_relu")])(student, x, outputs, y)
    assert all(torch.equal(a, b) for a, b in zip(before, running(student), strict=True))
    student(x)
    assert not all(torch.equal(a, b) for a, b in zip(before, running(student), strict=True))


def test_what_cannot_be_distilled_is_refused() -> None:
    teacher = Network(named("mlp", (4,), 2, width=3), seed=0)
    with pytest.raises(InputError, match="temperature 0, share"):
        Distillation(teacher, temperature=0.0)
    with pytest.raises(InputError, match="no node 'fc9'"):
        Distillation(teacher, hints=[Hint("fc1", "fc9")])
    flat = Network(named("cnn1d", (2, 8), 2, width=4, depth=1), seed=0)
    x, y = torch.zeros(2, 2, 8), torch.zeros(2, dtype=torch.int64)
    loss = Distillation(flat, hints=[Hint("mean", "conv1")])
    with pytest.raises(InputError, match="nodes 'mean' and 'conv1' return"):
        loss(flat, x, flat(x), y)
