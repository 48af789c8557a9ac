"""Scales of activations, and the means and second moments that quantisation corrects weights by, from items.

A network is run on the items as it stands, in floats. Zeros are left out of what observers see, since every scale has
a 0. What only a tanh or a sigmoid reads reaches no further than they change by half a count. Items that are bytes
divided by 255 keep their bytes: the scale of the input is then 1 / 255. Where examples say what a count of them stands
for, that is the scale of the input.

>>> from sarto.models.network.named import named
>>> net = Network(named("mlp", (3,), 2, width=4), seed=0)
>>> x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
>>> {name: module.signed for name, module in activations(net, x, "min_max").items()}
{'input': True, 'fc1_relu': False, 'fc2_relu': False}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from sarto.compress.fold import fold
from sarto.compress.places import places, positive, reach
from sarto.compress.quantize._forms import refuse_other_bits
from sarto.compress.quantize._observers import BINS, OBSERVERS, Histogram
from sarto.compress.state import Evaluation, State
from sarto.compress.uniform import Uniform
from sarto.core.quantization import Numbers
from sarto.core.seed import generator
from sarto.data.examples import BYTE, Examples
from sarto.learn.harden.ranges import of_layers
from sarto.models.input_error import InputError
from sarto.models.mam.layers import MamLayer
from sarto.models.network.architecture import INPUT
from sarto.models.network.module import Network
from sarto.models.network.weights import ConvLayer

BITS = 8
"""Of activations: a byte each."""
_BATCH = 32


def chosen_items(examples: Examples, count: int, seed: int) -> Float[np.ndarray, "item ..."]:
    """Return `count` items drawn with `seed`, or all where there are fewer.

    Raises:
        InputError: E127, when there are none, or one is not finite.
    """
    if count < 1 or not len(examples):
        raise InputError(
            "E127",
            f"no items to calibrate on: {count} of {len(examples)} wanted",
            cause="scales of activations are chosen from what the network returns for items",
            hint="give training data, and at least one item",
        )
    order = generator(seed, "calibration").permutation(len(examples))[:count]
    return examples.x[np.sort(order)]


def opened(
    state: State, evaluation: Evaluation, bits: int, items: int
) -> tuple[Network, Float[np.ndarray, "item ..."]]:
    """Return a network for integers of `bits` bits, folded and without quantisers, and the items to calibrate on.

    Bounds of channels become bounds of layers, since integers have limits of a tensor.

    Raises:
        InputError: E126, when a norm cannot be folded; E128, when weights are integers of other bits; E129, when a
            layer is at a stage of training.
    """
    refuse_other_bits(state.network.weighted(), bits)
    network = of_layers(fold(state.network)).eval()
    network.quantisers = nn.ModuleDict()
    return network, chosen_items(evaluation.train, items, evaluation.seed)


def activations(
    network: Network,
    x: Float[np.ndarray, "item ..."],
    observer: str,
    every: Float[np.ndarray, "every ..."] | None = None,
    input_scale: float | None = None,
) -> dict[str, Uniform]:
    """Return a quantiser for each place of `network` (see `compress/places`).

    Args:
        network: that is run.
        x: items that scales are chosen on.
        observer: that chooses them.
        every: items that say whether an input can be negative, where those are more than `x`.
        input_scale: of an input whose integers are made already, in +-127.

    Raises:
        InputError: E116, when there is no such observer; E127, when a place has nothing to be seen.
    """
    if observer not in OBSERVERS:
        raise InputError(
            "E116", f"there is no observer '{observer}'", hint=f"there are {', '.join(OBSERVERS)}"
        )
    wanted = places(network.architecture)
    largest = dict.fromkeys(wanted, 0.0)

    def measure(name: str, value: Tensor) -> None:
        largest[name] = max(largest[name], float(value.abs().max()))

    _watch(network, x, wanted, measure)
    for name, size in largest.items():
        if not np.isfinite(size) or size == 0:
            raise InputError(
                "E127",
                f"no scale for '{name}': the largest size that it returned is {size:g}",
                cause=f"it was seen on {len(x)} items",
                hint="a layer that always returns 0 is dead: prune less, or calibrate on other items",
            )
    counts = {name: np.zeros(BINS, np.int64) for name in wanted}

    def count(name: str, value: Tensor) -> None:
        sizes = value.abs()
        sizes = sizes[sizes > 0]
        bins = (sizes * (BINS / largest[name])).long().clamp_(max=BINS - 1)
        counts[name] += torch.bincount(bins, minlength=BINS).cpu().numpy()

    _watch(network, x, wanted, count)
    never_below_0 = input_scale is None and bool(((x if every is None else every) >= 0).all())
    unsigned = positive(network.architecture, never_below_0)
    found: dict[str, Uniform] = {}
    for name in wanted:
        signed, count_of_item = name not in unsigned, int(np.prod(network.architecture.shapes[name]))
        levels = Numbers((), BITS, signed).limits[1]
        size = OBSERVERS[observer](Histogram(counts[name], largest[name] / BINS), levels)
        size = min(size, reach(network.architecture, name))
        if name == INPUT and items_of_bytes(x):
            size = 1.0
        scale = input_scale if name == INPUT and input_scale is not None else size / levels
        found[name] = Uniform(torch.tensor([scale]), BITS, count=count_of_item, signed=signed)
    return found


def items_of_bytes(x: Float[np.ndarray, "item ..."]) -> bool:
    """Return whether items are whole numbers from 0 to 255, divided by 255."""
    words = x * np.float32(BYTE)
    return bool((x >= 0).all() and x.max() <= 1 and np.abs(words - np.rint(words)).max() < 1e-4)


def _watch(
    network: Network,
    x: Float[np.ndarray, "item ..."],
    names: tuple[str, ...],
    see: Callable[[str, Tensor], None],
) -> None:
    """Show `see` what each of the named nodes returns for every batch."""

    def look(name: str, value: Tensor) -> None:
        if name in names:
            see(name, value.reshape(-1))

    with torch.no_grad():
        for part in _parts(network, x):
            look(INPUT, part)
            network.run(part, look)


def _parts(network: Network, x: Float[np.ndarray, "item ..."]) -> Iterator[Tensor]:
    device = next(network.parameters()).device
    for first in range(0, len(x), _BATCH):
        yield torch.as_tensor(np.ascontiguousarray(x[first : first + _BATCH], np.float32)).to(device)


def output_means(network: Network, x: Float[np.ndarray, "item ..."]) -> dict[str, Tensor]:
    """Return the mean output of every channel of each layer with weights."""
    layers = {name for name, _ in network.weighted()}
    total: dict[str, Tensor] = {}

    def look(name: str, value: Tensor) -> None:
        if name in layers:
            total[name] = total.get(name, torch.zeros(())) + channel_mean(value) * len(value)

    with torch.no_grad():
        for part in _parts(network, x):
            network.run(part, look)
    return {name: value / len(x) for name, value in total.items()}


def channel_mean(value: Tensor) -> Tensor:
    """Return the mean over items and places of each channel."""
    return value.transpose(0, 1).flatten(1).mean(1)


def shift_biases(network: Network, wanted: dict[str, Tensor], x: Float[np.ndarray, "item ..."]) -> None:
    """Shift the bias of each layer such that the mean of every channel on `x` is the one wanted, layer by layer.

    Each layer sees what the layers before it return after their correction. A layer without bias stays as it is.
    """
    layers = dict(network.weighted())

    def look(name: str, value: Tensor) -> Tensor | None:
        if name not in layers or (bias := layers[name].bias) is None:
            return None
        shift = wanted[name] - channel_mean(value)
        bias += shift
        return value + shift.reshape(-1, *(1,) * (value.ndim - 2))

    device = next(network.parameters()).device
    with torch.no_grad():
        network.run(torch.as_tensor(np.ascontiguousarray(x, np.float32)).to(device), look)


def second_moments(
    network: Network, x: Float[np.ndarray, "item ..."]
) -> dict[str, Float[np.ndarray, "group column column"]]:
    """Return `sum x x'` over the inputs x that each row of a layer's weight sees, for each group of channels.

    Layers that do not add their products up, those of MAM, have none.
    """
    found: dict[str, Tensor] = {}
    summing = [(name, layer) for name, layer in network.weighted() if not isinstance(layer, MamLayer)]
    hooks = [layer.register_forward_pre_hook(_adding(found, name)) for name, layer in summing]
    with torch.no_grad():
        for part in _parts(network, x):
            network.run(part)
    for hook in hooks:
        hook.remove()
    return {name: gram.cpu().numpy() for name, gram in found.items()}


def _adding(found: dict[str, Tensor], name: str) -> Callable[[torch.nn.Module, tuple[Tensor, ...]], None]:
    def hook(layer: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
        columns = _columns(layer, inputs[0]).double()
        gram = columns @ columns.transpose(1, 2)
        found[name] = found[name] + gram if name in found else gram

    return hook


def _columns(layer: torch.nn.Module, x: Tensor) -> Tensor:
    """Return (group, column of the weight, place) of the inputs of a layer."""
    if not isinstance(layer, ConvLayer):
        return x.T[None]
    kernel, stride, padding, dilation = (
        tuple(layer.weight.shape[2:]),
        layer.stride,
        layer.padding,
        layer.dilation,
    )
    if x.ndim == 3:
        x, kernel, stride = x[:, :, None], (1, *kernel), (1, *stride)
        padding, dilation = (0, *padding), (1, *dilation)
    found = functional.unfold(x, kernel, dilation, padding, stride)
    return found.transpose(0, 1).reshape(layer.groups, -1, found.shape[0] * found.shape[2])
