"""Images of `federated_vision`: a network that learned five classes of CIFAR-10, and a federation of the other five.

Images are 16 x 16 (`_pictures`), standardised by those that the network learned from. It is a residual one with a norm
between the mean over places and the head, so that what a head sees of classes 0 to 4 has about mean 0 and deviation 1;
that and the images of the server are known before the federation begins, and no client has any of them. Clients hold
classes 5 to 9, dealt by Dirichlet(`ALPHA`) over the clients of each class, so that they are uneven in size too; some
hold nothing. A fifth of each client's items is held back for choosing. The seed draws the server's images, the network,
the clients' images and who holds what; tested are all test images of classes 5 to 9.

>>> classes_of(0), classes_of(1)
((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))
>>> architecture().nodes[-2].op, macs(architecture())
('batch_norm', 1778928)
"""

from __future__ import annotations

import base64
import io
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from benchmarks._bench import real_data
from benchmarks._pictures import FILES, decoded, halved
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.data.partition import partition
from sarto.learn.federated._contract import Population
from sarto.learn.federated._network import NetworkModel
from sarto.learn.loop import Training, accuracy, train
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.models.network.sketch import Sketch
from sarto.models.network.tiny import macs

SHAPE, HALF, WIDTH = (3, 16, 16), 5, 12
IMAGES, TESTED, CLIENTS, ALPHA = 10_000, 5000, 100, 0.1
EPOCHS = 15
HELD = 5
"""One row in so many is held back for choosing."""
QUICK = {"images": 200, "tested": 300, "clients": 20, "epochs": 1}


@dataclass(frozen=True, eq=False)
class Side:
    """A federation in one form: images, or what the network sees in them.

    Attributes:
        train: items of the clients.
        test: items that are tested.
        owner: client of each training item.
        names: of the clients.
        held: training items for choosing.
    """

    train: Examples
    test: Examples
    owner: Int[np.ndarray, " item"]
    names: tuple[str, ...]
    held: Bool[np.ndarray, " item"]

    def parts(self, *, tuning: bool) -> tuple[Population, Examples]:
        """Return the clients, and what is judged: items held back when tuning, else those that are tested."""
        if not tuning:
            return Population(self.train, self.owner, self.names), self.test
        learned = np.flatnonzero(~self.held)
        kept = Population(self.train.select(learned), self.owner[learned], self.names)
        return kept, self.train.select(np.flatnonzero(self.held))


@dataclass(frozen=True, eq=False)
class Task:
    """Data of one seed.

    Attributes:
        model: the network with a fresh head.
        images, features: the federation in two forms.
    """

    model: NetworkModel
    images: Side
    features: Side

    @property
    def forward(self) -> int:
        """Multiplications of the features of an image."""
        return macs(self.model.architecture) - self.model.arrays["head.weight"].size


def classes_of(half: int) -> tuple[int, ...]:
    """Return the classes of the server (0) or of the clients (1)."""
    return tuple(range(half * HALF, (half + 1) * HALF))


def architecture() -> Architecture:
    """Return the network."""
    nodes = named("residual", SHAPE, HALF, width=WIDTH).nodes
    net = Sketch(list(nodes[:-1]))
    net.put("mean_norm", "batch_norm")
    net.put("head", "linear", features=HALF)
    return Architecture(SHAPE, tuple(net.nodes))


def learned(seed: int, quick: bool) -> dict[str, Any]:
    """Return a network that learned the server's classes, as text, and its accuracy on their test images."""
    began = time.monotonic()
    mean, deviation, data, test = _servers(seed, quick)
    network = Network(architecture(), seed)
    epochs = QUICK["epochs"] if quick else EPOCHS
    train(network, data, Training(epochs=epochs, batch=64, rate=3e-3, decay=1e-2, warm_up=0.1, seed=seed))
    return {
        "network": to_text({**network.arrays(), "input mean": mean, "input deviation": deviation}),
        "accuracy": accuracy(network, test),
        "seconds": time.monotonic() - began,
    }


def _servers(seed: int, quick: bool) -> tuple[Any, Any, Examples, Examples]:
    x, y = _read("train", 0, QUICK["images"] if quick else IMAGES, seed)
    mean, deviation = x.mean((0, 2, 3), keepdims=True)[0], x.std((0, 2, 3), keepdims=True)[0]
    test_x, test_y = _read("test", 0, QUICK["tested"] if quick else TESTED, 0)
    data, test = (_examples((a - mean) / deviation, b) for a, b in ((x, y), (test_x, test_y)))
    return mean, deviation, data, test


def untrained(text: str, seed: int) -> str:
    """Return the network as it was before it learned, and the same scaling of images."""
    arrays = from_text(text)
    return to_text({**arrays, **Network(architecture(), seed).arrays()})


@lru_cache(maxsize=2)
def of(seed: int, text: str, quick: bool) -> Task:
    """Return the federation of a seed with a network."""
    arrays = from_text(text)
    mean, deviation = arrays.pop("input mean"), arrays.pop("input deviation")
    x, y = _read("train", 1, QUICK["images"] if quick else IMAGES, seed)
    test_x, test_y = _read("test", 1, QUICK["tested"] if quick else TESTED, 0)
    clients = QUICK["clients"] if quick else CLIENTS
    parted = partition("dirichlet", y, clients=clients, alpha=ALPHA, seed=seed)
    held = np.zeros(len(y), bool)
    for client in np.unique(parted.train):
        own = generator(seed, "held", int(client)).permutation(np.flatnonzero(parted.train == client))
        held[own[: len(own) // HELD]] = True
    data, test = (_examples((a - mean) / deviation, b) for a, b in ((x, y), (test_x, test_y)))
    fresh = Network(architecture(), seed).arrays()
    arrays |= {name: array for name, array in fresh.items() if name.startswith("head.")}
    model = NetworkModel(architecture(), arrays, data.classes)
    images = Side(data, test, parted.train, parted.names, held)
    seen, test_seen = (Examples(model.features(part), part.y, part.classes) for part in (data, test))
    return Task(model, images, Side(seen, test_seen, parted.train, parted.names, held))


def _examples(x: Float[np.ndarray, "item ..."], y: Int[np.ndarray, " item"]) -> Examples:
    return Examples(x.astype(np.float32), y, tuple(map(str, range(HALF))))


def _read(
    part: str, half: int, count: int, seed: int
) -> tuple[Float[np.ndarray, "item channel row column"], Int[np.ndarray, " item"]]:
    """Return so many images of a half of the classes, which count from 0."""
    with np.load(real_data(FILES["cifar10"]), allow_pickle=False) as file:
        y = file[f"y_{part}"].astype(np.int64)
        there = np.flatnonzero(np.isin(y, classes_of(half)))
        chosen = np.sort(generator(seed, "vision", part, half).permutation(there)[:count])
        x = halved(decoded(file[f"jpeg_{part}"], file[f"off_{part}"], chosen))
    return x, y[chosen] - half * HALF


def to_text(arrays: dict[str, Any]) -> str:
    """Return arrays as text.

    >>> from_text(to_text({"a": np.arange(3)}))
    {'a': array([0, 1, 2])}
    """
    there = io.BytesIO()
    np.savez(there, **arrays)
    return base64.b64encode(there.getvalue()).decode()


def from_text(text: str) -> dict[str, Any]:
    """Return the arrays that `to_text` was given."""
    with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as file:
        return dict(file)
