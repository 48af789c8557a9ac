"""What a file of a shrunk network gives back: the network, its integers if it has any, and the classes they say.

Returns `Decoded`. What is scored and built is always this, never the network that went into the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sarto.data.examples import Examples

if TYPE_CHECKING:
    from sarto.deploy.lower.network import Lowered
    from sarto.models.network.module import Network


@dataclass(frozen=True)
class Decoded:
    """The network that a file gives back, and the integers that it computes in; None of one that computes in floats."""

    network: Network
    integers: Lowered | None


def decoded_of(data: bytes, classes: tuple[str, ...]) -> Decoded:
    """Return what a container that was made here gives back, however much smaller than the network it is."""
    from sarto.compress.container import MOST_B
    from sarto.compress.state import restored
    from sarto.deploy.lower.network import lower_network

    network = restored(data, MOST_B).eval()
    return Decoded(network, lower_network(network, classes) if len(network.quantisers) else None)


def said(decoded: Decoded, examples: Examples) -> tuple[Any, str]:
    """Return the classes of `examples`, and what found them: the integers, if there are any."""
    from sarto.core.graph import infer

    if (lowered := decoded.integers) is None:
        return classes_of(decoded.network, examples), "the network as its file gives it back"
    return infer(lowered.graph, lowered.items(examples.x)).classes, "the integer graph of its file, in NumPy"


def classes_of(network: Network, examples: Examples) -> Any:
    """Return the class of each item by a network in floats."""
    from sarto.models.network.module import predict

    return predict(network, examples.x).argmax(axis=1)
