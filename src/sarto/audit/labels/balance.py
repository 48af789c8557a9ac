"""How evenly rows spread over the values of an attribute: four indices from 0 (all in one) to 1 (as many in each).

With m values and their shares f_i:

    gini      G = m / (m - 1) (1 - sum f_i^2)
    shannon   H = -sum f_i ln f_i / ln m
    simpson   D = (1 / sum f_i^2 - 1) / (m - 1)
    ratio     R = min f_i / max f_i             (imbalance ratio, upside down so that 1 is balance)

R looks at the smallest value alone, G is the slowest to notice one that is rare. Intervals are percentile bootstraps
over rows. A value that no row has, such as a combination of two attributes, counts in m and makes R 0.

Source: Mecati, Vetro and Torchiano, "Detecting discrimination risk in automated decision-making systems with balance
measures on input data", IEEE Big Data 2021, section III.

>>> {name: round(value, 4) for name, value in balance(np.array([[50, 30, 20]])).items() for value in value}
{'gini': 0.93, 'shannon': 0.9372, 'simpson': 0.8158, 'ratio': 0.4}
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

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
