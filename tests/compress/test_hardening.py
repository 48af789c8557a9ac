"""Steps of a recipe that harden: bounds, ReLU6, and tuning under errors, which leaves nothing but weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sarto.compress.quantize._example import trained
from sarto.compress.recipe import parse, run
from sarto.compress.state import Evaluation, State, restored
from sarto.learn.harden import Faulty, Injection
from sarto.models.input_error import InputError
from sarto.models.network.module import predict


@pytest.fixture(scope="module")
def given() -> tuple[State, Evaluation]:
    torch.set_num_threads(1)
    return trained()


def last(given: tuple[State, Evaluation], text: str) -> State:
    *_, (_, state) = run(given[0], parse(text), given[1])
    return state


def test_a_hardened_network_goes_through_a_recipe_and_comes_back_from_its_file(
    given: tuple[State, Evaluation],
) -> None:
    state = last(given, "relu6,fault_aware:share=0.5:patterns=line+all:epochs=1,ranges,ptq:8,best")
    assert [step.method for step in state.steps] == ["relu6", "fault_aware", "ranges", "ptq"]
    settings = dict(state.steps[1].settings)
    assert settings == {
        "share": 0.5, "patterns": "line+all", "from_epoch": 0, "epochs": 1, "clip": 1.0,
    }  # fmt: skip
    assert [n.op for n in state.network.architecture.nodes] == ["linear", "clip"] * 3
    x = given[1].validation.x
    back = restored(state.packed()[0])
    np.testing.assert_array_equal(predict(back, 9 * x), predict(state.network, 9 * x))
    assert given[1].accuracy(back) > given[1].accuracy(given[0].network) - 0.03


def test_bounds_are_those_of_the_training_items(given: tuple[State, Evaluation]) -> None:
    for text, shape in (("ranges", (16,)), ("ranges:per=layer", ())):
        network = last(given, text).network
        x = given[1].train.x
        first = np.maximum(predict_first(given[0], x), 0)
        high = network.arrays()["fc1_relu.high"]
        assert high.shape == shape
        np.testing.assert_allclose(high, first.max(0 if shape else None), rtol=1e-6)
        np.testing.assert_array_equal(predict(network, x), predict(given[0].network, x))


def predict_first(state: State, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return state.network.layer("fc1")(torch.as_tensor(x)).numpy()


def test_tuning_under_errors_is_training_with_them(given: tuple[State, Evaluation]) -> None:
    state, evaluation = given
    found = last(given, "fault_aware:epochs=2").network
    own = state.copy()
    with Faulty(own, Injection(seed=evaluation.seed)) as faulty:
        training = replace(evaluation.training, epochs=2, clip=1.0)
        evaluation.tune(own, training, before_step=faulty.before_step(2))
    assert all(np.array_equal(a, own.arrays()[n]) for n, a in found.arrays().items())
    evaluation.tune(plain := state.copy(), training)
    assert not np.array_equal(plain.arrays()["fc1.weight"], own.arrays()["fc1.weight"])
    assert found.architecture == state.network.architecture


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ptq:8,ranges", "E147"),
        ("relu6:tuned=false,relu6", "E147"),
        ("fault_aware:share=2", "E116"),
        ("fault_aware:patterns=row", "E116"),
        ("fault_aware:0.5", "E133"),
        ("ranges:per=row", "E133"),
    ],
)
def test_what_cannot_be_done_is_refused(given: tuple[State, Evaluation], text: str, code: str) -> None:
    with pytest.raises(InputError, match=code):
        last(given, text)
