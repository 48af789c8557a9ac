"""A nested network becomes one integer graph for all its widths (`core/graph/widths`).

The network of full width is quantised as any other, once, and lowered; its scales are of channels and of whole tensors,
so that the integers of a group do not depend on the width. A shared head is the last layer of that graph. Of own heads
the narrower ones are added: their weights are integers with a scale s_c for each output, s_c = max |w_c| / 127, their
biases counts of s_x s_c, and all scores have the unit s of the full width's,

    m_c 2^-(shift_c) = s_x s_c / s

so that a lead of one class over another means the same at every width.

>>> import numpy as np
>>> from sarto.compress.quantize import ptq
>>> from sarto.core.graph import infer
>>> from sarto.core.graph.widths import cut
>>> from sarto.data.examples import of_arrays
>>> from sarto.models.dynamic.named import grouped
>>> x = np.random.default_rng(0).normal(size=(40, 2, 16))
>>> data = of_arrays(x, np.arange(40) % 3)
>>> net = DynamicNetwork(grouped("cnn1d", (2, 16), 3, groups=4, width=8), 4).eval()
>>> found = lower_dynamic(net, quantised(net, Evaluation(data, data)))
>>> [infer(cut(found.graph, width), found.items(data.x)).scores.shape for width in (1, 4)]
[(40, 3), (40, 3)]
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph import Graph, Tensor
from sarto.core.graph.operations import INT32_MAX
from sarto.core.graph.widths import Blocks, blocks, in_groups
from sarto.deploy.lower.layout import canonical
from sarto.deploy.lower.network import MOST_BIAS, Lowered, lower_network
from sarto.deploy.lower.rescaling import rescaling
from sarto.deploy.lower.weights import LIMIT
from sarto.models.dynamic.heads import OwnHeads
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.input_error import InputError
from sarto.models.network.module import Network


def quantised(network: DynamicNetwork, evaluation: Evaluation) -> Network:
    """Return the network of full width in integers, by `ptq`.

    Raises:
        InputError: as `ptq.quantise`.
    """
    return ptq.quantise(State(network.network(network.groups)), evaluation).network


def lower_dynamic(
    network: DynamicNetwork, full: Network, classes: tuple[str, ...] = (), name: str = "model"
) -> Lowered:
    """Return the integer graph of all widths of a nested network.

    Args:
        network: nested.
        full: its network of full width, quantised by a method of `compress/quantize`.
        classes: names of its outputs; their numbers by default.
        name: of the graph, a C identifier.

    Raises:
        InputError: E126, when something cannot be lowered; the message names the layer.
        SartoError: E173, when an operation of the graph does not keep the groups apart.
    """
    found = lower_network(full, classes, name)
    graph = in_groups(found.graph, network.groups)
    if isinstance(network.head, OwnHeads):
        graph = _with_heads(graph, network)
    return replace(found, graph=graph)


def _with_heads(graph: Graph, network: DynamicNetwork) -> Graph:
    """Return the graph with a head for each width below the full one."""
    found = blocks(graph)
    added: list[Tensor] = []
    for width in range(1, network.groups):
        weight, bias = network.head.of_width(width)
        assert bias is not None, "own heads have biases"
        floats = weight.cpu().numpy().astype(np.float64)[:, _order(found, width)]
        added += _head(found, width, floats, bias.cpu().numpy().astype(np.float64))
    return replace(graph, tensors=(*graph.tensors, *added))


def _order(found: Blocks, width: int) -> Int[np.ndarray, " place"]:
    """Return which of a head's columns, channels first, lies at each place of the features of a width."""
    channels = found.channels[found.head.inputs["x"]] // found.graph.groups * width
    return canonical((channels, found.features * width // channels))


def _head(
    found: Blocks, width: int, weight: Float[np.ndarray, "output feature"], bias: Float[np.ndarray, " output"]
) -> list[Tensor]:
    """Return the constants of the head of a width."""
    graph, head = found.graph, found.head
    read, scores = graph.by_name[head.inputs["x"]], graph.by_name[head.outputs["y"]]
    assert read.scale is not None and scores.scale is not None
    peak = np.abs(weight).max(axis=1)
    scale = np.where(peak > 0, peak, 1.0) / LIMIT
    scale = np.maximum(scale, np.abs(bias) / (read.scale * MOST_BIAS))
    values = np.rint(weight / scale[:, None]).astype(np.int64)
    counts = np.rint(bias / (read.scale * scale)).astype(np.int64)
    info = np.iinfo(read.dtype)
    worst = np.abs(values).sum(axis=1) * max(-int(info.min), int(info.max)) + np.abs(counts)
    name = head.inputs["weights"]
    if worst.max() > INT32_MAX:
        raise InputError(
            "E126",
            f"'{name}_{width}' has sums that could leave 32 bits",
            cause=f"the largest is {worst.max()}, the limit {INT32_MAX}",
        )
    rescaled = [rescaling(float(ratio)) for ratio in read.scale * scale / scores.scale]
    m, s = np.array(rescaled, np.int64).T
    made = {
        "weights": (values, "int8"),
        "bias": (counts, "int32"),
        "factor": (m, "int16"),
        "shift": (s, "uint8"),
    }
    return [
        Tensor(f"{head.inputs[role]}_{width}", dtype, data.shape, "const", data.astype(dtype))
        for role, (data, dtype) in made.items()
    ]
