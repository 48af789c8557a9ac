"""Raw sensor words of sequences, as the C programs take them: every word of every sequence, step by step.

>>> import numpy as np
>>> words, steps = raw_words([np.array([[1, 2], [3, 4]]), np.array([[5, 6]], np.int16)], 2)
>>> words.tolist(), steps.tolist()
([[1, 2], [3, 4], [5, 6]], [2, 1])
>>> raw_words([np.array([[1, 2], [3, 4]], order="F")], 2)[0].flags.c_contiguous
True
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32, Int64, Integer

from sarto.core.errors import SartoError


def raw_words(
    sequences: Sequence[Integer[np.ndarray, "_ _"]], channels: int
) -> tuple[Int32[np.ndarray, "step channel"], Int64[np.ndarray, " item"]]:
    """Return the words of all `sequences`, one row per step, and the steps of each.

    Raises:
        SartoError: E108, when a sequence has not `channels` channels; E104, when there is no sequence.
    """
    if not sequences:
        raise SartoError(
            "E104", "there is no sequence to run", cause="the list is empty", hint="give at least one"
        )
    for number, sequence in enumerate(sequences):
        if sequence.shape[1] != channels:
            raise SartoError(
                "E108",
                f"sequence {number} has {sequence.shape[1]} channels, the model {channels}",
                cause="the model reads every channel at each step, in the order in which it was fitted",
                hint="give the channels that the model was fitted on",
            )
    wide = np.concatenate(sequences, dtype=np.int64, casting="unsafe")
    words = wide.astype(np.int32, order="C")
    assert np.array_equal(words, wide), "a sensor word has at most 32 bits"
    return words, np.array([len(s) for s in sequences], np.int64)
