"""The last screen: the table of limits, and the error of a budget that is not met."""

import pytest

from sarto.cli._limits import COLUMNS, rows, show_nearest, show_verdict, unmet
from sarto.core.budget import Budget, judge
from sarto.core.errors import error_pages
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from tests.report.sample import Sample

GOT = {
    "flash": Evidence("flash", 11436, "B", "measured", "ELF"),
    "ram": Evidence("ram", 21400, "B", "emulated", "unicorn"),
    "instructions per inference": Evidence(
        "instructions per inference", 1_039_744, "instructions", "emulated", "unicorn"
    ),
    "energy": Evidence("energy", 0.00231, "J", "estimated", "x"),
    "latency": Evidence("latency", 0.025, "s", "estimated", "x"),
    "test accuracy": Evidence("test accuracy", 0.9362, "1", "measured", "x"),
}


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (
            Budget(flash_b=10_000),
            "error[E202]: flash 11.44 kB > 10 kB on cortex_m4 (over by 1.436 kB)|raise --flash to 11436B",
        ),
        (
            Budget(ram_b=16_000),
            "error[E203]: RAM 21.4 kB > 16 kB on cortex_m4 (over by 5.4 kB)|raise --ram to 21400B",
        ),
        (
            Budget(instructions=1_000_000),
            "error[E204]: instructions per inference 1,039,744 > 1,000,000 on cortex_m4 "
            "(over by 39,744)|raise --instructions to 1039744",
        ),
        (
            Budget(latency_s=0.02),
            "error[E205]: latency 25 ms > 20 ms on cortex_m4 (over by 5 ms)|raise --latency to ",
        ),
        (
            Budget(energy_j=0.002),
            "error[E206]: energy 2.31 mJ > 2 mJ on cortex_m4 (over by 310 µJ)|raise --energy to ",
        ),
        (
            Budget(min_accuracy=0.95),
            "error[E207]: test accuracy 93.62 % < 95 % on cortex_m4 (short by 1.38 points)|lower --min-accuracy to 0.9",
        ),
    ],
)
def test_the_error_is_that_of_the_limit_that_binds(budget: Budget, expected: str) -> None:
    error = unmet(judge(budget, GOT), "cortex_m4", "esn, 62 units")
    message, hint = expected.split("|")
    assert str(error).splitlines()[0] == message
    assert error.cause == "the nearest model found: esn, 62 units"
    assert error.hint.startswith(hint)
    assert error.exit_code == 3
    assert error.code in error_pages()


def test_what_the_hint_says_to_allow_is_enough() -> None:
    from sarto.core.units import parse_quantity

    for budget, unit in (
        (Budget(latency_s=0.0201), "time"),
        (Budget(flash_b=11435.0), "byte"),
        (Budget(energy_j=0.002), "energy"),
    ):
        verdict = judge(budget, GOT)
        flag = unmet(verdict, "cortex_m4", "x").hint.split(" to ")[1].split(",")[0]
        assert parse_quantity(flag, unit).value >= (verdict.margins[0].got or 0)


def test_other_broken_limits_are_named() -> None:
    verdict = judge(Budget(flash_b=11_000, ram_b=16_000, min_accuracy=0.95), GOT)
    error = unmet(verdict, "cortex_m4", "esn")
    assert error.code == "E203"
    assert error.cause == "the nearest model found: esn; flash and test accuracy are not met either"


def test_a_limit_that_nobody_measured_is_not_met() -> None:
    verdict = judge(Budget(energy_j=1.0), {})
    error = unmet(verdict, "cortex_m4", "esn")
    assert (
        str(error).splitlines()[0]
        == "error[E201]: energy was not measured on cortex_m4, and its limit is 1 J"
    )
    ((limit, budget, got, margin, how),) = rows(verdict, "cortex_m4")
    assert (limit, budget, got, how) == ("energy", "<= 1 J", "not measured", "")
    assert margin == "run sarto devices cortex_m4"


def test_the_table_of_limits(capsys: pytest.CaptureFixture[str]) -> None:
    show_verdict(judge(Budget(flash_b=32768, ram_b=16_000, min_accuracy=0.9), GOT), GOT.values(), "cortex_m4")
    assert capsys.readouterr().out.splitlines() == [
        "limit                            budget        got  margin                how",
        "flash                       <= 32.77 kB   11.44 kB  21.33 kB left (65 %)  measured",
        "RAM                            <= 16 kB    21.4 kB  5.4 kB over (34 %)    emulated",
        "test accuracy                   >= 90 %    93.62 %  3.62 points above     measured",
        "instructions per inference         none  1,039,744                        emulated",
    ]
    assert COLUMNS == ("limit", "budget", "got", "margin", "how")


def test_without_limits_the_figures_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_verdict(judge(Budget(), GOT), GOT.values(), "cortex_m4")
    text = capsys.readouterr().out
    assert [line.split() for line in text.splitlines()] == [
        ["limit", "budget", "got", "margin", "how"],
        ["flash", "none", "11.44", "kB", "measured"],
        ["RAM", "none", "21.4", "kB", "emulated"],
        ["instructions", "per", "inference", "none", "1,039,744", "emulated"],
        ["test", "accuracy", "none", "93.62", "%", "measured"],
    ]


def test_nearest_points_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    points = [*Sample().front()[:2], OperatingPoint("bare", {}, (GOT["ram"],))]
    show_nearest(points, judge(Budget(ram_b=700), GOT))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "point"
    assert [line.split()[0] for line in lines[1:]] == ["t003", "t010", "bare"]
    assert lines[0].count("RAM") == 1
    assert lines[3].split() == ["bare", "21.4", "kB", "(emulated)", "-", "-", "-"]


@pytest.mark.parametrize("counted", [True, False])
def test_the_time_is_shown_where_no_instructions_are_counted(
    capsys: pytest.CaptureFixture[str], counted: bool
) -> None:
    got = {k: v for k, v in GOT.items() if counted or k != "instructions per inference"}
    verdict = judge(Budget(flash_b=20_000), got)
    show_verdict(verdict, got.values(), "host")
    show_nearest([OperatingPoint("t1", {}, tuple(got.values()))], verdict)
    first, *rest = capsys.readouterr().out.split("point")
    assert ("latency" in first, "latency" in rest[0]) == (not counted, not counted)
