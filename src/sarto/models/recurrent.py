"""GRU and LSTM networks over sequences: what a reservoir is held against. They are never shrunk, packed or lowered.

    h_t = cell(x_t, h_{t-1}),  h_0 = 0;     outputs = W h_T + b,   T the last step of the item

with the cells as torch has them, one or more on top of each other. Items are arrays (channel, step). Where lengths
differ, the last channel says which steps there are (`data/examples.padded`): it is read and not fed, and T is the
item's own last step, so that what comes after it plays no part. Weights on the state begin orthogonal, those on the
input by Glorot's uniform distribution, biases at 0, and that of an LSTM's forget gate at 1.

Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014; Hochreiter and
Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), with the forget gate of Gers et al. (2000). Start:
Saxe, McClelland and Ganguli, ICLR 2014; Glorot and Bengio, AISTATS 2010; Jozefowicz, Zaremba and Sutskever, "An
empirical exploration of recurrent network architectures", ICML 2015, section 2.2 (the forget gate).

>>> net = Recurrent("gru", (3, 7), 2, hidden=4, padded=True)
>>> x = torch.ones(5, 3, 7)
>>> x[:, 2, 4:] = 0
>>> longer = torch.cat([x[:, :, :4], 9 * torch.ones(5, 3, 3) * torch.tensor([1.0, 1.0, 0.0])[:, None]], 2)
>>> tuple(net(x).shape), torch.equal(net(x), net(longer))
((5, 2), True)
"""

from __future__ import annotations

from typing import Any, Literal, NoReturn, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from sarto.models.input_error import InputError
from sarto.models.trainable import Trainable

Cell = Literal["gru", "lstm"]
CELLS: tuple[Cell, ...] = get_args(Cell)
_FORGET = 1
"""Place of the forget gate among an LSTM's four, as torch orders them."""


class Recurrent(Trainable):
    """A recurrent network with a linear readout of its last state.

    Args:
        cell: `gru` or `lstm`.
        shape: of an item, (channel, step).
        outputs: of the readout.
        hidden: entries of the state of each layer.
        layers: cells on top of each other.
        padded: whether the last channel is 1 where there is a step, and 0 after the item's end.
        seed: of the weights that it begins with.

    Raises:
        InputError: E121, when there is no such cell, or a size is not at least 1.
    """

    def __init__(
        self,
        cell: Cell,
        shape: tuple[int, int],
        outputs: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        padded: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        channels = shape[0] - padded
        if cell not in CELLS or min(channels, shape[1], outputs, hidden, layers) < 1:
            raise InputError(
                "E121",
                f"a '{cell}' of {hidden} units and {layers} layers from {channels} channels to {outputs} outputs",
                cause=f"a cell is one of {', '.join(CELLS)}, and every size is at least 1",
            )
        self.cell, self.shape, self.padded = cell, shape, padded
        # What torch draws here is drawn again below.
        with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]
            make = nn.GRU if cell == "gru" else nn.LSTM
            self.body = make(channels, hidden, num_layers=layers, batch_first=True)
            self.head = nn.Linear(hidden, outputs)
        self._begin(torch.Generator().manual_seed(seed))

    def _begin(self, generator: torch.Generator) -> None:
        size = self.body.hidden_size
        for name, parameter in self.body.named_parameters():
            for gate in range(len(parameter) // size):
                part = parameter[gate * size : (gate + 1) * size]
                if name.startswith("weight_hh"):
                    nn.init.orthogonal_(part, generator=generator)
                elif name.startswith("weight_ih"):
                    nn.init.xavier_uniform_(part, generator=generator)
                else:
                    forget = self.cell == "lstm" and gate == _FORGET and name.startswith("bias_ih")
                    nn.init.constant_(part, float(forget))
        nn.init.xavier_uniform_(self.head.weight, generator=generator)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Float[Tensor, "item channel step"]) -> Float[Tensor, "item output"]:
        """Return the outputs of a batch of items.

        Raises:
            InputError: E122, when the items have other channels, or a mask is not ones and then zeros.
        """
        if x.ndim != 3 or x.shape[1] != self.shape[0]:
            raise InputError(
                "E122",
                f"items of shape {tuple(x.shape[1:])} for a network on {self.shape[0]} channels",
                cause="a recurrent network takes items (channel, step)",
            )
        if not self.padded:
            states, _ = self.body(x.transpose(1, 2))
            return self.head(states[:, -1])
        last = _last_step(x[:, -1])
        # States do not depend on later steps: nothing after the longest item's end is computed.
        states, _ = self.body(x[:, :-1, : int(last.max()) + 1].transpose(1, 2))
        return self.head(states[torch.arange(len(x), device=x.device), last])

    def description(self) -> dict[str, Any]:
        """Return cell, sizes and shape; see `Trainable`."""
        sizes = {"hidden": self.body.hidden_size, "layers": self.body.num_layers}
        return {"cell": self.cell, "shape": list(self.shape), "padded": self.padded, **sizes}

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the answer to one item."""
        return (self.head.out_features,)

    @property
    def architecture(self) -> NoReturn:
        """There is none: whatever would shrink, pack or lower this network asks for it first.

        Raises:
            InputError: E126, always.
        """
        raise InputError(
            "E126",
            f"a {self.cell} network is trained and asked, and no more",
            cause="pruning, containers and integer networks are for feed-forward networks and reservoirs",
            hint="fit a reservoir (sarto fit), or take a network by name, such as cnn1d",
        )


def _last_step(there: Float[Tensor, "item step"]) -> Int[Tensor, " item"]:
    """Return the place of each item's last step."""
    lengths = (there == 1).sum(1)
    places = torch.arange(there.shape[1], device=there.device)
    if not torch.equal(there, (places < lengths[:, None]).to(there)) or not bool(lengths.all()):
        raise InputError(
            "E122",
            "the last channel of an item is not ones and then zeros",
            cause="it says which steps of a padded item there are, of which there is at least one",
            hint="make items with `sarto.data.examples.padded`",
        )
    return lengths - 1
