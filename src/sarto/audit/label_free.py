"""Which subgroups are likely to be the worst, where nobody knows what is true: by confidence, and by disagreement.

A *risk* is fitted on other rows, whose truth is known: the probability that the model is wrong, from the logit of its
confidence c (the largest class probability), and from whether the original says something else (d = 1),

    risk = 1 / (1 + exp(-(a + b logit(c) + g d))),   a, b, g of the largest penalised likelihood (b alone: Platt)

A subgroup's expected error is the mean risk of its rows; groups are ranked by it. Where no truth is known anywhere, the
share of rows on which both models disagree is what there is.

`found_worst` says how good a ranking is where truth is known after all: the share of the k groups with the largest
error that are among the k that the ranking names.

Source: Platt, "Probabilistic outputs for support vector machines", Advances in Large Margin Classifiers (1999), 61-74
(calibration); Guillory et al., "Predicting with confidence on unseen distributions", ICCV 2021 (error from confidence);
Jiang et al., "Assessing generalization of SGD via disagreement", ICLR 2022 (error from disagreement).

>>> rng = np.random.default_rng(0)
>>> c = rng.uniform(0.5, 1, 4000)
>>> fitted = fit_risk(c, rng.random(4000) > c)
>>> fitted(np.array([0.6, 0.9])).round(1)
array([0.4, 0.1])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.audit.subgroups.subgroup_table import SubgroupTable

SURE = 1e-6
"""Confidences are kept this far from 0 and 1, where the logit has no end."""


@dataclass(frozen=True)
class Risk:
    """The probability that a model is wrong, as it was fitted.

    Attributes:
        intercept: a.
        slope: b, of the logit of the confidence.
        disagreement: g, or None where one model was looked at.
    """

    intercept: float
    slope: float
    disagreement: float | None

    def __call__(
        self, confidence: Float[np.ndarray, " row"], disagree: Bool[np.ndarray, " row"] | None = None
    ) -> Float[np.ndarray, " row"]:
        """Return the risk of each row.

        Raises:
            InputError: E163, for confidences that are none, or where disagreement is needed and not given.
        """
        score = self.intercept + self.slope * _logit(confidence)
        if self.disagreement is not None:
            if disagree is None:
                raise InputError("E163", "this risk needs to know where the models disagree")
            score = score + self.disagreement * disagree
        return special.expit(score)


def fit_risk(
    confidence: Float[np.ndarray, " row"],
    wrong: Bool[np.ndarray, " row"],
    disagree: Bool[np.ndarray, " row"] | None = None,
) -> Risk:
    """Return the risk that rows with a known truth show.

    Args:
        confidence: the largest class probability of each row, 0 to 1.
        wrong: whether the model is.
        disagree: whether the original says another class; None for one model.

    Raises:
        InputError: E163, for confidences that are none, or where the model is right, or wrong, in every row.
    """
    from sklearn.linear_model import LogisticRegression

    if wrong.all() or not wrong.any():
        state = "wrong" if wrong.all() else "right"
        hint = "bring more rows: nothing tells when it errs"
        raise InputError("E163", f"the model is {state} in all {len(wrong)} labelled rows", hint=hint)
    columns = [_logit(confidence)] + ([] if disagree is None else [disagree.astype(np.float64)])
    fitted = cast("Any", LogisticRegression()).fit(np.stack(columns, axis=1), wrong)
    slopes = [float(v) for v in fitted.coef_[0]]
    return Risk(float(fitted.intercept_[0]), slopes[0], slopes[1] if disagree is not None else None)


def found_worst(truth: SubgroupTable, ranked: Float[np.ndarray, " subgroup"], k: int) -> float:
    """Return the share of the `k` subgroups of largest value in `truth` that are among the `k` largest of `ranked`.

    Args:
        truth: the errors, of all subgroups that were mined.
        ranked: what the ranking goes by, of the same subgroups; equal ones are taken in their order.
        k: how many.
    """
    worst = np.argsort(-truth.rate, kind="stable")[:k]
    named = np.argsort(-ranked, kind="stable")[:k]
    return float(np.isin(named, worst).mean())


def check_confidence(confidence: Float[np.ndarray, " row"]) -> None:
    """Check that confidences are probabilities (E163)."""
    strange = confidence[~((confidence >= 0) & (confidence <= 1))]
    if len(strange):
        cause = f"{len(strange)} of {len(confidence)} are not between 0 and 1, such as {strange[0]:g}"
        hint = "give the probability of the class that is said"
        raise InputError("E163", "these are no confidences", cause=cause, hint=hint)


def _logit(confidence: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    check_confidence(confidence)
    return special.logit(np.clip(confidence, SURE, 1 - SURE))
