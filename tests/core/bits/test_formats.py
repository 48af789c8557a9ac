"""Number formats against exact fractions in plain Python: every pattern, every middle between two, and the ends."""

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from sarto.core.bits import Format, number_format
from sarto.core.bits.sticky import odd_float32
from sarto.core.errors import SartoError

POSITS = [(3, 0), (5, 2), (6, 3), (7, 1), (8, 0), (8, 1), (8, 2), (10, 2)]
SATURATING = ("minifloat(3,2)", "minifloat(2,1)", "minifloat(5,2)", "fp8_e5m2")


def posit_by_hand(pattern: int, n: int, es: int) -> Fraction:
    """The definition on a string of bits; the pattern is neither 0 nor NaR."""
    sign = pattern >> (n - 1)
    text = f"{(1 << n) - pattern if sign else pattern:0{n}b}"[1:]
    run = len(text) - len(text.lstrip(text[0]))
    k = run - 1 if text[0] == "1" else -run
    rest = text[run + 1 :]
    e = int(rest[:es].ljust(es, "0") or "0", 2)
    f = Fraction(int(rest[es:] or "0", 2), 1 << len(rest[es:]))
    v = Fraction(2) ** (k * 2**es + e) * (1 + f)
    return -v if sign else v


def float_by_hand(pattern: int, e: int, m: int) -> Fraction:
    sign, field, fraction = (
        pattern >> (e + m),
        pattern >> m & (2**e - 1),
        Fraction(pattern & (2**m - 1), 2**m),
    )
    bias = 2 ** (e - 1) - 1
    v = Fraction(2) ** (field - bias) * (1 + fraction) if field else Fraction(2) ** (1 - bias) * fraction
    return -v if sign else v


@pytest.mark.parametrize(("n", "es"), POSITS)
def test_posits_decode_as_defined_and_round_in_the_middle_of_patterns_to_the_even_one(
    n: int, es: int
) -> None:
    form = number_format(f"posit({n},{es})")
    nar = 1 << (n - 1)
    patterns = np.array([p for p in range(1 << n) if p not in (0, nar)], form.word)
    values = form.decode(patterns)
    assert values.dtype == np.float32
    assert values.tolist() == [float(posit_by_hand(p, n, es)) for p in patterns.tolist()]
    assert form.encode(values).tolist() == patterns.tolist()
    assert form.encode(values.astype(np.float64)).tolist() == patterns.tolist()
    between = [
        (p, float(posit_by_hand(2 * p + 1, n + 1, es))) for p in range(1, nar - 1)
    ]  # the posit with a bit more
    middles = np.array([v for _, v in between])
    even = [p + (p & 1) for p, _ in between]
    for sign in (1, -1):
        at = (1 << n) * (sign < 0)  # the pattern of -v is 2^n minus that of v
        assert form.encode(sign * middles).tolist() == [at + sign * p for p in even]
        assert form.encode(sign * middles * (1 + 2.0**-50)).tolist() == [
            at + sign * (p + 1) for p, _ in between
        ]
        assert form.encode(sign * middles * (1 - 2.0**-50)).tolist() == [at + sign * p for p, _ in between]
        assert form.encode((sign * middles).astype(np.float32)).tolist() == [at + sign * p for p in even]
    ends = form.encode(np.array([1e300, -1e300, 1e-300, -5e-324, 0.0, -0.0, np.nan, np.inf, -np.inf]))
    assert ends.tolist() == [nar - 1, nar + 1, 1, (1 << n) - 1, 0, 0, nar, nar, nar]
    assert (
        math.isnan(form.decode(np.array([nar], form.word))[0])
        and form.decode(np.array([0], form.word))[0] == 0
    )


@pytest.mark.parametrize(("n", "es"), [(16, 1), (16, 2), (17, 0), (24, 2), (32, 2), (32, 3)])
def test_large_posits_at_random_patterns(n: int, es: int) -> None:
    form = number_format(f"posit({n},{es})")
    rng = np.random.default_rng(n + es)
    positive = rng.integers(1, (1 << (n - 1)) - 1, 300)
    patterns = np.concatenate([positive, (1 << n) - positive, [1, 2, (1 << (n - 1)) - 1, (1 << (n - 1)) + 1]])
    values = form.decode(patterns.astype(form.word))
    assert values.tolist() == [float(posit_by_hand(p, n, es)) for p in patterns.tolist()]
    assert form.encode(values).tolist() == patterns.tolist()
    middles = np.array([float(posit_by_hand(2 * p + 1, n + 1, es)) for p in positive.tolist()])
    assert form.encode(middles).tolist() == (positive + (positive & 1)).tolist()
    assert form.encode(-middles).tolist() == ((1 << n) - positive - (positive & 1)).tolist()


def even_nearest(form: Format, x: Fraction, numbers: dict[int, Fraction]) -> int:
    return min(numbers, key=lambda p: (abs(numbers[p] - x), p & 1))


@pytest.mark.parametrize("name", SATURATING)
def test_minifloats_round_to_the_nearest_and_saturate(name: str) -> None:
    e, m = (5, 2) if name == "fp8_e5m2" else map(int, name[10:-1].split(","))
    form, top = number_format(name), (2**e - 1) << m
    numbers = {p: float_by_hand(p, e, m) for p in range(top)}
    every = np.arange(2 * (1 << (e + m)), dtype=form.word)
    decoded = form.decode(every)
    assert decoded[:top].tolist() == [float(v) for v in numbers.values()]
    assert np.isinf(decoded[top]) and np.isnan(decoded[top + 1 : 1 << (e + m)]).all()
    assert np.array_equal(-decoded[: 1 << (e + m)], decoded[1 << (e + m) :], equal_nan=True)
    places = [
        numbers[p] + part * (numbers[p + 1] - numbers[p])
        for p in range(top - 1)
        for part in (Fraction(0), Fraction(1, 2))
    ]
    for shift in (0, Fraction(1, 1 << 45), -Fraction(1, 1 << 45)):
        wanted = [even_nearest(form, x * (1 + shift), numbers) for x in places]
        found = form.encode(np.array([float(x * (1 + shift)) for x in places]))
        assert found.tolist() == wanted
        assert form.encode(np.array([-float(x * (1 + shift)) for x in places])).tolist() == [
            w | 1 << (e + m) for w in wanted
        ]
    large = form.encode(np.array([1e30, -1e30, np.inf, -np.inf, np.nan]))
    assert large[:4].tolist() == [top - 1, (top - 1) | 1 << (e + m), top, top | 1 << (e + m)]
    assert np.isnan(form.decode(large[4:])[0])


def test_half_formats_equal_numpy_and_ml_dtypes_from_float32_and_round_float64_once() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 1 << 32, 50_000, np.uint64).astype(np.uint32).view(np.float32)
    x = x[np.isfinite(x)]
    for name, dtype in (("fp16", np.float16), ("bf16", ml_dtypes.bfloat16)):
        with np.errstate(over="ignore"):
            assert np.array_equal(number_format(name).encode(x), x.astype(dtype).view(np.uint16))
    within = x[abs(x) < 3e38]
    assert np.array_equal(
        number_format("bf16").encode(within), number_format("minifloat(8,7)").encode(within)
    )
    assert number_format("bf16").rounded(np.array([1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-8]))[0] == 1 + 2.0**-7
    assert number_format("fp8_e4m3").rounded(np.array([1 + 2.0**-4 + 2.0**-40, 1 + 2.0**-4])).tolist() == [
        1.125,
        1.0,
    ]
    e4m3 = number_format("fp8_e4m3")
    assert e4m3.rounded(np.array([448.0, 470, 1e9, -np.inf])).tolist() == [448, 448, 448, -448]
    assert np.isnan(e4m3.rounded(np.array([np.nan])))[0] and e4m3.encode(np.array([2.0**-9])).tolist() == [1]
    assert np.isinf(number_format("bf16").rounded(np.array([3.4e38], np.float32)))[0]
    assert number_format("fp32").encode(np.array([1.0, -0.0])).tolist() == [0x3F800000, 0x80000000]


def test_rounding_to_odd() -> None:
    largest = float(np.finfo(np.float32).max)
    odd = odd_float32(np.array([1.0, 1 + 2.0**-40, 1 + 2.0**-23 - 2.0**-40, 1e300, -1e-300, np.inf, -1e300]))
    assert odd.tolist() == [1, 1 + 2.0**-23, 1 + 2.0**-23, largest, -(2.0**-149), np.inf, -largest]
    assert np.isnan(odd_float32(np.array(np.nan)))


def test_fixed_point_and_integers() -> None:
    fixed = number_format("fixed(2,3)")
    every = np.arange(32, dtype=np.uint8)
    assert fixed.decode(every).tolist() == [(q - 32 * (q > 15)) / 8 for q in range(32)]
    assert fixed.encode(fixed.decode(every)).tolist() == every.tolist()
    assert fixed.rounded(np.array([0.0625, 0.1875, -0.0625, 9, -9, np.inf, np.nan])).tolist() == [
        0,
        0.25,
        0,
        1.875,
        -2,
        1.875,
        0,
    ]
    wide = number_format("fixed(1,31)")
    assert wide.decode(wide.encode(np.array([2.0**-31, -1.0]))).tolist() == [2.0**-31, -1.0]
    weights = np.array([0.5, -1.27, 0.004])
    int8 = number_format("int8").fitted(weights)
    assert int8.encode(weights).tolist() == [50, 129, 0] and int8.fitted(weights * 9) == int8
    assert int8.decode(np.array([128], np.uint8))[0] == pytest.approx(-1.28)
    assert number_format(int8.name) == int8 and repr(number_format("int4(0.5)")) == "int4(0.5)"
    assert number_format("int8").fitted(np.zeros(3)).rounded(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fp64", "no number format 'fp64'"),
        ("posit(2,0)", r"posit\(2,0\)"),
        ("posit(8,4)", r"posit\(8,4\)"),
        ("posit8", "no number format"),
        ("minifloat(9,3)", r"minifloat\(9,3\)"),
        ("fixed(0,7)", r"fixed\(0,7\)"),
        ("fixed(30,7)", r"fixed\(30,7\)"),
        ("int1", "int1"),
        ("int8(0)", r"int8\(0\)"),
    ],
)
def test_unknown_formats_and_sizes_are_refused(name: str, text: str) -> None:
    with pytest.raises(SartoError, match=text) as caught:
        number_format(name)
    assert caught.value.code == "E144"


def test_integers_without_a_scale_are_refused() -> None:
    with pytest.raises(SartoError, match="int8 has no scale"):
        number_format("int8").encode(np.ones(2))


def test_shapes_and_types_stay() -> None:
    for name in (
        "fp32",
        "bf16",
        "fp8_e4m3",
        "minifloat(4,3)",
        "fixed(2,6)",
        "int8(0.1)",
        "posit(8,0)",
        "posit(20,1)",
    ):
        form = number_format(name)
        for values in (
            np.ones((2, 3), np.float32),
            np.ones((4, 2), np.float32).T,
        ):
            patterns = form.encode(values)
            assert patterns.shape == np.shape(values) and patterns.dtype == form.word
            assert np.array_equal(form.decode(patterns), values), name
