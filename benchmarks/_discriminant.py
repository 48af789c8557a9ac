"""Fisher's linear discriminant of several classes, with a shrunk covariance, as weights and biases of a linear layer.

    score_c = log p_c + mu_c' S^-1 (x - mu_c / 2),    S = sum_c p_c D_c ((1 - k_c) R_c + k_c I) D_c

with the shares p_c and means mu_c of the classes, their deviations D_c and correlations R_c, and the share k_c that
Ledoit and Wolf estimate for each. Numbers are taken as deviations from their mean, in units of their deviation.

Source: Ledoit and Wolf, "Honey, I shrunk the sample covariance matrix", Journal of Portfolio Management 30 (2004);
scikit-learn's `LinearDiscriminantAnalysis`.

>>> x = np.random.default_rng(0).normal(size=(200, 3))
>>> weight, bias = discriminant(x, (x[:, 1] > 0).astype(np.int64))
>>> weight.shape, bool(((x @ weight.T + bias).argmax(axis=1) == (x[:, 1] > 0)).mean() > 0.9)
((2, 3), True)
"""

# scikit-learn is typed loosely.
# pyright: basic

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis


def discriminant(
    x: Float[np.ndarray, "item number"], y: Int[np.ndarray, " item"]
) -> tuple[Float[np.ndarray, "class number"], Float[np.ndarray, " class"]]:
    """Return weights and biases of the classes 0, 1 ... that `y` names."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    found = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit((x - mean) / deviation, y)
    weight, bias = np.atleast_2d(found.coef_) / deviation, found.intercept_
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias - weight @ mean
