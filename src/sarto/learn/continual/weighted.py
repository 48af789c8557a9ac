"""A head of one's own from the statistics of all, in which one's own rows count more.

    minimise over W, b:   sum_others |y - W x - b|^2 + v sum_own |y - W x - b|^2 + ridge |W|^2

is the readout of A_others + v A_own. It is a head shrunk towards the one of all the others, W_g, in the metric of their
features: what it costs to leave W_g is |(W - W_g) x|^2 over their rows, next to nothing in directions that they do not
use. `sarto.learn.continual.personal` needs W_g alone, and shrinks in all directions alike.

`weighted_head` takes the v among `WEIGHTS` whose leave-one-out answers on one's own rows make the fewest mistakes, then
the least squared error, or the head of the others where it does as well. Its ridge is the one that GCV chooses for the
others. The others' statistics must not have one's own rows: a member of a federation subtracts them first.

Source: Evgeniou and Pontil, "Regularized multi-task learning", KDD 2004, for readouts near a common one; leave-one-out:
see `sarto.learn.leave_one_out`.

>>> rng = np.random.default_rng(0)
>>> def rows(n, share):
...     x = rng.normal(size=(n, 3))
...     return x, np.where(x[:, 0] + share * x[:, 1] > 0, "right", "left")
>>> others = RidgeStatistics.of(*rows(500, 0.0), classes=("left", "right"))
>>> (x, y), (new_x, new_y) = rows(30, 1.0), rows(300, 1.0)
>>> found = weighted_head(others, x, y)
>>> right = [float((head.predict(new_x) == new_y).mean()) for head in (ridge_head(others), found.head)]
>>> right[0] < 0.8 < 0.9 < right[1]
True
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Num, Shaped

from sarto.core.errors import SartoError
from sarto.learn.heads.linear import LinearHead, classes_of, ridge_head
from sarto.learn.leave_one_out import left_out_outputs
from sarto.learn.statistics import RidgeStatistics, coded_targets
from sarto.models.input_error import InputError

WEIGHTS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""v that are tried."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """A head and how it was chosen.

    Attributes:
        head: to use.
        weight: v; 0 where the head of the others stays as it is.
        wrong: mistakes of the head on its rows, each left out.
        general_wrong: mistakes of the head of the others on them.
    """

    head: LinearHead
    weight: float
    wrong: int
    general_wrong: int


def weighted_head(
    others: RidgeStatistics, features: Num[np.ndarray, "item feature"], labels: Shaped[np.ndarray, " item"]
) -> Weighted:
    """Return the head of all rows, with one's own as many times as serves them best.

    Args:
        others: statistics of rows that are not one's own.
        features: one's own rows.
        labels: of the rows, among the classes of the statistics.

    Raises:
        InputError: E104 without rows, on either side; E105, E108 or E116 for rows that cannot be used; E168 without
            classes.
    """
    classes = classes_of(others)
    if not len(features):
        raise InputError("E104", "0 rows of one's own", cause="there is nothing to learn", hint="give some")
    coded = coded_targets(labels, classes)
    truth, ridge = coded.argmax(axis=1), others.solve().ridge
    head = ridge_head(others, ridge)
    scores = 2 * head.scores(features) - 1
    general_wrong = int(np.count_nonzero(scores.argmax(axis=1) != truth))
    least, weight = (general_wrong, float(((coded - scores) ** 2).sum())), 0.0
    for v in WEIGHTS:
        own = RidgeStatistics.of(
            features, labels, np.full(len(features), v), classes=classes, features_id=others.features_id
        )
        total = others + own
        try:
            outputs = left_out_outputs(total, ridge, features, coded, weight=v)
        except SartoError:  # so heavy that the others determine nothing without it
            break
        judged = int(np.count_nonzero(outputs.argmax(axis=1) != truth)), float(((coded - outputs) ** 2).sum())
        if judged < least:
            least, weight, head = judged, v, ridge_head(total, ridge)
    return Weighted(head, weight, least[0], general_wrong)
