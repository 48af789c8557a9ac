"""What a rule of plasticity returns: the new reservoir, a table of how it went, and what to know of it in words.

>>> from sarto.models.reservoir import ring
>>> cell = ring.build(4, 1, seed=0, leak=1.0, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> Adapted(cell, Table("", (), (), (), ()), 0.5, 1.25).radius_warnings()
['the effective radius went from 0.5 to 1.25: near rest the state no longer forgets its past']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from sarto.core.table import Table
from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import AnyReservoir, Stack
from sarto.models.sequences import Sequences
from sarto.models.states import check_washout

AT_ONCE = 4096
"""Rows of inputs that are taken through the kernel at once."""


@dataclass(frozen=True, eq=False)
class Adapted:
    """Attributes:

    reservoir: the new one; its id differs, so statistics of the old one do not mix with its own.
    table: per layer and epoch, see the rule.
    radius_before: spectral radius of the neurons' step at rest in the old reservoir, and
    radius_after: in the new one; the largest of the layers', a linear memory apart, which plasticity leaves alone.
    warnings: what went wrong, one sentence each.
    """

    reservoir: AnyReservoir
    table: Table
    radius_before: float
    radius_after: float
    warnings: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[Reservoir, ...]:
        """The layers of the new reservoir."""
        return tuple(plastic_layers(self.reservoir))

    def radius_warnings(self) -> list[str]:
        """Return a sentence where the new reservoir forgets no more, and the old one did."""
        if self.radius_after < 1 or self.radius_before >= 1:
            return []
        return [
            f"the effective radius went from {self.radius_before:.4g} to {self.radius_after:.4g}: near rest the "
            "state no longer forgets its past"
        ]


def neurons_radius(layers: Sequence[Reservoir]) -> float:
    """Return the largest spectral radius of the layers' neurons at rest."""
    return max(float(np.abs(layer.jacobian_eigenvalues()).max()) for layer in layers)


def joined(layers: list[Reservoir]) -> AnyReservoir:
    """Return one layer as it is, and several as a stack."""
    return layers[0] if len(layers) == 1 else Stack(tuple(layers))


def plastic_layers(reservoir: AnyReservoir) -> list[Reservoir]:
    """Return the layers, all of neurons whose weights are stored.

    Raises:
        InputError: E116, for a diagonal layer, or weights that a device draws.
    """
    found: list[Reservoir] = []
    for layer in reservoir.layers:
        if not isinstance(layer, Reservoir) or layer.start is not None:
            drawn = "its weights are drawn on the device, and adapted ones would have to be stored"
            raise InputError(
                "E116",
                f"plasticity of a {layer.cell} reservoir",
                cause=drawn
                if isinstance(layer, Reservoir)
                else "it is linear: its neurons have no activation",
                hint="use the cell esn or ring",
            )
        found.append(layer)
    return found


def check_input(reservoir: AnyReservoir, sequences: Sequences, washout: int) -> None:
    """Refuse other channels than the reservoir's (E108) and sequences not longer than the washout (E115)."""
    if sequences.channels != reservoir.channels:
        raise InputError(
            "E108",
            f"X has {sequences.channels} channels, the reservoir was built for {reservoir.channels}",
            cause="the input weights have one column per channel",
            hint="give the channels that the reservoir sees",
        )
    check_washout(sequences.lengths, washout)


def check_finite(array: Float[np.ndarray, "..."], epoch: int, rate: float) -> None:
    """Refuse weights that have left the numbers (E116)."""
    if not np.isfinite(array).all():
        raise InputError(
            "E116",
            f"learning_rate = {rate:g}: the weights became infinite in epoch {epoch}",
            cause="each change made the next one larger",
            hint="use a smaller learning rate or fewer epochs",
        )


def groups(sequences: Sequences, size: int) -> Iterator[Int[np.ndarray, " item"]]:
    """Yield the items `size` at a time in the order given, within such a group the longest first."""
    for first in range(0, len(sequences), size):
        items = np.arange(first, min(first + size, len(sequences)))
        yield items[np.argsort(-sequences.lengths[items], kind="stable")]


def stretches(
    sequences: Sequences, items: Int[np.ndarray, " item"], washout: int
) -> Iterator[tuple[int, Float[np.ndarray, "step live channel"]]]:
    """Yield blocks of steps, the first's number and the inputs; none reaches over the end of the washout."""
    lengths, starts = sequences.lengths[items], sequences.offsets[items]
    first = 0
    for end in sorted({*lengths.tolist(), washout} - {0}):
        live = int(np.searchsorted(-lengths, -end, side="right"))
        at_once = max(1, AT_ONCE // live)
        while first < end:
            last = min(first + at_once, end)
            rows = starts[:live] + np.arange(first, last)[:, None]
            yield first, sequences.values[rows].astype(np.float64)
            first = last
