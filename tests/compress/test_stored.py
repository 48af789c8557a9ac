"""How tensors are stored: what is restored, and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sarto.compress.state import Evaluation, State
from sarto.compress.stored import Stored
from sarto.core.recipe import Step
from sarto.data.examples import of_arrays
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named


def test_integers_have_a_scale_for_each_channel() -> None:
    integers = np.array([[1, -2], [3, 0]])
    stored = Stored.of_integers(integers, np.array([0.5, 2], np.float32), bits=3)
    assert (stored.zero, stored.alphabet) == (3, 7)
    assert stored.restore().tolist() == [[0.5, -1.0], [6.0, 0.0]]
    one = Stored.of_integers(integers, np.array([0.5], np.float16), bits=3)
    assert one.restore().tolist() == [[0.5, -1.0], [1.5, 0.0]]


def test_plain_values_come_back_in_their_precision() -> None:
    values = np.array([[1.0, 0.1]], np.float32)
    assert np.array_equal(Stored.of_values(values).restore(), values)
    assert Stored.of_values(values, "float16").restore()[0, 1] == np.float32(np.float16(0.1))


@pytest.mark.parametrize(
    "bad",
    [
        {"symbols": np.array([0, 3, 1, 0])},
        {"symbols": np.array([0, -1, 1, 0])},
        {"symbols": np.array([0, 1])},
        {"symbols": None},
        {"floats": np.zeros(2, np.float32)},
        {"floats": np.zeros(3, np.float64)},
        {"kind": "plain"},
    ],
)
def test_what_does_not_agree_is_refused(bad: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "shape": (2, 2),
        "kind": "table",
        "floats": np.zeros(3, np.float32),
        "symbols": np.array([0, 2, 1, 0]),
        "alphabet": 3,
    }
    Stored(**good)
    with pytest.raises(InputError, match="E123"):
        Stored(**{**good, **bad})


class Halves(nn.Module):
    """A form that rounds to halves."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the rounded weight."""
        return torch.round(2 * weight) / 2

    def stored(self, weight: torch.Tensor) -> Stored:
        """Return the integers."""
        return Stored.of_integers(torch.round(2 * weight).long().numpy(), np.array([0.5], np.float32), 8)


def test_a_state_stores_weights_in_their_form_and_all_else_as_short_as_is_exact() -> None:
    network = Network(named("mlp", (4,), 2, width=3, depth=1), seed=0)
    layer = network.layer("fc1")
    layer.prune(torch.arange(12).reshape(3, 4) > 3)
    layer.form = Halves()
    state = State(network)
    stored = state.stored()
    assert {name: s.kind for name, s in stored.items()} == {
        "fc1.weight": "scaled", "fc1.bias": "table", "fc2.weight": "plain", "fc2.bias": "table"
    }  # fmt: skip
    for name, value in network.arrays().items():
        assert np.array_equal(stored[name].restore(), value), name
    assert not stored["fc1.weight"].restore()[0].any()


def test_a_step_leaves_the_state_before_it_alone() -> None:
    first = State(Network(named("mlp", (4,), 2, width=3, depth=1), seed=0))
    network = first.copy()
    network.layer("fc1").prune(torch.zeros(3, 4))
    second = first.then(Step("nothing", {}), network)
    assert first.network.layer("fc1").mask is None
    assert str(second.recipe) == "nothing()"
    assert str(first.recipe) == ""


def test_an_evaluation_judges_on_validation() -> None:
    x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    judge = Evaluation(of_arrays(x, y), of_arrays(x[:2], y[:2]))
    network = Network(named("mlp", (4,), 2, width=3, depth=1), seed=0)
    assert judge.accuracy(network) in (0, 0.5, 1)


def test_exact_values_take_the_shortest_kind_that_restores_every_bit() -> None:
    rng = np.random.default_rng(0)
    few = rng.choice(np.array([0.0, 0.1, -0.7], np.float32), (20, 5))
    half = rng.normal(size=30).astype(np.float16).astype(np.float32)
    full = rng.normal(size=30).astype(np.float32)
    signed = np.where(np.arange(64) % 2, np.float32(-0.0), np.float32(0.0))  # a table would lose the signs
    large = np.full(3, 1e30, np.float32)
    for values, kind, dtype in (
        (few, "table", "float32"),
        (few.astype(np.float16).astype(np.float32), "table", "float16"),
        (half, "plain", "float16"),
        (full, "plain", "float32"),
        (signed, "plain", "float16"),
        (large, "table", "float32"),
        (np.zeros(0, np.float32), "plain", "float16"),
    ):
        stored = Stored.of_exact(values)
        assert (stored.kind, str(stored.floats.dtype)) == (kind, dtype)
        assert stored.restore().tobytes() == values.tobytes()


def test_a_pruned_tensor_takes_a_mask_and_what_it_keeps() -> None:
    """And is restored in every bit, minus zero among it, which a mask could not tell from zero."""
    values = np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32)
    values[np.random.default_rng(1).uniform(size=values.shape) < 0.9] = 0
    stored = Stored.of_exact(values)
    assert (stored.kind, len(stored.floats)) == ("sparse", np.count_nonzero(values))
    assert stored.restore().tobytes() == values.tobytes()
    values[0, 0] = -0.0
    assert Stored.of_exact(values).kind == "plain"
    with pytest.raises(InputError, match="E123"):
        Stored((2,), "sparse", np.ones(2, np.float32), np.array([0, 1]), 2)
