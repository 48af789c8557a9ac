from __future__ import annotations

from pathlib import Path

import pytest

from sarto.core.budget import Budget, Margin
from sarto.core.evidence import Evidence
from sarto.report import read_run, words
from tests.report.sample import Sample


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "unit", "what", "worded"),
    [
        (0.9321, "1", "test accuracy", "93.21 %"),
        (0.068, "1", "validation error", "6.8 %"),
        (0.91, "1", "macro F1", "91 %"),
        (0.81, "1", "kappa", "0.81"),
        (16384, "B", "flash", "16.38 kB"),
        (8123, "instructions", "instructions per sample", "8,123"),
        (8123, "instructions", "work", "8,123 instructions"),
        (0.0123, "s", "latency", "12.3 ms"),
    ],
)
def test_figures(value: float, unit: str, what: str, worded: str) -> None:
    assert plain(words.figure(value, unit, what)) == worded
    assert " " not in words.figure(value, unit, what)


def test_byte_counts_that_were_rounded_are_also_given_in_full() -> None:
    assert words.exact(11436, "B") == "11,436 B"
    assert words.exact(11430, "B") == words.exact(640, "B") == words.exact(0.123456, "s") == ""


def test_intervals() -> None:
    assert (
        plain(words.interval(Evidence("test accuracy", 0.9, "1", "measured", "t", interval=(0.85, 0.94))))
        == "85 % to 94 %"
    )
    assert words.interval(Evidence("test accuracy", 0.9, "1", "measured", "t")) == ""
    same = Evidence("instructions per sample", 7, "instructions", "emulated", "t", n=9, interval=(7, 7))
    assert words.interval(same) == "all equal"


@pytest.mark.parametrize(
    ("difference", "unit", "what", "worded"),
    [
        (-0.025, "1", "test accuracy", "2.5 points"),
        (0.01, "1", "test accuracy", "1 point"),
        (-500, "B", "flash", "500 B"),
        (0.02, "1", "test R2", "0.02"),
    ],
)
def test_how_far_apart(difference: float, unit: str, what: str, worded: str) -> None:
    assert plain(words.apart(difference, unit, what)) == worded


@pytest.mark.parametrize(
    ("margin", "worded"),
    [
        (Margin("ram", 4096, 3072, "B", False, "emulated"), "1.024 kB left (25 %)"),
        (Margin("ram", 2048, 3072, "B", False, "emulated"), "1.024 kB over (50 %)"),
        (Margin("test accuracy", 0.9, 0.93, "1", True, "measured"), "3 points above"),
        (Margin("test accuracy", 0.9, 0.875, "1", True, "measured"), "2.5 points short"),
        (Margin("latency", 0.02, None, "s", False, None), ""),
    ],
)
def test_margins(margin: Margin, worded: str) -> None:
    assert plain(words.room(margin)) == worded


@pytest.mark.parametrize(
    ("budget", "sentence", "hows"),
    [
        (Budget(), "No budget was set for cortex_m4, so nothing was judged.", []),
        (
            Budget(flash_b=32768, ram_b=3000),
            "Fits cortex_m4: the binding limit is RAM, 2.712 kB where at most 3 kB was asked.",
            ["emulated"],
        ),
        (
            Budget(ram_b=20000),
            "Fits cortex_m4: no limit binds; the nearest is RAM, 2.712 kB where at most 20 kB was asked.",
            ["emulated"],
        ),
        (
            Budget(min_accuracy=0.9),
            "Fits cortex_m4: the binding limit is test accuracy, 93.62 % where at least 90 % was asked.",
            ["measured"],
        ),
        (
            Budget(flash_b=11000, ram_b=2000),
            "Does not fit cortex_m4: RAM is 2.712 kB, 712 B over the limit of 2 kB.",
            ["emulated"],
        ),
        (
            Budget(min_accuracy=0.95),
            "Does not fit cortex_m4: test accuracy is 93.62 %, 1.38 points short of 95 %.",
            ["measured"],
        ),
        (
            Budget(flash_b=20000, latency_s=0.02),
            "Does not fit cortex_m4: nobody measured the latency, whose limit is 20 ms.",
            [],
        ),
        (
            Budget(flash_b=8000, latency_s=0.02),
            "Does not fit cortex_m4: nobody measured the latency, whose limit is 20 ms; "
            "flash is 11.44 kB, 3.436 kB over the limit of 8 kB.",
            ["measured"],
        ),
    ],
)
def test_the_verdict_is_one_sentence_that_names_what_binds(
    tmp_path: Path, budget: Budget, sentence: str, hows: list[str]
) -> None:
    run = read_run(Sample(budget=budget).write(tmp_path))
    assert plain(words.verdict(run)) == sentence
    assert words.verdict_hows(run) == hows


def test_what_nobody_measured_names_the_command_that_would() -> None:
    assert words.remedy("latency", "cortex_m4") == "sarto devices cortex_m4"
    assert words.remedy("instructions per inference", "cortex_m4") == "sarto measure OUT --device cortex_m4"
    assert words.remedy("instructions per inference", "host", True) == "sarto devices host"
    assert words.remedy("flash", "host", True) == "sarto measure OUT --device host"
