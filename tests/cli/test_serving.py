"""`sarto adapt --serve` as it is called: what it takes up, what it refuses, and what it leaves behind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sarto.runtime.advice import Advisor
from tests.cli.stand_in import call
from tests.devices.test_platforms import GOOD

LADDER = "variant,accuracy,work\nquarter,0.56,0.25\nwhole,0.71,1\n"
WORDS = ("adapt", "ladder.csv", "--platform", "odroid_xu3", "--serve", "127.0.0.1:0")


@pytest.fixture
def ladder_file(folder: Path) -> None:
    """A working folder with a ladder of two variants."""
    (folder / "ladder.csv").write_text(LADDER)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        *(
            (given, "E112", f"{given[0]} excludes --serve")
            for given in (
                ("--trace", "t.csv"), ("--idle", "1W"), ("--step", "100MHz"), ("--jobs", "2000"),
                ("--scenarios", "1"), ("--seed", "0"), ("--second", "a15"),
            )
        ),
        (("--seed", "1", "--jobs", "3"), "E112", "--jobs and --seed exclude --serve"),
        (("--serve", "0.0.0.0:9464"), "E178", "no address of loopback"),
        (("--serve", "foo:0"), "E178", "no address of loopback"),
        (("--serve", "9464"), "E178", "no address and port"),
        (("--apply",), "E112", "--apply needs -o OUT"),
        (("--relax", "speed"), "E112", "'speed' is no limit"),
        (("--policies", "energy_budget"), "E112", "--mean-energy is missing"),
        (("-o", "ladder.csv"), "E113", "'ladder.csv' cannot be written"),
        (("-o", "ladder.csv/x/y"), "E113", "Not a directory"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("ladder_file")
def test_what_is_refused(more: tuple[str, ...], code: str, said: str) -> None:
    result = call(*WORDS, *more)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error[{code}]" in result.stderr
    assert said in result.stderr


@pytest.mark.usefixtures("ladder_file")
def test_its_state_is_the_json_that_a_service_has() -> None:
    assert "--json excludes --serve" in call(*WORDS, "--json").stdout


@pytest.mark.usefixtures("ladder_file")
def test_a_socket_where_a_file_lies_is_refused_and_nothing_is_left() -> None:
    refused = call(*WORDS, "--socket", "ladder.csv", "-o", "new/deep")
    assert refused.exit_code == 2
    assert "error[E178]" in refused.stderr
    assert "it is no socket" in refused.stderr
    assert Path("ladder.csv").read_text() == LADDER
    assert not Path("new").exists()


@pytest.mark.usefixtures("ladder_file")
def test_a_service_keeps_a_mean_energy_and_an_order_of_giving_way(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []

    def asked(advisor: Advisor, *_rest: object) -> int:
        told.append(advisor.decide({"accuracy": 0.1}))
        told.append(advisor.decide({"accuracy": 0.1, "energy": "1kJ"}))
        told.append(advisor.decide({"deadline": "1us", "accuracy": 0.7}))
        told.append(advisor.decide({"deadline": "1us", "accuracy": 0.7, "relax": ["accuracy", "deadline"]}))
        return 15

    monkeypatch.setattr("sarto.cli._serving.serve", asked)
    more = ("--policies", "energy_budget", "--mean-energy", "1uJ", "--relax", "deadline")
    assert call(*WORDS, *more).exit_code == 0
    assert [one["variant"] for one in told[:2]] == ["quarter", "whole"], "a question's own energy goes first"
    assert [one["relaxed"] for one in told[2:]] == [["deadline"], ["deadline", "accuracy"]]


@pytest.mark.usefixtures("ladder_file")
def test_a_mean_energy_is_refused_where_no_power_is_known() -> None:
    Path("board.toml").write_text(re.sub(", (power_w|energy_j) = [0-9.]+", "", GOOD))
    more = ("--platform", "board.toml", "--policies", "max_accuracy", "--mean-energy", "1J", "-o", "new")
    refused = call(*WORDS, *more)
    assert (refused.exit_code, "the power of no point is known" in refused.stderr) == (2, True)
    assert not Path("new").exists()
