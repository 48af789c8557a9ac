"""The operations of a feed-forward network: the shape of what each returns, and of the parameters it has.

Shapes are without the batch; an image is (channel, row, column), a sequence (channel, step), a vector (feature).

| operation | attributes | parameters |
|---|---|---|
| `linear` | features, bias | weight (feature, input), bias |
| `conv` | channels, kernel, stride, padding, dilation, groups, bias | weight (channel, input / groups, *kernel), bias |
| `mam_linear` | features, splits, bias | as `linear` |
| `mam_conv` | those of `conv`, splits | as `conv` |
| `batch_norm` | eps | weight, bias, mean, variance |
| `relu`, `relu6`, `sigmoid`, `tanh`, `gelu`, `silu`, `hard_swish` | | |
| `leaky_relu` | slope | |
| `clip` | by_channel, signed | low, high (channel), or one of each |
| `max_pool`, `mean_pool` | kernel, stride, padding | |
| `global_mean_pool`, `flatten` | | |
| `reshape` | shape | |
| `take` | runs | |
| `add`, `concat` | | |
| `tree` | outputs, preorder | threshold (node) |

A MAM operation has the largest and the smallest product in each of `splits` runs of inputs where the other has the sum
of them all (`sarto.models.mam`). `mean_pool` divides by the whole kernel, zeros of the padding included.
`concat` joins channels. `take` returns some of a vector's values: `runs` says how many are left out, kept, left out,
and so on to its end. `tree` is a decision tree on a vector, whose answer is 1 for the output that it takes and 0 for
all others; `preorder` are its branches (`branches`). `clip` cuts off what lies outside of bounds and makes a NaN 0
(`bound`); one that is not `signed` has bounds of at least 0, as a ReLU with a largest value.

>>> attributes = complete("conv", {"channels": 4, "kernel": (3, 3), "stride": 2, "padding": 1})
>>> OPERATIONS["conv"].shape([(3, 8, 8)], attributes)
(4, 4, 4)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from sarto.models.network.branches import branches

Shape = tuple[int, ...]
Value = int | float | bool | tuple[int, ...]
Attributes = Mapping[str, Value]
LONG = ("runs", "preorder")
"""Attributes of any number of numbers."""
TRUTHS = ("bias", "by_channel", "signed")
"""Attributes that are true or false."""
MOST_OUTPUTS = 1024
"""Of a tree, whose parameters say nothing of how many it has: a file shall not claim more."""


@dataclass(frozen=True)
class Operation:
    """One kind of node.

    Attributes:
        shape: (shapes of the inputs, complete attributes) -> shape of the output; a `ValueError` says why not.
        parameters: the same -> shape of each parameter by name.
        needed: attributes that must be given.
        defaults: those that may be left out; a stride of 0 is that of the kernel.
        inputs: how many inputs it takes; 0 for two or more.
    """

    shape: Callable[[Sequence[Shape], Attributes], Shape]
    parameters: Callable[[Sequence[Shape], Attributes], dict[str, Shape]] = lambda _shapes, _attributes: {}
    needed: tuple[str, ...] = ()
    defaults: Attributes = field(default_factory=dict[str, Value])
    inputs: int = 1


def complete(op: str, attributes: Attributes) -> dict[str, Value]:
    """Return every attribute of an operation: with defaults, and with one number for each dimension of the kernel.

    >>> complete("max_pool", {"kernel": (2, 2)})
    {'kernel': (2, 2), 'padding': (0, 0), 'stride': (2, 2)}

    Raises:
        ValueError: when the operation is unknown, or an attribute is missing, unknown or of the wrong kind.
    """
    if op not in OPERATIONS:
        raise ValueError(f"there is no operation {op}; known: {', '.join(OPERATIONS)}")
    known = OPERATIONS[op]
    names = {*known.needed, *known.defaults}
    if missing := set(known.needed) - set(attributes):
        raise ValueError(f"{op} needs {', '.join(sorted(missing))}")
    if unknown := set(attributes) - names:
        raise ValueError(
            f"{op} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(names)) or 'none'}"
        )
    full = {**known.defaults, **attributes}
    kernel = full.get("kernel")
    if kernel is not None:
        kernel = full["kernel"] = kernel if isinstance(kernel, tuple) else (_whole("kernel", kernel),)
        for name in ("stride", "padding", "dilation"):
            if name in full:
                value = full[name]
                full[name] = value if isinstance(value, tuple) else (_whole(name, value),) * len(kernel)
        if not any(ints(full, "stride")):
            full["stride"] = kernel
    for name, value in full.items():
        _check_value(name, value)
    return {name: full[name] for name in sorted(full)}


def _check_value(name: str, value: Value) -> None:
    """Refuse a value of another kind than the attribute has."""
    listed = name in ("kernel", "stride", "padding", "dilation", "shape", *LONG)
    if isinstance(value, tuple) != listed:
        raise ValueError(f"{name} must be {'a list of numbers' if listed else 'one number'}, not {value}")
    if isinstance(value, tuple):
        if not 1 <= len(value) <= 3 and name not in LONG:
            raise ValueError(f"{name} must have one to three numbers, not {len(value)}")
    elif name in TRUTHS:
        if value not in (0, 1):
            raise ValueError(f"{name} must be true or false, not {value}")
    elif not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")


def _whole(name: str, value: Value) -> int:
    if isinstance(value, tuple) or not math.isfinite(value) or value != int(value):
        raise ValueError(f"{name} must be a whole number, not {value}")
    return int(value)


def ints(attributes: Attributes, name: str) -> tuple[int, ...]:
    """Return attribute `name`, which has one number for each dimension."""
    value = attributes[name]
    assert isinstance(value, tuple), f"{name} must have a number for each dimension"
    return value


def whole(attributes: Attributes, name: str) -> int:
    """Return attribute `name`, a whole number."""
    return _whole(name, attributes[name])


def _linear(shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    (shape,) = shapes
    if len(shape) != 1:
        raise ValueError(f"a linear layer takes a vector, not shape {shape}; flatten it first")
    if whole(attributes, "features") < 1:
        raise ValueError("a linear layer needs at least one feature")
    return (whole(attributes, "features"),)


def _mam_linear(shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    shape = _linear(shapes, attributes)
    _cut(shapes[0][0], attributes)
    return shape


def _cut(inputs: int, attributes: Attributes) -> None:
    splits = whole(attributes, "splits")
    if splits < 1 or inputs % splits:
        raise ValueError(f"{inputs} inputs of a neuron cannot be cut into {splits} equal splits")


def _linear_parameters(shapes: Sequence[Shape], attributes: Attributes) -> dict[str, Shape]:
    features = whole(attributes, "features")
    bias = {"bias": (features,)} if attributes["bias"] else {}
    return {"weight": (features, shapes[0][0]), **bias}


def slid(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """Return how many places a kernel takes along each dimension: floor((size + 2 p - d (k - 1) - 1) / s) + 1."""
    given = zip(sizes, kernel, stride, padding, dilation, strict=True)
    return tuple((size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, s, p, d in given)


def _slid(shape: Shape, attributes: Attributes) -> Shape:
    """Return the dimensions that a kernel leaves of those of `shape` after the channels."""
    kernel, stride, padding = (ints(attributes, name) for name in ("kernel", "stride", "padding"))
    dilation = ints(attributes, "dilation") if "dilation" in attributes else (1,) * len(kernel)
    if not len(kernel) == len(padding) == len(stride) == len(dilation) == len(shape) - 1:
        raise ValueError(f"a kernel of {len(kernel)} dimensions does not fit shape {shape}")
    if min(*kernel, *stride, *dilation) < 1 or min(padding) < 0:
        raise ValueError(
            f"kernel {kernel}, stride {stride} and dilation {dilation} are at least 1, padding 0"
        )
    sizes = slid(shape[1:], kernel, stride, padding, dilation)
    if min(sizes) < 1:
        raise ValueError(f"kernel {kernel} is larger than its input {shape} with padding {padding}")
    return sizes


def _conv(shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    (shape,) = shapes
    channels, groups = whole(attributes, "channels"), whole(attributes, "groups")
    if channels < 1 or groups < 1 or shape[0] % groups or channels % groups:
        raise ValueError(f"{shape[0]} channels in and {channels} out cannot be cut into {groups} groups")
    return (channels, *_slid(shape, attributes))


def _mam_conv(shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    shape = _conv(shapes, attributes)
    _cut(math.prod(_conv_parameters(shapes, attributes)["weight"][1:]), attributes)
    return shape


def _conv_parameters(shapes: Sequence[Shape], attributes: Attributes) -> dict[str, Shape]:
    channels, groups = whole(attributes, "channels"), whole(attributes, "groups")
    bias = {"bias": (channels,)} if attributes["bias"] else {}
    return {"weight": (channels, shapes[0][0] // groups, *ints(attributes, "kernel")), **bias}


def _pool(shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    kernel, padding = ints(attributes, "kernel"), ints(attributes, "padding")
    sizes = _slid(shapes[0], attributes)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"padding {padding} is more than half of kernel {kernel}")
    return (shapes[0][0], *sizes)


def _norm_parameters(shapes: Sequence[Shape], _attributes: Attributes) -> dict[str, Shape]:
    return dict.fromkeys(("weight", "bias", "mean", "variance"), (shapes[0][0],))


def _same(shapes: Sequence[Shape], _attributes: Attributes) -> Shape:
    if len(set(shapes)) != 1:
        raise ValueError(f"the shapes {', '.join(map(str, shapes))} must be equal")
    return shapes[0]


def _bounds(shapes: Sequence[Shape], attributes: Attributes) -> dict[str, Shape]:
    return dict.fromkeys(("low", "high"), shapes[0][:1] if attributes["by_channel"] else ())


def _concat(shapes: Sequence[Shape], _attributes: Attributes) -> Shape:
    if len({s[1:] for s in shapes}) != 1:
        raise ValueError(f"the shapes {', '.join(map(str, shapes))} may differ in their channels only")
    return (sum(s[0] for s in shapes), *shapes[0][1:])


def _reshape(shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    shape = ints(attributes, "shape")
    if min(shape) < 1:
        raise ValueError(f"the dimensions of shape {shape} are at least 1")
    if math.prod(shape) != math.prod(shapes[0]):
        raise ValueError(f"{shapes[0]} has another number of values than {shape}")
    return shape


def _take(shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    (shape,), runs = shapes, ints(attributes, "runs")
    if len(shape) != 1:
        raise ValueError(f"values are taken out of a vector, not out of shape {shape}; flatten it first")
    if min(runs, default=-1) < 0 or sum(runs) != shape[0] or not sum(runs[1::2]):
        raise ValueError(
            f"runs of {sum(runs)} values in all, {sum(runs[1::2])} kept, do not fit {shape[0]} values"
        )
    return (sum(runs[1::2]),)


def runs_of(kept: Sequence[bool]) -> tuple[int, ...]:
    """Return how many values are left out, kept, left out, and so on, of a vector.

    >>> runs_of([False, True, True, False]), runs_of([True])
    ((1, 2, 1), (0, 1))
    """
    found, now = [0], False
    for keep in kept:
        if bool(keep) != now:
            now = not now
            found.append(0)
        found[-1] += 1
    return tuple(found)


@lru_cache
def places_of(runs: tuple[int, ...]) -> tuple[int, ...]:
    """Return the places that are kept.

    >>> places_of((1, 2, 1))
    (1, 2)
    """
    ends = list(accumulate(runs))
    return tuple(place for i in range(1, len(ends), 2) for place in range(ends[i - 1], ends[i]))


def _tree(shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    (shape,), outputs = shapes, whole(attributes, "outputs")
    found = branches(ints(attributes, "preorder"))
    if len(shape) != 1:
        raise ValueError(f"a tree takes a vector, not shape {shape}; flatten it first")
    if not found.feature:
        raise ValueError("a tree of one leaf looks at nothing")
    if outputs > MOST_OUTPUTS:
        raise ValueError(f"a tree has at most {MOST_OUTPUTS} outputs")
    if max(found.feature) >= shape[0] or max(found.action) >= outputs:
        raise ValueError(f"a tree on more than {shape[0]} features, or with more than {outputs} outputs")
    return (outputs,)


def _tree_parameters(_shapes: Sequence[Shape], attributes: Attributes) -> dict[str, Shape]:
    return {"threshold": (len(branches(ints(attributes, "preorder")).feature),)}


def _mean(shapes: Sequence[Shape], _attributes: Attributes) -> Shape:
    if len(shapes[0]) < 2:
        raise ValueError(f"a mean over positions takes channels with positions, not shape {shapes[0]}")
    return (shapes[0][0],)


_KERNEL: dict[str, Value] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
_POOL: dict[str, Value] = {"stride": 0, "padding": 0}
PIECEWISE_LINEAR = ("relu", "leaky_relu")
"""Activations that scale their input by a coefficient that depends on its sign alone."""
SMOOTH = ("sigmoid", "tanh", "gelu", "silu", "hard_swish")
"""Activations without attributes that integers have as tables."""
SATURATING = ("relu6", "clip", *SMOOTH)
"""Activations that do not."""
OPERATIONS: dict[str, Operation] = {
    "linear": Operation(_linear, _linear_parameters, ("features",), {"bias": True}),
    "conv": Operation(_conv, _conv_parameters, ("channels", "kernel"), _KERNEL),
    "mam_linear": Operation(_mam_linear, _linear_parameters, ("features",), {"bias": True, "splits": 1}),
    "mam_conv": Operation(_mam_conv, _conv_parameters, ("channels", "kernel"), {**_KERNEL, "splits": 1}),
    "batch_norm": Operation(_same, _norm_parameters, (), {"eps": 1e-5}),
    "relu": Operation(_same),
    "leaky_relu": Operation(_same, defaults={"slope": 0.01}),
    **{name: Operation(_same) for name in ("relu6", *SMOOTH)},
    "clip": Operation(_same, _bounds, defaults={"by_channel": True, "signed": True}),
    "max_pool": Operation(_pool, needed=("kernel",), defaults=_POOL),
    "mean_pool": Operation(_pool, needed=("kernel",), defaults=_POOL),
    "global_mean_pool": Operation(_mean),
    "flatten": Operation(lambda shapes, _: (math.prod(shapes[0]),)),
    "reshape": Operation(_reshape, needed=("shape",)),
    "take": Operation(_take, needed=("runs",)),
    "add": Operation(_same, inputs=0),
    "concat": Operation(_concat, inputs=0),
    "tree": Operation(_tree, _tree_parameters, ("outputs", "preorder")),
}
"""Every operation by its name."""

KEEPING = ("max_pool", "flatten", "reshape", "take")
"""Operations that return some of the numbers that they are given."""
MAM = ("mam_linear", "mam_conv")
"""Operations with largest and smallest product in place of a sum."""
WEIGHTED = ("linear", "conv", *MAM)
"""Operations whose parameter `weight` is what pruning, quantisation and coding act on."""
