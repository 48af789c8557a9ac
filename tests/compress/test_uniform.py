"""Numbers that integers stand for: values, how they are stored, and gradients against those of the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sarto.compress.uniform import Uniform, quantization
from sarto.models.network.module import Network
from sarto.models.network.named import named


def test_the_scale_s_gradient_is_the_paper_s() -> None:
    """Esser et al., equation 3 with section 2.2: round(v) - v within, the limits beyond, over sqrt(n Q_p)."""
    form = Uniform(torch.tensor([0.5]), 3, count=4, learns=True)
    x = torch.tensor([0.6, -0.1, 9.0, -9.0], requires_grad=True)
    out = torch.tensor([1.0, 10.0, 100.0, 1000.0])
    (form(x) * out).sum().backward()  # pyright: ignore[reportUnknownMemberType]
    assert x.grad is not None and torch.equal(x.grad, torch.tensor([1.0, 10.0, 0.0, 0.0]))
    of_scale = ((1 - 1.2) * 1 + (0 + 0.2) * 10 + 3 * 100 - 3 * 1000) / (4 * 3) ** 0.5
    assert form.ratio.grad is not None
    assert form.ratio.grad.item() == pytest.approx(of_scale / 0.5, rel=1e-5)


def test_a_step_of_sgd_moves_the_scale_as_in_the_paper() -> None:
    form = Uniform(torch.tensor([0.01]), 8, count=1, learns=True)
    (form(torch.tensor([0.012])) * 1.0).sum().backward()  # pyright: ignore[reportUnknownMemberType]
    rate, before = 1e-6, form.scale.item()
    assert form.ratio.grad is not None
    with torch.no_grad():
        form.ratio.sub_(rate * form.ratio.grad)
    assert form.scale.item() - before == pytest.approx(-rate * (1 - 1.2) / 127**0.5, rel=1e-2)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_stored_is_what_is_used_in_every_bit(bits: int, channels: int) -> None:
    draw = torch.Generator().manual_seed(0)
    scale = torch.rand(channels, generator=draw) + 0.01
    weight = torch.randn(3, 4, 5, generator=draw)
    form = Uniform(scale, bits)
    used = form(weight).detach().numpy()
    stored = form.stored(weight)
    assert stored.restore().tobytes() == used.tobytes()
    assert stored.alphabet == 2**bits - 1
    trained = Uniform(scale, bits, learns=True)
    np.testing.assert_array_equal(trained(weight).detach().numpy(), used)


def test_a_scale_stays_positive() -> None:
    form = Uniform(torch.tensor([0.5]), 4, learns=True)
    with torch.no_grad():
        form.ratio.fill_(-3.0)
    assert form.scale.item() > 0


def test_a_network_says_what_its_integers_stand_for() -> None:
    net = Network(named("mlp", (3,), 2, width=4))
    assert not quantization(net).tensors
    net.quantisers["input"] = Uniform(torch.tensor([0.25]), 8, signed=False)
    net.layer("fc1").form = Uniform(torch.full((4,), 0.5), 4)
    found = quantization(net).tensors
    assert (found["input"].scale, found["input"].limits) == ((0.25,), (0, 255))
    assert (found["fc1.weight"].scale, found["fc1.weight"].bits) == ((0.5,) * 4, 4)
    net(torch.zeros(1, 3))
    net.load_arrays(net.arrays())
    assert not quantization(net).tensors
