"""A training in a process of its own, which may be killed at any moment: what it did until then is in its log.

    python -m benchmarks._checkpoint_trainer FOLDER EPOCHS

trains the digits CNN of `_digits_board` with checkpoints in FOLDER and in memory. The log has a line for each step and
each checkpoint with the moment when it was done, on the clock that all processes of the machine share; a line that was
written is there after a kill. At the end FOLDER holds the hash of all weights.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from sklearn.datasets import load_digits

from benchmarks._digits_board import CONVOLUTIONS, SHAPE, TRAINED
from sarto.core.checkpoint_interval import Failures
from sarto.core.checkpoints import Checkpoints
from sarto.core.progress import Silent
from sarto.data.examples import Examples, of_arrays
from sarto.learn.loop import Training, train
from sarto.models.network.module import Network

FAILURES = Failures(process_s=20.0, machine_s=200.0)
"""Stated for a training of seconds, so that there are as many checkpoints as in one of hours with days between."""
FILE, LOG, DONE = "standing", "log.jsonl", "weights.sha256"


class Heard(Silent):
    """Keeps what is told, as of damaged checkpoints."""

    def __init__(self) -> None:
        self.notes = list[str]()

    def note(self, text: str) -> None:
        """Keep a line."""
        self.notes.append(text)


def trained(
    epochs: int, checkpoint: Path | None, after_step: Callable[[int, int], None] | None = None
) -> tuple[str, list[str], float]:
    """Return the hash of the weights after a training, what was told of, and its wall time."""
    learned, held = _parts()
    network, heard = Network(CONVOLUTIONS, seed=0), Heard()
    begun = time.monotonic()
    train(
        network,
        learned,
        Training(epochs=epochs, batch=64, rate=3e-3, seed=0),
        validation=held,
        after_step=after_step,
        checkpoint=checkpoint,
        failures=None if checkpoint is None else FAILURES,
        talk=heard,
    )
    wall_s = time.monotonic() - begun
    return weights_sha256(network.state_dict()), heard.notes, wall_s


def weights_sha256(state: dict[str, torch.Tensor]) -> str:
    """Return the hash of every byte of the weights."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


@cache
def _parts() -> tuple[Examples, Examples]:
    """Return digits to learn from and to validate on."""
    x, y = map(np.asarray, load_digits(return_X_y=True))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]
    pixels = np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, *SHAPE)
    order = np.random.default_rng(0).permutation(len(y))
    learned, held = (of_arrays(pixels[rows], y[rows]) for rows in (order[:TRAINED], order[TRAINED:]))
    return learned, held


def main(folder: Path, epochs: int) -> None:
    """Train, and tell the log of every step and checkpoint."""
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(**what: Any) -> None:
        os.write(log, (json.dumps({**what, "t": time.monotonic()}) + "\n").encode())

    written = Checkpoints.write

    def write(kept: Checkpoints, content: Callable[[], bytes]) -> None:
        before = [level.written for level in kept.levels]
        written(kept, content)
        level = next(level for level, n in zip(kept.levels, before, strict=False) if level.written > n)
        intervals = [each.interval_s for each in kept.levels if each.interval_s is not None]
        say(kept=level.kind, interval_s=min(intervals), cost_s=level.cost_s)

    with patch.object(Checkpoints, "write", write):
        digest, notes, wall_s = trained(epochs, folder / FILE, lambda step, _steps: say(step=step))
    say(told=notes, wall_s=wall_s)
    (folder / DONE).write_text(digest, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
