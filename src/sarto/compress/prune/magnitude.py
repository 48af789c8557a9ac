"""Magnitude: a weight is worth its absolute value, `|theta|`.

Of a trained network it is the classic criterion (Han et al., "Learning both weights and connections for efficient
neural networks", NeurIPS 2015, section 3.1); at initialisation it is a control.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (4,), 2, width=3), seed=0)
>>> bool((score(network, [], 0)["fc1"] == network.layer("fc1").weight.abs()).all())
True
"""

from __future__ import annotations

from sarto.compress.prune._copy import Batches, Scores, masked_weights
from sarto.models.network.module import Network

ROUNDS = 1
EXAMPLES = False


def score(network: Network, batches: Batches, seed: int) -> Scores:
    """Return the absolute value of every weight."""
    return {name: weight.abs() for name, weight in masked_weights(network).items()}
