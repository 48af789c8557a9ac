r"""Recursive least squares in integers: the definition of what `sarto.deploy.c.learn` generates in C, bit for bit.

After every sample the readout is the ridge solution of all samples so far, about the readout it began with:

    minimise over Theta, b:  sum_i |y_i - Theta f_i - b|^2 + prior |Theta - Theta_0|^2 + prior_0 |b - b_0|^2

b being the output at the mean of the features, and y_i 1 for the class of the sample, -1 for each other. With columns
u = (c, f, y), c a constant, it keeps for each of the first F + 1 a sum d_i of squares of what the columns before it do
not explain, and the coefficients r_ik of the columns after it; those of the targets are the readout. A sample with
weight w = 1 moves on from column to column, of the targets too:

    p = w u_i,   d_i' = d_i + p u_i,   g = p / d_i',   u_k' = u_k - u_i r_ik,   r_ik' = r_ik + g u_k'   (k > i)
    w' = w d_i / d_i'

What is left of the targets is the error; with w = 0 nothing is learned, and targets of 0 give minus the outputs. It is
a QR factorisation R = D^(1/2) (r_ik) of all rows, kept up to date by rotations without square roots, so that it has the
precision of the data and not of their squares, and needs neither a matrix to be inverted nor weights to be solved for.

In counts: u has 8 fractional bits of a feature, r and w have 21, g has 40, and a count of d is 2^21. Products are of 64
bits, rounded half up, quotients of d are rounded down; u and r are clamped to 2^26 - 1, which of an r is 32, and d to
2^31 - 1. Where d would leave that, older samples are weighted down by as much: the constant does so after 16,384
samples, which the learner then remembers.

Why not otherwise (`benchmarks/results/learn_8kb.json`, 36 and 39 features): the same recursion in float32 errs 2e-5 of
a target at most where this errs 2e-4, and no answer is another; but a core without a unit for it has to be given 1.5 kB
of functions (Cortex-M0+), a fifth of the 8 KiB of a whole learning model. NLMS stays 6 to 10 points behind after one
pass, with its best step. Sums of squares in integers, solved at last, need 64 bits, or the sums and a factor of them:
twice the memory, fewer features.

Source: Gentleman, "Least squares computations by Givens transformations without square roots", IMA Journal of Applied
Mathematics 12 (1973); Miller, "Algorithm AS 274", Applied Statistics 41 (1992).

>>> learner = IntegerRLS(Beginning.blank(features=2, classes=2, spread=1000))
>>> for vector, label in [([900, -300], 0), ([-800, 100], 1), ([1000, 50], 0), ([-900, -200], 1)]:
...     learner.learn(np.array(vector), label)
>>> learner.scores(np.array([[950, 0], [-850, 0]])).tolist()
[[12392, -12392], [-12549, 12549]]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Int, Int32, Integer

AnyInt = np.ndarray[Any, np.dtype[np.int64]]
Number = TypeVar("Number", int, AnyInt)

FEATURE_BITS, SHIFT, GAIN_BITS = 8, 21, 40
"""Fractional bits of a feature in a row; of r, of w, and what a count of d is worth; of g."""
LIMIT, SUM_LIMIT = (1 << 26) - 1, (1 << 31) - 1
"""Of u and r; of d."""
CONSTANT_BITS = 11
"""The first column is 2^11 counts of a feature, a fourth of what these reach."""
TARGET_BITS = 20
"""A target is 2^20 counts of u, half of what a feature reaches."""
SCORE_SHIFT = TARGET_BITS - 14
"""From outputs to scores, in counts of 2^-14."""
LEAST_PRIOR, MOST_PRIOR = 16, SUM_LIMIT // 2
"""A gain stays within 32 bits over the one; under the other there is room to learn."""
LEAST_CONSTANT = 64
"""A beginning without knowledge takes its constant for known as well as from this share of a sample."""


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a learner knows before its first sample.

    Attributes:
        features: F.
        classes: C.
        prior: of each feature, in counts of d.
        prior_constant: of the constant.
        centre: mean of each feature, where a readout is known.
        weights: of the known readout, 8 bits; None is a readout of zeros.
        unit: of each class, what one count of its weights is worth, in counts of r.
        constant: of each class, the coefficient of the constant.
    """

    features: int
    classes: int
    prior: int
    prior_constant: int
    centre: Int[np.ndarray, " feature"] | None = None
    weights: Integer[np.ndarray, "feature class"] | None = None
    unit: Int[np.ndarray, " class"] | None = None
    constant: Int[np.ndarray, " class"] | None = None

    def __post_init__(self) -> None:
        for prior in (self.prior, self.prior_constant):
            assert LEAST_PRIOR <= prior <= MOST_PRIOR, "gains and sums stay within their bits"

    @staticmethod
    def blank(features: int, classes: int, spread: float, samples: float = 1.0) -> Beginning:
        """Return a beginning from nothing.

        Args:
            features: F.
            classes: C.
            spread: standard deviation that features have, in counts (the root of their mean variance).
            samples: whose squared spread the prior is worth, so that `samples * spread**2` is the ridge in sum form.
        """
        return Beginning(
            features, classes, prior_of(spread, samples), prior_of(1 << CONSTANT_BITS, 1 / LEAST_CONSTANT)
        )

    @staticmethod
    def fitted(
        centre: Int[np.ndarray, " feature"],
        spread: float,
        samples: float,
        weights: Integer[np.ndarray, "feature class"],
        unit: Int[np.ndarray, " class"],
        constant: Int[np.ndarray, " class"],
    ) -> Beginning:
        """Return a beginning from a readout that counts for as much as `samples`; see the class and `blank`."""
        return Beginning(
            len(centre),
            weights.shape[1],
            prior_of(spread, samples),
            prior_of(1 << CONSTANT_BITS, samples),
            centre,
            weights,
            unit,
            constant,
        )

    @property
    def columns(self) -> int:
        """Columns that a sample is explained by: the constant and the features."""
        return self.features + 1

    @property
    def words(self) -> int:
        """32-bit words that a learner keeps."""
        return self.columns * (self.columns + 1) // 2 + self.columns * self.classes

    @cached_property
    def starts(self) -> list[int]:
        """Where in these words each row begins: d first, then the coefficients of the columns after it."""
        lengths = [1 + self.columns - 1 - i + self.classes for i in range(self.columns)]
        return [0, *np.cumsum(lengths).tolist()]

    def state(self) -> Int[np.ndarray, " word"]:
        """Return all words before the first sample."""
        words = np.zeros(self.words, np.int64)
        words[self.starts[:-1]] = self.prior
        words[0] = self.prior_constant
        if self.weights is None:
            return words
        assert self.centre is not None and self.unit is not None and self.constant is not None
        for i, end in enumerate(self.starts[1:]):
            known = self.constant if i == 0 else self.weights[i - 1].astype(np.int64) * self.unit
            words[end - self.classes : end] = _clamped(known)
        words[1 : self.columns] = self.centre << (SHIFT - CONSTANT_BITS)
        return words


def prior_of(spread: float, samples: float) -> int:
    """Return the sum of squares of `samples` samples of this spread, in counts of d.

    >>> prior_of(1024, 1), prior_of(1, 1)
    (32768, 16)
    """
    counts = samples * spread**2 * 2.0 ** (2 * FEATURE_BITS - SHIFT)
    return int(min(max(round(counts), LEAST_PRIOR), MOST_PRIOR))


class IntegerRLS:
    """A readout that learns from one vector of integer features at a time.

    Args:
        beginning: what it knows before.
    """

    def __init__(self, beginning: Beginning) -> None:
        self.beginning = beginning
        self._words = beginning.state()

    @property
    def words(self) -> Int32[np.ndarray, " word"]:
        """All that it keeps, as it lies in the device's memory."""
        return self._words.astype(np.int32)

    def put_back(self, words: Int32[np.ndarray, " word"]) -> None:
        """Go on from what a learner with the same beginning kept."""
        self._words = words.astype(np.int64)

    def scores(self, vectors: Integer[np.ndarray, "item feature"]) -> Int[np.ndarray, "item class"]:
        """Return the scores of each vector, in counts of 2^-14; the class is the highest, the first of equals."""
        rows = self._begun(vectors)
        for i, (start, end) in enumerate(self._rows()):
            rows[:, i + 1 :] = _left(rows[:, i + 1 :], rows[:, i, None], self._words[start + 1 : end])
        return (-rows[:, self.beginning.columns :] + (1 << (SCORE_SHIFT - 1))) >> SCORE_SHIFT

    def learn(self, vector: Integer[np.ndarray, " feature"], label: int) -> None:
        """Learn that `vector` is of class `label`."""
        (u,) = self._begun(vector[None])
        u[self.beginning.columns :] = -(1 << TARGET_BITS)
        u[self.beginning.columns + label] = 1 << TARGET_BITS
        weight = 1 << SHIFT
        for i, (start, end) in enumerate(self._rows()):
            r, x = self._words[start + 1 : end], int(u[i])
            share = _rounded(weight * x, SHIFT)
            more = min(_rounded(share * x, SHIFT), LIMIT)
            kept = min(int(self._words[start]), SUM_LIMIT - more)
            whole = kept + more
            gain = (abs(share) << (GAIN_BITS - SHIFT)) // whole * (-1 if share < 0 else 1)
            u[i + 1 :] = _left(u[i + 1 :], x, r)
            r[:] = _clamped(r + _clamped(_rounded(gain * u[i + 1 :], GAIN_BITS - SHIFT)))
            weight = weight * ((kept << SHIFT) // whole) >> SHIFT
            self._words[start] = whole

    def _begun(self, vectors: Integer[np.ndarray, "item feature"]) -> Int[np.ndarray, "item column"]:
        """Return a row for each vector, with targets of 0."""
        rows = np.zeros((len(vectors), self.beginning.columns + self.beginning.classes), np.int64)
        rows[:, 0] = 1 << (CONSTANT_BITS + FEATURE_BITS)
        rows[:, 1 : self.beginning.columns] = vectors.astype(np.int64) << FEATURE_BITS
        return rows

    def _rows(self) -> Iterator[tuple[int, int]]:
        return pairwise(self.beginning.starts)


def _left(u: AnyInt, x: AnyInt | int, r: AnyInt) -> AnyInt:
    """Return what a column of value `x` with coefficients `r` does not explain of `u`."""
    return _clamped(u - _clamped(_rounded(x * r, SHIFT)))


def _rounded(value: Number, shift: int) -> Number:
    return (value + (1 << (shift - 1))) >> shift


def _clamped(values: AnyInt) -> AnyInt:
    return values.clip(-LIMIT, LIMIT)
