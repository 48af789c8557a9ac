"""The temperature T of a softmax over scores, by the log-loss of labels that the scores have not learned from.

    loss(u) = mean_i [ log sum_c exp(u s_ic) - u s_i,y_i ],   u = 1 / T

is convex in u; its slope is the mean of sum_c q_ic s_ic - s_i,y_i, with q = softmax(u s), and rises in u. `best` finds
where it is 0 by halving an interval of log u. Scores that put every label first are best at T = 0, scores that say
nothing at infinity: the result then is an end of `RANGE` times the deviation of the scores.

The scores may be of a validation set, or leave-one-out scores (`sarto.learn.leave_one_out`) of the training rows.

Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2.

>>> scores, target = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]]), np.array([0, 0, 0, 1])
>>> round(best(scores, target), 6), float(round(2 / np.log(3), 6))
(1.820478, 1.820478)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from sarto.models.input_error import InputError

RANGE = (1e-4, 1e4)
HALVINGS = 60
"""Of log RANGE: what is left is below the rounding of u."""


def softmax(scores: Float[np.ndarray, "item class"]) -> Float[np.ndarray, "item class"]:
    """Return exp(s_c) / sum_c exp(s_c) of each row."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def log_loss(scores: Float[np.ndarray, "item class"], target: Int[np.ndarray, " item"]) -> float:
    """Return the mean of -log softmax at the labels, in nat."""
    top = scores.max(axis=1)
    total = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
    return float((total - scores[np.arange(len(target)), target]).mean())


def best(scores: Float[np.ndarray, "item class"], target: Int[np.ndarray, " item"]) -> float:
    """Return the temperature of the least log-loss.

    Args:
        scores: of items that were not learned from.
        target: index of each item's class among the scores.

    Raises:
        InputError: E104 without items, E168 when the scores are not finite or all the same.
    """
    if not len(scores):
        raise InputError("E104", "0 scores", cause="a temperature is chosen on items", hint="give some")
    spread = float(scores.std())
    if not (np.isfinite(spread) and spread > 0):
        raise InputError(
            "E168",
            "a temperature of scores that are all the same, or not finite",
            cause=f"their deviation is {spread:g}",
            hint="check the head",
        )
    own = scores[np.arange(len(target)), target]
    low, high = (float(-np.log(edge * spread)) for edge in reversed(RANGE))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        q = softmax(np.exp(middle) * scores)
        rises = float(((q * scores).sum(axis=1) - own).mean()) > 0
        low, high = (low, middle) if rises else (middle, high)
    return float(np.exp(-(low + high) / 2))
