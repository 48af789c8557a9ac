"""Codebooks: the weights of a layer that are not pruned share 2^bits values, which are clustered and then tuned.

    w_ij = c_k,  k = k_ij fixed,      dL/dc_k = sum over all i, j with k_ij = k of dL/dw_ij.

A pruned weight stays 0 and takes no entry. The entries are float16 numbers, in training too, so that what is judged
is what is stored.

Source: Han, Mao and Dally, "Deep Compression", ICLR 2016, section 3 (linear start; equation 3 is the gradient).

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> shared = quantise(state, evaluation, bits=3)
>>> weight = shared.network.layer("fc2").effective
>>> len(weight.unique()), bool(evaluation.accuracy(shared.network) > 0.9), shared.steps[-1].method
(8, True, 'codebook')
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from sarto.compress.clusters import Start, clusters, nearest
from sarto.compress.half import rounded
from sarto.compress.quantize._forms import formless
from sarto.compress.quantize._table import looked_up, stored_values
from sarto.compress.state import Evaluation, State, masked
from sarto.compress.stored import Stored
from sarto.core.recipe import Step
from sarto.core.seed import generator
from sarto.models.input_error import InputError
from sarto.models.network.weights import WeightedLayer

MOST_BITS = 8
"""Bits of an index: with more the table costs more than it saves on the layers of small networks."""
TRIED_BITS = (5, 4, 3, 2)
"""Bits that are tried where their number is left open."""


class Codebook(nn.Module):
    """The form of a layer whose weights share values.

    Attributes:
        table: the shared values, learned.
        symbols: 1 + the entry of each weight, or 0 where it is pruned; they stay.
    """

    symbols: Tensor

    def __init__(self, table: Float[Tensor, " entry"], symbols: Int[Tensor, "..."]) -> None:
        super().__init__()
        self.table = nn.Parameter(table)
        self.register_buffer("symbols", symbols)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the shared values; a weight that was pruned since is 0."""
        found = looked_up(rounded(self.table), self.symbols)
        return torch.where(weight == 0, 0.0, found)

    def stored(self, weight: Tensor) -> Stored:
        """Return a table, without entries that no weight has."""
        return stored_values(self(weight))

    def part(self, of: Callable[[Tensor], Tensor]) -> Codebook:
        """Return the form of some of the weights; the table stays whole."""
        return Codebook(self.table.detach().clone(), of(self.symbols).clone())


def quantise(
    state: State,
    evaluation: Evaluation,
    *,
    bits: int = 5,
    conv_bits: int = 0,
    start: Start = "linear",
    tuned: bool = True,
) -> State:
    """Return the state with a codebook for each layer that has no form yet.

    Args:
        state: with a trained network, pruned or not.
        evaluation: its training items and its loss tune the shared values, biases and norms.
        bits: of an index: 2^bits values for each layer.
        conv_bits: of those of convolutions, or 0 for the same.
        start: of the clustering, see `clusters`.
        tuned: whether the network is tuned afterwards.

    Raises:
        InputError: E116, when a setting cannot be used; E128, when all weights of a layer are 0, or every
            layer has a form.
    """
    wide = conv_bits or bits
    if not 1 <= min(bits, wide) <= max(bits, wide) <= MOST_BITS:
        raise InputError(
            "E116",
            f"bits={bits}, conv_bits={conv_bits} cannot be used",
            cause=f"an index has 1 to {MOST_BITS} bits",
        )
    network = state.copy()
    for name, layer in formless("codebook", network.weighted()):
        share(name, layer, 2 ** (bits if layer.weight.ndim == 2 else wide), start, evaluation.seed)
    if tuned:
        evaluation.tune(network)
    settings = {"bits": bits, "conv_bits": conv_bits, "start": start, "tuned": tuned}
    return state.then(Step("codebook", settings), network)


def share(name: str, layer: WeightedLayer, count: int, start: Start = "linear", seed: int = 0) -> None:
    """Give `layer`, which is called `name`, a codebook of `count` values, or of as many as it has if those are fewer.

    Raises:
        InputError: E128, when all its weights are 0.
    """
    weight = masked(layer.weight, layer.mask)
    kept = weight != 0
    values = weight[kept].cpu().numpy().astype(np.float64)
    distinct = len(np.unique(values))
    if not distinct:
        raise InputError(
            "E128",
            f"layer '{name}' has no weights that could share values",
            cause=f"all of its {weight.numel()} weights are 0",
            hint="prune less of that layer",
        )
    drawn = int(generator(seed, "codebook", name).integers(2**31))
    table = clusters(values, min(count, distinct), start if count < distinct else "exact", drawn)
    symbols = torch.zeros_like(weight, dtype=torch.int32)
    symbols[kept] = torch.as_tensor(nearest(values, table) + 1).to(symbols)
    layer.form = Codebook(torch.as_tensor(table).to(weight), symbols)
