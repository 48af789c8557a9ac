"""An architecture while it is written down: nodes one after the other.

>>> net = Sketch()
>>> net.convolve("conv1", 8, (3, 3))
'conv1_relu'
>>> [node.op for node in net.nodes]
['conv', 'batch_norm', 'relu']
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.operations import Shape, Value


@dataclass
class Sketch:
    """Nodes one after the other; each reads the one before unless it is told which."""

    nodes: list[Node] = field(default_factory=list[Node])

    def put(self, name: str, op: str, /, *inputs: str, **attributes: Value) -> str:
        """Add a node and return its name."""
        last = self.nodes[-1].name if self.nodes else INPUT
        self.nodes.append(Node(name, op, inputs or (last,), attributes))
        return name

    @property
    def last(self) -> str:
        """Name of the last node."""
        return self.nodes[-1].name if self.nodes else INPUT

    def convolve(
        self, name: str, channels: int, kernel: tuple[int, ...], stride: int = 1, groups: int = 1
    ) -> str:
        """Add a convolution without bias that keeps the size (but for its stride), its norm and ReLU."""
        self.unbent(name, channels, kernel, stride, groups)
        return self.put(f"{name}_relu", "relu")

    def unbent(
        self, name: str, channels: int, kernel: tuple[int, ...], stride: int = 1, groups: int = 1
    ) -> str:
        """Add the same without ReLU."""
        self.put(
            name,
            "conv",
            channels=channels,
            kernel=kernel,
            stride=stride,
            padding=tuple(k // 2 for k in kernel),
            groups=groups,
            bias=False,
        )
        return self.put(f"{name}_norm", "batch_norm")


def headed(net: Sketch, shape: Shape, outputs: int) -> Architecture:
    """Return the architecture that ends in the mean over all places and a linear layer."""
    net.put("mean", "global_mean_pool")
    net.put("head", "linear", features=outputs)
    return Architecture(shape, tuple(net.nodes))
