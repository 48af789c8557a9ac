"""The network that is to be shrunk: read from a file or made by a function, or a named one that is yet to be trained.

`given_network` returns it with remarks on how it was read, and what does not fit the data is refused, or said.

>>> from sarto.data.examples import of_arrays
>>> import numpy as np
>>> held = of_arrays(np.zeros((4, 2)), np.array(["a", "b", "b", "b"]))
>>> no_better_than_one_class(0.8, held), len(no_better_than_one_class(0.5, held))
((), 1)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sarto.core.errors import SartoError
from sarto.data.examples import Examples
from sarto.search.shrink_folder import ShrinkRequest

if TYPE_CHECKING:
    from sarto.models.network.module import Network


def given_network(request: ShrinkRequest, fit: Examples) -> tuple[Network, tuple[str, ...]]:
    """Return the network, read from a file or a factory, or a named one that is yet to be trained; and remarks."""
    from sarto.models.network.module import Network
    from sarto.models.network.named import NAMED, named

    file, _, function = request.model.rpartition(":")
    factory = file.endswith(".py")
    if request.state is not None and not factory:
        raise SartoError(
            "E130",
            f"the weights of {request.state} are not read for '{request.model}'",
            cause="only a network that FILE.py:FUNCTION makes takes its weights from another file",
            hint="leave --state out, or name the function that makes the network",
        )
    if request.model in NAMED:
        network = Network(named(request.model, fit.shape, len(fit.classes)), request.seed)
        return network, (f"{request.model} was trained first, for at most {request.epochs} passes",)
    path = Path(file if factory else request.model)
    if not path.is_file():
        raise SartoError(
            "E130",
            f"there is no network '{request.model}'",
            cause="it is neither a file nor a name",
            hint=f"give an ONNX file, FILE.py:FUNCTION, or one of {', '.join(NAMED)}",
        )
    if path.suffix == ".py" and not (factory and function):
        raise SartoError(
            "E130",
            f"'{request.model}' names no function",
            cause="a network in Python is what a function returns",
            hint=f"give {path.name}:FUNCTION",
        )
    if factory:
        from sarto.models.read.factory import read_factory

        state = None if request.state is None else Path(request.state)
        found = read_factory(request.model, state, fit.shape)
    else:
        from sarto.models.read.onnx import read_onnx

        found = read_onnx(path)
    network = Network(found.architecture)
    network.load_arrays(found.arrays)
    return network, found.remarks


def check_classes(network: Network, examples: Examples) -> None:
    """Refuse a network with another number of outputs than the data have classes.

    Raises:
        SartoError: E122.
    """
    outputs = network.architecture.shapes[network.architecture.output]
    if outputs != (len(examples.classes),):
        raise SartoError(
            "E122",
            f"the network has outputs of shape {outputs}, and the data {len(examples.classes)} classes",
            cause="a network that is compressed on labelled data has one output for each class",
        )


def no_better_than_one_class(accuracy: float, held: Examples) -> tuple[str, ...]:
    """Return a remark on a network that is right no more often than saying the same of every item would be."""
    counts = np.bincount(held.y, minlength=len(held.classes))
    share = counts.max() / len(held)
    if accuracy > share or (counts > 0).sum() < 2:
        return ()
    return (
        f"the network given is right on {accuracy:.1%} of the validation items, and always saying "
        f"'{held.classes[int(counts.argmax())]}' on {share:.1%}: are the items scaled, and the classes in the order, "
        "as where it was trained?",
    )
