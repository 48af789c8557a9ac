"""Numbers, names and an architecture as bytes, and back with every length checked before anything is allocated.

Whole numbers are LEB128; signed ones zigzag.

>>> out = Packer()
>>> out.whole(300)
>>> out.text("fc1")
>>> out.data.hex()
'ac0203666331'
>>> back = Unpacker(bytes(out.data))
>>> back.whole(), back.text()
(300, 'fc1')
"""

from __future__ import annotations

import struct

from sarto.compress.code import _leb128
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.operations import OPERATIONS, Value

_OPERATIONS = (
    "linear", "conv", "batch_norm", "relu", "leaky_relu", "relu6", "sigmoid", "tanh", "gelu", "silu", "hard_swish",
    "max_pool", "mean_pool", "global_mean_pool", "flatten", "reshape", "add", "concat", "take", "clip",
)  # fmt: skip
"""Operations with a number of their own, never reordered; others go by their names."""
_BY_NAME = 255
_TUPLE, _WHOLE, _REAL, _TRUTH = range(4)
_MOST_NODES = 100_000
_MOST_BITS = 63
_MOST_SAME = 8
"""Numbers of an attribute that are all the same, which take one number in the file."""


def damaged(cause: str) -> InputError:
    """Return the error for bytes that are no container."""
    return InputError(
        "E131",
        "the file is no container, or is damaged",
        cause=cause,
        hint="take the file again from where it came from",
    )


class Packer:
    """Bytes that grow."""

    def __init__(self) -> None:
        self.data = bytearray()

    def whole(self, number: int) -> None:
        """Write a whole number of at least 0."""
        self.data += _leb128.encoded(number)

    def signed(self, number: int) -> None:
        """Write a whole number of either sign."""
        self.whole(number << 1 if number >= 0 else (-number << 1) - 1)

    def raw(self, data: bytes) -> None:
        """Write bytes."""
        self.data += data

    def text(self, text: str) -> None:
        """Write a text with its length."""
        data = text.encode()
        self.whole(len(data))
        self.data += data

    def value(self, value: Value) -> None:
        """Write an attribute."""
        if isinstance(value, tuple):
            same = len(set(value)) == 1 and len(value) <= _MOST_SAME
            self.whole((len(value) << 1 | same) << 2 | _TUPLE)
            for part in value[:1] if same else value:
                self.signed(part)
        elif isinstance(value, bool):
            self.whole(value << 2 | _TRUTH)
        elif isinstance(value, int):
            self.whole((value << 1 if value >= 0 else (-value << 1) - 1) << 2 | _WHOLE)
        else:
            self.whole(_REAL)
            self.raw(struct.pack("<d", value))


class Unpacker:
    """Bytes that are read from the front.

    Every method raises InputError E131 where they end too early or hold something else.
    """

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def raw(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if not 0 <= size <= len(self.data) - self.at:
            raise damaged(f"{size} bytes are wanted and {len(self.data) - self.at} are left")
        self.at += size
        return self.data[self.at - size : self.at]

    def whole(self) -> int:
        """Return the next whole number."""
        try:
            number, self.at = _leb128.decoded(self.data, self.at, _MOST_BITS)
        except ValueError as error:
            raise damaged(str(error)) from error
        return number

    def signed(self) -> int:
        """Return the next whole number of either sign."""
        return _signed(self.whole())

    def text(self) -> str:
        """Return the next text."""
        try:
            return self.raw(self.whole()).decode()
        except UnicodeDecodeError as error:
            raise damaged("a name is no text") from error

    def value(self) -> Value:
        """Return the next attribute."""
        word = self.whole()
        kind, rest = word & 3, word >> 2
        if kind == _TUPLE:
            count, same = rest >> 1, rest & 1
            if count > (_MOST_SAME if same else len(self.data) - self.at):
                raise damaged(f"an attribute of {count} numbers")
            return (self.signed(),) * count if same else tuple(self.signed() for _ in range(count))
        if kind == _REAL:
            return float(struct.unpack("<d", self.raw(8))[0])
        return bool(rest) if kind == _TRUTH else _signed(rest)


def _signed(number: int) -> int:
    return number >> 1 if number & 1 == 0 else -(number + 1 >> 1)


def pack_architecture(out: Packer, network: Architecture) -> None:
    """Write what a network computes; an attribute with its default value takes no byte."""
    out.value(network.input_shape)
    out.whole(len(network.nodes))
    places = {INPUT: 0} | {node.name: number for number, node in enumerate(network.nodes, 1)}
    for number, node in enumerate(network.nodes, 1):
        known = node.op in _OPERATIONS
        out.raw(bytes([_OPERATIONS.index(node.op) if known else _BY_NAME]))
        if not known:
            out.text(node.op)
        out.text(node.name)
        if OPERATIONS[node.op].inputs == 0:
            out.whole(len(node.inputs))
        for name in node.inputs:
            out.whole(number - 1 - places[name])
        names = (*OPERATIONS[node.op].needed, *OPERATIONS[node.op].defaults)
        defaults = _complete_defaults(node)
        changed = [name for name in names if name not in defaults or node.attributes[name] != defaults[name]]
        out.whole(sum(1 << names.index(name) for name in changed))
        for name in changed:
            out.value(node.attributes[name])


def _complete_defaults(node: Node) -> dict[str, Value]:
    """Return the values that attributes have when only the needed ones are given."""
    operation = OPERATIONS[node.op]
    needed = {name: node.attributes[name] for name in operation.needed}
    full = Node(node.name, node.op, node.inputs, needed).attributes
    return {name: full[name] for name in operation.defaults}


def unpack_architecture(data: Unpacker) -> Architecture:
    """Return what `pack_architecture` wrote."""
    shape = data.value()
    if not isinstance(shape, tuple):
        raise damaged("the shape of the input is no shape")
    count = data.whole()
    if count > _MOST_NODES:
        raise damaged(f"{count} nodes")
    names, nodes = [INPUT], list[Node]()
    for _ in range(count):
        code = data.raw(1)[0]
        op = data.text() if code == _BY_NAME else _OPERATIONS[code] if code < len(_OPERATIONS) else ""
        if op not in OPERATIONS:
            raise damaged(f"there is no operation {op[:40]!r}" if op else f"there is no operation {code}")
        operation, name = OPERATIONS[op], data.text()
        back = [data.whole() for _ in range(operation.inputs or min(data.whole(), count))]
        if any(step >= len(names) for step in back):
            raise damaged(f"node {name[:40]!r} reads what is not before it")
        keys, flags = (*operation.needed, *operation.defaults), data.whole()
        attributes = {key: data.value() for place, key in enumerate(keys) if flags >> place & 1}
        nodes.append(Node(name, op, tuple(names[len(names) - 1 - step] for step in back), attributes))
        names.append(name)
    return Architecture(shape, tuple(nodes))
