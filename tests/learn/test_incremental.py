"""Step g changes group g and nothing else, to the bit; polishing changes the head alone."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch.nn import functional

from sarto.data.examples import Examples, of_arrays
from sarto.learn.incremental import train_incrementally
from sarto.learn.joint_widths import train_jointly
from sarto.learn.loop import Training, train
from sarto.learn.width_heads import features_of, polish, refit_heads
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.named import grouped
from sarto.models.input_error import InputError
from sarto.models.network.module import Network, predict
from sarto.models.network.named import named

torch.set_num_threads(1)


def data(count: int = 96) -> Examples:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 2, 12))
    return of_arrays(x, (x[:, 0, :6].sum(1) > 0) + 2 * (x[:, 1, 6:].sum(1) > 0))


def made(seed: int = 0) -> DynamicNetwork:
    return DynamicNetwork(grouped("cnn1d", (2, 12), 4, groups=3, width=12, depth=2), 3, seed)


def every(network: DynamicNetwork, examples: Examples) -> list[torch.Tensor]:
    with torch.no_grad():
        return network.eval().every_width(torch.as_tensor(examples.x))


def quick(optimiser: Literal["adam", "sgd"] = "adam", epochs: int = 2) -> Training:
    return Training(epochs=epochs, batch=16, rate=0.02, optimiser=optimiser, decay=0.1)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_step_changes_its_own_group_and_no_output_of_a_narrower_width(
    optimiser: Literal["adam", "sgd"],
) -> None:
    network, examples = made(), data()
    seen: list[list[torch.Tensor]] = []
    for first in (1, 2, 3):
        before = {name: array.copy() for name, array in network.arrays().items()}
        trainings = [quick(optimiser), *[quick(epochs=0)] * (3 - first)]
        train_incrementally(network, examples, trainings, first=first)
        seen.append(every(network, examples))
        for name, array in network.arrays().items():
            axis = network.nested.divided[name]
            if axis is None:
                assert np.array_equal(array, before[name]) == (first > 1)
                continue
            parts = zip(np.split(array, 3, axis), np.split(before[name], 3, axis), strict=True)
            changed = [not np.array_equal(a, b) for a, b in parts]
            assert changed == [group == first for group in (1, 2, 3)], name
    for width in (1, 2):
        assert torch.equal(seen[width - 1][width - 1], seen[2][width - 1])
    assert torch.equal(seen[1][0], seen[2][0])


def test_the_first_step_is_the_training_of_the_narrow_network_alone() -> None:
    network, examples = made(), data()
    alone = Network(network.nested.cut(1))
    alone.load_arrays({name: a.copy() for name, a in network.network(1).arrays().items()})
    train_incrementally(network, examples, quick())
    train(alone, examples, quick())
    for name, array in network.network(1).arrays().items():
        np.testing.assert_allclose(array, alone.arrays()[name], rtol=1e-4, atol=1e-6)


def test_the_loss_of_a_step_is_that_of_its_width_with_the_groups_before_in_use() -> None:
    network, examples = made(), data()
    train_incrementally(network, examples, quick())
    network.width = 2
    network.eval().columns[1].train()
    target = torch.as_tensor(examples.y)
    with torch.no_grad():
        wanted = functional.cross_entropy(network(torch.as_tensor(examples.x)), target).item()
    still = Training(epochs=1, batch=96, rate=1e-9)
    histories = train_incrementally(network, examples, still, first=2)
    assert histories[0].loss[0] == pytest.approx(wanted, rel=1e-4)


def test_training_learns_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    examples = data()
    whole, stopped = made(), made()
    histories = train_incrementally(whole, examples, quick(epochs=3), validation=examples)
    assert all(history.loss[-1] < history.loss[0] for history in histories)
    assert histories[2].validation_loss[-1] < histories[0].validation_loss[0]
    train_incrementally(stopped, examples, quick(epochs=3), validation=examples, checkpoints=tmp_path)
    again = made()
    (tmp_path / "group3.npz").unlink()
    train_incrementally(again, examples, quick(epochs=3), validation=examples, checkpoints=tmp_path)
    for name, array in whole.arrays().items():
        assert np.array_equal(array, stopped.arrays()[name])
        assert np.array_equal(array, again.arrays()[name])


def test_a_teacher_is_learned_from_where_the_classes_say_nothing() -> None:
    examples = data()
    teacher = Network(named("cnn1d", (2, 12), 4, width=8, depth=1), seed=3)
    train(teacher, examples, quick(epochs=6))
    wrong = Examples(examples.x, (examples.y + 1) % 4, examples.classes)
    answers = torch.as_tensor(predict(teacher, examples.x)).argmax(1)
    for how in ("incremental", "joint"):
        network, training = made(), quick(epochs=6)
        if how == "joint":
            train_jointly(network, wrong, training, teacher=teacher, share=1.0)
        else:
            train_incrementally(network, wrong, training, teacher=teacher, share=1.0)
        for outputs in every(network, examples):
            assert (outputs.argmax(1) == answers).float().mean() > 0.5, how
    polish(network, wrong, quick(epochs=6), teacher=teacher, share=1.0)
    assert (every(network, examples)[2].argmax(1) == answers).float().mean() > 0.5


def test_polishing_changes_the_head_alone_and_lowers_the_mean_loss_of_all_widths() -> None:
    network, examples = made(), data()
    train_incrementally(network, examples, quick(epochs=1))
    target = torch.as_tensor(examples.y)

    def losses() -> list[float]:
        return [functional.cross_entropy(z, target).item() for z in every(network, examples)]

    before, arrays = losses(), {name: a.copy() for name, a in network.arrays().items()}
    history = polish(network, examples, Training(epochs=30, batch=96, rate=0.01), weights=[2, 1, 1])
    assert history.loss[0] == pytest.approx((2 * before[0] + before[1] + before[2]) / 4, rel=1e-4)
    after = losses()
    assert 2 * after[0] + after[1] + after[2] < 2 * before[0] + before[1] + before[2]
    changed = {name for name, a in network.arrays().items() if not np.array_equal(a, arrays[name])}
    assert changed == {"head.weight", "head.bias"}


def test_joint_training_lowers_the_mean_of_the_widths_losses() -> None:
    network, examples = made(), data()
    whole, target = Training(epochs=1, batch=96, rate=1e-9), torch.as_tensor(examples.y)
    with torch.no_grad():
        outputs = made().train().every_width(torch.as_tensor(examples.x))
    wanted = [functional.cross_entropy(z, target).item() for z in outputs]
    found = train_jointly(network, examples, whole, weights=[1, 0, 3]).loss[0]
    assert found == pytest.approx((wanted[0] + 3 * wanted[2]) / 4, rel=1e-3)
    history = train_jointly(network, examples, quick(epochs=6), in_place=True)
    assert history.loss[-1] < history.loss[0]


def test_refitted_heads_are_those_of_fits_to_the_features_alone() -> None:
    network, examples = made(), data()
    train_incrementally(network, examples, quick())
    x, before = features_of(network, examples), network.network(2).arrays()
    refit_heads(network, examples, ridge=2.0)
    signs, size = 2.0 * np.eye(4)[examples.y] - 1, network.nested.features
    for width, outputs in enumerate(every(network, examples), 1):
        f = x[:, : width * size].astype(np.float64)
        c = f - f.mean(0)
        W = np.linalg.solve(c.T @ c + 2.0 * np.eye(f.shape[1]), c.T @ (signs - signs.mean(0))).T
        np.testing.assert_allclose(outputs.numpy(), c @ W.T + signs.mean(0), rtol=0.01, atol=1e-3)
    refit_heads(network, examples, Training(epochs=40, batch=32, rate=0.02))
    assert all((z.argmax(1).numpy() == examples.y).mean() > 0.4 for z in every(network, examples))
    after = network.network(2).arrays()
    assert {n for n in after if not np.array_equal(after[n], before[n])} == {"head.weight", "head.bias"}
    for refused in (
        lambda: train_incrementally(network, examples, quick()),
        lambda: polish(network, examples, quick()),
    ):
        with pytest.raises(InputError, match="head for each width"):
            refused()


def test_what_does_not_fit_is_refused() -> None:
    network, examples = made(), data()
    for bad in (
        lambda: train_incrementally(network, examples, [quick()] * 2),
        lambda: train_incrementally(network, examples, quick(), first=4),
        lambda: train_incrementally(network, examples, quick(), first=0),
        lambda: polish(network, examples, quick(), weights=[1, 2]),
        lambda: polish(network, examples, quick(), weights=[0, 0, 0]),
        lambda: train_jointly(network, examples, quick(), in_place=True, teacher=Network(network.nested.cut(1))),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            bad()
        assert caught.value.code == "E116"
