"""What two payloads of one client give away together: the rows that came between them, or the row that was replaced.

Sums of rows subtract. With S the sum of the features and A = C_xx + n mean_x mean_x^T of each payload, the difference
has the sums of the rows that came, of which `sarto.audit.leaks.rows` finds what there is to find; where one row u took
the place of a row v, both are found:

    s = S_after - S_before = u - v,     M = A_after - A_before + s s^T = u s^T + s u^T
    u = (M s - s (s^T M s) / (2 s^T s)) / (s^T s),     v = u - s

The same holds for two sums of many clients, one of which a client is in and the other not: who sees both sees what that
client gave, however it was hidden before.

Source: Dinur and Nissim, "Revealing information while preserving privacy", PODS 2003 (differences of exact sums).

>>> x, y = np.array([[1.0, 2.0], [3.0, 5.0], [8.0, 1.0]]), np.array([0.0, 1.0, 0.0])
>>> of = RidgeStatistics.of
>>> came(of(x[:2], y[:2]), of(x, y)).features.round(9).tolist()
[[8.0, 1.0]]
>>> [row.round(9).tolist() for row in replaced(of(x[:2], y[:2]), of(x[1:], y[1:]))]
[[1.0, 2.0], [8.0, 1.0]]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sarto.audit.leaks.rows import KnownRows, known_rows
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError


def came(before: RidgeStatistics, after: RidgeStatistics) -> KnownRows:
    """Return the rows that are only in the later of two payloads, as far as the difference determines them.

    Args:
        before: of some rows.
        after: of those and more.

    Raises:
        SartoError: E404, when the later has not all rows of the earlier one.
        InputError: E108 or E116, when they are of different features or targets.
    """
    return known_rows(after - before)


def replaced(
    before: RidgeStatistics, after: RidgeStatistics
) -> tuple[Float[np.ndarray, " feature"], Float[np.ndarray, " feature"]]:
    """Return the row that went and the row that came, where one took the place of another.

    Raises:
        InputError: E169, when more than one row was replaced, or none.
    """
    (_, sum_before, A_before), (_, sum_after, A_after) = _sums(before), _sums(after)
    s = sum_after - sum_before
    length = float(s @ s)
    M = A_after - A_before + np.outer(s, s)
    if before.count != after.count or not length > before.rounding * before.scale_x:
        raise _not_one("their counts differ" if length else "no row was, or rows that add up to the same")
    came = (M @ s - s * float(s @ M @ s) / (2 * length)) / length
    off = float(np.linalg.norm(M - np.outer(came, s) - np.outer(s, came)))
    # Of each sum as much is known as its form and the sizes that it was made of allow.
    rounded = sum(
        x.rounding * (x.scale_x + float(np.trace(A))) for x, A in ((before, A_before), (after, A_after))
    )
    if off > rounded:
        raise _not_one(f"what is left over, {off:.3g}, is more than rounding, {rounded:.1g}")
    return came - s, came


def _sums(
    s: RidgeStatistics,
) -> tuple[float, Float[np.ndarray, " feature"], Float[np.ndarray, "feature feature"]]:
    return s.weight, s.weight * s.mean_x, s.C_xx + s.weight * np.outer(s.mean_x, s.mean_x)


def _not_one(cause: str) -> InputError:
    return InputError(
        "E169",
        "two payloads between which other than one row was replaced",
        cause=cause,
        hint="where rows only came, ask for those that came",
    )
