"""A feed-forward network as a torch module, made from its architecture; its parameters have the architecture's names.

>>> from sarto.models.network.architecture import Architecture, Node
>>> net = Network(Architecture((4,), (Node("hidden", "linear", ("input",), {"features": 3}),
...                                   Node("bend", "relu", ("hidden",)),
...                                   Node("out", "linear", ("bend",), {"features": 2}))))
>>> tuple(net(torch.zeros(5, 4)).shape), sorted(net.arrays())
((5, 2), ['hidden.bias', 'hidden.weight', 'out.bias', 'out.weight'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from sarto.models.input_error import InputError
from sarto.models.mam.layers import MamConvLayer, MamLinearLayer
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.bound import Bound
from sarto.models.network.operations import Shape, ints, places_of, whole
from sarto.models.network.tree_layer import TreeLayer
from sarto.models.network.weights import ConvLayer, LinearLayer, WeightedLayer
from sarto.models.trainable import Trainable

_RENAMED = {"running_mean": "mean", "running_var": "variance"}
_SIMPLE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "hard_swish": functional.hardswish,
}


class Network(Trainable):
    """A network that computes what its `architecture` says.

    Args:
        architecture: the operations.
        seed: of the weights that it begins with (He's normal distribution; biases 0, scales of norms 1).

    Attributes:
        layers: the modules of nodes with parameters, by name.
        quantisers: modules that take what a node returns (or the `input`) to the numbers that integers can stand for;
            empty in a network that computes in floats.
    """

    def __init__(self, architecture: Architecture, seed: int = 0) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = nn.ModuleDict()
        self.quantisers = nn.ModuleDict()
        generator = torch.Generator().manual_seed(seed)
        for node in architecture.nodes:
            layer = _layer(node, [architecture.shapes[name] for name in node.inputs])
            if isinstance(layer, WeightedLayer):
                layer.reset_parameters(generator)
            if layer is not None:
                self.layers[node.name] = layer
        last: dict[str, str] = {}
        for node in architecture.nodes:
            last.update(dict.fromkeys(node.inputs, node.name))
        self._last_reader = last

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of a batch of items."""
        return self.run(x)

    def run(self, x: Tensor, look: Callable[[str, Tensor], Tensor | None] | None = None) -> Tensor:
        """Return the output of a batch; `look` sees what each node returns, and may put something in its place.

        It sees that before it is quantised.
        """
        if tuple(x.shape[1:]) != self.architecture.input_shape:
            raise InputError(
                "E122",
                f"items of shape {tuple(x.shape[1:])} for a network on {self.architecture.input_shape}",
                cause="a network takes items of one shape",
            )
        values = {INPUT: self._quantised(INPUT, x)}
        for node in self.architecture.nodes:
            y = self.apply_node(node, [values[name] for name in node.inputs])
            if look is not None:
                seen = look(node.name, y)
                y = y if seen is None else seen
            for name in node.inputs:
                if self._last_reader[name] == node.name:
                    values.pop(name, None)
            values[node.name] = self._quantised(node.name, y)
        return values[self.architecture.output]

    def _quantised(self, name: str, value: Tensor) -> Tensor:
        return self.quantisers[name](value) if name in self.quantisers else value

    def apply_node(self, node: Node, inputs: list[Tensor]) -> Tensor:
        """Return what one node makes of its inputs."""
        if node.name in self.layers:
            return self.layers[node.name](inputs[0])
        return _run(node, inputs)

    def description(self) -> dict[str, Any]:
        """Return the architecture; see `Trainable`."""
        return self.architecture.to_json()

    @property
    def output_shape(self) -> Shape:
        """Shape of the answer to one item."""
        return self.architecture.shapes[self.architecture.output]

    def weighted(self) -> Iterator[tuple[str, WeightedLayer]]:
        """Yield the layers that can be pruned, quantised and coded, by name, in order."""
        for node in self.architecture.weighted:
            layer = self.layers[node.name]
            assert isinstance(layer, WeightedLayer)
            yield node.name, layer

    def layer(self, name: str) -> WeightedLayer:
        """Return the weighted layer `name`.

        Raises:
            InputError: E122, when there is none; the hint names those there are.
        """
        found = dict(self.weighted())
        if name not in found:
            raise InputError(
                "E122", f"the network has no layer '{name}' with weights", hint=f"it has {', '.join(found)}"
            )
        return found[name]

    def refuse_unsettled(self) -> None:
        """Refuse a network of which a layer is at a stage of training that its parameters do not tell.

        Raises:
            InputError: E129, which names the first such layer.
        """
        for name, layer in self.weighted():
            if why := layer.unsettled():
                raise InputError(
                    "E129",
                    f"layer '{name}' is not settled",
                    cause=why,
                    hint="train until its schedule has ended, then call `sarto.learn.vanish.settle`",
                )

    def arrays(self) -> dict[str, Float[np.ndarray, "..."]]:
        """Return every parameter as the network uses it (masked, and in its form) by the architecture's names.

        A 0 has no sign: a negative weight that a mask makes 0 is the same 0 as any other.

        Raises:
            InputError: E129, when a layer is at a stage of training that its parameters do not tell.
        """
        self.refuse_unsettled()
        found: dict[str, Float[np.ndarray, "..."]] = {}
        with torch.no_grad():
            for name, tensor in self._tensors():
                found[name] = np.asarray(tensor.detach().cpu().numpy() + np.float32(0))
        return {name: found[name] for name in self.architecture.parameters}

    def load_arrays(self, arrays: Mapping[str, Float[np.ndarray, "..."]]) -> None:
        """Take over every parameter; masks, forms, quantisers and stages of training are left away.

        Raises:
            InputError: E122, when a parameter is missing, has another shape, or is not finite, or one is not known.
        """
        wanted = self.architecture.parameters
        for name in (*wanted, *arrays):
            if name not in arrays or name not in wanted or arrays[name].shape != wanted[name]:
                got = arrays[name].shape if name in arrays else "nothing"
                raise InputError(
                    "E122",
                    f"parameter '{name}': {got} given, {wanted.get(name, 'nothing')} wanted",
                    cause="the weights are not those of this network",
                )
            if not np.isfinite(arrays[name]).all():
                raise InputError(
                    "E122", f"parameter '{name}' is not finite", cause="a value is NaN or infinite"
                )
        for _, layer in self.weighted():
            layer.clear()
        self.quantisers = nn.ModuleDict()
        with torch.no_grad():
            for name, tensor in self._tensors():
                tensor.copy_(torch.as_tensor(np.array(arrays[name], np.float32)))

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, layer in self.layers.items():
            if isinstance(layer, WeightedLayer):
                yield f"{name}.weight", layer.effective
                if layer.bias is not None:
                    yield f"{name}.bias", layer.bias
            else:
                for own, tensor in (*layer.named_parameters(), *layer.named_buffers()):
                    if own != "num_batches_tracked":
                        yield f"{name}.{_RENAMED.get(own, own)}", tensor


def laid_out(x: Float[Tensor, "item ..."]) -> Float[Tensor, "item ..."]:
    """Return the same items, images with their channels last in memory: convolutions on a processor take them faster.

    >>> laid_out(torch.zeros(2, 3, 4, 5)).stride()
    (60, 1, 15, 3)
    """
    return x.to(memory_format=torch.channels_last) if x.ndim == 4 else x


def predict(
    network: Trainable, x: Float[np.ndarray, "item ..."], batch: int = 512
) -> Float[np.ndarray, "item ..."]:
    """Return the outputs of items as a network stands in use: no gradients, running statistics in its norms."""
    training = network.training
    network.eval()
    device = network.device
    found = np.zeros((len(x), *network.output_shape), np.float32)
    with torch.no_grad():
        for first in range(0, len(x), batch):
            part = np.ascontiguousarray(x[first : first + batch], np.float32)
            found[first : first + batch] = network(laid_out(torch.as_tensor(part).to(device))).cpu().numpy()
    network.train(training)
    return found


def _layer(node: Node, shapes: list[Shape]) -> nn.Module | None:
    """Return the module of a node with parameters, or None."""
    a = node.attributes
    if node.op == "linear":
        return LinearLayer(shapes[0][0], whole(a, "features"), bias=bool(a["bias"]))
    if node.op == "mam_linear":
        splits = whole(a, "splits")
        return MamLinearLayer(shapes[0][0], whole(a, "features"), splits=splits, bias=bool(a["bias"]))
    if node.op in ("conv", "mam_conv"):
        make = ConvLayer if node.op == "conv" else partial(MamConvLayer, splits=whole(a, "splits"))
        return make(
            shapes[0][0],
            whole(a, "channels"),
            ints(a, "kernel"),
            stride=ints(a, "stride"),
            padding=ints(a, "padding"),
            dilation=ints(a, "dilation"),
            groups=whole(a, "groups"),
            bias=bool(a["bias"]),
        )
    if node.op == "tree":
        return TreeLayer(ints(a, "preorder"), whole(a, "outputs"))
    if node.op == "clip":
        shape = shapes[0][:1] if node.attributes["by_channel"] else ()
        return Bound(torch.zeros(shape), torch.zeros(shape), len(shapes[0]) - 1)
    if node.op == "batch_norm":
        kinds = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d}
        return kinds[len(shapes[0])](shapes[0][0], eps=float(str(a["eps"])))
    return None


def _run(node: Node, inputs: list[Tensor]) -> Tensor:
    """Return what a node without parameters makes of its inputs."""
    x, a = inputs[0], node.attributes
    if node.op in _SIMPLE:
        return _SIMPLE[node.op](x)
    if node.op == "leaky_relu":
        return functional.leaky_relu(x, float(str(a["slope"])))
    if node.op in ("max_pool", "mean_pool"):
        flat = len(ints(a, "kernel")) == 1
        kernel, stride, padding = ints(a, "kernel"), ints(a, "stride"), ints(a, "padding")
        if node.op == "max_pool":
            return (functional.max_pool1d if flat else functional.max_pool2d)(x, kernel, stride, padding)
        return (functional.avg_pool1d if flat else functional.avg_pool2d)(x, kernel, stride, padding)
    if node.op == "global_mean_pool":
        return x.flatten(2).mean(2)
    if node.op == "flatten":
        return x.flatten(1)
    if node.op == "reshape":
        return x.reshape(len(x), *ints(a, "shape"))
    if node.op == "take":
        return x[:, list(places_of(ints(a, "runs")))]
    if node.op == "add":
        total = x
        for other in inputs[1:]:
            total = total + other
        return total
    assert node.op == "concat", f"{node.op} has no program"
    return torch.cat(inputs, 1)
