"""Pruning as a step: controls keep what they say, schedules end where they should, collapses are told."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import numpy as np
import pytest
import torch

from sarto.compress.connected import connected, connected_density, density, layer_densities
from sarto.compress.controls import equal_random, magnitude_after_training, reinitialised, shuffled
from sarto.compress.gradual import Gradual
from sarto.compress.lottery import lottery_ticket
from sarto.compress.prune._copy import masks
from sarto.compress.pruning import Pruning, apply, prune, scoring_batches
from sarto.compress.state import Evaluation, State
from sarto.data.examples import Examples, of_arrays
from sarto.learn.loop import Training, accuracy, train
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named
from tests.compress.prune.networks import drawn


def ring(items: int, seed: int) -> Examples:
    """Two classes, one inside a circle."""
    x = np.random.default_rng(seed).normal(size=(items, 2))
    return of_arrays(x, (np.hypot(*x.T) > 1.2).astype(int))


def fresh() -> Network:
    """A small network for the ring."""
    return Network(named("mlp", (2,), 2, width=16), seed=0)


TRAINING = Training(epochs=6, batch=20, rate=0.02, seed=1)


def test_a_step_prunes_and_tunes_and_leaves_its_state_alone() -> None:
    state, data = (
        State(fresh()),
        Evaluation(ring(120, 0), ring(60, 1), Training(epochs=25, batch=20, rate=0.02), seed=2),
    )
    after = Pruning("snip", 0.4)(state, data)
    assert density(after.network) == round(0.4 * 320) / 320 and density(state.network) == 1
    assert (
        str(after.recipe) == "snip(density=0.4, scope=global, rounds=0, floor=0, emptied=False, tuned=True)"
    )
    assert data.accuracy(after.network) > 0.75 > data.accuracy(state.network)
    again = Pruning("snip", 0.4)(state, data)
    assert all(np.array_equal(a, again.network.arrays()[k]) for k, a in after.network.arrays().items())


def test_gradual_pruning_rises_with_a_cube_and_ends_before_what_is_judged() -> None:
    data = Evaluation(ring(120, 0), ring(60, 1), TRAINING)
    seen: list[float] = []

    class Watched(Gradual):
        def __call__(self, state: State, evaluation: Evaluation) -> State:
            return super().__call__(state, evaluation)

        def _cutter(self, network: Network):  # pyright: ignore[reportUnknownParameterType]
            cut = super()._cutter(network)

            def before_step(step: int, steps: int) -> None:
                cut(step, steps)
                seen.append(density(network))

            return before_step

    after = Watched(0.25, every=1)(State(fresh()), data)
    ramp = 21  # 0.6 of 35, rounded up
    wanted = [round(320 * (1 - 0.75 * (1 - (1 - t / ramp) ** 3))) / 320 for t in range(ramp)]
    assert seen == pytest.approx([*wanted, *[0.25] * (36 - ramp)], abs=1 / 320)
    assert density(after.network) == 0.25  # the best on validation is one of the last passes


def test_gradual_pruning_goes_on_from_what_is_pruned() -> None:
    data = Evaluation(ring(60, 0), ring(60, 1), Training(epochs=2, batch=20))
    half = State(prune(fresh(), "magnitude", 0.5))
    after = Gradual(0.25, every=1)(half, data)
    assert density(after.network) == 0.25
    assert all(bool((m <= masks(half.network)[k]).all()) for k, m in masks(after.network).items())


@pytest.mark.parametrize(
    "settings", [{"density": 0.0}, {"density": 0.5, "ramp": 0.0}, {"density": 0.5, "every": 0}]
)
def test_gradual_settings_that_cannot_be(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        Gradual(**settings)(State(fresh()), Evaluation(ring(20, 0), ring(20, 1)))  # pyright: ignore[reportArgumentType]


def test_controls_keep_what_they_say() -> None:
    network = prune(fresh(), "magnitude", 0.3)
    mixed, equal, again = shuffled(network, 0), equal_random(fresh(), 0.3, 0), reinitialised(network, 0)
    assert layer_densities(mixed) == layer_densities(network)
    assert not torch.equal(masks(mixed)["fc2"], masks(network)["fc2"])
    assert torch.equal(mixed.layer("fc2").weight, network.layer("fc2").weight)
    assert set(layer_densities(equal).values()) == {10 / 32, 77 / 256}
    assert torch.equal(masks(again)["fc2"], masks(network)["fc2"])
    assert not torch.equal(again.layer("fc2").weight, network.layer("fc2").weight)


def test_magnitude_after_training_prunes_the_trained_weights() -> None:
    data = ring(100, 0)
    found, dense = magnitude_after_training(fresh(), 0.3, data, TRAINING), fresh()
    train(dense, data, TRAINING)
    wanted = prune(dense, "magnitude", 0.3)
    assert all(torch.equal(masks(found)[name], mask) for name, mask in masks(wanted).items())
    assert accuracy(found, data) > accuracy(wanted, data)


def test_a_lottery_ticket_is_rewound_to_the_step_asked_for() -> None:
    data, network = ring(100, 0), fresh()
    ticket = lottery_ticket(network, 0.25, data, TRAINING, rounds=2, rewind=3)
    early: dict[str, torch.Tensor] = {}

    def look(step: int, _steps: int) -> None:
        if step == 3:
            early.update({k: v.clone() for k, v in watched.state_dict().items()})

    watched = fresh()
    train(watched, data, TRAINING, after_step=look)
    assert density(ticket) == 0.25
    for name, layer in ticket.weighted():
        assert torch.equal(layer.weight, early[f"layers.{name}.weight"])
        assert not torch.equal(layer.weight, network.layer(name).weight)
    with pytest.raises(InputError, match="rewinding to step 31 in 1 rounds"):
        lottery_ticket(network, 0.25, data, TRAINING, rewind=31)


def test_a_network_without_a_path_is_told_where() -> None:
    network = Network(named("mlp", (2,), 1, width=2, depth=2), seed=0)
    keep = {"fc1": [[1, 1], [0, 0]], "fc2": [[0, 1], [0, 1]], "fc3": [[1, 1]]}
    with pytest.raises(InputError, match="layer 'fc2' collapses: this leaves no path"):
        apply(network, {name: torch.tensor(mask).bool() for name, mask in keep.items()}, "this")


def test_connected_weights_are_those_on_a_path() -> None:
    """By cutting: a weight is on a path if the paths without it are fewer."""
    network = drawn("image", 4)
    with torch.no_grad():
        layer = network.layer("c2")
        assert layer.mask is not None
        layer.mask[:, 0] = 0  # so the first channel of c1 is read by the short cut only
        skip = network.layer("skip")
        assert skip.mask is not None
        skip.mask[:, 0] = 0
    found = connected(network)
    assert not found["c1"][0].any() and found["c1"][1].any()
    assert density(network) > connected_density(network)
    assert all(bool((on <= masks(network)[name].bool()).all()) for name, on in found.items())


def test_settings_that_cannot_be_used() -> None:
    for bad in (
        {"density": 0.0},
        {"density": 1.1},
        {"density": 0.5, "rounds": -1},
        {"density": 0.5, "floor": -1},
    ):
        with pytest.raises(InputError, match="cannot be used"):
            prune(fresh(), "magnitude", **bad)  # pyright: ignore[reportArgumentType]


def test_examples_to_score_on_are_drawn_without_repetition() -> None:
    data = ring(50, 0)
    parts = scoring_batches(data, 3, batch=8, count=4)
    assert [len(x) for x, _ in parts] == [8, 8, 8, 8]
    assert len(torch.unique(torch.cat([x for x, _ in parts]), dim=0)) == 32
    assert sum(len(x) for x, _ in scoring_batches(data, 3)) == 50


def test_a_residual_branch_may_be_emptied_when_that_is_allowed_and_a_path_runs_past() -> None:
    network = Network(named("residual", (1, 8, 8), 2, width=2, depth=1), seed=0)
    keep = {name: torch.ones_like(layer.weight, dtype=torch.bool) for name, layer in network.weighted()}
    branch = next(name for name in keep if name.endswith("conv2"))
    keep[branch] = torch.zeros_like(keep[branch])
    with pytest.raises(InputError, match=f"layer '{branch}' collapses: this keeps none") as caught:
        apply(network, keep, "this")
    assert "emptied" in caught.value.hint
    network = Network(network.architecture, seed=0)
    apply(network, keep, "this", emptied=True)
    assert not bool(network.layer(branch).effective.any())
    assert connected_density(network) > 0
    mixed = shuffled(network, 0)
    assert not bool(mixed.layer(branch).effective.any())
    keep["stem"] = torch.zeros_like(keep["stem"])
    with pytest.raises(InputError, match="collapses: this leaves no path"):
        apply(Network(network.architecture, seed=0), keep, "this", emptied=True)
