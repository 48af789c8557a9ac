"""Residual echo state network (ResESN): `build` returns a dense reservoir with its own share of the rotated state.

    h' = alpha O h + beta tanh(W h + W_x x + b)

with beta = `leak`, alpha = `carry`, O orthogonal, W ~ U rescaled to spectral radius `radius`, W_x ~ U(-s, s),
b ~ U(-s_b, s_b). It is ES2N with alpha and beta set apart, and stacked (`layers`) the deep residual network.

Source: Pinna, Ceni and Gallicchio, "Deep residual echo state networks: exploring residual orthogonal connections in
untrained recurrent neural networks", arXiv 2508.21172 (2025): O random, cyclic or the identity; alpha, beta in (0, 1].

>>> cell = build(20, 3, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.0, carry=0.9)
>>> cell.alpha, cell.beta, cell.rotation.shape
(0.9, 0.5, (20,))
"""

from __future__ import annotations

from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._rotation import Rotation
from sarto.models.reservoir._weights import Init, residual


def build(
    units: int,
    channels: int,
    *,
    seed: int,
    leak: float,
    radius: float,
    input_scaling: float,
    bias_scaling: float,
    carry: float | None = None,
    rotation: Rotation = "ring",
    init: Init = "exact",
) -> Reservoir:
    """Return a residual reservoir; the same arguments give the same weights.

    Args:
        units: neurons N.
        channels: input channels D.
        seed: of the draws of O, W, W_x and b, each of its own stream.
        leak: beta in (0, 1].
        radius: spectral radius of W.
        input_scaling: s, bound of each entry of W_x.
        bias_scaling: s_b, bound of each entry of b.
        carry: alpha in (0, 1]; None is 1 - leak, or 1 when leak is 1.
        rotation: O: `random`, `ring` (a cyclic shift) or `identity`.
        init: `exact` or `fast`, how W gets its spectral radius; see `esn`.

    Raises:
        InputError: E116, for a parameter outside its range.
    """
    return residual(
        "resesn",
        units,
        channels,
        seed=seed,
        leak=leak,
        radius=radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
        carry=(1 - leak or 1.0) if carry is None else carry,
        rotation=rotation,
        init=init,
    )
