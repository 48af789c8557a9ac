"""PX, path exclusion: a weight is worth its share of an upper bound on the trace of the neural tangent kernel.

    score_i = theta_i^2 dR / d(theta_i^2),   R = sum_k Z_k V_k,   Z_k = sum_x ||J_v^(f_k)(x)||^2,   V_k = sum_p v_p^2,

with Z and V summed over all paths to output k (`_paths`). Scores are at least 0, and in each layer that all paths cross
they sum to R, so no layer can lose all its weights while others keep theirs, as long as rounds are many.

Every coefficient on a path enters squared: slopes, means, scales of norms. The published program leaves windows of
means and slopes unsquared, squares a norm's running mean and shift as if they were weights, knows heads by their names,
and in its last version squares dR / d(theta^2) as well, which is a share of nothing. Paths from biases and shifts count
here, since the kernel has them; at initialisation there are none. Smooth activations are refused.

Source: Iurada et al., "Finding lottery tickets in vision models via data-driven spectral foresight pruning", CVPR 2024
(arXiv:2406.01820), and github.com/iurada/px-ntk-pruning, `lib/pruners.py` (100 rounds).

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 1, width=3, depth=1), seed=0)
>>> found = score(network, [(torch.randn(4, 2), torch.zeros(4))], 0)
>>> bool((found["fc1"].sum() / found["fc2"].sum() - 1).abs() < 1e-9)
True
"""

from __future__ import annotations

import torch

from sarto.compress.prune._copy import Batches, Scores, with_examples, working_copy
from sarto.compress.prune._paths import path_activity, path_values, refuse_smooth, squared_weights
from sarto.models.network.module import Network

ROUNDS = 100
EXAMPLES = True


def score(network: Network, batches: Batches, seed: int) -> Scores:
    """Return the score of every weight on the items of all batches, in float64.

    Raises:
        InputError: E125, when an activation is smooth; E116, when there are no items.
    """
    refuse_smooth(network, "px")
    own = working_copy(network, training=False)
    activity = torch.stack([path_activity(own, x).sum(0) for x, _ in with_examples(batches, "px")]).sum(0)
    squares = squared_weights(own)
    bound = (activity * path_values(own, squares)).sum()
    gradients = torch.autograd.grad(bound, list(squares.values()), materialize_grads=True)
    return {
        name: (square * gradient).detach()
        for (name, square), gradient in zip(squares.items(), gradients, strict=True)
    }
