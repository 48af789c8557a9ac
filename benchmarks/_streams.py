"""Data that arrive in experiences, for `continual`: people one by one, speakers one by one, classes two at a time.

    sp_sw_har   watch, windows with one activity for at least 60 % of their time; an experience is a subject; a third of
                every subject's runs is tested, so that no run has windows on both sides
    fsdd        mel bands of spoken digits; an experience is a speaker; tested are the recordings with index < 5
    digits      scikit-learn's images, read as 8 steps of 8 pixels; an experience is two classes; a third is tested

The order of experiences is drawn from the seed, and so are the tested items of the first and last. A third of the
training part, cut in the same way (runs, recordings, items), is what settings are chosen by. In a stream the items of
every experience lie on three clients (runs, recordings or items dealt in turn); a federation without a stream has the
subjects, the speakers, or one client per class. Channels are standardised by the first experience, which all clients
know, whatever comes later.

>>> task = digits(seed=0)
>>> len(task.stream), [len(np.unique(task.target[e.items])) for e in task.stream], task.x.channels
(5, [2, 2, 2, 2, 2], 8)
>>> bool((task.tested & task.validation).any()), len(task.items(task.tested)), len(task.items(task.validation))
(False, 599, 400)
"""

# scikit-learn is typed loosely.
# pyright: basic

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from sklearn.datasets import load_digits

from benchmarks._bench import real_data
from benchmarks._keywords import Digits, logarithms, read
from sarto.core.seed import generator
from sarto.deploy.lower.front_end import MelFrames
from sarto.learn.continual.streams import Experience, by_class, by_domain
from sarto.models.sequences import Sequences, read_sequences

HAR, FSDD = "sp_sw_har/windows_2s_50hz.npz", "fsdd/fsdd.npz"
PURITY, PARTS, CLIENTS = 0.6, 3, 3
FRONT = MelFrames(8000, frame=256, hop=128, frames=61, bands=16, low_hz=80, high_hz=3800, floor=8)
OFFICIAL = 5
"""Recordings with a smaller index are the official test set."""


@dataclass(frozen=True, eq=False)
class Task:
    """A stream and its parts.

    Attributes:
        name: of the data.
        x: all items.
        target: index of each item's class.
        classes: how many there are.
        stream: experiences, tested and validation items among them.
        domain: subject, speaker or class of each item.
        tested: items to judge by.
        validation: training items to choose settings by.
        clients: number of the client of each item in a stream.
        owners: number of the client of each item where all is there at once.
    """

    name: str
    x: Sequences
    target: Int[np.ndarray, " item"]
    classes: int
    stream: tuple[Experience, ...]
    domain: Int[np.ndarray, " item"]
    tested: Bool[np.ndarray, " item"]
    validation: Bool[np.ndarray, " item"]
    clients: Int[np.ndarray, " item"]
    owners: Int[np.ndarray, " item"]

    @property
    def labels(self) -> tuple[int, ...]:
        """The classes."""
        return tuple(range(self.classes))

    def items(self, mask: Bool[np.ndarray, " item"]) -> Int[np.ndarray, " chosen"]:
        """Return the items of a mask."""
        return np.flatnonzero(mask)

    def arriving(self, mask: Bool[np.ndarray, " item"]) -> tuple[Experience, ...]:
        """Return the experiences with the items of a mask only."""
        return tuple(Experience(e.name, e.items[mask[e.items]]) for e in self.stream)


def sp_sw_har(seed: int) -> Task:
    """Return subjects one by one."""
    x, target, subject, run = _windows()
    place = np.empty(len(target), np.int64)
    for one in np.unique(subject):
        own = subject == one
        place[own] = np.unique(run[own], return_inverse=True)[1]
    stream = by_domain(subject, seed=seed)
    return _task("sp_sw_har", x, target, stream, subject, place, (place + seed) % PARTS == 0, subject)


def fsdd(seed: int) -> Task:
    """Return speakers one by one."""
    x, target, speaker, index = _spoken()
    stream = by_domain(speaker, seed=seed)
    return _task("fsdd", x, target, stream, speaker, index, index < OFFICIAL, speaker)


def digits(seed: int) -> Task:
    """Return classes two at a time."""
    found: Any = load_digits()
    target = np.asarray(found.target).astype(np.int64)
    x = read_sequences(np.asarray(found.images, np.float32) / 16)
    place = generator(seed, "digits").permutation(len(target))
    stream = by_class(target, per_experience=2, seed=seed)
    return _task("digits", x, target, stream, target, place, place % PARTS == 0, target)


TASKS = {"sp_sw_har": sp_sw_har, "fsdd": fsdd, "digits": digits}


def _task(
    name: str,
    x: Sequences,
    target: Int[np.ndarray, " item"],
    stream: tuple[Experience, ...],
    domain: Int[np.ndarray, " item"],
    place: Int[np.ndarray, " item"],
    tested: Bool[np.ndarray, " item"],
    owners: Int[np.ndarray, " item"],
) -> Task:
    """Return the task; items of one `place` are never on two sides, nor on two clients of a stream."""
    validation = ~tested & (place // PARTS % PARTS == 1)
    first = stream[0].items[~tested[stream[0].items]]
    steps = x.select(first).values
    mean, deviation = steps.mean(axis=0), steps.std(axis=0)
    scaled = (x.values - mean) / np.where(deviation > 0, deviation, 1.0)
    return Task(
        name,
        Sequences(scaled.astype(np.float32), x.offsets),
        target,
        int(target.max()) + 1,
        stream,
        domain,
        tested,
        validation,
        place // PARTS % CLIENTS,
        owners,
    )


@cache
def _windows() -> tuple[Sequences, Any, Any, Any]:
    with np.load(real_data(HAR), allow_pickle=False) as file:
        kept = file["purity"] >= PURITY
        x, y, subject, run = (file[name][kept] for name in ("x", "y", "subject", "execution"))
        watch = np.array([str(name).startswith("w") for name in file["channels"]])
    numbers = (y.astype(np.int64), subject.astype(np.int64), run.astype(np.int64))
    return read_sequences(x[:, :, watch].astype(np.float32)), *numbers


@cache
def _spoken() -> tuple[Sequences, Any, Any, Any]:
    found: Digits = read(Path(real_data(FSDD)))
    logs = logarithms(FRONT, found.sounds).astype(np.float32)
    with np.load(real_data(FSDD), allow_pickle=False) as file:
        index = file["index"].astype(np.int64)
    return read_sequences(logs), found.label, found.speaker, index
