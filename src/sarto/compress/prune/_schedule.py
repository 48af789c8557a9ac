"""How density falls: exponentially over the rounds of a method, or with a cube while a network is tuned.

    d_r = d^((r + 1) / R)                 after round r of R (from 0),
    s_t = s (1 - (1 - t / T)^3)           sparsity in step t of T, s at the end and after it.

Source: Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow", NeurIPS 2020
(exponential); Zhu and Gupta, "To prune, or not to prune", arXiv:1710.01878, equation 1 (cubic, from 0).

>>> [round(density, 4) for density in exponential(0.01, 2)], [round(cubic(0.9, t, 4), 3) for t in (0, 2, 4, 9)]
([0.1, 0.01], [0.0, 0.787, 0.9, 0.9])
"""

from __future__ import annotations


def exponential(density: float, rounds: int) -> list[float]:
    """Return the density after each round."""
    return [density ** ((number + 1) / rounds) for number in range(rounds)]


def cubic(sparsity: float, step: int, steps: int) -> float:
    """Return the sparsity of a step."""
    left = max(0.0, 1 - step / steps) if steps else 0.0
    return sparsity * (1 - left**3)
