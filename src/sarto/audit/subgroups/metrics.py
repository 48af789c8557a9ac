"""Metrics of a target and the guess of a model: for each, whether a row is T, F or bottom (not counted).

The rate of a metric over rows is `f = T / (T + F)`. With `t` the target, `g` the guess and `p` the positive class:

    accuracy       T: g = t            F: g != t
    error          T: g != t           F: g = t
    positive_rate  T: g = p            F: g != p
    fpr            T: g = p, t != p    F: g != p, t != p     bottom: t = p
    fnr            T: g != p, t = p    F: g = p, t = p       bottom: t != p
    tpr, tnr       1 - fnr, 1 - fpr
    precision      T: t = p, g = p     F: t != p, g = p      bottom: g != p
    recall:C       T: g = t, t = C     F: g != t, t = C      bottom: t != C
    agreement      T: both models guess the same              F: they do not (an outcome of the pair)

Source: Pastor, de Alfaro and Baralis, "Looking for trouble: analyzing classifier behavior via pattern divergence",
SIGMOD 2021, section 3 (outcome functions).

>>> metric_states("fpr", np.array([[0, 0, 1], [0, 1, 1]]), 1, ["no", "yes"], 1)
array([ 0,  1, -1], dtype=int8)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Int, Int8

from sarto.audit.subgroups.items import as_text
from sarto.models.input_error import InputError

BOTTOM = -1
"""The state of a row that is not counted; T is 1, F is 0."""

States: TypeAlias = Int8[np.ndarray, " code"]


def positive_class(classes: list[Any], positive: Any) -> int | None:
    """Return the number of the positive class, or None where there is none."""
    if positive is None:
        return 1 if len(classes) == 2 else None
    told = [as_text(each) for each in classes]
    if positive in classes:
        return classes.index(positive)
    if as_text(positive) in told:
        return told.index(as_text(positive))
    raise InputError("E140", f"no target and no guess is '{positive}'", hint=f"classes: {', '.join(told)}")


def default_metrics(positive: bool, paired: bool) -> tuple[str, ...]:
    """Return the metrics that can be had without naming a class."""
    two = ("positive_rate", "fpr", "fnr", "tpr", "tnr", "precision") if positive else ()
    return ("accuracy", "error", *two, *(("agreement",) if paired else ()))


def metric_states(
    name: str, triples: Int[np.ndarray, "column code"], model: int, classes: list[Any], positive: int | None
) -> States:
    """Return the state of metric `name` for each combination of target and guesses."""
    target, guess = triples[0], triples[model]
    if name == "agreement":
        if len(triples) < 3:
            raise InputError("E140", "agreement is between two models, and one is given")
        return (triples[1] == triples[2]).astype(np.int8)
    if name.startswith("recall:"):
        told = [as_text(each) for each in classes]
        if (wanted := name.removeprefix("recall:")) not in told:
            raise InputError("E140", f"no class is '{wanted}'", hint=f"classes: {', '.join(told)}")
        return np.where(target == told.index(wanted), guess == target, BOTTOM).astype(np.int8)
    if name in ("accuracy", "error"):
        return ((guess == target) == (name == "accuracy")).astype(np.int8)
    if name not in _POSITIVE:
        known = ", ".join(("accuracy", "error", "agreement", *_POSITIVE, "recall:CLASS"))
        raise InputError("E140", f"there is no metric '{name}'", hint=f"metrics: {known}")
    if positive is None:
        raise InputError("E140", f"{name} needs a positive class", cause=f"there are {len(classes)} classes")
    return _POSITIVE[name](target == positive, guess == positive).astype(np.int8)


_Test: TypeAlias = Callable[[Any, Any], Any]
_POSITIVE: dict[str, _Test] = {
    "positive_rate": lambda t, g: g,
    "fpr": lambda t, g: np.where(t, BOTTOM, g),
    "fnr": lambda t, g: np.where(t, ~g, BOTTOM),
    "tpr": lambda t, g: np.where(t, g, BOTTOM),
    "tnr": lambda t, g: np.where(t, BOTTOM, ~g),
    "precision": lambda t, g: np.where(g, t, BOTTOM),
}
"""State of a metric by whether the target and the guess are positive."""
