"""Norms are estimated anew: their statistics are those of what they are given now, and nothing else changes."""

import numpy as np
import pytest
import torch

from sarto.compress.recipe import parse, run
from sarto.compress.renorm import Renorm
from sarto.compress.state import Evaluation, State
from sarto.data.examples import of_arrays
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named


def held(items: int = 60) -> Evaluation:
    x = np.random.default_rng(0).normal(3, 2, size=(items, 2, 8)).astype(np.float32)
    data = of_arrays(x, np.arange(items) % 2)
    return Evaluation(data, data)


def test_statistics_are_those_of_what_the_norm_is_given_after_pruning() -> None:
    state = State(Network(named("cnn1d", (2, 8), 2, width=4, depth=2), seed=0))
    layer = state.network.layer("conv1")
    layer.prune(layer.weight.abs() > layer.weight.abs().median())
    before = {name: array.copy() for name, array in state.network.arrays().items()}
    evaluation = held()
    fresh = Renorm(batch=60)(state, evaluation).network
    given = fresh.layer("conv1")(torch.as_tensor(evaluation.train.x)).detach().numpy()
    arrays = fresh.arrays()
    np.testing.assert_allclose(arrays["conv1_norm.mean"], given.mean(axis=(0, 2)), rtol=1e-4)
    np.testing.assert_allclose(arrays["conv1_norm.variance"], given.var(axis=(0, 2), ddof=1), rtol=1e-4)
    changed = {name for name in before if not np.array_equal(before[name], arrays[name])}
    assert changed
    assert {name.rpartition(".")[2] for name in changed} == {"mean", "variance"}
    assert not fresh.training


def test_batches_count_alike_and_an_item_that_is_left_over_is_no_batch() -> None:
    state = State(Network(named("cnn1d", (2, 8), 2, width=4, depth=1), seed=0))
    (name,) = (n for n in state.network.arrays() if n.endswith(".mean"))
    whole, halves = (Renorm(batch=b)(state, held()).network.arrays()[name] for b in (60, 30))
    np.testing.assert_allclose(whole, halves, rtol=1e-4)
    Renorm(batch=20)(state, held(61))


def test_it_is_a_step_of_a_recipe_and_refuses_what_it_cannot_do() -> None:
    state = State(Network(named("cnn1d", (2, 8), 2, width=4, depth=1), seed=0))
    *_, (_, last) = run(state, parse("magnitude:0.5:tuned=false,renorm:batch=32"), held())
    assert [step.method for step in last.steps] == ["magnitude", "renorm"]
    with pytest.raises(InputError, match=r"E128.*renorm finds no norm"):
        list(run(state, parse("fold,renorm"), held()))
    with pytest.raises(InputError, match="E116"):
        Renorm(batch=1)(state, held())
