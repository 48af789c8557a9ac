"""Edge of stability echo state network (ES2N): `build` returns a dense reservoir whose carried state is rotated.

    h' = (1 - beta) O h + beta tanh(W h + W_x x + b)

with proximity beta = `leak`, O orthogonal, W ~ U rescaled to spectral radius `radius`, W_x ~ U(-s, s),
b ~ U(-s_b, s_b).
With a small beta the state turns and hardly fades: of all cells this one remembers most of its input (short-term memory
near the number of neurons), at the price of little nonlinearity.

Source: Ceni and Gallicchio, "Edge of stability echo state network", arXiv 2308.02902
(2023). Their O is random; a `ring` costs no weights and O(N) time.

>>> cell = build(20, 3, seed=0, leak=0.1, radius=0.9, input_scaling=1.0, bias_scaling=0.0)
>>> cell.alpha, cell.beta, cell.rotation.shape
(0.9, 0.1, (20, 20))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._rotation import Rotation
from sarto.models.reservoir._weights import Init, residual


def searched(settings: Mapping[str, float]) -> dict[str, Any]:
    """Return what a search sets beside the settings of every cell: an O without weights, which remembers as much."""
    del settings
    return {"rotation": "ring"}


def build(
    units: int,
    channels: int,
    *,
    seed: int,
    leak: float,
    radius: float,
    input_scaling: float,
    bias_scaling: float,
    rotation: Rotation = "random",
    init: Init = "exact",
) -> Reservoir:
    """Return an ES2N; the same arguments give the same weights.

    Args:
        units: neurons N.
        channels: input channels D.
        seed: of the draws of O, W, W_x and b, each of its own stream.
        leak: beta in (0, 1]; 1 is an echo state network without leak.
        radius: spectral radius of W.
        input_scaling: s, bound of each entry of W_x.
        bias_scaling: s_b, bound of each entry of b.
        rotation: O: `random`, `ring` (a cyclic shift) or `identity` (the leaky echo state network).
        init: `exact` or `fast`, how W gets its spectral radius; see `esn`.

    Raises:
        InputError: E116, for a parameter outside its range.
    """
    return residual(
        "es2n",
        units,
        channels,
        seed=seed,
        leak=leak,
        radius=radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
        carry=1 - leak,
        rotation=rotation,
        init=init,
    )
