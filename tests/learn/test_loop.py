"""Training: the same for a seed, the best weights kept, a loss of one's own, masks left alone."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sarto.core.checkpoint_interval import Failures
from sarto.core.progress import Silent
from sarto.data.examples import Examples, of_arrays
from sarto.learn._checkpoint import identity
from sarto.learn.loop import Training, accuracy, batches, train
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.models.recurrent import Recurrent


def moons(items: int, seed: int) -> Examples:
    """Two classes, one inside a circle."""
    x = np.random.default_rng(seed).normal(size=(items, 2))
    return of_arrays(x, (np.hypot(*x.T) > 1.2).astype(int))


def usual(**changed: Any) -> Training:
    """A few quick passes."""
    settings: dict[str, Any] = {"epochs": 4, "batch": 20, "rate": 0.02, "seed": 3}
    return Training(**{**settings, **changed})


def trained(training: Training, **more: Any) -> tuple[Network, Any]:
    """A small network after training on the moons."""
    network = Network(named("mlp", (2,), 2, width=12, depth=1), seed=0)
    return network, train(network, moons(120, 0), training, **more)


def test_the_seed_decides_and_nothing_else() -> None:
    first, _ = trained(usual())
    torch.rand(7)
    again, _ = trained(usual())
    other, _ = trained(usual(seed=4))
    assert all(np.array_equal(a, again.arrays()[name]) for name, a in first.arrays().items())
    assert not np.array_equal(first.arrays()["fc1.weight"], other.arrays()["fc1.weight"])


def test_every_pass_visits_every_item_once_in_another_order() -> None:
    passes = [np.concatenate(list(batches(50, 8, 0, epoch))) for epoch in range(2)]
    assert [sorted(p.tolist()) for p in passes] == [list(range(50))] * 2
    assert not np.array_equal(passes[0], passes[1])


def test_the_best_pass_is_kept_and_patience_ends() -> None:
    held = moons(60, 1)
    network, history = trained(usual(epochs=30, rate=0.5, patience=3), validation=held)
    best = int(np.argmin(history.validation_loss))
    assert len(history.validation_loss) == best + 4 < 30
    assert accuracy(network, held) == history.validation_accuracy[best]


def test_hooks_are_called_around_every_step_and_masks_stay() -> None:
    calls: list[tuple[str, int, int]] = []
    network = Network(named("mlp", (2,), 2, width=12, depth=1), seed=0)
    network.layer("fc1").prune(torch.arange(24).reshape(12, 2) % 2 == 0)
    train(
        network,
        moons(50, 0),
        usual(epochs=2),
        before_step=lambda step, steps: calls.append(("before", step, steps)),
        after_step=lambda step, steps: calls.append(("after", step, steps)),
    )
    assert calls == [(when, step, 6) for step in range(6) for when in ("before", "after")]
    assert not network.arrays()["fc1.weight"][:, 1].any()


def size_of_the_first_layer(network: Network, _x: Tensor, _outputs: Tensor, _wanted: Tensor) -> Tensor:
    """A loss that knows nothing of the classes."""
    return network.layer("fc1").effective.square().sum()


def test_a_loss_of_ones_own_is_minimised() -> None:
    network, history = trained(usual(epochs=30), loss=size_of_the_first_layer)
    assert history.loss[-1] < 0.1 * history.loss[0]
    assert np.square(network.arrays()["fc1.weight"]).sum() == pytest.approx(history.loss[-1], rel=0.05)


def test_a_loss_that_is_no_longer_finite_is_said() -> None:
    def explode(_network: Network, _x: Tensor, outputs: Tensor, _wanted: Tensor) -> Tensor:
        return outputs.sum() * float("inf")

    with pytest.raises(InputError, match=r"E404.*after 1 of 4 passes"):
        trained(usual(), loss=explode)


def steep(_network: Network, _x: Tensor, outputs: Tensor, _wanted: Tensor) -> Tensor:
    """A loss with a gradient of some size."""
    return 1e3 * outputs.sum()


@pytest.mark.parametrize(("clip", "largest"), [(0.0, 100.0), (0.01, 0.01), (1e9, 100.0)])
def test_a_gradient_is_no_longer_than_asked_for(clip: float, largest: float) -> None:
    network, sizes = Network(named("mlp", (2,), 2, width=12, depth=1), seed=0), list[float]()

    def look(_step: int, _steps: int) -> None:
        parts = [p.grad.numpy().ravel() for p in network.parameters() if p.grad is not None]
        sizes.append(float(np.linalg.norm(np.concatenate(parts))))

    train(network, moons(40, 0), usual(epochs=1, clip=clip), loss=steep, after_step=look)
    assert max(sizes) == pytest.approx(clip, rel=1e-3) if clip == largest else min(sizes) > largest


def nothing(_network: Network, _x: Tensor, outputs: Tensor, _wanted: Tensor) -> Tensor:
    """A loss without a gradient."""
    return outputs.sum() * 0


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_decay_shrinks_weights_and_not_biases(optimiser: str) -> None:
    network = Network(named("mlp", (2,), 2, width=12, depth=1), seed=0)
    before = network.arrays()
    with torch.no_grad():
        network.layer("fc2").weight.zero_()
        network.layer("fc1").bias = torch.nn.Parameter(torch.ones(12))
    train(
        network,
        moons(50, 0),
        usual(optimiser=optimiser, decay=0.5, epochs=2),
        loss=nothing,
    )
    after = network.arrays()
    assert np.abs(after["fc1.weight"]).sum() < 0.99 * np.abs(before["fc1.weight"]).sum()
    assert np.array_equal(after["fc1.bias"], np.ones(12, np.float32))


@pytest.mark.parametrize(
    "bad", [{"epochs": -1}, {"batch": 0}, {"clip": -1.0}, {"rate": 0.0}, {"warm_up": 1.0}, {"threads": 0}]
)
def test_settings_that_cannot_be_used(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="E116"):
        usual(**bad)


def test_threads_are_set_for_training_and_given_back() -> None:
    before, seen = torch.get_num_threads(), list[int]()

    def look(_step: int, _steps: int) -> None:
        seen.append(torch.get_num_threads())

    trained(usual(epochs=1, threads=2), before_step=look)
    assert set(seen) == {2}
    assert torch.get_num_threads() == before


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.learn.test_loop import moons, usual
from sarto.learn.loop import train
from sarto.models.network.module import Network
from sarto.models.network.named import named

def stop(step, steps):
    if step == {at}:
        os.kill(os.getpid(), signal.SIGKILL)

network = Network(named("mlp", (2,), 2, width=12, depth=1), seed=0)
train(network, moons(120, 0), usual(optimiser="{optimiser}"), validation=moons(60, 1), after_step=stop,
      checkpoint=Path(sys.argv[1]))
"""


def killed_in_a_process(file: Path) -> None:
    """Train with Adam in a process of its own, and kill it in the third of four passes of six steps."""
    program = KILLED.format(at=14, optimiser="adam")
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", program, str(file)], check=False, cwd=root)
    assert killed.returncode == -signal.SIGKILL


def interrupted(file: Path) -> None:
    """Train with momentum, and leave in the third pass."""

    def stop(step: int, _steps: int) -> None:
        if step == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(usual(optimiser="sgd"), validation=moons(60, 1), checkpoint=file, after_step=stop)


@pytest.mark.parametrize(("optimiser", "stopped"), [("adam", killed_in_a_process), ("sgd", interrupted)])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    optimiser: str, stopped: Callable[[Path], None], tmp_path: Path
) -> None:
    file, held = tmp_path / "standing.npz", moons(60, 1)
    whole, history = trained(usual(optimiser=optimiser), validation=held)
    stopped(file)
    seen: list[int] = []

    def look(step: int, _steps: int) -> None:
        seen.append(step)

    again, resumed = trained(usual(optimiser=optimiser), validation=held, checkpoint=file, after_step=look)
    assert seen == list(range(12, 24))
    assert resumed == history
    assert all(np.array_equal(value, again.arrays()[name]) for name, value in whole.arrays().items())


class Heard(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes = list[str]()

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_with_failures_a_training_goes_on_from_the_step_and_from_disk_where_memory_is_damaged(
    tmp_path: Path,
) -> None:
    """It is kept after every step in memory, and on disk once; it stops in the third of four passes of six steps."""
    file, held, heard = tmp_path / "standing.npz", moons(60, 1), Heard()
    failures = Failures(1e-12, 1e12, memory=tmp_path / "memory")
    whole, history = trained(usual(), validation=held)
    seen: list[int] = []

    def look(step: int, _steps: int) -> None:
        seen.append(step)
        if len(seen) in (15, 20):
            raise KeyboardInterrupt

    def go_on() -> tuple[Network, Any]:
        kept: dict[str, Any] = {"checkpoint": file, "failures": failures, "talk": heard}
        return trained(usual(), validation=held, after_step=look, **kept)

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            go_on()
    assert seen == [*range(15), *range(14, 19)], "the step that was stopped in is done again, and no other"
    (memory,) = (tmp_path / "memory").iterdir()
    memory.write_bytes(memory.read_bytes()[:-9])
    again, resumed = go_on()
    assert seen[20:] == list(range(15, 24)), "on disk is the first step after it was taken up"
    assert len(heard.notes) == 1 and f"{memory} is damaged" in heard.notes[0]
    assert resumed == history and not memory.exists()
    assert all(np.array_equal(value, again.arrays()[name]) for name, value in whole.arrays().items())


def test_the_standing_of_another_training_is_not_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "standing.npz"
    trained(usual(epochs=2), checkpoint=file)
    alone, _ = trained(usual(seed=5))
    beside, _ = trained(usual(seed=5), checkpoint=file)
    assert np.array_equal(alone.arrays()["fc1.weight"], beside.arrays()["fc1.weight"])
    file.write_bytes(b"no archive")
    again, _ = trained(usual(seed=5), checkpoint=file)
    assert np.array_equal(alone.arrays()["fc1.weight"], again.arrays()["fc1.weight"])


def waves(items: int, seed: int) -> Examples:
    """Sequences of 2 to 6 signs, padded, whose class is the first one."""
    rng = np.random.default_rng(seed)
    x = np.zeros((items, 2, 6))
    for item in x:
        length = int(rng.integers(2, 7))
        item[:, :length] = rng.choice([-1, 1], length), np.ones(length)
    return of_arrays(x, (x[:, 0, 0] > 0).astype(int))


def recurrent(training: Training, **more: Any) -> tuple[Recurrent, Any]:
    """A small GRU after training on the waves."""
    network = Recurrent("gru", (2, 6), 2, hidden=6, padded=True)
    return network, train(network, waves(120, 0), training, **more)


def same(first: Recurrent, second: Recurrent) -> bool:
    """Whether the weights agree in every bit."""
    other = second.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.state_dict().items())


def test_a_recurrent_network_learns_to_remember() -> None:
    network, history = recurrent(usual(epochs=8, rate=0.03))
    assert accuracy(network, waves(60, 1)) > 0.9
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_a_recurrent_network_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    """Its training stops in the third of four passes of six steps; that of another network is not taken up."""
    file, held, seen = tmp_path / "standing.npz", waves(60, 1), list[int]()
    whole, history = recurrent(usual(), validation=held)

    def stop(step: int, _steps: int) -> None:
        seen.append(step)
        if len(seen) == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recurrent(usual(), validation=held, checkpoint=file, after_step=stop)
    resumed, after = recurrent(usual(), validation=held, checkpoint=file, after_step=stop)
    assert seen[15:] == list(range(12, 24))
    assert after == history and same(whole, resumed)


def test_what_is_trained_is_part_of_what_a_standing_belongs_to() -> None:
    alike = [Recurrent("gru", (2, steps), 2, hidden=3) for steps in (6, 7)]
    data = waves(4, 0)
    first, other = (identity(network, data, None, usual()) for network in alike)
    assert first != other and first == identity(alike[0], data, None, usual())


def test_a_device_is_honoured_when_asked_for_and_refused_when_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain, _ = trained(usual())
    there, _ = trained(usual(device="cpu"))
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), there.parameters(), strict=True))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("cuda", "nonsense"):
        with pytest.raises(InputError, match=f"'{device}' cannot be trained on") as caught:
            trained(usual(device=device))
        assert caught.value.code == "E116"
    seen: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def moved(self: Network, device: torch.device) -> Network:
        seen.append(str(device))
        return self

    monkeypatch.setattr(Network, "to", moved)
    trained(usual(device="cuda", epochs=1))
    assert seen == ["cuda", "cpu"]


def with_a_norm() -> Network:
    nodes = (
        Node("wide", "linear", ("input",), {"features": 4}),
        Node("norm", "batch_norm", ("wide",)),
        Node("out", "linear", ("norm",), {"features": 2}),
    )
    return Network(Architecture((2,), nodes), seed=0)


def test_a_single_item_that_is_left_over_goes_into_the_step_before() -> None:
    sizes = [len(items) for items in batches(21, 10, 0, 0)]
    assert sizes == [10, 11]
    assert sorted(i for items in batches(21, 10, 0, 0) for i in items) == list(range(21))
    assert [len(items) for items in batches(22, 10, 0, 0)] == [10, 10, 2]
    seen: list[int] = []
    train(with_a_norm(), moons(21, 0), usual(), after_step=lambda step, _steps: seen.append(step))
    assert seen == list(range(4))


def test_a_step_of_one_item_under_a_norm_is_said() -> None:
    with pytest.raises(InputError, match="2 items in steps of 1") as caught:
        train(with_a_norm(), moons(21, 0).select(np.arange(2)), usual(batch=1))
    assert caught.value.code == "E116"
