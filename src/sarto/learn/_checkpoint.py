"""Where training stands after a step, as bytes that are never unpickled.

They know by a hash what they belong to (examples, settings, what is trained, the weights that training began with), so
they are only taken up by the very same training; any other begins anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sarto.core.checkpoint_interval import Failures
from sarto.core.checkpoints import Checkpoints
from sarto.data.examples import Examples
from sarto.learn.optimiser import Optimiser
from sarto.models.trainable import Trainable


@dataclass
class Standing:
    """Where training stands.

    Attributes:
        step: that comes next, of all steps from 0, which says where in which order of the items it is.
        total: of the loss in the steps of a pass that has begun.
        history: of the passes that are done.
        best: weights on validation.
        loss: what the loss itself has learned.
    """

    step: int = 0
    total: float = 0.0
    history: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    best: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    loss: dict[str, Tensor] = field(default_factory=dict[str, Tensor])


def identity(network: Trainable, examples: Examples, validation: Examples | None, training: Any) -> str:
    """Return a hash of all that decides what training comes to, but the hooks and the loss."""
    digest = hashlib.sha256(json.dumps(network.description()).encode())
    digest.update(json.dumps(asdict(training), sort_keys=True).encode())
    for part in (examples, validation):
        if part is not None:
            digest.update(part.sha256.encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()


class Kept:
    """The checkpoints of a training: written when they are due, or after every pass where nothing is said of failures.

    Args:
        file: of the newest one on disk.
        belongs_to: `identity` of the training.
        failures: that are to be expected.
        tell: hears what is damaged.
    """

    def __init__(
        self, file: Path, belongs_to: str, failures: Failures | None, tell: Callable[[str], None]
    ) -> None:
        self._places, self._belongs_to = Checkpoints(file, failures, tell), belongs_to
        self._every_pass = failures is None

    def newest(self, network: Trainable, optimiser: Optimiser) -> Standing:
        """Bring network and optimiser to the newest checkpoint of this training and return it, or the beginning."""
        found = self._places.newest(lambda content: taken_up(content, self._belongs_to, network, optimiser))
        return found or Standing()

    def due(self, *, pass_ends: bool) -> bool:
        """Return whether one is to be written now; asked once after every step."""
        return self._places.due() or (pass_ends and self._every_pass)

    def write(self, now: Standing, network: Trainable, optimiser: Optimiser) -> None:
        """Write one."""
        self._places.write(lambda: packed(self._belongs_to, now, network, optimiser))

    def finish(self, done: Standing, network: Trainable) -> None:
        """Write the last one, without the best weights and the optimiser, which nobody asks for any more."""
        self._places.finish(packed(self._belongs_to, done, network))


def packed(
    belongs_to: str, standing: Standing, network: Trainable, optimiser: Optimiser | None = None
) -> bytes:
    """Return where training stands as bytes; without its optimiser when it is done."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for group, values in (("now", network.state_dict()), ("best", standing.best), ("loss", standing.loss)):
        arrays |= {f"{group}/{name}": value.detach().cpu().numpy() for name, value in values.items()}
    state = {} if optimiser is None else optimiser.state()
    for number, values in state.items():
        for name, value in values.items():
            arrays[f"step/{number}/{name}"] = value.cpu().numpy()
    about = {"belongs_to": belongs_to, "step": standing.step, "total": standing.total}
    arrays["about"] = np.frombuffer(json.dumps({**about, "history": standing.history}).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def taken_up(content: bytes, belongs_to: str, network: Trainable, optimiser: Optimiser) -> Standing | None:
    """Bring network and optimiser to where training stood and return it; None where it is another training's."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        about = json.loads(arrays.pop("about").tobytes())
        if about["belongs_to"] != belongs_to:
            return None
        groups: dict[str, dict[str, Tensor]] = {"now": {}, "best": {}, "step": {}, "loss": {}}
        for name, array in arrays.items():
            group, _, rest = name.partition("/")
            groups[group][rest] = torch.as_tensor(array)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    network.load_state_dict(groups["now"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in groups["step"].items():
        number, _, what = name.partition("/")
        state.setdefault(int(number), {})[what] = value
    optimiser.load_state(state)
    return Standing(about["step"], about["total"], about["history"], groups["best"], groups["loss"])
