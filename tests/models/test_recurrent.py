"""Recurrent networks: torch's cells, whose answers no padding changes, and which nothing shrinks or lowers."""

import inspect
from typing import Any, cast

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarto.compress.state import State
from sarto.deploy.lower.network import lower_network
from sarto.models.input_error import InputError
from sarto.models.network.module import Network, predict
from sarto.models.recurrent import CELLS, Cell, Recurrent


def items(count: int, channels: int, steps: int, seed: int = 0) -> Tensor:
    """Normally distributed sequences."""
    values = np.random.default_rng(seed).normal(size=(count, channels, steps))
    return torch.as_tensor(values.astype(np.float32))


def array(net: Recurrent, name: str) -> Float[np.ndarray, "..."]:
    """A parameter."""
    return net.state_dict()[name].numpy()


def with_mask(x: Tensor, lengths: list[int], steps: int, filled: float) -> Tensor:
    """The first steps of each item, `filled` after its end, and the channel that says which is which."""
    found = torch.full((len(x), x.shape[1] + 1, steps), filled)
    for number, length in enumerate(lengths):
        found[number, :-1, :length] = x[number, :, :length]
        found[number, -1] = (torch.arange(steps) < length).float()
    return found


@pytest.mark.parametrize(("cell", "theirs"), [("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_on_equal_lengths_it_is_torchs_own_cell(cell: Cell, theirs: Any) -> None:
    net, x = Recurrent(cell, (3, 6), 2, hidden=5, layers=2, seed=1), items(4, 3, 6)
    own = theirs(3, 5, num_layers=2, batch_first=True)
    own.load_state_dict(net.body.state_dict())
    states, _ = own(x.transpose(1, 2))
    torch.testing.assert_close(net(x), states[:, -1] @ net.head.weight.T + net.head.bias, rtol=0, atol=1e-6)


def test_a_gru_is_its_formula() -> None:
    """r, z, n of Cho et al., as torch places the reset gate: h' = (1 - z) n + z h."""
    net, x = Recurrent("gru", (2, 4), 3, hidden=3, seed=2), items(1, 2, 4)
    W, U = (array(net, f"body.weight_{name}_l0").reshape(3, 3, -1) for name in ("ih", "hh"))
    h = np.zeros(3)
    for step in x[0].numpy().T:
        r, z = (1 / (1 + np.exp(-W[k] @ step - U[k] @ h)) for k in (0, 1))
        h = (1 - z) * np.tanh(W[2] @ step + r * (U[2] @ h)) + z * h
    np.testing.assert_allclose(predict(net, x.numpy())[0], array(net, "head.weight") @ h, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_padding_does_not_change_an_answer(cell: Cell) -> None:
    lengths, x = [3, 7, 1, 5], items(4, 2, 7)
    net = Recurrent(cell, (3, 7), 2, hidden=5, padded=True)
    alone = Recurrent(cell, (2, 7), 2, hidden=5)
    alone.load_state_dict(net.state_dict())
    for steps, filled in ((7, 0.0), (7, 9.0), (12, -3.0)):
        found = net(with_mask(x, lengths, steps, filled))
        for number, length in enumerate(lengths):
            expected = alone(x[number : number + 1, :, :length])[0]
            torch.testing.assert_close(found[number], expected, rtol=0, atol=1e-6)


def test_the_seed_decides_how_it_begins_and_torchs_own_numbers_stay() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (Recurrent("lstm", (2, 4), 2, hidden=3, seed=s) for s in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.head.weight, other.head.weight)
    for gate in array(first, "body.weight_hh_l0").reshape(4, 3, 3):
        np.testing.assert_allclose(gate @ gate.T, np.eye(3), rtol=0, atol=1e-5)
    total = array(first, "body.bias_ih_l0") + array(first, "body.bias_hh_l0")
    assert total.tolist() == [0.0] * 3 + [1.0] * 3 + [0.0] * 6, "the forget gate of an LSTM begins open"


def test_answers_of_many_items_are_those_of_each() -> None:
    net = Recurrent("gru", (2, 5), 3, hidden=4)
    x = items(7, 2, 5).numpy()
    whole = predict(net, x, batch=3)
    assert whole.shape == (7, 3)
    np.testing.assert_allclose(whole[4], predict(net, x[4:5])[0], rtol=0, atol=1e-6)
    assert predict(net, x[:0]).shape == (0, 3)


@pytest.mark.parametrize("mask", [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0.5, 0, 0], [0, 1, 1, 1]])
def test_a_mask_that_is_none_is_refused(mask: list[float]) -> None:
    x = torch.ones(1, 2, 4)
    x[0, 1] = torch.tensor(mask)
    with pytest.raises(InputError, match=r"E122.*ones and then zeros"):
        Recurrent("gru", (2, 4), 2, hidden=3, padded=True)(x)


def test_items_of_other_channels_are_refused() -> None:
    with pytest.raises(InputError, match=r"E122.*\(5, 4\).*3 channels"):
        Recurrent("gru", (3, 4), 2, hidden=3)(torch.zeros(1, 5, 4))


@pytest.mark.parametrize("sizes", [{"hidden": 0}, {"layers": 0}, {"padded": True}])
def test_what_cannot_be_made(sizes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="E121"):
        Recurrent("gru", (1, 4), 2, **sizes)


def test_nothing_shrinks_or_lowers_it() -> None:
    net = cast(Network, Recurrent("gru", (2, 4), 2, hidden=3))
    made = object.__new__(State)
    object.__setattr__(made, "network", net)
    with pytest.raises(InputError, match=r"E126.*a gru network is trained and asked"):
        made.__post_init__()
    with pytest.raises(InputError, match=r"E126.*a gru network is trained and asked"):
        inspect.unwrap(lower_network)(net)  # as called where no types are checked
