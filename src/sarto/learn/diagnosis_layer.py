"""The figures that a diagnosis is made of: of one layer, and of all that was observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex

from sarto.learn.memory import MemoryCapacity
from sarto.models.diagnosis.activity import Activity
from sarto.models.diagnosis.echo_state import EchoState
from sarto.models.diagnosis.tangent import Growth
from sarto.models.reservoir._cell import Activation


@dataclass(frozen=True, eq=False)
class LayerDiagnosis:
    """One layer.

    Attributes:
        units: neurons.
        activation: phi.
        eigenvalues: of a step at rest, of the neurons and then of the linear memory.
        radius: the largest size of them.
        contraction: factor by which no step lets two states drift apart; below 1 they meet under any input.
        step: beta.
        step_bound: the largest beta at which a step at rest does not amplify, of an Euler cell.
        slowest: the longest time scale at rest, in steps.
        rank: effective rank of the states.
        activity: what the neurons did.
    """

    units: int
    activation: Activation
    eigenvalues: Complex[np.ndarray, " mode"]
    radius: float
    contraction: float
    step: float
    step_bound: float | None
    slowest: float
    rank: float
    activity: Activity


@dataclass(frozen=True, eq=False)
class Observed:
    """All that was observed.

    Attributes:
        cell: of the reservoir.
        layers: of each layer.
        echo: the echo-state gap.
        growth: of small changes of the first state, along the longest sequence.
        exponent: the largest Lyapunov exponent along the data.
        memory: linear memory capacity, if it was measured.
        washout: that the model uses.
        length: steps of the middle sequence of all data.
        tolerance: relative gap that counts as none.
        varies: whether any channel does, in what was looked at.
    """

    cell: str
    layers: tuple[LayerDiagnosis, ...]
    echo: EchoState
    growth: Growth
    exponent: float
    memory: MemoryCapacity | None
    washout: int
    length: int
    tolerance: float
    varies: bool
