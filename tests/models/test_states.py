from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.pooling import Pooling
from sarto.models.reservoir import esn, ring
from sarto.models.reservoir._cell import Reservoir
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import (
    BLOCK_ITEMS,
    CHUNK_ROWS,
    blocks,
    check_washout,
    map_blocks,
    pooled_features,
    state_chunks,
    states,
)
from tests.learn.oracles import threadpool_info, threadpool_limits

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.5, "radius": 0.9, "input_scaling": 1.0, "bias_scaling": 0.2}


def cells() -> list[Reservoir]:
    return [esn.build(13, 2, **USUAL), ring.build(13, 2, **USUAL)]


def many(items: int = 3 * BLOCK_ITEMS + 5, longest: int = 30) -> Sequences:
    rng = np.random.default_rng(2)
    return read_sequences([rng.normal(size=(n, 2)) for n in rng.integers(1, longest + 1, items)])


def test_one_step_by_hand() -> None:
    """Two neurons, one channel: h = beta tanh(W_x x + b), then alpha h + beta tanh(W h + W_x x + b)."""
    W, W_x, b = np.array([[0.0, 0.5], [-0.25, 0.0]]), np.array([[1.0], [2.0]]), np.array([0.1, -0.1])
    cell = Reservoir("esn", W, W_x, b, alpha=0.75, beta=0.5)
    got = states(cell, read_sequences([np.array([[1.0], [-1.0]])]), dtype="float64")
    first = 0.5 * np.tanh([1.1, 1.9])
    second = 0.75 * first + 0.5 * np.tanh([0.5 * first[1] - 1 + 0.1, -0.25 * first[0] - 2 - 0.1])
    np.testing.assert_allclose(got, [first, second], rtol=1e-14)


def test_each_weight_of_a_ring_meets_its_own_neuron() -> None:
    """The room's cells have one weight for all; a ring may have one each: r_i times the left neighbour."""
    rng = np.random.default_rng(0)
    r, W_x, b = rng.normal(size=5), rng.normal(size=(5, 2)), rng.normal(size=5)
    cell, x = Reservoir("ring", r, W_x, b, alpha=0.3, beta=0.6), rng.normal(size=(4, 2))
    h, wanted = np.zeros(5), np.empty((4, 5))
    for step in range(4):
        left = np.array([h[4], h[0], h[1], h[2], h[3]])
        h = 0.3 * h + 0.6 * np.tanh(r * left + W_x @ x[step] + b)
        wanted[step] = h
    np.testing.assert_allclose(states(cell, read_sequences(x[None]), dtype="float64"), wanted, rtol=1e-13)


def test_blocks_run_with_one_blas_thread_each_and_give_the_others_back() -> None:
    def threads(_: object = None) -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        assert map_blocks(threads, [np.zeros(1, int)] * 2, 2) == [{1}, {1}]
        assert threads() == before


@pytest.mark.parametrize("cell", cells())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_do_not_depend_on_threads_and_nothing_is_carried_over(cell: Reservoir, dtype: Any) -> None:
    x, pooling = many(), Pooling("mean_square", 2, 9)
    one = pooled_features(cell, x, pooling, dtype=dtype, n_jobs=1)
    for n_jobs in (1, 2, 3, -1):
        np.testing.assert_array_equal(pooled_features(cell, x, pooling, dtype=dtype, n_jobs=n_jobs), one)
        np.testing.assert_array_equal(
            states(cell, x, dtype=dtype, n_jobs=n_jobs), states(cell, x, dtype=dtype, n_jobs=1)
        )


@pytest.mark.parametrize("cell", cells())
def test_features_follow_their_sequence_through_the_sorting(cell: Reservoir) -> None:
    x = many()
    order = np.random.default_rng(0).permutation(len(x))
    shuffled = read_sequences([x.values[x.offsets[i] : x.offsets[i + 1]] for i in order])
    straight = pooled_features(cell, x, Pooling("last"), dtype="float64")
    np.testing.assert_allclose(
        pooled_features(cell, shuffled, Pooling("last"), dtype="float64"), straight[order], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("cell", cells())
def test_last_is_the_last_state_and_states_lie_in_the_order_of_their_rows(cell: Reservoir) -> None:
    x = many(20)
    np.testing.assert_array_equal(
        states(cell, x)[x.offsets[1:] - 1], pooled_features(cell, x, Pooling("last"))
    )


@pytest.mark.parametrize("kind", ["last", "mean"])
def test_the_washout_moves_the_state_and_is_not_pooled(kind: Any) -> None:
    cell = cells()[0]
    x = read_sequences([np.random.default_rng(3).normal(size=(n, 2)) for n in (9, 4)])
    rows = states(cell, x, dtype="float64")
    got = pooled_features(cell, x, Pooling(kind, 2, 3), dtype="float64", washout=3)
    first, second = rows[3:9], rows[12:13]
    wanted = {
        "last": [[first[2], first[5]], [second[0], 0 * first[0]]],
        "mean": [[first[:3].mean(axis=0), first[3:].mean(axis=0)], [second[0], 0 * first[0]]],
    }[kind]
    np.testing.assert_allclose(got, np.reshape(wanted, (2, -1)), atol=1e-13)


def test_chunks_bring_each_row_once_in_bounded_pieces() -> None:
    cell = cells()[1]
    x = read_sequences([np.random.default_rng(4).normal(size=(n, 2)) for n in (CHUNK_ROWS, 3000, 5)])
    (items,) = blocks(x)
    seen = np.zeros(len(x.values), int)
    rows_of_all = states(cell, x, dtype="float64")
    sizes: list[int] = []
    for rows, chunk in state_chunks(cell, x, items, dtype="float64", washout=4):
        seen[rows] += 1
        sizes.append(len(rows))
        np.testing.assert_array_equal(chunk, rows_of_all[rows])
    assert max(sizes) <= CHUNK_ROWS
    assert len(sizes) == 2
    wanted = np.ones(len(seen), int)
    for start in x.offsets[:-1]:
        wanted[start : start + 4] = 0
    np.testing.assert_array_equal(seen, wanted)


def test_blocks_are_longest_first_of_a_fixed_size_and_keep_ties_in_order() -> None:
    x = many()
    parts = blocks(x)
    assert [len(p) for p in parts] == [BLOCK_ITEMS] * 3 + [5]
    order = np.concatenate(parts)
    assert sorted(order.tolist()) == list(range(len(x)))
    assert (np.diff(x.lengths[order]) <= 0).all()
    ties = read_sequences(np.zeros((10, 2, 1)))
    assert blocks(ties)[0].tolist() == list(range(10))


def test_results_of_blocks_come_in_their_order() -> None:
    parts = [np.array([i]) for i in range(20)]
    assert map_blocks(lambda part: int(part[0]), parts, 4) == list(range(20))


@pytest.mark.parametrize("n_jobs", [0, -2])
def test_a_number_of_threads_that_means_nothing_is_refused(n_jobs: int) -> None:
    with pytest.raises(InputError, match=f"n_jobs = {n_jobs}") as caught:
        pooled_features(cells()[0], many(3), Pooling("last"), n_jobs=n_jobs)
    assert caught.value.code == "E116"


def test_a_sequence_no_longer_than_the_washout_is_refused_not_dropped() -> None:
    check_washout(np.array([6, 7]), 5)
    for lengths in ([6, 5], [9, 4, 3]):
        with pytest.raises(InputError, match=r"sequence 1 has . steps, the washout is 5") as caught:
            check_washout(np.array(lengths), 5)
        assert caught.value.code == "E115"
        assert f"at most {min(lengths) - 1}" in caught.value.hint
    with pytest.raises(InputError, match="washout = -1") as caught:
        check_washout(np.array([6]), -1)
    assert caught.value.code == "E116"


@pytest.mark.usefixtures("unchecked_types")
def test_other_channels_and_precisions_are_refused() -> None:
    with pytest.raises(InputError, match="3 channels, the reservoir was built for 2") as caught:
        states(cells()[0], read_sequences(np.zeros((1, 4, 3))))
    assert caught.value.code == "E108"
    with pytest.raises(InputError, match="dtype = 'float16'"):
        states(cells()[0], many(2), dtype="float16")  # pyright: ignore[reportArgumentType]
