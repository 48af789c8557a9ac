"""What a federation will put on the air, before anything runs: bytes and rounds of each method, and the break-even.

Messages have sizes that do not depend on what is in them; so, where every client answers once, these are the bytes that
a simulation counts. A client that sends statistics once sends as much as in

    break-even = bytes of all its exact phases / bytes of a participation in FedAvg of the same head

participations in FedAvg, both ways. Beyond so many, statistics are cheaper; how many FedAvg needs nobody knows
beforehand. With d features and C classes and dense statistics it is (d + 1) / (4 C) + 1 / 2.

>>> from sarto.learn.federation.file import parsed
>>> from sarto.learn.federation.setting import set_up
>>> found = parsed({"data": {"source": "BasicMotions"}, "split": {"clients": 8}, "method": [{"name": "fed_readout"}],
...                 "model": {"kind": "reservoir", "units": 50}}, "demo")
>>> [planned] = plan(found, set_up(found))
>>> planned.rounds, planned.up > 0, planned.break_even < 2
(2, True, True)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sarto.learn.federated._contract import Inputs, Method, Phase
from sarto.learn.federated._gradient import WEIGHT_B, Averaging
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federated._scaling import Scaling
from sarto.learn.federation.features import Front
from sarto.learn.federation.file import Federation, Stage
from sarto.learn.federation.setting import Setting


@dataclass(frozen=True)
class Planned:
    """What a chain of stages will take.

    Attributes:
        name: of the chain.
        rounds: at least so many.
        up: bytes of all clients.
        down: bytes to all clients.
        most_up: bytes that a client sends at most, in all.
        break_even: participations of a client in FedAvg of the head that weigh as much; None for methods of gradients.
    """

    name: str
    rounds: int
    up: int
    down: int
    most_up: int
    break_even: float | None


def plan(federation: Federation, setting: Setting) -> list[Planned]:
    """Return what each chain will take; the budget of bytes is not looked at.

    Raises:
        SartoError: as for settings of methods and models.
    """
    return [_planned(federation, setting, chain) for chain in federation.chains]


def _planned(federation: Federation, setting: Setting, chain: tuple[Stage, ...]) -> Planned:
    sizes = setting.population.sizes
    holders = sizes[sizes > 0]
    begun = setting.start()
    model, stages = begun, list[tuple[Method, int]]()
    if isinstance(begun, Front | ReservoirModel):
        if begun.needs_scaling:
            stages.append((Scaling(), 1))
            # No size depends on the scaling itself.
            model = begun.scaled(Inputs.standard(begun.inputs, 2**10))
        model = model.model() if isinstance(model, Front) else model
    stages += [(stage.method(), stage.rounds) for stage in chain]
    rounds = up = down = most = 0
    exact = 0.0
    for method, given in stages:
        known = begun if isinstance(method, Scaling) else model
        for phase in method.plan():
            count, each_up, each_down, visits = _phase(federation, method, phase, known, holders, given)
            rounds += count
            up += round(each_up.sum() * visits)
            down += round(each_down.sum() * visits)
            most += round(float(each_up.max(initial=0)) * visits)
            if not isinstance(method, Averaging):
                exact += float((each_up + each_down).mean()) * visits
    # The scaling alone is nothing that a head could be solved from.
    told = any(not isinstance(method, Averaging | Scaling) for method, _ in stages)
    head = 2 * WEIGHT_B * int(np.count_nonzero(model.mask("head")))
    return Planned(federation.name_of(chain), rounds, up, down, most, exact / head if told else None)


def _phase(
    federation: Federation, method: Method, phase: Phase, model: Any, holders: Any, given: int
) -> tuple[int, Any, Any, float]:
    """Return rounds, bytes both ways of each client's participation, and how often a client takes part in the mean."""

    @cache
    def weighed(rows: int) -> tuple[int, int]:
        return method.weighs(model, phase, rows)

    told = np.array([weighed(int(rows)) for rows in holders], np.float64).reshape(-1, 2)
    per_round = min(federation.participation.per_round or len(holders), len(holders))
    if phase.who == "each":
        return -(-len(holders) // per_round), told[:, 0], told[:, 1], 1.0
    rounds = given if phase.rounds is None else phase.rounds
    share = 1.0 if phase.who == "all" else per_round / len(holders)
    share *= 1 - federation.participation.offline
    return rounds, told[:, 0], told[:, 1], rounds * share
