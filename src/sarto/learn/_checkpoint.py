"""Where training stands after a pass, in a file that is there whole or not at all, and is never unpickled.

The file knows by a hash what it belongs to (examples, settings, what is trained, the weights that training began
with), so it is only taken up by the very same training; any other begins anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sarto.core.store import write_atomic
from sarto.data.examples import Examples
from sarto.models.trainable import Trainable


@dataclass
class Standing:
    """The passes that are done, what they saw, the weights that were best, and what the loss itself has learned."""

    epoch: int = 0
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


def save(
    path: Path,
    belongs_to: str,
    standing: Standing,
    network: Trainable,
    optimiser: torch.optim.Optimizer | None = None,
) -> None:
    """Write where training stands; without its optimiser when it is done."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for group, values in (("now", network.state_dict()), ("best", standing.best), ("loss", standing.loss)):
        arrays |= {f"{group}/{name}": value.detach().cpu().numpy() for name, value in values.items()}
    state: dict[int, dict[str, Any]] = {} if optimiser is None else optimiser.state_dict()["state"]
    for number, values in state.items():
        for name, value in values.items():
            if value is not None:
                arrays[f"step/{number}/{name}"] = torch.as_tensor(value).cpu().numpy()
    about = {"belongs_to": belongs_to, "epoch": standing.epoch, "history": standing.history}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomic(path, buffer.getvalue())


def load(
    path: Path, belongs_to: str, network: Trainable, optimiser: torch.optim.Optimizer
) -> Standing | None:
    """Bring network and optimiser to where training stood and return it; None where the file is of another training."""
    try:
        with np.load(path, allow_pickle=False) as held:
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
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    return Standing(about["epoch"], about["history"], groups["best"], groups["loss"])
