"""Quantities: what users may write, what is refused and in which words, and how figures are shown."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.core.units import Quantity, format_quantity, parse_allowance, parse_quantity, parse_ratio


@pytest.mark.parametrize(
    ("text", "dimension", "value", "unit"),
    [
        ("1B", "byte", 1, "B"),
        ("64kB", "byte", 64_000, "B"),
        ("64KiB", "byte", 65_536, "B"),
        ("2MB", "byte", 2_000_000, "B"),
        ("2MiB", "byte", 2 * 1024**2, "B"),
        ("1GB", "byte", 1e9, "B"),
        ("1GiB", "byte", 1024**3, "B"),
        (" 1.5 kB ", "byte", 1500, "B"),
        (".5kB", "byte", 500, "B"),
        ("1e3 B", "byte", 1000, "B"),
        ("20ms", "time", 0.02, "s"),
        ("3us", "time", 3e-6, "s"),
        ("3µs", "time", 3e-6, "s"),
        ("7ns", "time", 7e-9, "s"),
        ("2s", "time", 2, "s"),
        ("2min", "time", 120, "s"),
        ("6h", "time", 21600, "s"),
        ("30d", "time", 2592000, "s"),
        ("5mJ", "energy", 0.005, "J"),
        ("5uJ", "energy", 5e-6, "J"),
        ("5nJ", "energy", 5e-9, "J"),
        ("1kJ", "energy", 1000, "J"),
        ("80MHz", "frequency", 80e6, "Hz"),
        ("32kHz", "frequency", 32e3, "Hz"),
        ("500instructions", "instruction", 500, "instructions"),
        ("2kinstructions", "instruction", 2000, "instructions"),
        ("2Minstructions", "instruction", 2e6, "instructions"),
    ],
)
def test_reads(text: str, dimension: str, value: float, unit: str) -> None:
    quantity = parse_quantity(text, dimension)
    assert quantity.unit == unit
    assert quantity.value == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "dimension", "cause"),
    [
        ("64", "byte", "the unit is missing"),
        ("64kb", "byte", "'kb' is no unit of byte"),
        ("64KB", "byte", "'KB' is no unit of byte"),
        ("64kBit", "byte", "'kBit' is no unit of byte"),
        ("20ms", "byte", "'ms' is no unit of byte"),
        ("20", "time", "the unit is missing"),
        ("2Ms", "time", "'Ms' is no unit of time"),
        ("20S", "time", "'S' is no unit of time"),
        ("5MJ", "energy", "'MJ' is no unit of energy"),
        ("5mHz", "frequency", "'mHz' is no unit of frequency"),
        ("50%", "byte", "'%' is no unit of byte"),
        ("kB", "byte", "a number and a unit are needed"),
        ("", "byte", "a number and a unit are needed"),
        ("-1kB", "byte", "a limit must be positive"),
        ("1,5kB", "byte", "a number and a unit are needed"),
        ("1_000B", "byte", "a number and a unit are needed"),
        ("nankB", "byte", "a number and a unit are needed"),
        ("1kB 2kB", "byte", "a number and a unit are needed"),
        ("0kB", "byte", "a limit must be positive"),
        ("1e-400kB", "byte", "a limit must be positive"),
        ("1e400kB", "byte", "no number is that large"),
    ],
)
def test_refuses_and_says_why(text: str, dimension: str, cause: str) -> None:
    with pytest.raises(SartoError) as caught:
        parse_quantity(text, dimension)
    assert (caught.value.code, caught.value.cause) == ("E110", cause)
    assert f"'{text}'" in caught.value.message
    assert caught.value.hint


def test_what_may_be_zero_is_not_below_it() -> None:
    assert parse_quantity("0 W", "power", zero=True).value == 0
    with pytest.raises(SartoError, match=r"E110.*'-1W' is below zero") as caught:
        parse_quantity("-1W", "power", zero=True)
    assert caught.value.cause == "it must be at least 0"


def test_a_refusal_names_every_unit_and_an_example_of_its_dimension() -> None:
    with pytest.raises(SartoError, match="use one of s, ns, us, µs, ms, min, h, d, as in 20s") as caught:
        parse_quantity("20", "time")
    assert parse_quantity(caught.value.hint.rsplit(" ", 1)[1], "time").value == 20
    with pytest.raises(SartoError, match="use one of B, kB, MB, GB, KiB, MiB, GiB, as in 64kB"):
        parse_quantity("64", "byte")


def test_reads_ratios() -> None:
    assert [parse_ratio(t) for t in ("0", "1", "85%", "0.85", "100%", " 12.5 % ")] == [
        0,
        1,
        0.85,
        0.85,
        1,
        0.125,
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.01", "outside 0..1"),
        ("101%", "outside 0..1"),
        ("x", "not a ratio"),
        ("5dB", "not a ratio"),
        ("-1%", "not a ratio"),
    ],
)
def test_refuses_what_is_no_ratio(text: str, words: str) -> None:
    with pytest.raises(SartoError, match=words) as caught:
        parse_ratio(text)
    assert caught.value.code == "E110"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "B", "0 B"),
        (999, "B", "999 B"),
        (1000, "B", "1 kB"),
        (16384, "B", "16.38 kB"),
        (-5400, "B", "-5.4 kB"),
        (3.2e6, "B", "3.2 MB"),
        (4e9, "B", "4 GB"),
        (0.0123, "s", "12.3 ms"),
        (90, "s", "90 s"),
        (4e-6, "s", "4 µs"),
        (4e-9, "s", "4 ns"),
        (2e-6, "J", "2 µJ"),
        (1500, "J", "1.5 kJ"),
        (80e6, "Hz", "80 MHz"),
        (0.25, "W", "250 mW"),
        (1234567, "instructions", "1,234,567 instructions"),
        (0.93214, "1", "0.9321"),
        (7, "items", "7 items"),
    ],
)
def test_shows(value: float, unit: str, text: str) -> None:
    assert format_quantity(value, unit) == text
    assert str(Quantity(value, unit)) == text


@given(st.floats(1e-6, 1e9), st.sampled_from(["B", "kB", "KiB", "MB", "MiB"]))
def test_what_is_shown_is_what_was_read_to_four_digits(number: float, suffix: str) -> None:
    value = parse_quantity(f"{number!r}{suffix}", "byte").value
    again = parse_quantity(format_quantity(value, "B").replace(" ", ""), "byte").value
    assert math.isclose(again, value, rel_tol=5e-4)


@pytest.mark.parametrize(
    ("text", "unit", "amount", "relative"),
    [
        ("500B", "B", 500, False),
        (" 0.5 KiB ", "B", 512, False),
        ("2%", "B", 0.02, True),
        ("0%", "s", 0, True),
        ("3ms", "s", 0.003, False),
        ("1uJ", "J", 1e-6, False),
        ("500", "instructions", 500, False),
        ("2kinstructions", "instructions", 2000, False),
        ("0.01", "1", 0.01, False),
        ("1%", "1", 0.01, False),
        ("0.01", "", 0.01, False),
        ("0.1 kg", "kg", 0.1, False),
        ("2m/s²", "m/s²", 2, False),
        ("5 %", "kg", 0.05, True),
    ],
)
def test_an_allowance_has_the_unit_of_its_figure_or_is_a_share(
    text: str, unit: str, amount: float, relative: bool
) -> None:
    found, share = parse_allowance(text, unit)
    assert found == pytest.approx(amount)
    assert share is relative


@pytest.mark.parametrize(
    ("text", "unit", "cause"),
    [
        ("12", "B", "the unit is missing"),
        ("12ms", "B", "'ms' is no unit of byte"),
        ("0B", "B", "a limit must be positive"),
        ("1.5", "instructions", "the unit is missing"),
        ("150%", "B", "a ratio is needed"),
        ("1B", "1", "it is no number from 0 to 1"),
        ("2", "1", "a ratio is needed"),
        ("-1%", "B", "it is no number from 0 to 1"),
        ("0.1", "kg", "a number of kg is needed"),
        ("0.1 g", "kg", "a number of kg is needed"),
        ("kg", "kg", "a number of kg is needed"),
        ("1mkg", "kg", "a number of kg is needed"),
    ],
)
def test_an_allowance_that_is_none(text: str, unit: str, cause: str) -> None:
    with pytest.raises(SartoError) as caught:
        parse_allowance(text, unit)
    assert (caught.value.code, caught.value.cause) == ("E110", cause)
    assert caught.value.hint
