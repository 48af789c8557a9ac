"""What adds up the groups' features to outputs: one head for all widths, or a head for each.

    shared:  z_k = ((b + W_1 f_1) + W_2 f_2) + ... + W_k f_k
    own:     z_k = ((b_k + W_k1 f_1) + W_k2 f_2) + ... + W_kk f_k

in this order, group by group, so that z_(k+1) = z_k + W_(k+1) f_(k+1) of a shared head holds to the bit. One product of
all features, as in an ordinary network, adds up in another order, and may differ from it in the last bits. Own heads
have (G + 1) / 2 times the weights of a shared one, and a bias each.

>>> head = SharedHead([torch.ones(2, 3), torch.ones(2, 1)], torch.zeros(2))
>>> [z.tolist() for z in head.every([torch.ones(1, 3), torch.ones(1, 1)])]
[[[3.0, 3.0]], [[4.0, 4.0]]]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sarto.models.dynamic.nesting import Nesting


class Head(nn.Module, ABC):
    """A head of either kind."""

    @abstractmethod
    def outputs(self, features: Sequence[Tensor]) -> Tensor:
        """Return the outputs of the width of as many groups as features (item, feature) are given of."""

    @abstractmethod
    def every(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return the outputs of every width up to that."""

    @abstractmethod
    def wider(self, outputs: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Return the outputs with the last of `features`, from the outputs of one group less."""

    @abstractmethod
    def of_width(self, width: int) -> tuple[Tensor, Tensor | None]:
        """Return weight (output, feature) and bias of a width, as they stand in memory."""


class SharedHead(Head):
    """One head.

    Args:
        blocks: W_g (output, feature) of each group; they stay where they are in memory.
        bias: b, or None.
    """

    def __init__(self, blocks: Sequence[Tensor], bias: Tensor | None) -> None:
        super().__init__()
        self.blocks = nn.ParameterList([nn.Parameter(block) for block in blocks])
        self.bias = None if bias is None else nn.Parameter(bias)

    def outputs(self, features: Sequence[Tensor]) -> Tensor:
        """Return the outputs; see `Head`."""
        return self.every(features)[-1]

    def every(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return the outputs of every width; see `Head`."""
        found = [functional.linear(features[0], self.blocks[0], self.bias)]
        for group in range(1, len(features)):
            found.append(self.wider(found[-1], features[: group + 1]))
        return found

    def wider(self, outputs: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Return the outputs with one group more; see `Head`."""
        return outputs + functional.linear(features[-1], self.blocks[len(features) - 1])

    def of_width(self, width: int) -> tuple[Tensor, Tensor | None]:
        """Return weight and bias; see `Head`."""
        blocks = [cast(Tensor, self.blocks[group]).detach() for group in range(width)]
        return torch.cat(blocks, 1), None if self.bias is None else self.bias.detach()


class OwnHeads(Head):
    """A head for each width.

    Args:
        weights: (output, feature) of width 1, 2, and so on.
        biases: of each.
        features: of a group.
    """

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], features: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(weight) for weight in weights])
        self.biases = nn.ParameterList([nn.Parameter(bias) for bias in biases])
        self.features = features

    def outputs(self, features: Sequence[Tensor]) -> Tensor:
        """Return the outputs; see `Head`."""
        width = len(features)
        blocks = blocks_of(cast(Tensor, self.weights[width - 1]), self.features)
        found = functional.linear(features[0], blocks[0], cast(Tensor, self.biases[width - 1]))
        for block, seen in zip(blocks[1:], features[1:], strict=True):
            found = found + functional.linear(seen, block)
        return found

    def every(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return the outputs of every width; see `Head`."""
        return [self.outputs(features[:width]) for width in range(1, len(features) + 1)]

    def wider(self, outputs: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Return the outputs with one group more, of all features: a head of its own has no use for other outputs."""
        del outputs
        return self.outputs(features)

    def of_width(self, width: int) -> tuple[Tensor, Tensor | None]:
        """Return weight and bias; see `Head`."""
        weight, bias = self.weights[width - 1], self.biases[width - 1]
        return cast(Tensor, weight).detach(), cast(Tensor, bias).detach()


def shared_head(weight: Tensor, bias: Tensor | None, nested: Nesting) -> SharedHead:
    """Return the shared head whose blocks are views of a weight (output, feature)."""
    blocks = blocks_of(weight.detach(), nested.features)
    return SharedHead(blocks, None if bias is None else bias.detach())


def blocks_of(weight: Tensor, features: int) -> list[Tensor]:
    """Return the columns of each group of a weight, as views."""
    return [weight.narrow(1, start, features) for start in range(0, weight.shape[1], features)]
