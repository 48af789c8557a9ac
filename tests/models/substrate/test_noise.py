# pyright: reportUnknownMemberType=false
"""Streams of noise: standard normal, of their own for each sequence, and the same however they are run."""

import numpy as np
from scipy import stats

from sarto.models.sequences import read_sequences
from sarto.models.substrate.noise import BLOCK_STEPS, NoiseStreams, sequence_keys


def test_the_draws_are_standard_normal_and_independent() -> None:
    keys = np.arange(50, dtype=np.uint64)
    noise = NoiseStreams(3, "read", keys, 20)
    drawn = np.stack([noise.normal(step, 50).copy() for step in range(40)], axis=1)
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 0.01
    flat = drawn.reshape(50, -1)
    assert np.abs(np.corrcoef(flat)[~np.eye(50, dtype=bool)]).max() < 0.2  # 5 deviations of 800 draws
    steps = drawn.transpose(1, 0, 2).reshape(40, -1)
    assert np.abs(np.corrcoef(steps)[~np.eye(40, dtype=bool)]).max() < 0.16


def test_a_sequence_has_its_noise_whatever_runs_beside_it() -> None:
    keys = np.array([5, 11, 2**63 + 9], np.uint64)
    together, alone = NoiseStreams(0, "read", keys, 4), NoiseStreams(0, "read", keys[2:], 4)
    for step in (0, 1, BLOCK_STEPS, 3 * BLOCK_STEPS + 2):
        assert (together.normal(step, 3)[2] == alone.normal(step, 1)[0]).all()


def test_the_steps_can_be_entered_anywhere_and_returned_to() -> None:
    keys = np.array([5], np.uint64)
    first = NoiseStreams(0, "read", keys, 4)
    want = [first.normal(step, 1).copy() for step in range(3 * BLOCK_STEPS)]
    late = NoiseStreams(0, "read", keys, 4)
    for step in (2 * BLOCK_STEPS + 5, 1, 2 * BLOCK_STEPS + 5):
        assert (late.normal(step, 1) == want[step]).all()


def test_seeds_and_purposes_differ() -> None:
    keys = np.array([5], np.uint64)
    draws = [NoiseStreams(s, p, keys, 4).normal(0, 1)[0, 0] for s, p in ((0, "a"), (1, "a"), (0, "b"))]
    assert len(set(draws)) == 3


def test_keys_follow_the_values_and_tell_copies_apart() -> None:
    one, two = np.ones((3, 2)), np.zeros((4, 2))
    keys = sequence_keys(read_sequences([one, two, one]))
    assert len(set(keys.tolist())) == 3
    assert sequence_keys(read_sequences([two, one])).tolist() == [keys[1], keys[0]]
    assert sequence_keys(read_sequences([one.astype(np.float32)])).tolist() == [keys[0]]
