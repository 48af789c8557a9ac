"""Weights of a layer as integers: to the nearest, or such that the layer's output changes least.

>>> from sarto.models.network.weights import LinearLayer
>>> layer = LinearLayer(2, 2, bias=False)
>>> _ = layer.weight.data.copy_(torch.tensor([[7.0, -3.4], [0.14, 0.07]]))
>>> nearest(layer, 4, "channel")
>>> layer.form.integers(layer.weight).tolist()
[[7, -3], [7, 4]]
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from sarto.compress import rows
from sarto.compress.state import masked
from sarto.compress.uniform import Uniform
from sarto.models.network.weights import WeightedLayer


def nearest(
    layer: WeightedLayer,
    bits: int,
    per: Literal["channel", "tensor"],
    *,
    share: float = 1.0,
    learns: bool = False,
) -> None:
    """Give `layer` integers of `bits` bits, the largest weight (of a channel) times `share` at the limit."""
    weight = masked(layer.weight, layer.mask)
    sizes = weight.abs().flatten(1).amax(1) if per == "channel" else weight.abs().max().reshape(1)
    sizes = torch.where(sizes > 0, sizes, 1.0)
    count = weight.numel() // len(sizes)
    layer.form = Uniform(share * sizes / (2 ** (bits - 1) - 1), bits, count=count, learns=learns)


def output_aware(layer: WeightedLayer, bits: int, moments: Float[np.ndarray, "group column column"]) -> None:
    """Give `layer` integers of `bits` bits that keep its output, and weights that are those integers."""
    weight = masked(layer.weight, layer.mask)
    flat = weight.flatten(1).cpu().numpy().astype(np.float64)
    kept = None if layer.mask is None else layer.mask.flatten(1).cpu().numpy() > 0
    step = len(flat) // len(moments)
    found = [
        rows.quantise(
            flat[group * step : (group + 1) * step],
            bits,
            moment,
            None if kept is None else kept[group * step : (group + 1) * step],
        )
        for group, moment in enumerate(moments)
    ]
    scale = torch.as_tensor(np.concatenate([f.scale for f in found]).astype(np.float32)).to(weight)
    values = torch.as_tensor(np.concatenate([f.values for f in found])).to(weight).reshape(weight.shape)
    form = Uniform(scale, bits, count=flat.shape[1])
    with torch.no_grad():
        layer.weight.copy_(values * scale.reshape(-1, *(1,) * (weight.ndim - 1)))
    layer.form = form
