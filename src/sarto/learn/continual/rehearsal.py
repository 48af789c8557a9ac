"""What is learned from when an experience arrives: it alone, it and a few items of before, or all that there were.

    naive    the items of the experience
    replay   those and a buffer of `size` items drawn from all before, each equally likely to be in it
    joint    all items so far: what continual learning is measured against

The buffer is Vitter's reservoir sample: the first `size` items fill it, and item n > `size` takes the place of a random
one with probability size / n. It never holds more than `size` items, and needs no knowledge of how many will come.

Source: Vitter, "Random sampling with a reservoir", ACM Trans. Mathematical Software 11 (1985), algorithm R; as a buffer
for continual learning: Chaudhry et al., "On tiny episodic memories in continual learning", arXiv 1902.10486 (2019).

>>> replay = Rehearsal("replay", size=2, seed=0)
>>> [len(replay.take(np.arange(first, first + 4))) for first in (0, 4, 8)], len(replay.kept)
([4, 6, 6], 2)
>>> joint = Rehearsal("joint")
>>> [len(joint.take(np.arange(first, first + 4))) for first in (0, 4, 8)]
[4, 8, 12]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from sarto.core.seed import generator
from sarto.models.input_error import InputError

STRATEGIES = ("naive", "replay", "joint")


class Rehearsal:
    """Which items to learn from, experience after experience.

    Args:
        strategy: see the module.
        size: items that the buffer of `replay` holds.
        seed: of what it keeps.

    Attributes:
        kept: items kept for later experiences.
        seen: how many items there were.
    """

    def __init__(self, strategy: str, size: int = 0, seed: int = 0) -> None:
        if strategy not in STRATEGIES:
            known = ", ".join(STRATEGIES)
            raise InputError(
                "E168", f"strategy = {strategy!r}", cause="no such strategy", hint=f"use {known}"
            )
        if strategy == "replay" and size < 1:
            raise InputError(
                "E168", f"a buffer of {size} items", cause="it holds 1 at least", hint="use more"
            )
        self.strategy = strategy
        self._size, self._random = size, generator(seed, "replay")
        self.kept: Int[np.ndarray, " item"] = np.zeros(0, np.int64)
        self.seen = 0

    def take(self, items: Int[np.ndarray, " item"]) -> Int[np.ndarray, " taken"]:
        """Return the items to learn from now that `items` have arrived: those kept come first.

        Raises:
            InputError: E104, when nothing arrives.
        """
        if not len(items):
            raise InputError("E104", "an experience of 0 items", cause="nothing arrives", hint="leave it out")
        found = np.concatenate([self.kept, items])
        if self.strategy == "joint":
            self.kept = found
        elif self.strategy == "replay":
            self._keep(items)
        self.seen += len(items)
        return found

    def _keep(self, items: Int[np.ndarray, " item"]) -> None:
        kept = self.kept.tolist()
        for number, item in enumerate(items.tolist(), self.seen + 1):
            if len(kept) < self._size:
                kept.append(item)
            elif (place := int(self._random.integers(number))) < self._size:
                kept[place] = item
        self.kept = np.array(kept, np.int64)
