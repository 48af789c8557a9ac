"""Each C kernel by itself, called through `kernels.c`, against its formula on Python integers."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sarto.core.graph.generated import words
from sarto.deploy.c.layout import laid_out
from sarto.measure.probe import compile_library
from tests.core.graph.graphs import slow_weights

KERNELS = files("sarto.deploy.c") / "kernels"
WHOLE = ("driver", "body_", "stack_", "take_", "network_", "front_end", "reject", "argmax_reject", "learn")
"""Files that know the arena or layers, and are tested as parts of whole models or by `test_front_end.py`."""
WIDTHS = pytest.mark.parametrize("narrow", [False, True], ids=["int16", "int8"])
INT32 = st.integers(-(2**31), 2**31 - 1)
INT16 = st.integers(-32767, 32767)
INPUTS, BIAS = [[1, -2], [127, -127], [0, 3]], [7, -127, 0]
ALPHA, BETA = 16384, 12288


@cache
def library(narrow: bool) -> ctypes.CDLL:
    driver = (Path(__file__).parent / "kernels.c").read_text(encoding="utf-8")
    names = [entry.name for entry in KERNELS.iterdir() if not entry.name.startswith(WHOLE)]
    sources = {name.replace(".c", ".h"): (KERNELS / name).read_text(encoding="utf-8") for name in names}
    flags = ["-O1", "-fno-sanitize=all", "-Werror", *(["-DNARROW"] if narrow else [])]
    return compile_library({**sources, "kernels.c": driver}, *flags)


def array(kind: Any, values: list[int]) -> Any:
    return (kind * len(values))(*values)


def rounded(acc: int, m: int, s: int) -> int:
    return (acc * m + 2 ** (s - 1)) // 2**s


def clamp(value: int, limit: int) -> int:
    return max(-limit, min(limit, value))


def tanh(z: int, narrow: bool) -> int:
    size = min(abs(z), 32767)
    if narrow:
        value = [1, 50, 90, 127][size // 8192]
    else:
        low, high = [(0, 20000), (20000, 32767)][size // 16384]
        value = low + ((high - low) * (size % 16384) + 8192) // 16384
    return -value if z < 0 else value


def drive(i: int, x: list[int]) -> int:
    return sum(w * v for w, v in zip(INPUTS[i], x, strict=True)) * 8 + BIAS[i] * 32


def settle(i: int, old: int, acc: int, narrow: bool) -> int:
    factor = 64 if narrow else [64, 1, 32767][i]
    target = tanh(rounded(acc, factor, 6), narrow)
    return clamp((old * ALPHA + target * BETA + 2**14) // 2**15, 127 if narrow else 32767)


def test_every_kernel_is_called_here() -> None:
    included = (Path(__file__).parent / "kernels.c").read_text(encoding="utf-8")
    names = {entry.name for entry in KERNELS.iterdir() if not entry.name.startswith(WHOLE)}
    assert {name for name in names if name.replace(".c", '.h"') not in included} == set()


@settings(max_examples=60)
@given(INT32, st.integers(1, 2**15 - 1), st.integers(15, 62))
@example(-(2**31), 32767, 15)
@example(-1, 1, 1)
@example(1, 1, 1)
@example(-3, 1, 1)
def test_requantise(acc: int, m: int, s: int) -> None:
    assert library(False).call_requantise(acc, m, s) == rounded(acc, m, s)


@pytest.mark.parametrize(("value", "wanted"), [(6, 5), (5, 5), (-5, -5), (-6, -5), (0, 0), (-(2**31), -5)])
def test_clamp(value: int, wanted: int) -> None:
    assert library(False).call_clamp(value, 5) == wanted


@WIDTHS
def test_tanh(narrow: bool) -> None:
    near = [base + d for base in (0, 8192, 16384, 24576, 32767, 32768, 10**6, 2**31 - 2) for d in (-1, 0, 1)]
    for z in [*range(0, 33000, 611), *near]:
        assert library(narrow).call_tanh(z) == tanh(z, narrow)
        assert library(narrow).call_tanh(-z) == -tanh(z, narrow) if z else True


@given(INT32)
@example(0)
@example(32767)
@example(-32768)
def test_magnitude(z: int) -> None:
    z = max(z, -(2**31) + 1)
    assert library(False).call_magnitude(z) == min(abs(z), 32767)


@pytest.mark.parametrize("driven", [0, 1, -5, 127 * 32767, -(2**24)])
def test_driving(driven: int) -> None:
    for i in range(3):
        assert library(False).call_driving(i, driven) == driven * 8 + BIAS[i] * 32


@settings(max_examples=60)
@given(st.integers(1, 13), st.integers(0, 2**32 - 1), st.booleans())
@example(64, 0, True)
@example(63, 0, False)
def test_dense_takes_four_rows_of_any_width(columns: int, seed: int, wide: bool) -> None:
    """The plain C; the same sums by SMLAD are held to these on every core by `tests.measure` and whole models."""
    rng = np.random.default_rng(seed)
    limit = 32767 if wide else 127
    weights, vector = rng.integers(-128, 128, (4, columns)), rng.integers(-limit - 1, limit + 1, columns)
    kind, call = (
        (ctypes.c_int16, library(False).call_dense_int16)
        if wide
        else (ctypes.c_int8, library(False).call_dense_int8)
    )
    acc = array(ctypes.c_int32, [7, 7, 7, 7])
    laid = laid_out(weights.astype(np.int8), swapped=wide).tolist()
    assert (
        call(array(ctypes.c_int8, [*laid, 99]), array(kind, [*vector.tolist(), 9]), columns, acc)
        == 4 * columns
    )
    assert list(acc) == (weights @ vector).tolist()


@WIDTHS
def test_settle(narrow: bool) -> None:
    limit = 127 if narrow else 32767
    for i in range(3):
        for old in (-limit, -1, 0, 1, 77, limit):
            for acc in (-70000, -5000, -1, 0, 3, 900, 66000):
                assert library(narrow).call_settle(i, old, acc) == settle(i, old, acc, narrow)


@pytest.mark.parametrize(
    "raw", [(100, 0), (117, -(2**31)), (-300, 2**31 - 1), (2**31 - 1, -(2**31) + 1), (-(2**31), -(2**31) + 2)]
)
def test_standardise(raw: tuple[int, int]) -> None:
    x = array(ctypes.c_int16, [0, 0])
    library(False).call_standardise(array(ctypes.c_int32, list(raw)), x)
    wanted = [rounded(raw[0] - 100, 3, 4), rounded(raw[1] + 2**31 - 1, 16777215, 4)]
    assert list(x) == [clamp(v, 32767) for v in wanted]


@WIDTHS
@pytest.mark.parametrize("x", [(0, 0), (1000, -999), (32767, -32767)])
def test_recurrent(narrow: bool, x: tuple[int, int]) -> None:
    kind = ctypes.c_int8 if narrow else ctypes.c_int16
    start = [127, -5, 60] if narrow else [32767, -1234, 60]
    h = array(kind, start)
    library(narrow).call_recurrent(h, array(ctypes.c_int16, list(x)))
    if narrow:
        sums = [w * start[i - 1] for i, w in enumerate([100, -100, 50])]
    else:
        rows = [[1, 2, 3], [-4, 5, 6], [7, 8, -127]]
        sums = [sum(w * v for w, v in zip(row, start, strict=True)) for row in rows]
    assert list(h) == [settle(i, start[i], sums[i] + drive(i, list(x)), narrow) for i in range(3)]


@settings(max_examples=60)
@given(st.integers(1, 2**32 - 1), st.integers(1, 5), st.integers(0, 2**32 - 1))
@example(2463534242, 1, 0)
@example(1, 2, 0)
@example(2**32 - 1, 5, 0)
def test_generated_weights_of_four_rows(start: int, fours: int, seed: int) -> None:
    columns = 4 * fours
    vector = np.random.default_rng(seed).integers(-32768, 32768, columns).tolist()
    acc = array(ctypes.c_int32, [7, 7, 7, 7])
    call = library(False).call_generated
    call.restype, call.argtypes = (
        ctypes.c_uint32,
        [ctypes.c_uint32, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p],
    )
    last = call(start, array(ctypes.c_int16, [*vector, 9]), columns, acc)
    # Of neurons that nothing drives: the words of their biases come after those of four rows.
    weights = [states for states, _ in slow_weights(start, columns, 0)[:4]]
    assert list(acc) == [sum(w * v for w, v in zip(row, vector, strict=True)) for row in weights]
    assert last == int(words(start, 4 * fours)[-1])


@WIDTHS
def test_recurrent_with_generated_weights(narrow: bool) -> None:
    """Large states, and small ones, with which a rounding that is off by one shows."""
    rng, limit = np.random.default_rng(0), 127 if narrow else 32767
    cases: list[list[int]] = [[limit, -5, 60, 0, 0], [limit, -limit, limit, 32767, -32767]]
    cases += rng.integers(-40, 41, (60, 5)).tolist()
    for first, second, third, *x in cases:
        start = [first, second, third]
        h = array(ctypes.c_int8 if narrow else ctypes.c_int16, start)
        seen = array(ctypes.c_int16, [0] * 4 + [9])
        library(narrow).call_seeded(h, array(ctypes.c_int16, x), seen)
        assert list(seen) == [*x, 77, 0, 9]
        wanted: list[int] = []
        for i, (states, inputs) in enumerate(slow_weights(2463534242, 3, 2)):
            own = sum(w * v for w, v in zip(states, start, strict=True))
            own = own * 32 if narrow else rounded(own, 1, 3)
            acc = own + sum(w * v for w, v in zip(inputs, [*x, 77], strict=True))
            wanted.append(settle(i, start[i], acc, narrow))
        assert list(h) == wanted


@WIDTHS
@pytest.mark.parametrize("total", [0, 1, -1, 2, -3, 1000, -99999, 2**31 - 1, -(2**31)])
def test_a_rotated_state_is_clamped_to_twice_a_state(narrow: bool, total: int) -> None:
    for i in range(3):
        factor = 64 if narrow else [64, 1, 32767][i]
        wanted = clamp(rounded(total, factor, 8), 254 if narrow else 65534)
        if abs(rounded(total, factor, 8)) < 2**31:
            assert library(narrow).call_turned(i, total) == wanted


@settings(max_examples=60)
@given(st.lists(INT16, min_size=5, max_size=5))
@example([32767, -32767, 5, 32767, -32767])
@example([1, 0, -1, 0, 0])
def test_a_memory_moves_on_by_one_slot(numbers: list[int]) -> None:
    *m, first, second = numbers
    kept, x = array(ctypes.c_int16, m), array(ctypes.c_int16, [first, second])
    library(False).call_remember(kept, x)
    entering = [a * first + b * second for a, b in ((127, -127), (1, 2), (0, -3))]
    wanted = [rounded(m[i - 1], 30000, 15) + rounded(entering[i], 25, 3) for i in range(3)]
    assert list(kept) == [clamp(v, 32767) for v in wanted]


@WIDTHS
def test_states_below_become_inputs_of_16_bits(narrow: bool) -> None:
    below = [127, -127] if narrow else [32767, -300]
    x = array(ctypes.c_int16, [0, 0])
    library(narrow).call_rescale(array(ctypes.c_int8 if narrow else ctypes.c_int16, below), x)
    assert list(x) == [clamp(rounded(v, 20000, 6), 32767) for v in below]


@WIDTHS
def test_pool(narrow: bool) -> None:
    h = [127, -127, 5] if narrow else [32767, -32767, 300]
    total = array(ctypes.c_int32, [10, -20, 30, 40, 50, 60])
    library(narrow).call_pool(total, array(ctypes.c_int8 if narrow else ctypes.c_int16, h))
    squares = [v * v if narrow else rounded(v * v, 1, 15) for v in h]
    assert list(total) == [
        10 + h[0],
        -20 + h[1],
        30 + h[2],
        40 + squares[0],
        50 + squares[1],
        60 + squares[2],
    ]


@pytest.mark.parametrize(
    ("value", "scale", "shift"),
    [(1000, 2**30, 30), (-7, 2**29, 30), (2**31 - 1, 2**14, 15), (-(2**31), 2**14, 15)],
)
def test_a_feature_of_a_sum(value: int, scale: int, shift: int) -> None:
    assert library(False).call_mean_feature(value, scale, shift) == clamp(rounded(value, scale, shift), 8191)


@settings(max_examples=200)
@given(st.integers(-32768, 32767), st.integers(15, 62))
@example(-32768, 15)
@example(-32768, 46)
@example(-32768, 47)
@example(32767, 30)
@example(1, 31)
@example(-1, 31)
def test_a_feature_of_a_value_is_that_of_a_sum_of_one_step(value: int, shift: int) -> None:
    assert library(False).call_value_feature(value, shift) == clamp(rounded(value, 2**30, shift), 8191)


@pytest.mark.parametrize("z", [0, 1, -1, 8191, -8191])
def test_readout(z: int) -> None:
    sums = array(ctypes.c_int32, [1, 2, 3])
    assert library(False).call_readout(z, array(ctypes.c_int8, [2, -127, 0]), sums) == 3
    assert list(sums) == [1 + 2 * z, 2 - 127 * z, 3]


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 2975, 65535])
def test_reciprocal(steps: int) -> None:
    assert library(False).call_reciprocal(steps) == (2**30 + steps // 2) // steps


@pytest.mark.parametrize(
    "sums",
    [
        (0, 0, 0),
        (8, -1, 5),
        (-9, -(2**31), 2**31 - 1),
        (2**31 - 1, 2**31 - 1, 2**31 - 1),
        (-(2**31), -(2**31), -(2**31)),
    ],
)
def test_decide(sums: tuple[int, int, int]) -> None:
    scores = array(ctypes.c_int32, [0, 0, 0])
    best = library(False).call_decide(array(ctypes.c_int32, list(sums)), scores)
    limit, bias = 2**30 - 1, [5, 2**30 - 1, -(2**30) + 1]
    wanted = [clamp(rounded(s, f, 4), limit) + b for s, f, b in zip(sums, [16, 32767, 1], bias, strict=True)]
    assert list(scores) == wanted
    assert best == wanted.index(max(wanted))


def test_decide_takes_the_first_of_equals() -> None:
    scores = array(ctypes.c_int32, [0, 0, 0])
    lowest = -(2**31)
    assert library(True).call_decide(array(ctypes.c_int32, [2**30 - 6, 0, lowest]), scores) == 0
    assert scores[0] == scores[1] > scores[2]
    assert library(True).call_decide(array(ctypes.c_int32, [2**30 - 7, 0, lowest]), scores) == 1


def test_values_are_the_scores_without_a_choice() -> None:
    for sums in ((0, 0, 0), (1000, -5, 2**31 - 1), (-(2**31), 2**31 - 1, 7)):
        chosen, plain = array(ctypes.c_int32, [0, 0, 0]), array(ctypes.c_int32, [0, 0, 0])
        library(False).call_decide(array(ctypes.c_int32, list(sums)), chosen)
        assert library(False).call_values(array(ctypes.c_int32, list(sums)), plain) == 0
        assert list(plain) == list(chosen)


@pytest.mark.parametrize("sample", [(0, 0), (7, -3), (2**31 - 1, -(2**31)), (-100_000, 100_000)])
def test_latest_is_added_within_32_bits(sample: tuple[int, int]) -> None:
    before = [2**31 - 2, -(2**31) + 2, 12]
    scores = array(ctypes.c_int32, before)
    library(False).call_latest(array(ctypes.c_int32, list(sample)), scores)
    seen = (sample[1], sample[0], sample[1])
    limit, top = 2**30 - 1, 2**31 - 1
    added = [max(-limit, min(limit, (v * m + 2) >> 2)) for v, m in zip(seen, (16384, 32767, 3), strict=True)]
    assert list(scores) == [max(-top, min(top, b + a)) for b, a in zip(before, added, strict=True)]


@pytest.mark.parametrize(
    ("vector", "leaf"),
    [
        ((0, 0, -5), [1, 2, 3]),
        ((8191, 0, -4), [-127, 127, 0]),
        ((8192, 0, -4), [50, -60, 70]),
        ((-8191, 9, 8191), [-127, 127, 0]),
    ],
)
def test_a_forest_adds_the_leaves_that_the_features_lead_to(vector: tuple[int, ...], leaf: list[int]) -> None:
    """Left up to and with the threshold; the second tree is a leaf alone."""
    sums = array(ctypes.c_int32, [10, 20, 30])
    library(False).call_forest(array(ctypes.c_int16, list(vector)), sums)
    assert list(sums) == [10 + leaf[0] + 1, 20 + leaf[1] + 2, 30 + leaf[2] + 3]


@pytest.mark.parametrize("vector", [(0, 0, 0), (8191, -8191, 8191), (-8191, 8191, -8191), (5, 9, -700)])
def test_random_features(vector: tuple[int, ...]) -> None:
    sums = array(ctypes.c_int32, [1, 2, 3])
    library(False).call_random_features(array(ctypes.c_int16, list(vector)), sums)
    acc = [
        sum(w * v for w, v in zip(row, vector, strict=True)) + b * 8
        for row, b in zip([[127, -127, 3], [0, 1, -2]], [-32767, 99], strict=True)
    ]
    hidden = [tanh(rounded(a, f, 20), False) for a, f in zip(acc, [32767, 5], strict=True)]
    assert list(sums) == [1 + hidden[0] + 2 * hidden[1], 2 - 127 * hidden[0] + 3 * hidden[1],
                          3 + 127 * hidden[0] - 4 * hidden[1]]  # fmt: skip


@settings(max_examples=60)
@given(INT32)
@example(0)
@example(32767)
@example(32768)
@example(32769)
@example(65535)
@example(-1)
@example(-(2**31))
def test_cosine(phase: int) -> None:
    """Even, with a period of 2^16; the table here rises from 0 over 20000 to 32767 within half a turn."""
    turned = phase % 65536
    size = min(turned, 65536 - turned, 32767)
    assert library(False).call_cosine(phase) == tanh(size, False)
