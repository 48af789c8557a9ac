"""The clients and rivals of `privacy_price`, and its hostile uploads: each way is refused, and a sound one is not."""

from __future__ import annotations

import numpy as np

from benchmarks import _hostile_uploads as hostile
from benchmarks._released import Split, adaptive, dirichlet, unit, with_constant, with_noise, without_noise


def split(count: int = 4000) -> Split:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, count)
    x = unit(np.eye(4)[y] + 0.2 * rng.normal(size=(count, 4)))
    half = count // 2
    return Split(x[:half], y[:half], y[:half] * 2 + np.arange(half) % 2, x[half:], y[half:])


def test_a_small_alpha_gives_clients_of_few_classes() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 2000)
    clients = {alpha: dirichlet(y, 50, alpha, rng) for alpha in (0.05, 100.0)}
    classes = {
        alpha: float(np.mean([len(np.unique(y[c == i])) for i in range(50) if (c == i).any()]))
        for alpha, c in clients.items()
    }
    assert classes[0.05] < 4 < 9 < classes[100.0]


def test_accuracies_are_those_of_an_easy_problem_where_noise_is_small() -> None:
    data = split()
    assert without_noise(data) > 0.98
    for found in (
        with_noise(data, 10.0, False, 0),
        with_constant(data, 10.0, False, 0),
        adaptive(data, 10.0, 0),
    ):
        assert found > 0.95
    assert with_noise(data, 1.0, False, 0) > 0.9
    assert with_noise(data, 0.01, True, 0) < 0.9


def test_every_way_is_refused_and_the_journal_is_as_it_was() -> None:
    told = hostile.tried(len(hostile.WAYS), 1)
    assert (told["faults"], told["spoilt"], told["sound"]) == ({}, 0, True)
    assert sum(told["refused"].values()) == len(hostile.WAYS)


def test_what_is_taken_is_a_fault_and_spoils_the_sum() -> None:
    found = hostile.tried(2, 0, {"sound": lambda f: (f"n{f.random.integers(99)}", 0, f.sound().payload)})
    assert found["faults"] == {"sound: new": 2}
    assert found["spoilt"] == 2
    assert not found["sound"]
