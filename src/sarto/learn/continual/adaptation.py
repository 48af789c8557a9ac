"""A reservoir that goes on adapting while experiences arrive: intrinsic plasticity, continually (FedCLIP).

    naive    R_t: the rule runs from R_(t-1) on the items of experience t
    replay   R_t: the rule runs from R_(t-1) on those and on a buffer of items of before
    joint    R_t: the rule runs from R_0 on all items so far

Items may lie on several clients: each runs the rule on its own from the server's reservoir, and gains and shifts are
averaged (`sarto.learn.plasticity.averaged`), `rounds` times for each experience. A buffer is the client's own, an equal
part of `size`. A single client is no federation.

Each reservoir has another id: statistics of the states of one are none of the next, and are refused there. A readout is
made anew from what is at hand, or the reservoir is held after the first experience and statistics go on adding up.

Source: De Caro, Gallicchio and Bacciu, "Continual adaptation of federated reservoirs in pervasive environments",
Neurocomputing 556 (2023) (FedCLIP), and the strategies in the code of federated-esn.

>>> from sarto.learn.continual.streams import by_domain
>>> from sarto.models.reservoir import esn
>>> from sarto.models.sequences import read_sequences
>>> cell = esn.build(5, 1, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.1)
>>> x = read_sequences([np.random.default_rng(i).normal(size=(20, 1)) for i in range(4)])
>>> stream, rule = by_domain(np.array([0, 0, 1, 1])), IntrinsicPlasticity(epochs=1)
>>> found = list(adaptations(rule, cell, x, stream, "naive"))
>>> first, second = (step.reservoir for step in found)
>>> second.reservoir_id == rule.adapt(first, x.select(stream[1].items)).reservoir.reservoir_id, found[1].items.tolist()
(True, [2, 3])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from sarto.learn.continual.rehearsal import Rehearsal
from sarto.learn.continual.streams import Experience
from sarto.learn.plasticity.averaged import averaged
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.models.input_error import InputError
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences


@dataclass(frozen=True, eq=False)
class Step:
    """What an experience leaves.

    Attributes:
        reservoir: adapted.
        items: to which it has adapted, and from which a readout may be learned.
    """

    reservoir: AnyReservoir
    items: Int[np.ndarray, " item"]


def adaptations(
    rule: IntrinsicPlasticity,
    reservoir: AnyReservoir,
    sequences: Sequences,
    experiences: Sequence[Experience],
    strategy: str,
    *,
    size: int = 0,
    seed: int = 0,
    clients: Int[np.ndarray, " item"] | None = None,
    rounds: int = 1,
    washout: int = 0,
) -> Iterator[Step]:
    """Yield what each experience leaves.

    Args:
        rule: intrinsic plasticity.
        reservoir: R_0.
        sequences: inputs of all experiences, as the reservoir sees them.
        experiences: which items arrive together.
        strategy: naive, replay or joint.
        size: items in the buffers of all clients together.
        seed: of what the buffers keep.
        clients: number of the client of each item; None is one for all.
        rounds: of averaging for each experience.
        washout: first steps of each sequence, that teach nothing.

    Raises:
        InputError: E168 for a strategy or size that cannot be used; E104 for an experience of no item; as
            `IntrinsicPlasticity.adapt`.
    """
    owner = np.zeros(len(sequences), np.int64) if clients is None else clients
    names = np.unique(owner).tolist()
    if rounds < 1:
        raise InputError("E168", f"{rounds} rounds", cause="there is 1 at least", hint="use 1 or more")
    memories = {
        name: Rehearsal(strategy, -(-size // len(names)), seed + number) for number, name in enumerate(names)
    }
    server = reservoir
    for experience in experiences:
        own = [(memories[k], experience.items[owner[experience.items] == k]) for k in names]
        taken = [memory.take(items) if len(items) else memory.kept for memory, items in own]
        present = [items for items in taken if len(items)]
        if not present:
            raise InputError("E104", "an experience of 0 items", cause="nothing arrives", hint="leave it out")
        server = reservoir if strategy == "joint" else server
        server = federated_adaptation(rule, server, sequences, present, rounds=rounds, washout=washout)
        yield Step(server, np.concatenate(present))


def federated_adaptation(
    rule: IntrinsicPlasticity,
    reservoir: AnyReservoir,
    sequences: Sequences,
    clients: Sequence[Int[np.ndarray, " item"]],
    *,
    rounds: int = 1,
    washout: int = 0,
) -> AnyReservoir:
    """Return the reservoir after `rounds` in which every client adapts it and their average is taken (FedIP).

    Args:
        rule: intrinsic plasticity.
        reservoir: of the server.
        sequences: inputs, as the reservoir sees them.
        clients: items of each; n_k is their number of steps after the washout.
        rounds: of averaging.
        washout: first steps of each sequence, that teach nothing.
    """
    given = [sequences.select(items) for items in clients]
    samples = [int((part.lengths - washout).sum()) for part in given]
    for _ in range(rounds):
        adapted = [rule.adapted(reservoir, part, washout) for part in given]
        reservoir = adapted[0] if len(adapted) == 1 else averaged(reservoir, adapted, samples)
    return reservoir
