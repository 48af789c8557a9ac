"""Intrinsic plasticity over experiences, one client's and several clients'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.learn.continual.adaptation import adaptations, federated_adaptation
from sarto.learn.continual.rehearsal import Rehearsal
from sarto.learn.continual.streams import by_domain
from sarto.learn.plasticity.averaged import averaged
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.models.input_error import InputError
from sarto.models.reservoir import esn
from sarto.models.sequences import read_sequences

RANDOM = np.random.default_rng(0)
CELL = esn.build(6, 2, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.1)
X = read_sequences([RANDOM.normal(size=(n, 2)) + n / 10 for n in (15, 20, 9, 30, 12, 8)])
DOMAIN = np.array([0, 0, 1, 1, 2, 2])
STREAM = by_domain(DOMAIN)
RULE = IntrinsicPlasticity(sigma=0.3, learning_rate=0.01, epochs=1)
CLIENTS = np.array([0, 1, 0, 1, 0, 1])


def adapted(reservoir: Any, items: Any) -> Any:
    return RULE.adapt(reservoir, X.select(np.array(items))).reservoir


def ids(strategy: Any, **more: Any) -> list[str]:
    return [step.reservoir.reservoir_id for step in adaptations(RULE, CELL, X, STREAM, strategy, **more)]


def test_naive_goes_on_from_the_last_reservoir_and_joint_starts_anew() -> None:
    chain, expected = CELL, list[str]()
    for items in ([0, 1], [2, 3], [4, 5]):
        chain = adapted(chain, items)
        expected.append(chain.reservoir_id)
    assert ids("naive") == expected
    assert ids("joint") == [adapted(CELL, range(n)).reservoir_id for n in (2, 4, 6)]


def test_replay_adapts_to_the_buffer_too() -> None:
    buffer, chain, expected = Rehearsal("replay", 2, seed=5), CELL, list[str]()
    for experience in STREAM:
        chain = adapted(chain, buffer.take(experience.items))
        expected.append(chain.reservoir_id)
    assert ids("replay", size=2, seed=5) == expected
    taken = [step.items for step in adaptations(RULE, CELL, X, STREAM, "replay", size=2, seed=5)]
    assert [len(items) for items in taken] == [2, 4, 4]
    assert taken[2][2:].tolist() == [4, 5]


def test_clients_adapt_on_their_own_and_their_average_goes_on_by_steps_seen() -> None:
    chain, expected = CELL, list[str]()
    for items, n in (((0, 1), (15, 20)), ((2, 3), (9, 30)), ((4, 5), (12, 8))):
        for _ in range(2):
            chain = averaged(chain, [adapted(chain, [item]) for item in items], n)
        expected.append(chain.reservoir_id)
    assert ids("naive", clients=CLIENTS, rounds=2) == expected


def test_a_client_to_whom_nothing_comes_is_left_out() -> None:
    alone = np.array([0, 0, 1, 1, 0, 0])
    assert ids("naive", clients=alone) == ids("naive")


def test_clients_with_the_same_data_are_one() -> None:
    items = np.array([0, 1])
    one = federated_adaptation(RULE, CELL, X, [items])
    three: Any = federated_adaptation(RULE, CELL, X, [items] * 3)
    np.testing.assert_allclose(three.recurrent, adapted(CELL, items).recurrent, rtol=1e-12)
    assert one.reservoir_id == adapted(CELL, items).reservoir_id


def test_what_cannot_be_run_is_refused() -> None:
    for more, code in (({"rounds": 0}, "E168"), ({"strategy": "replay"}, "E168")):
        with pytest.raises(InputError) as caught:
            ids(**({"strategy": "naive"} | more))
        assert caught.value.code == code
