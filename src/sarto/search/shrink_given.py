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
from sarto.search.shrink_widths import check_widths, nested_by_name, train_widths, training_of

if TYPE_CHECKING:
    from sarto.core.progress import Talk
    from sarto.learn.loop import History, Training
    from sarto.models.network.module import Network


def given_network(request: ShrinkRequest, fit: Examples) -> tuple[Network, tuple[str, ...]]:
    """Return the network, read from a file or a factory, or a named one that is yet to be trained; and remarks."""
    from sarto.models.dynamic.named import GROUPED
    from sarto.models.network.module import Network
    from sarto.models.network.named import NAMED, named

    check_widths(request, tuple(GROUPED))
    file, _, function = request.model.rpartition(":")
    factory = file.endswith(".py")
    if request.state is not None and not factory:
        raise SartoError(
            "E130",
            f"the weights of {request.state} are not read for '{request.model}'",
            cause="only a network that FILE.py:FUNCTION makes takes its weights from another file",
            hint="leave --state out, or name the function that makes the network",
        )
    if request.widths > 1 and request.model in GROUPED:
        network = Network(nested_by_name(request, fit), request.seed)
        return network, (f"{request.model} was trained first, {training_of(request)}",)
    if request.model in NAMED:
        network = Network(named(request.model, fit.shape, len(fit.classes)), request.seed)
        return network, (f"{request.model} was trained first, for at most {request.epochs} passes",)
    path = Path(file if factory else request.model)
    if not path.is_file():
        raise SartoError(
            "E130",
            f"there is no network '{request.model}'",
            cause="it is neither a file nor a name",
            hint=f"give an ONNX file, FILE.py:FUNCTION, or one of {', '.join(NAMED)}"
            + f"; with --widths of {', '.join(GROUPED)}" * (request.model in GROUPED),
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


def train_by_name(
    network: Network,
    request: ShrinkRequest,
    fit: Examples,
    held: Examples,
    training: Training,
    work: Path,
    talk: Talk,
) -> list[History]:
    """Train a network that was given by its name, in place, and return what was seen; leave any other as it is."""
    from sarto.learn.loop import train
    from sarto.models.dynamic.named import GROUPED
    from sarto.models.network.named import NAMED

    if request.widths > 1 and request.model in GROUPED:
        return train_widths(network, request, fit, held, training, work, talk)
    if request.model not in NAMED:
        return []
    file = work / "given.npz"
    failures = request.failures
    return [train(network, fit, training, validation=held, checkpoint=file, failures=failures, talk=talk)]


def check_network(network: Network, examples: Examples, widths: int) -> None:
    """Refuse a network with another number of outputs than the data have classes, or without so many widths.

    Raises:
        SartoError: E121 or E122.
    """
    from sarto.models.dynamic.nesting import nesting

    if widths > 1:
        nesting(network.architecture, widths)
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
