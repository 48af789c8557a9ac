"""One step of one layer of a reservoir in integers, over a batch of sequences: its memory first, then its neurons.

    m'_i = clamp(((keep m_{i-1} + 2^14) >> 15) + requantise((V_x x)_i, entering, entering_shift))
    acc  = W h + ((W_x x) << input_shift) + ((W_m m') << memory_shift) + (b << bias_shift)
    h'   = clamp((alpha c + beta (phi + lift) + 2^(q-1)) >> q)

with the integer weights W, W_x, W_m, V_x and b, the state h, the input x and the memory m. A part whose constants or
attributes an operation does not have is not there. A ring (attribute `ring` 1) has `w_i h_{i-1}` in place of `W h`.

- phi is tanh of `requantise(acc, factor, shift)` out of the table, both of them with `fine` bits more if that is given;
  with attribute `linear` it is that number itself, clamped as a state is, of `linear` 2 none below 0.
- c is what alpha takes a share of: h; the state `h_{i-1}` of the neuron before (attribute `cyclic` 1); or, with a
  matrix O (`rotation`), `requantise(O h, factor_turn, turn_shift)`, clamped to twice what a state is: what is added
  may take it back.
- q is `mix_shift`, 15 where it is not given, and `lift` then 0. The state is clamped to `limit`, the memory to 32767.

With generated weights (attribute `start`) `acc = (((W h << state_up) + half) >> state_down) + W_x x + c b`, where
`half` is half of 2^state_down, c the attribute `constant`, and b the last column of the inputs' weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.operations import requantise, tanh_lookup

MEMORY_LIMIT = 32767
"""Slots of a memory are clamped to this, and so are a layer's states where they become the inputs of the next."""
MIX_SHIFT = 15
Constants = dict[str, Integer[np.ndarray, "..."]]
Sums = Callable[
    [Int[np.ndarray, "item neuron"], Integer[np.ndarray, "item neuron"], Integer[np.ndarray, "item channel"]],
    None,
]
"""Changes `acc` in place, given it, the state h and the input x."""


def remember(
    m: Integer[np.ndarray, "item slot"],
    x: Integer[np.ndarray, "item channel"],
    consts: Constants,
    attributes: dict[str, int],
) -> Int[np.ndarray, "item slot"]:
    """Return the next linear memory."""
    kept = (np.roll(m, 1, axis=1).astype(np.int64) * attributes["keep"] + (1 << 14)) >> 15
    entering = product(x, consts["memory_in"])
    kept += requantise(entering, attributes["entering"], attributes["entering_shift"])
    return np.clip(kept, -MEMORY_LIMIT, MEMORY_LIMIT)


def rescaled(
    h: Integer[np.ndarray, "item neuron"], attributes: dict[str, int]
) -> Int[np.ndarray, "item neuron"]:
    """Return states as 16-bit inputs of the next layer: `clamp(requantise(h, factor, shift))`."""
    inputs = requantise(h, attributes["factor"], attributes["shift"])
    return np.clip(inputs, -MEMORY_LIMIT, MEMORY_LIMIT)


def recurrent(
    h: Integer[np.ndarray, "item neuron"],
    x: Integer[np.ndarray, "item channel"],
    consts: Constants,
    attributes: dict[str, int],
    m: Integer[np.ndarray, "item slot"] | None = None,
    change: Sums | None = None,
) -> Int[np.ndarray, "item neuron"]:
    """Return the next state; `m` is the memory after `x`, of a layer that has one. `change` may change the sums."""
    acc = _sums(h, x, consts, attributes)
    if change is not None:
        change(acc, h, x)
    if m is not None:
        acc += product(m, consts["memory_out"]) << attributes["memory_shift"]
    limit, q = attributes["limit"], attributes.get("mix_shift", MIX_SHIFT)
    argument = requantise(acc, consts["factor"], attributes["shift"])
    if "linear" in attributes:
        target = np.clip(argument, 0 if attributes["linear"] == 2 else -limit, limit)
    else:
        target = tanh_lookup(argument, consts["table"], attributes.get("fine", 0)) + attributes.get("lift", 0)
    carried = h.astype(np.int64)
    if "rotation" in consts:
        turned = requantise(product(h, consts["rotation"]), consts["factor_turn"], attributes["turn_shift"])
        carried = np.clip(turned, -2 * limit, 2 * limit)
    elif attributes.get("cyclic"):
        carried = np.roll(carried, 1, axis=1)
    mixed = (carried * attributes["alpha"] + target * attributes["beta"] + (1 << (q - 1))) >> q
    return np.clip(mixed, -limit, limit)


def _sums(
    h: Integer[np.ndarray, "item neuron"],
    x: Integer[np.ndarray, "item channel"],
    consts: Constants,
    attributes: dict[str, int],
) -> Int[np.ndarray, "item neuron"]:
    """Return `acc` without the memory's share."""
    inputs, weights = consts["inputs"], consts["weights"]
    if "start" in attributes:
        half = (1 << attributes["state_down"]) >> 1
        acc = ((product(h, weights) << attributes["state_up"]) + half) >> attributes["state_down"]
        acc += product(x, inputs[:, :-1]) + inputs[:, -1].astype(np.int64) * attributes["constant"]
        return acc
    acc = np.roll(h, 1, axis=1).astype(np.int64) * weights if attributes["ring"] else product(h, weights)
    acc += product(x, inputs) << attributes["input_shift"]
    acc += consts["bias"].astype(np.int64) << attributes["bias_shift"]
    return acc


def product(
    v: Integer[np.ndarray, "item column"], w: Integer[np.ndarray, "row column"]
) -> Int[np.ndarray, "item row"]:
    """Return the sums of `w` with every row of `v`, in float64: exact, since no sum leaves 32 bits."""
    return (v.astype(np.float64) @ w.T.astype(np.float64)).astype(np.int64)
