"""Each operation of the integer network against its formula on Python integers."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sarto.core.graph.generated import generated
from sarto.core.graph.layer import recurrent
from sarto.core.graph.operations import (
    FEATURE_LIMIT,
    POOLED_STEPS,
    SCORE_LIMIT,
    features,
    multiplier,
    pool,
    reciprocal,
    requantise,
    scaled,
    standardise,
    tanh_lookup,
)
from tests.core.graph.graphs import slow_step, small_graph, table

INT32 = st.integers(-(2**31), 2**31 - 1)


@given(st.lists(INT32, min_size=1, max_size=5), st.integers(1, 2**15), st.integers(1, 62))
@example([-1, 1, -3, 3, 5, -5], 1, 1)
def test_requantise_is_the_formula(acc: list[int], m: int, s: int) -> None:
    wanted = [(a * m + 2 ** (s - 1)) // 2**s for a in acc]
    assert requantise(np.array(acc, np.int64), m, s).tolist() == wanted


def test_requantise_rounds_half_up_and_takes_one_multiplier_or_shift_per_entry() -> None:
    halves = np.array([-3, -1, 1, 3])
    assert requantise(halves, 1, 1).tolist() == [-1, 0, 1, 2]
    assert requantise(halves, np.array([2, 4, 6, 8]), np.array([1, 2, 1, 3])).tolist() == [-3, -1, 3, 3]
    assert requantise(np.array([2**31 - 1], np.int32), 2**15, 1).tolist() == [(2**31 - 1) * 2**14]


@given(st.floats(2.0**-46, 2.0**13), st.sampled_from([15, 24]))
def test_multiplier_is_near_and_small(factor: float, bits: int) -> None:
    m, s = multiplier(factor, bits) if factor * 2**bits < 2.0**62 else (1, 1)
    if (m, s) == (1, 1):
        return
    assert 0 < m < 2**bits
    assert 1 <= s <= 62
    if math.frexp(factor)[1] > bits - 62:
        assert abs(m / 2**s - factor) <= factor * 2.0**-bits


@pytest.mark.parametrize(
    ("factor", "wanted"),
    [
        (1.0, (2**14, 14)),
        (0.5, (2**14, 15)),
        (0.3, (19661, 16)),
        (0.99999999, (2**14, 14)),
        (3.0, (24576, 13)),
    ],
)
def test_multiplier_known(factor: float, wanted: tuple[int, int]) -> None:
    assert multiplier(factor) == wanted


def test_multiplier_of_a_tiny_factor_loses_digits_and_then_refuses() -> None:
    m, s = multiplier(2.0**-55)
    assert (m / 2**s, s) == (2.0**-55, 62)
    assert multiplier(2.0**-62) == (1, 62)


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan, 2.0**15, 2.0**-70])
def test_multiplier_refuses(factor: float) -> None:
    with pytest.raises(ValueError, match=r"positive and finite|cannot be written"):
        multiplier(factor)


@given(st.integers(1, POOLED_STEPS))
def test_reciprocal_is_the_nearest(count: int) -> None:
    assert abs(reciprocal(count) * count - 2**30) * 2 <= count
    assert reciprocal(count) < 2**31


def test_standardise_subtracts_scales_and_clamps() -> None:
    raw = np.array([[10, -32768], [-7, 32767]], np.int16)
    zero, factor = np.array([4, 0], np.int32), np.array([3, 2**23], np.int32)
    assert standardise(raw, zero, factor, 2).tolist() == [[5, -32767], [-8, 32767]]
    wide = np.array([[2**31 - 1, -(2**31)]], np.int32)
    far = np.array([-(2**31), 2**31 - 1], np.int32)
    assert standardise(wide, far, np.array([1, 1], np.int32), 20).tolist() == [[4096, -4096]]


@pytest.mark.parametrize(
    ("bits", "intervals", "error"), [(16, 128, 1.5e-4), (16, 8, 0.03), (8, 256, 0.012), (8, 16, 0.13)]
)
def test_tanh_is_odd_monotone_and_near(bits: int, intervals: int, error: float) -> None:
    z = np.arange(-40000, 40001)
    value = tanh_lookup(z, table(bits, intervals))
    limit = 32767 if bits == 16 else 127
    assert (value == -value[::-1])[z != 0].all()
    assert (np.diff(value[z >= 1]) >= 0).all()
    assert np.abs(value).max() <= limit
    clipped = np.clip(z, -32767, 32767)
    assert np.abs(value / limit - np.tanh(clipped / 8192)).max() < error


def test_tanh_at_the_knots_and_between() -> None:
    knots = np.array([0, 100, 150, 160, 161], np.int16)
    at = np.array([0, 8192, 4096, 12288, 24576, 32767, 99999, -4096, 1, 82])
    assert tanh_lookup(at, knots).tolist() == [0, 100, 50, 125, 160, 161, 161, -50, 0, 1]
    centres = np.array([1, 5, 9, 11], np.int8)
    assert tanh_lookup(np.array([0, 8191, 8192, -8192, -1, 32767]), centres).tolist() == [1, 1, 5, -5, -1, 11]


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize("steep", [False, True])
@pytest.mark.parametrize("per_row", [True, False])
def test_recurrent_is_the_equation(ring: bool, bits: int, steep: bool, per_row: bool) -> None:
    for seed in range(4):
        graph = small_graph(
            seed, ring=ring, bits=bits, steep=steep, per_row=per_row, shared_ring=ring and not per_row
        )
        rng = np.random.default_rng(seed)
        limit = graph.step[1].attributes["limit"]
        h = rng.integers(-limit, limit + 1, (5, 4))
        h[0], h[1] = limit, -limit
        raw = rng.integers(-2000, 2000, (5, 2)).astype(np.int16)
        scale, cell = graph.step[0], graph.step[1]
        x = standardise(raw, graph.const("zero"), graph.const("factor_in"), scale.attributes["shift"])
        consts = {r: graph.const(r) for r in ("weights", "inputs", "bias", "factor", "table")}
        got = recurrent(h, x, consts, dict(cell.attributes))
        assert got.tolist() == [
            slow_step(graph, *pair) for pair in zip(h.tolist(), raw.tolist(), strict=True)
        ]


@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize("steep", [False, True])
@pytest.mark.parametrize(("units", "channels"), [(4, 2), (7, 3), (9, 4)])
def test_recurrent_with_generated_weights_is_the_equation(
    bits: int, steep: bool, units: int, channels: int
) -> None:
    for start in (1, 2463534242, 2**32 - 1):
        graph = small_graph(1, units=units, channels=channels, bits=bits, steep=steep, start=start)
        rng, attributes = np.random.default_rng(1), dict(graph.step[1].attributes)
        h = rng.integers(-attributes["limit"], attributes["limit"] + 1, (5, units))
        raw = rng.integers(-2000, 2000, (5, channels)).astype(np.int16)
        shift = graph.step[0].attributes["shift"]
        x = standardise(raw, graph.const("zero"), graph.const("factor_in"), shift)
        consts = {r: graph.const(r) for r in ("factor", "table")}
        consts["weights"], consts["inputs"] = generated(start, units, channels)
        for up, down in ((attributes["state_up"], attributes["state_down"]), (2, 0), (0, 5), (0, 0)):
            attributes |= {"state_up": up, "state_down": down}
            op = replace(graph.step[1], attributes=attributes)
            moved = replace(graph, step=(graph.step[0], op, *graph.step[2:]))
            assert recurrent(h, x, consts, attributes).tolist() == [
                slow_step(moved, *pair) for pair in zip(h.tolist(), raw.tolist(), strict=True)
            ]


def test_pool_adds_states_and_rounded_squares() -> None:
    h = np.array([[3, -4]], np.int16)
    assert pool(np.array([[10, 20]]), h, 15).tolist() == [[13, 16]]
    assert pool(np.array([[10, 20, 5, 6]]), h, 0).tolist() == [[13, 16, 14, 22]]
    assert pool(np.array([[10, 20, 5, 6]]), h, 3).tolist() == [[13, 16, 6, 8]]
    assert pool(np.zeros((1, 2), np.int64), np.array([[-32767]], np.int16), 15).tolist() == [[-32767, 32766]]


def test_the_longest_segment_stays_within_32_bits() -> None:
    worst = pool(np.zeros((1, 2), np.int64), np.array([[32767]]), 15)
    assert worst.max() * POOLED_STEPS <= 2**31 - 1
    assert 127**2 * POOLED_STEPS <= 2**31 - 1
    assert SCORE_LIMIT + SCORE_LIMIT <= 2**31 - 1


def test_features_are_shifted_means_clamped() -> None:
    rows = scaled(np.array([[6, -6, 10**6]]), 3)
    assert rows.tolist() == [[6 * 357913941, -6 * 357913941, 10**6 * 357913941]]
    mean = rows[:, None]
    exponent = np.array([30, 31, 20], np.uint8)
    assert features(mean, exponent).tolist() == [[[2, -1, FEATURE_LIMIT]]]
    assert features(-mean, exponent).tolist() == [[[-2, 1, -FEATURE_LIMIT]]]
