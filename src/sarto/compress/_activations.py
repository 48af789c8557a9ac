"""The whole numbers of activations in a container: of the input or a node one scale, its bits, whether it is signed.

In a packed file they follow the parameters, where there are any: their count, then for each, in the order in which the
network computes them, the distance of its node from the one before (the input is node 0, and the first is told plus
one), a byte with 16 signed + bits - 1, and the scale in float32.

>>> from sarto.models.network.named import named
>>> net, out = named("mlp", (4,), 2, width=3, depth=1), Packer()
>>> pack(out, net, {"input": Numbers((0.5,), 8, signed=False)})
>>> out.data.hex()
'0101070000003f'
>>> unpack(Unpacker(bytes(out.data)), net)
{'input': Numbers(scale=(0.5,), bits=8, signed=False, codebook=None)}
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from sarto.compress._packing import Packer, Unpacker, damaged
from sarto.core.quantization import Numbers
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Architecture

MOST_BITS = 16
SIGNED = 16


def check(architecture: Architecture, activations: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Return the numbers in the order of the nodes.

    Raises:
        InputError: E123, when they are of no node, or have no single scale of a positive float32.
    """
    places = _places(architecture)
    for name, numbers in activations.items():
        single = numbers.codebook is None and len(numbers.scale) == 1 and _positive(numbers.scale[0])
        if name not in places or not single or not 1 <= numbers.bits <= MOST_BITS:
            raise InputError(
                "E123",
                f"the numbers of activation '{name}' cannot be stored: {numbers}",
                cause=f"each is of a node, with 1 to {MOST_BITS} bits and one scale, positive in float32",
            )
    return {name: activations[name] for name in sorted(activations, key=places.__getitem__)}


def pack(out: Packer, architecture: Architecture, activations: Mapping[str, Numbers]) -> None:
    """Write the numbers, which `check` has ordered; nothing where there are none."""
    if not activations:
        return
    places, before = _places(architecture), -1
    out.whole(len(activations))
    for name, numbers in activations.items():
        out.whole(places[name] - before)
        before = places[name]
        out.raw(struct.pack("<Bf", SIGNED * numbers.signed + numbers.bits - 1, numbers.scale[0]))


def unpack(data: Unpacker, architecture: Architecture) -> dict[str, Numbers]:
    """Return what `pack` wrote; bytes are left.

    Raises:
        InputError: E131, when they are damaged.
    """
    names, place, found = list(_places(architecture)), -1, dict[str, Numbers]()
    count = data.whole()
    if not 1 <= count <= len(names):
        raise damaged(f"{count} scales of {len(names)} activations")
    for _ in range(count):
        step = data.whole()
        place += step
        word, scale = struct.unpack("<Bf", data.raw(5))
        if step == 0 or place >= len(names) or word >= 2 * SIGNED or not _positive(scale):
            raise damaged("the numbers of an activation are none")
        found[names[place]] = Numbers((scale,), word % SIGNED + 1, word >= SIGNED)
    return found


def to_json(activations: Mapping[str, Numbers]) -> dict[str, list[Any]]:
    """Return the numbers as plain JSON values, for a large container."""
    return {name: [float(np.float32(n.scale[0])), n.bits, n.signed] for name, n in activations.items()}


def from_json(data: object, architecture: Architecture) -> dict[str, Numbers]:
    """Return what `to_json` wrote.

    Raises:
        InputError: E131, when it is something else.
    """
    if not isinstance(data, dict):
        raise damaged("the numbers of activations are none")
    given, found = cast("dict[str, Any]", data), dict[str, Numbers]()
    for name, numbers in given.items():
        match numbers:
            case [float(scale), int(bits), bool(signed)]:
                found[name] = Numbers((scale,), bits, signed)
            case _:
                raise damaged("the numbers of an activation are none")
    try:
        return check(architecture, found)
    except InputError as error:
        raise damaged(error.message[:200]) from error


def _places(architecture: Architecture) -> dict[str, int]:
    """Return the number of the input, 0, and of every node in the order of computing."""
    return {name: place for place, name in enumerate([INPUT, *(node.name for node in architecture.nodes)])}


def _positive(scale: float) -> bool:
    """Return whether a scale is a positive number in float32 as well."""
    try:
        (short,) = struct.unpack("<f", struct.pack("<f", scale))
    except OverflowError:
        return False
    return math.isfinite(short) and short > 0
