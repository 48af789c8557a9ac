"""Operations of feed-forward integer networks, defined in NumPy over a batch of whole items.

An image is (row, column, channel), a sequence an image of one row, a vector (feature): channels last, so that what a
convolution reads lies side by side. There are no zero points: numbers are int8 in +-127, or uint8 from 0 to 255
where nothing can be negative, and a 0 of the padding is a 0. With 8-bit weights in +-127 and 32-bit biases,

    dense     y_c = rescale(sum_i w_ci x_i + b_c)
    conv      y_rkc = rescale(sum_ijd w_cijd x_(r S - P + i D), (k S - P + j D), d + b_c)    for each group of channels
    add       y = clamp((sum_i m_i x_i + 2^(s - 1)) >> s)                     one rounding for all
    mean      y = clamp((m sum x + 2^(s - 1)) >> s)                           over a kernel, zeros included
    max       y = max x                                                      over a kernel, padding left out
    concat    y = clamp((m_i x_i + 2^(s_i - 1)) >> s_i)                      the inputs i joined on their channels
    table     y = t_(x + 128) of an int8 x, t_x of a uint8 x                 with a number for each of 256
    standardise  y_kc = clamp(((raw_kc - zero_c) m_c + 2^(s - 1)) >> s)       of the words of a sensor, to +-127
    forest    y = the sum over all trees of the leaf that x ends in          (see `heads`)
    reshape, permute, argmax; mam, mam_conv (see `mam`)

    rescale(acc) = clamp((acc m_c + 2^(s_c - 1)) >> s_c)

with 15-bit multipliers m_c and shifts s_c of each channel, others of each where `acc < 0` has a slope of its own, and
`clamp` to the op's `low` and `high` (ReLU: `low` is 0). An input of a concat with a shift of 0 is copied as it is,
neither rescaled nor clamped. Lowering proves that no sum can leave 32 bits.

Products run in floats that are exact: in float32 where no sum of sizes reaches 2^24, else in float64.

>>> x = np.array([[[[1], [2], [3]]]])
>>> sums = convolve(x, np.array([[[[1], [0], [-1]]]]), Slide((1, 3), padding=(0, 1)), groups=1, peak=3)
>>> sums.tolist()
[[[[-2], [-2], [2]]]]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer, Num

from sarto.core.graph.operations import requantise

EXACT_FLOAT32 = 2**24
AXES = ("row", "column")


@dataclass(frozen=True)
class Slide:
    """How a kernel slides over rows and columns."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    @staticmethod
    def of(kernel: tuple[int, int], attributes: Mapping[str, int]) -> Slide:
        """Return the slide of an operation's attributes; what is not among them is 1, and padding 0."""
        found = {
            name: tuple(attributes.get(f"{name}_{axis}", least) for axis in AXES)
            for name, least in (("stride", 1), ("padding", 0), ("dilation", 1))
        }
        stride, padding, dilation = (v for v in found.values())
        return Slide(kernel, _pair(stride), _pair(padding), _pair(dilation))

    def size(self, rows: int, columns: int) -> tuple[int, int]:
        """Return rows and columns of what comes out."""
        found = [
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, k, s, p, d in zip(
                (rows, columns), self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        ]
        return found[0], found[1]

    def taps(
        self, x: Num[np.ndarray, "item row column channel"], fill: int
    ) -> Iterator[tuple[tuple[int, int], Num[np.ndarray, "item to_row to_column channel"]]]:
        """Yield each place of the kernel with what it sees of `x`, which is `fill` outside."""
        (p, q), (rows, columns) = self.padding, self.size(x.shape[1], x.shape[2])
        wide = np.pad(x, ((0, 0), (p, p), (q, q), (0, 0)), constant_values=fill) if p or q else x
        for i, j in itertools.product(*map(range, self.kernel)):
            top, left = i * self.dilation[0], j * self.dilation[1]
            yield (
                (i, j),
                wide[
                    :,
                    top : top + self.stride[0] * (rows - 1) + 1 : self.stride[0],
                    left : left + self.stride[1] * (columns - 1) + 1 : self.stride[1],
                ],
            )


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    first, second = values
    return first, second


def rescale(
    acc: Int[np.ndarray, "item ... channel"],
    factor: Integer[np.ndarray, " channel"],
    shift: Integer[np.ndarray, " channel"],
    limits: tuple[int, int],
    below: tuple[Integer[np.ndarray, " channel"], Integer[np.ndarray, " channel"]] | None = None,
) -> Int[np.ndarray, "item ... channel"]:
    """Return sums in the counts of what comes next; `below` are factors and shifts of negative sums."""
    found = requantise(acc, factor.astype(np.int64), shift)
    if below is not None:
        found = np.where(acc < 0, requantise(acc, below[0].astype(np.int64), below[1]), found)
    return found.clip(*limits)


def words_of(
    raw: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " item_plus_1"],
    zero: Integer[np.ndarray, " channel"],
    steps: int,
) -> Integer[np.ndarray, "item 1 step channel"]:
    """Return sequences `raw[offsets[i]:offsets[i + 1]]` as items of `steps` steps, `zero` after an early end.

    What comes after the last step is left out.

    >>> words_of(np.array([[1], [2], [3], [4]]), np.array([0, 1, 4]), np.array([9]), 2)[:, 0, :, 0].tolist()
    [[1, 9], [2, 3]]
    """
    found = np.tile(zero.astype(raw.dtype), (len(offsets) - 1, 1, steps, 1))
    for item, (begin, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        kept = min(end - begin, steps)
        found[item, 0, :kept] = raw[begin : begin + kept]
    return found


def dense(
    x: Integer[np.ndarray, "item feature"], weights: Integer[np.ndarray, "output feature"], peak: int
) -> Int[np.ndarray, "item output"]:
    """Return `W x` of items whose numbers are at most `peak` in size."""
    kind = exact_float(weights, peak)
    return (x.astype(kind) @ weights.T.astype(kind)).astype(np.int64)


def exact_float(weights: Integer[np.ndarray, "output ..."], peak: int) -> type[np.float32] | type[np.float64]:
    """Return the narrowest float in which sums of `weights` times at most `peak` are exact in any order."""
    largest = np.abs(weights.reshape(len(weights), -1).astype(np.int64)).sum(axis=1).max() * peak
    return np.float32 if largest < EXACT_FLOAT32 else np.float64


def convolve(
    x: Integer[np.ndarray, "item row column channel"],
    weights: Integer[np.ndarray, "output kernel_row kernel_column group_channel"],
    slide: Slide,
    groups: int,
    peak: int,
) -> Int[np.ndarray, "item to_row to_column output"]:
    """Return the sums of a convolution of items whose numbers are at most `peak` in size."""
    kind = exact_float(weights, peak)
    narrow, each = x.astype(kind), len(weights) // groups
    if weights.shape[3] == 1 and each == 1:
        acc: Float[np.ndarray, "..."] = np.zeros((len(x), *slide.size(*x.shape[1:3]), groups), kind)
        for (i, j), seen in slide.taps(narrow, 0):
            acc += seen * weights[:, i, j, 0].astype(kind)
        return acc.astype(np.int64)
    seen = np.stack([part for _, part in slide.taps(narrow, 0)], axis=3)
    places = seen.shape[0] * seen.shape[1] * seen.shape[2]
    parts: list[Int[np.ndarray, "place output"]] = []
    for group in range(groups):
        channels = slice(group * weights.shape[3], (group + 1) * weights.shape[3])
        columns = seen[..., channels].reshape(places, -1)
        rows = weights[group * each : (group + 1) * each].reshape(each, -1)
        parts.append((columns @ rows.T.astype(kind)).astype(np.int64))
    return np.concatenate(parts, axis=1).reshape(*seen.shape[:3], len(weights))


def add(
    inputs: list[Integer[np.ndarray, "item ..."]], factors: list[int], shift: int, limits: tuple[int, int]
) -> Int[np.ndarray, "item ..."]:
    """Return the sum of tensors with a factor each, in the counts of what comes next."""
    total = np.zeros(inputs[0].shape, np.int64)
    for x, factor in zip(inputs, factors, strict=True):
        total += x.astype(np.int64) * factor
    return requantise(total, 1, shift).clip(*limits)


def concat(
    inputs: list[Integer[np.ndarray, "item ..."]], rescales: list[tuple[int, int]], limits: tuple[int, int]
) -> Int[np.ndarray, "item ..."]:
    """Return tensors joined on their channels, each with its factor and shift; a shift of 0 copies."""
    parts: list[Int[np.ndarray, "item ..."]] = []
    for x, (factor, shift) in zip(inputs, rescales, strict=True):
        wide = x.astype(np.int64)
        parts.append(requantise(wide, factor, shift).clip(*limits) if shift else wide)
    return np.concatenate(parts, axis=-1)


def looked_up(
    x: Integer[np.ndarray, "item ..."], table: Integer[np.ndarray, "256"]
) -> Integer[np.ndarray, "item ..."]:
    """Return for each number its entry: that of the number itself for uint8, of the number + 128 for int8."""
    return table[x.astype(np.int64) - int(np.iinfo(x.dtype).min)]


def mean(
    x: Integer[np.ndarray, "item row column channel"],
    slide: Slide,
    factor: int,
    shift: int,
    limits: tuple[int, int],
) -> Int[np.ndarray, "item to_row to_column channel"]:
    """Return the sums over a kernel, in the counts of what comes next; the factor divides by the kernel's size."""
    total = np.zeros((len(x), *slide.size(*x.shape[1:3]), x.shape[3]), np.int64)
    for _, seen in slide.taps(x, 0):
        total += seen
    return requantise(total, factor, shift).clip(*limits)


def largest(
    x: Integer[np.ndarray, "item row column channel"], slide: Slide
) -> Integer[np.ndarray, "item to_row to_column channel"]:
    """Return the largest number within a kernel; one that sees nothing but padding does not occur."""
    least = int(np.iinfo(x.dtype).min)
    found = np.full((len(x), *slide.size(*x.shape[1:3]), x.shape[3]), least, x.dtype)
    for _, seen in slide.taps(x, least):
        np.maximum(found, seen, out=found)
    return found
