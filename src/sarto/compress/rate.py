"""Rate-aware training: a network learns with the weights that are worth the bits that they take in the file.

A weight w of importance F (see `fisher`), which would be coded as the value c, is kept where

    F (w^2 - (w - c)^2) / 2  >  lambda (bits of c - bits of 0),

that is where pruning it costs the loss more than its bits are worth, at lambda nats for a bit. The bits are those of
the adaptive coder (`code/context`): a value in row r and column s is expected with a density d, and then is one of K,

    d_rs = r_density s_density / density,      bits of c - bits of 0 = log2((1 - d) / d) + log2 K.

So a value in an empty row costs many bits, one in a full row few: rows and columns empty of themselves, and what the
mask costs is what is trained for. lambda rises to its full size over the first steps, `1 - (1 - t)^3`; then the values
of a layer that are kept are clustered, and from there on a weight is used as the value nearest to it: its latent
weight learns as if it were used itself, and a value as the sum of its weights. At last what is pruned and which value
each weight has are fixed, as a codebook, and `settle` tunes the values.

Source: Wiedemann, Mueller and Samek, "Compact and computationally efficient representation of deep neural networks",
and Marban et al., "Learning sparse and ternary neural networks with entropy-constrained trained ternarization (EC2T)",
CVPR workshops 2020, section 3 (assignment by distance plus lambda times bits while training); Wiedemann et al.,
"DeepCABAC", 2020, equation 1. The Fisher distance and the density of rows and columns are ours.

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> small = RateAware(1e-4, values=4)(state, evaluation)
>>> kept = sum(int(layer.effective.count_nonzero()) for _, layer in small.network.weighted())
>>> kept < 200, bool(evaluation.accuracy(small.network) > 0.9)  # of 320 weights
(True, True)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarto.compress.clusters import clusters
from sarto.compress.fisher import importance
from sarto.compress.half import rounded
from sarto.compress.pruning import check_connected
from sarto.compress.quantize._forms import formless
from sarto.compress.quantize.codebook import Codebook
from sarto.compress.state import Evaluation, State, masked
from sarto.core.recipe import Step
from sarto.core.seed import generator
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.weights import WeightedLayer

EVERY = 4
"""Steps between two decisions on what is kept; the importance is taken anew every pass, on `ITEMS` items."""
ITEMS = 2000
TEMPERATURE = 2.0
"""Of the answers that the importance is taken for: those of a trained network alone say nothing of most items."""
DENSEST = 0.25
"""A density that is not exceeded when bits are counted: where nearly all is kept, a value would cost less than a 0."""
PSEUDO = 0.5
"""Values that a row or a column has more than it has: an empty one is not lost forever."""
VALUE_BITS = 3.0
"""log2 K while weights are used as they are."""


class _Through(torch.autograd.Function):
    """(latent weight, value) -> value; both get its gradient."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0], gradients[0]


class Lattice(nn.Module):
    """The form of a layer while its rate is trained: what is kept, and in time the nearest of a few values.

    Attributes:
        keep: 1 where a weight is kept, else 0.
        table: the values, rising; they mean something once weights share them.
        symbols: the nearest value of each weight.
        worth: importance of each weight.
        sharing: whether weights share values, or are used as they are.
    """

    keep: Tensor
    symbols: Tensor
    worth: Tensor
    sharing: Tensor

    def __init__(self, weight: Tensor, values: int) -> None:
        super().__init__()
        self.register_buffer("keep", (weight != 0).to(weight))
        self.register_buffer("symbols", torch.zeros_like(weight, dtype=torch.int64))
        self.register_buffer("worth", torch.zeros_like(weight))
        self.register_buffer("sharing", torch.tensor(False))
        self.table = nn.Parameter(weight.new_zeros(values))

    def forward(self, weight: Tensor) -> Tensor:
        """Return what is used of the weights."""
        if not self.sharing:
            return weight * self.keep
        flat = rounded(self.table).index_select(0, self.symbols.reshape(-1))
        value = cast(
            "Tensor",
            _Through.apply(weight, flat.reshape(weight.shape)),  # pyright: ignore[reportUnknownMemberType]
        )
        return value * self.keep

    def share(self, name: str, weight: Tensor) -> None:
        """Let the weights that are kept share values.

        Raises:
            InputError: E128, when fewer distinct ones are kept than there are values.
        """
        kept = weight[self.keep > 0].cpu().numpy().astype(np.float64)
        if (distinct := len(np.unique(kept))) < len(self.table):
            raise InputError(
                "E128",
                f"layer '{name}' keeps {distinct} distinct weights for {len(self.table)} shared values",
                cause="at this price of a bit few of its weights are worth theirs",
                hint="take a lower price, or fewer values",
            )
        with torch.no_grad():
            self.table.copy_(torch.as_tensor(clusters(kept, len(self.table))))
        self.sharing.fill_(True)

    def assign(self, weight: Tensor) -> Tensor:
        """Give each weight the nearest value, and return the values."""
        with torch.no_grad():
            self.table.copy_(self.table.sort().values)
        table = rounded(self.table.detach())
        self.symbols = torch.bucketize(weight, (table[1:] + table[:-1]) / 2)
        return table

    def decide(self, weight: Tensor, price: float) -> None:
        """Keep the weights that are worth their bits, at `price` nats for a bit."""
        left, value_bits = torch.zeros_like(weight), VALUE_BITS
        if self.sharing:
            table = self.assign(weight)
            left, value_bits = weight - table[self.symbols], log2(len(table))
        gain = self.worth * (weight.square() - left.square()) / 2
        self.keep = ((gain > price * bits(self.keep, value_bits)) & (weight != 0)).to(weight)


def bits(keep: Float[Tensor, "..."], value_bits: float) -> Float[Tensor, "..."]:
    """Return how many bits more a value takes than a 0, at each place of a weight of which `keep` is kept."""
    matrix = keep.reshape(len(keep), -1)
    density = (matrix.mean() + 1e-6).item()
    rows = (matrix.sum(1) + PSEUDO) / (matrix.shape[1] + PSEUDO / density)
    columns = (matrix.sum(0) + PSEUDO) / (matrix.shape[0] + PSEUDO / density)
    expected = (rows[:, None] * columns / density).clamp(1e-6, DENSEST)
    return (torch.log2((1 - expected) / expected) + value_bits).reshape(keep.shape)


@dataclass(frozen=True)
class RateAware:
    """A step of a recipe: train a network for its loss and the bits of its weights together; see the module.

    Attributes:
        price: lambda, in nats of the loss of an item for a bit.
        values: that the weights of a layer share, besides 0.
        ramp: share of the steps in which the price rises.
        shared_from: share of the steps from which on weights share values.
    """

    price: float
    values: int = 7
    ramp: float = 0.4
    shared_from: float = 0.6

    def __call__(self, state: State, evaluation: Evaluation) -> State:
        """Return the state with a network of few bits, its weights as codebooks.

        Raises:
            InputError: E116, when a setting cannot be used; E124, when nothing is left between input and output; E128,
                when too little of a layer is worth its bits, or every layer has a form already.
        """
        good = 0 < self.price < math.inf and 2 <= self.values <= 255 and 0 <= self.ramp <= 1
        if not good or not 0 <= self.shared_from < 1:
            raise InputError(
                "E116",
                f"{self} cannot be used",
                cause="the price is above 0, there are 2 to 255 values, shares are in 0 to 1",
            )
        network = state.copy()
        for _, layer in formless("rate", network.weighted()):
            layer.form = Lattice(masked(layer.weight, layer.mask), self.values)
        decider = self._decider(network, evaluation)
        evaluation.tune(network, before_step=decider, judged_from=evaluation.training.epochs)
        fix(network)
        return state.then(Step("rate", vars(self)), network)

    def _decider(self, network: Network, evaluation: Evaluation) -> Callable[[int, int], None]:
        """Return what is done before each step."""
        per_pass = -(-len(evaluation.train) // evaluation.training.batch)

        def before_step(step: int, steps: int) -> None:
            if step % per_pass == 0:
                _update(network, evaluation, step)
            shares = step >= self.shared_from * steps
            rising = 1 - (1 - min(1.0, step / max(1.0, self.ramp * steps))) ** 3
            for name, layer in lattices(network):
                form, weight = lattice(layer), masked(layer.weight, layer.mask)
                starts = shares and not form.sharing
                if starts:
                    form.share(name, weight)
                if starts or step % EVERY == 0:
                    form.decide(weight, self.price * rising)

        return before_step


def _update(network: Network, evaluation: Evaluation, step: int) -> None:
    """Take the importance of weights on other items, in the mean with what it was before."""
    draw = generator(evaluation.seed, "importance", step)
    items = draw.choice(len(evaluation.train), min(ITEMS, len(evaluation.train)), replace=False)
    x = torch.as_tensor(evaluation.train.x[items]).to(next(network.parameters()).device)
    now = importance(network, x, int(draw.integers(2**31)), TEMPERATURE)
    for name, layer in lattices(network):
        form = lattice(layer)
        form.worth = (form.worth + now[name]) / 2 if step else now[name]


def lattices(network: Network) -> list[tuple[str, WeightedLayer]]:
    """Return the layers whose rate is trained."""
    return [(name, layer) for name, layer in network.weighted() if isinstance(layer.form, Lattice)]


def lattice(layer: WeightedLayer) -> Lattice:
    """Return the form of a layer whose rate is trained."""
    assert isinstance(layer.form, Lattice)
    return layer.form


def fix(network: Network) -> None:
    """Prune what is not kept, and let each weight have the value that it has.

    Raises:
        InputError: E124, when no path is left between input and output; E128, when weights do not share values yet, as
            after very few steps, and fewer distinct ones are kept than there are values.
    """
    for name, layer in lattices(network):
        form, weight = lattice(layer), masked(layer.weight, layer.mask)
        if not form.sharing:
            form.share(name, weight)
            form.assign(weight)
        layer.prune(form.keep > 0)
        layer.form = Codebook(form.table.detach().clone(), ((form.symbols + 1) * form.keep).to(torch.int32))
    check_connected(network, "training for the rate")
