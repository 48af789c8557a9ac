"""How evenly rows spread over the values of an attribute: four indices from 0 (all in one) to 1 (as many in each).

With m values and their shares f_i:

    gini      G = m / (m - 1) (1 - sum f_i^2)
    shannon   H = -sum f_i ln f_i / ln m
    simpson   D = (1 / sum f_i^2 - 1) / (m - 1)
    ratio     R = min f_i / max f_i             (imbalance ratio, upside down so that 1 is balance)

R looks at the smallest value alone, G is the slowest to notice one that is rare. A value that no row has, such as a
combination of two attributes, counts in m and makes R 0. Intervals of G, H and D are of the bootstrap over rows. That
of R is made of Wilson's intervals of all shares, each at 1 - .05 / m, so that all hold at once; it is wide where m is
large, and the bootstrap, which knows nothing of the values that happen to be rarest, would be wrong there:

    min_i low_i / max_i high_i <= R <= min_i high_i / max_i low_i

Source: Mecati, Vetro and Torchiano, "Detecting discrimination risk in automated decision-making systems with balance
measures on input data", IEEE Big Data 2021, section III.

>>> {name: round(float(values[0]), 4) for name, values in balance(np.array([[50, 30, 20]])).items()}
{'gini': 0.93, 'shannon': 0.9372, 'simpson': 0.8158, 'ratio': 0.4}
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

from sarto.audit.labels.dependence import TAIL
from sarto.audit.labels.resampling import interval
from sarto.measure.quality import wilson

INDICES = ("gini", "shannon", "simpson", "ratio")


def balance(counts: Int[np.ndarray, "table value"]) -> dict[str, Float[np.ndarray, " table"]]:
    """Return each index of each line of counts, of at least two values."""
    m = counts.shape[1]
    f = counts / counts.sum(1, keepdims=True)
    squares = (f**2).sum(1)
    logarithms = np.log(np.where(f > 0, f, 1))
    found = (
        m / (m - 1) * (1 - squares),
        -(f * logarithms).sum(1) / np.log(m),
        (1 / squares - 1) / (m - 1),
        f.min(1) / f.max(1),
    )
    return dict(zip(INDICES, found, strict=True))


def balanced(
    counts: Int[np.ndarray, " value"], drawn: Int[np.ndarray, "resample value"]
) -> Mapping[str, tuple[float, tuple[float, float]]]:
    """Return each index of some counts with its interval; `drawn` are resampled ones."""
    found = {name: float(values[0]) for name, values in balance(counts[None]).items()}
    again = balance(drawn)
    ends = {name: interval(value, again[name]) for name, value in found.items() if name != "ratio"}
    z, n = float(-ndtri(TAIL / len(counts))), int(counts.sum())
    low, high = zip(*(wilson(count, n, z) for count in counts.tolist()), strict=True)
    ends["ratio"] = (min(low) / max(high), min(1.0, min(high) / max(low)))
    return {name: (found[name], ends[name]) for name in INDICES}
