"""A network that clients train: features up to its last layer, and that layer as the head.

The weights are one vector, parameters in the order of the network. Norms keep the running means and variances that they
came with, so that a step of one item is no special case and every client computes the same function; their scales and
shifts learn.

>>> from sarto.data.examples import of_arrays
>>> from sarto.models.network.named import named
>>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> data = of_arrays(x, np.array([0, 1, 1, 0]))
>>> model = NetworkModel.of(named("mlp", (2,), 2, width=16), data.classes, seed=0)
>>> better = model.with_vector(model.trained(data, Local(rate=0.5, epochs=200), seed=0))
>>> better.scores(data).argmax(axis=1).tolist()
[0, 1, 1, 0]
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from sarto.data.examples import Examples
from sarto.learn.federated._contract import Local, Part
from sarto.learn.federated._linear import LinearModel, batches
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network, predict
from sarto.models.network.tiny import macs

BACKWARD = 2
"""Backward passes in units of a forward pass: gradients of what a layer reads, and of its weights."""


@dataclass(frozen=True, eq=False)
class NetworkModel:
    """See the module.

    Attributes:
        architecture: that ends with a linear layer.
        arrays: parameters by name, float32.
        classes: names.
    """

    architecture: Architecture
    arrays: Mapping[str, Float[np.ndarray, "..."]]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        last = self.architecture.nodes[-1]
        if last.op != "linear" or not last.attributes["bias"]:
            raise InputError(
                "E171",
                f"a network that ends with {last.op}",
                cause="its head is to be a linear layer with a bias, the last one",
                hint="leave softmax away: the loss has it",
            )

    @classmethod
    def of(cls, architecture: Architecture, classes: tuple[str, ...], seed: int) -> NetworkModel:
        """Return a network with weights drawn from a seed."""
        return cls(architecture, Network(architecture, seed).arrays(), classes)

    @property
    def head(self) -> str:
        """Name of the last layer."""
        return self.architecture.nodes[-1].name

    @property
    def features_id(self) -> str:
        """SHA-256 over the architecture and all weights but the head's."""
        digest = hashlib.sha256(repr(self.architecture.to_json()).encode())
        for name, array in self.arrays.items():
            if not name.startswith(f"{self.head}."):
                digest.update(name.encode() + np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()

    @property
    def vector(self) -> Float[np.ndarray, " weight"]:
        """All parameters that learn, one after the other."""
        return np.concatenate([self.arrays[name].reshape(-1) for name in self._learning])

    @property
    def _learning(self) -> list[str]:
        return [name for name in self.arrays if name.rpartition(".")[2] not in ("mean", "variance")]

    def mask(self, part: Part) -> Bool[np.ndarray, " weight"]:
        """Return which weights belong to a part."""
        of_head = [
            np.full(self.arrays[name].size, name.startswith(f"{self.head}.")) for name in self._learning
        ]
        found = np.concatenate(of_head)
        return np.ones_like(found) if part == "all" else found if part == "head" else ~found

    def with_vector(self, vector: Float[np.ndarray, " weight"]) -> NetworkModel:
        """Return the network with other weights."""
        arrays, first = dict(self.arrays), 0
        for name in self._learning:
            shape, size = self.arrays[name].shape, self.arrays[name].size
            arrays[name] = vector[first : first + size].astype(np.float32).reshape(shape)
            first += size
        return replace(self, arrays=arrays)

    def with_head(
        self, weights: Float[np.ndarray, "class feature"], intercept: Float[np.ndarray, " class"]
    ) -> NetworkModel:
        """Return the network with another head."""
        given = {f"{self.head}.weight": weights, f"{self.head}.bias": intercept}
        arrays = {name: given.get(name, array).astype(np.float32) for name, array in self.arrays.items()}
        return replace(self, arrays=arrays)

    def network(self) -> Network:
        """Return the network as a torch module."""
        network = Network(self.architecture)
        network.load_arrays(self.arrays)
        return network.eval()

    def features(self, data: Examples) -> Float[np.ndarray, "item feature"]:
        """Return what the last layer reads."""
        if not len(data):
            return np.zeros((0, self.arrays[f"{self.head}.weight"].shape[1]), np.float32)
        network, wanted = self.network(), self.architecture.nodes[-1].inputs[0]
        found: list[Tensor] = []

        def look(name: str, value: Tensor) -> None:
            if name == wanted:
                found.append(value.reshape(len(value), -1))

        with torch.no_grad():
            for first in range(0, len(data), 512):
                network.run(torch.as_tensor(data.x[first : first + 512]), look)
        return torch.cat(found).numpy()

    def scores(self, data: Examples) -> Float[np.ndarray, "item class"]:
        """Return the outputs."""
        return predict(self.network(), data.x)

    def trained(
        self, data: Examples, local: Local, seed: int, shift: Float[np.ndarray, " weight"] | None = None
    ) -> Float[np.ndarray, " weight"]:
        """Return the weights after gradient steps; see `Model`."""
        start = self.vector
        if not len(data):
            return start
        if local.part == "head":
            return self._head_trained(data, local, seed, shift)
        network = self.network()
        there = {name.removeprefix("layers."): tensor for name, tensor in network.named_parameters()}
        learning = {name: there[name] for name in self._learning}
        for name, tensor in learning.items():
            of_head = name.startswith(f"{self.head}.")
            tensor.requires_grad_(local.part == "all" or not of_head)
        starts = dict(self._pieces(start))
        shifts = {} if shift is None else dict(self._pieces(shift))
        x, y = torch.as_tensor(data.x), torch.as_tensor(data.y)
        moving = [name for name, tensor in learning.items() if tensor.requires_grad]
        for items in batches(len(data), local, seed):
            chosen = torch.as_tensor(items)
            loss = functional.cross_entropy(network(x[chosen]), y[chosen])
            gradients = torch.autograd.grad(loss, [learning[name] for name in moving])
            with torch.no_grad():
                for name, gradient in zip(moving, gradients, strict=True):
                    tensor = learning[name]
                    if local.decay and tensor.ndim > 1:
                        gradient = gradient + local.decay * tensor
                    if local.proximal:
                        gradient = gradient + local.proximal * (tensor - starts[name])
                    if name in shifts:
                        gradient = gradient + shifts[name]
                    tensor.sub_(local.rate * gradient)
        return np.concatenate([learning[name].detach().numpy().reshape(-1) for name in self._learning])

    def _head_trained(
        self, data: Examples, local: Local, seed: int, shift: Float[np.ndarray, " weight"] | None
    ) -> Float[np.ndarray, " weight"]:
        """Return the weights after the head alone has learned, on features that are computed once."""
        weights, intercept = (self.arrays[f"{self.head}.{own}"] for own in ("weight", "bias"))
        head = LinearModel(weights, intercept, self.classes)
        of_head, vector = self.mask("head"), self.vector
        seen = replace(data, x=self.features(data))
        vector[of_head] = head.trained(seen, local, seed, None if shift is None else shift[of_head])
        return vector

    def _pieces(self, vector: Float[np.ndarray, " weight"]) -> Iterator[tuple[str, Tensor]]:
        first = 0
        for name in self._learning:
            shape, size = self.arrays[name].shape, self.arrays[name].size
            yield name, torch.as_tensor(vector[first : first + size].astype(np.float32)).reshape(shape)
            first += size

    def macs(self, data: Examples, local: Local | None) -> int:
        """Return what a client computes; the features of a head that learns alone are computed once."""
        forward, head = macs(self.architecture), self.arrays[f"{self.head}.weight"].size
        if local is None or local.part == "head":
            learning = 0 if local is None else 2 * head * local.visits(len(data))
            return (forward - head) * len(data) + learning
        return (1 + BACKWARD) * forward * local.visits(len(data))
