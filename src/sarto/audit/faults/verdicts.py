"""What a fault did, judged by what the model says of n inputs with it and without it.

Of each fault: over how many inputs anything in the answer changed, over how many the class did (silently wrong), and
over how many there was no answer: a number that is none (NaN, infinity), a crash, a hang, a refusal. From these

    critical    the class of any input changes, and nothing tells of it
    due         else, no answer for some input (a detected, unrecoverable error)
    tolerable   else, some answer changes, no class does
    masked      else: nothing changes

which is the first published definition of critical. The second one is `mean misclassified`, the share of inputs that a
fault makes wrong, over all faults; and beside both stands the tail, the share of faults that hurt more than 10 % of
the inputs: one input of 256 that stood at the border is enough for the first, and hardly moves the second.

    FIT = FIT_raw * bits * P(critical)   failures in 10^9 hours, from those of a bit       MTTF = 10^9 / FIT hours

Source: Ruospo et al., "Assessing convolutional neural networks reliability through statistical fault injections", DATE
2023 (any class); Cavagnero et al., IOLTS 2022 (misclassified share). See `sample` for the intervals.

>>> golden = np.array([[3, 1], [0, 2]])
>>> faulty = np.array([[[3, 1], [0, 2]], [[9, 1], [0, 2]], [[3, 4], [0, 2]]])
>>> [KINDS[k] for k in judged(golden, faulty).kinds.tolist()]
['masked', 'tolerable', 'critical']
>>> mttf_h(fit(1e-3, 80_000, 0.05))
250000000.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Int64, Num

from sarto.audit.faults.sample import combined, interval

MASKED, TOLERABLE, CRITICAL, DUE = range(4)
KINDS = ("masked", "tolerable", "critical", "due")
HURT = 0.1
"""A fault that makes more than this share of the inputs wrong is in the tail."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What each of some faults did to n inputs.

    Attributes:
        inputs: n.
        changed: inputs of which the answer is another.
        wrong: inputs of which the class is silently another.
        failed: inputs without an answer.
        wrong_by_input: of each input, how many of the faults made it wrong.
    """

    inputs: int
    changed: Int64[np.ndarray, " fault"]
    wrong: Int64[np.ndarray, " fault"]
    failed: Int64[np.ndarray, " fault"]
    wrong_by_input: Int64[np.ndarray, " input"]

    def __len__(self) -> int:
        return len(self.wrong)

    @property
    def kinds(self) -> Int64[np.ndarray, " fault"]:
        """The verdict of each fault, an index of `KINDS`."""
        return np.select(
            [self.wrong > 0, self.failed > 0, self.changed > 0], [CRITICAL, DUE, TOLERABLE], MASKED
        ).astype(np.int64)

    def where(self, chosen: Bool[np.ndarray, " fault"]) -> Judged:
        """Return some of the faults; by input nothing is known of them alone, and that of all is kept."""
        counts = self.changed[chosen], self.wrong[chosen], self.failed[chosen]
        return Judged(self.inputs, *counts, self.wrong_by_input)

    @staticmethod
    def joined(parts: Sequence[Judged]) -> Judged:
        """Return the faults of all `parts`, which saw the same inputs."""
        assert len({p.inputs for p in parts}) == 1, "faults judged on other inputs cannot be joined"
        return Judged(
            parts[0].inputs,
            np.concatenate([p.changed for p in parts]),
            np.concatenate([p.wrong for p in parts]),
            np.concatenate([p.failed for p in parts]),
            np.sum([p.wrong_by_input for p in parts], axis=0),
        )


def judged(
    golden: Num[np.ndarray, "input output"],
    faulty: Num[np.ndarray, "fault input output"],
    *,
    failed: Bool[np.ndarray, "fault input"] | None = None,
    tolerance: float | None = None,
) -> Judged:
    """Return what faults did, from the scores with and without them; the class is the first of the highest scores.

    Args:
        golden: scores without a fault, all of them numbers.
        faulty: with each fault; floats that are no number are answers that failed.
        failed: where there was no answer, whatever stands in `faulty`.
        tolerance: of a model that predicts numbers; there `wrong` is a number further than this from the golden one.
    """
    none = np.zeros(faulty.shape[:2], bool) if failed is None else failed.copy()
    if np.issubdtype(faulty.dtype, np.floating):
        assert np.isfinite(golden).all(), "the model without a fault gives no number"
        none |= ~np.isfinite(faulty).all(axis=2)
    changed = (faulty != golden).any(axis=2)
    if tolerance is None:
        return of_classes(golden.argmax(axis=1), faulty.argmax(axis=2), changed, none)
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.any(np.abs(faulty.astype(np.float64) - golden) > tolerance, axis=2)
    return _counted(np.asarray(off), changed, none)


def of_classes(
    golden: Int[np.ndarray, " input"],
    faulty: Int[np.ndarray, "fault input"],
    changed: Bool[np.ndarray, "fault input"],
    failed: Bool[np.ndarray, "fault input"],
) -> Judged:
    """Return what faults did, from the classes; `changed` says where anything of the answer is another."""
    return _counted(np.not_equal(faulty, golden[None]), changed, failed)


def _counted(
    wrong: Bool[np.ndarray, "fault input"],
    changed: Bool[np.ndarray, "fault input"],
    failed: Bool[np.ndarray, "fault input"],
) -> Judged:
    silent = wrong & ~failed
    other = (changed | wrong) & ~failed
    return Judged(
        wrong.shape[1],
        other.sum(axis=1, dtype=np.int64),
        silent.sum(axis=1, dtype=np.int64),
        failed.sum(axis=1, dtype=np.int64),
        silent.sum(axis=0, dtype=np.int64),
    )


@dataclass(frozen=True)
class Rate:
    """A share with its interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Rates:
    """What faults of a space do, per fault drawn evenly from the space.

    Attributes:
        faults: how many were injected.
        population: of how many.
        kinds: the share of each of `KINDS`.
        misclassified: the share of inputs that a fault makes wrong, on average.
        hurt: the share of faults that make more than `HURT` of the inputs wrong.
    """

    faults: int
    population: int
    kinds: dict[str, Rate]
    misclassified: Rate
    hurt: Rate

    @property
    def critical(self) -> Rate:
        """The share of faults with which the class of any input silently changes."""
        return self.kinds["critical"]


def rates(
    judged_strata: Sequence[tuple[Judged, int]],
    confidence: float = 0.99,
    weights: Sequence[float] | None = None,
) -> Rates:
    """Return the rates of a space from samples of its strata, each with how many faults the stratum has.

    Strata weigh as many faults as they have, or `weights`, such as the bits that they expose.

    The bounds are those of sums of independent Wilson intervals; strata of which nothing was drawn are unknown: 0 to 1.
    """
    population = sum(size for _, size in judged_strata)
    assert population, "a space without faults has no rates"
    weighed = [size for _, size in judged_strata] if weights is None else weights
    whole = sum(weighed)

    def rate(sums: Sequence[float]) -> Rate:
        found = [
            (weight / whole, k / max(len(j), 1), interval(k, len(j), size, confidence))
            for k, (j, size), weight in zip(sums, judged_strata, weighed, strict=True)
        ]
        return Rate(*combined(*map(list, zip(*found, strict=True))))

    every = [j for j, _ in judged_strata]
    return Rates(
        sum(map(len, every)),
        population,
        {name: rate([int((j.kinds == k).sum()) for j in every]) for k, name in enumerate(KINDS)},
        rate([float(j.wrong.sum()) / max(j.inputs, 1) for j in every]),
        rate([int((j.wrong > HURT * j.inputs).sum()) for j in every]),
    )


def fit(raw_fit_per_bit: float, bits: float, critical: float) -> float:
    """Return critical failures in 10^9 hours of `bits` that are hit `raw_fit_per_bit` times each in that time."""
    return raw_fit_per_bit * bits * critical


def mttf_h(failures: float) -> float:
    """Return the mean time to a failure in hours; infinite where none was seen."""
    return 1e9 / failures if failures else float("inf")
