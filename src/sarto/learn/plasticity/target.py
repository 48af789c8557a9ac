"""The distribution that intrinsic plasticity drives a neuron's output towards, and how far from it the output is.

    tanh,    N(mu, sigma^2):     db = mu / s2 - (y / s2) (2 s2 + 1 - y^2 + mu y),   s2 = sigma^2
    sigmoid, exponential of mean mu:  db = 1 - (2 + 1 / mu) y + y^2 / mu
    da = 1 / a + db z

with y = phi(a z + b), gain a and shift b. Minus (da, db) is the gradient of KL(p_y || target) for one sample: the KL is
E[-log target(y) - log(a phi'(a z + b))] and what depends on z alone. `descent` returns db.

Source: Triesch, "A gradient rule for the plasticity of a neuron's intrinsic excitability", ICANN 2005, for sigmoid;
Schrauwen, Wardermann, Verstraeten, Steil and Stroobandt, "Improving reservoirs using intrinsic plasticity",
Neurocomputing 71 (2008), for tanh. As in section 2.1 there, the KL is told from the target cut off where phi ends.

`divergence` estimates KL(p_y || target) of each neuron from a histogram of `BINS` equal bins over the range of phi:
sum_k p_k log(p_k / q_k), q_k the share of the target in bin k. It is a lower bound of the KL of the densities, and n
samples in m occupied bins make it too large by about (m - 1) / 2n.

>>> gaussian = Target("tanh", 0.0, 0.5)
>>> gaussian.descent(np.array([0.0, 0.5])).tolist()
[0.0, -2.5]
>>> bool(gaussian.divergence(np.exp(gaussian.log_shares())[None])[0] < 1e-12)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_ndtr, rel_entr

BINS = 64
"""Wide enough for some tens of samples each in a few thousand steps, narrow against sigma = 0.1 in [-1, 1]."""


@dataclass(frozen=True)
class Target:
    """N(mu, sigma^2) for tanh; for sigmoid the exponential distribution of mean mu (sigma is not used)."""

    activation: Literal["tanh", "sigmoid"]
    mu: float
    sigma: float

    @property
    def low(self) -> float:
        """Where the range of phi starts; it ends at 1."""
        return -1.0 if self.activation == "tanh" else 0.0

    def descent(self, y: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return db, minus the derivative by the shift, for outputs `y`."""
        if self.activation == "sigmoid":
            return 1 - (2 + 1 / self.mu) * y + y * y / self.mu
        s2 = self.sigma**2
        return self.mu / s2 - (y / s2) * (2 * s2 + 1 - y * y + self.mu * y)

    def bin_of(self, y: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
        """Return the bin of each output."""
        place = (y - self.low) * (BINS / (1 - self.low))
        return np.clip(place.astype(np.int64), 0, BINS - 1)

    def log_shares(self) -> Float[np.ndarray, " bin"]:
        """Return log q, of the target cut off where phi ends."""
        edges = np.linspace(self.low, 1.0, BINS + 1)
        if self.activation == "sigmoid":
            # exp(-e_k / mu) - exp(-e_(k+1) / mu), less what all bins share
            shares = -edges[:-1] / self.mu
        else:
            z = (edges - self.mu) / self.sigma
            # On the side of the tail, where the difference of two logarithms keeps its digits.
            right = z[:-1] > 0
            above = np.where(right, log_ndtr(-z[:-1]), log_ndtr(z[1:]))
            below = np.where(right, log_ndtr(-z[1:]), log_ndtr(z[:-1]))
            shares = above + np.log1p(-np.exp(below - above))
        shares = shares - shares.max()
        return shares - np.log(np.exp(shares).sum())

    def divergence(self, counts: Float[np.ndarray, "neuron bin"]) -> Float[np.ndarray, " neuron"]:
        """Return the KL of each neuron in nat, from how often its output fell into each bin."""
        p = counts / counts.sum(axis=1, keepdims=True)
        return rel_entr(p, 1.0).sum(axis=1) - p @ self.log_shares()
