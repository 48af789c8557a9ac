"""`sarto adapt`: the screen, the files, and what is refused."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.core.units import format_quantity
from sarto.deploy.onnx.floats import float_model
from sarto.devices.platforms import Platform
from sarto.models.network.named import named
from sarto.runtime.points import Points
from sarto.runtime.policies import tail_risk
from sarto.runtime.policies._choice import Policy
from sarto.runtime.scenarios import Scenario
from sarto.runtime.simulate import Run, simulate
from tests.cli.stand_in import call
from tests.devices.test_places import PLACE
from tests.devices.test_platforms import GOOD

LADDER = "variant,accuracy,work\nquarter,0.56,0.25\nhalf,0.63,0.5\nwhole,0.71,1\n"
XU3 = ("adapt", "ladder.csv", "--platform", "odroid_xu3", "--policies", "min_energy", "--jobs", "60")


@pytest.fixture
def ladder(folder: Path) -> Path:
    """A working folder with a ladder of three variants."""
    path = folder / "ladder.csv"
    path.write_text(LADDER)
    return path


@pytest.mark.usefixtures("ladder")
def test_policies_are_shown_beside_the_oracle_of_the_first() -> None:
    result = call("adapt", "ladder.csv", "--platform", "odroid_xu3", "--jobs", "120", "-o", "out")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("min_energy takes ")
    first = [line.split("  ")[0] for line in lines[3:9]]
    assert first == [
        "min_energy", "oracle of min_energy", "max_accuracy", "performance", "schedutil", "energy_aware",
    ]  # fmt: skip
    assert (
        "Told beforehand how slow each job runs, it would take " in lines[0] and "Its regret is +" in lines[0]
    )
    assert lines[10].startswith("Regret against the oracle of min_energy, energy in %, else in points")
    regret = {line.split()[0]: line.split()[1:] for line in lines[13:18]}
    assert list(regret) == ["min_energy", "max_accuracy", "performance", "schedutil", "energy_aware"]
    assert max(map(len, lines[2:19])) <= 100
    assert "warning: energy: a15 at 200 MHz: 320 mJ is stated" in result.stdout
    found = json.loads(Path("out/adaptation.json").read_text())
    assert found["format"] == "sarto-adaptation/1"
    assert len(found["tables"]["jobs"]["rows"]) == 120
    rows = [
        dict(zip(found["tables"]["policies"]["columns"], row, strict=True))
        for row in found["tables"]["policies"]["rows"]
    ]
    assert rows[1]["more_energy"] == ""
    assert rows[3]["more_energy"] == pytest.approx(rows[3]["energy_j"] / rows[1]["energy_j"] - 1)
    assert rows[3]["more_below"] == pytest.approx(rows[3]["below"] - rows[1]["below"])
    assert regret["performance"][0] == f"{100 * rows[3]['more_energy']:+.1f}"
    assert {e["how"] for e in found["evidence"]} == {"estimated"}
    assert Path("out/adaptation.html").read_text().lstrip().startswith("<!doctype html>")
    told = call("explain", "out/decisions.jsonl")
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.startswith("Job 1 ran as ")
    assert len(json.loads(call("explain", "out/decisions.jsonl", "--json").stdout)) == len(
        told.stdout.splitlines()
    )
    again = call("adapt", "ladder.csv", "--platform", "odroid_xu3", "--jobs", "120", "--json")
    document = json.loads(again.stdout)
    assert document["tables"] == found["tables"]


@pytest.mark.usefixtures("ladder")
def test_a_governor_has_no_oracle_and_so_no_regret() -> None:
    words = (*XU3[:4], "--jobs", "40", "--policies", "schedutil,min_energy")
    shown = call(*words, "-o", "out")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "oracle" not in shown.stdout and "regret" not in shown.stdout.lower()
    assert "told beforehand" not in shown.stdout.lower()
    table = json.loads(Path("out/adaptation.json").read_text())["tables"]["policies"]
    assert [row[0] for row in table["rows"]] == ["schedutil", "min_energy"]
    assert {value for row in table["rows"] for value in row[7:]} == {""}


@pytest.mark.usefixtures("ladder")
def test_a_second_model_comes_and_goes_and_what_was_drawn_can_be_run_again() -> None:
    words = ("adapt", "ladder.csv", "--platform", "odroid_xu3", "--policies", "max_accuracy", "--json")
    drawn = call(*words, "--jobs", "300", "--seed", "2", "--second", "a15", "-o", "out")
    assert (drawn.exit_code, drawn.stderr) == (0, "")
    with Path("out/trace.csv").open(newline="") as file:
        beside = [row["second"] for row in csv.DictReader(file)]
    assert {"", "a15"} == set(beside)
    jobs = json.loads(drawn.stdout)["tables"]["jobs"]
    rows, records = jobs["rows"], [dict(zip(jobs["columns"], row, strict=True)) for row in jobs["rows"]]
    assert [job["second"] for job in records] == beside
    assert all(job["clock_hz"] <= (job["highest_hz"] or math.inf) for job in records)
    assert {job["highest_hz"] for job in records} == {"", 1e9}
    assert all(
        job["point"] == f"{job['variant']} on {job['cluster']} at {format_quantity(job['clock_hz'], 'Hz')}"
        for job in records
    )
    assert {row[5].split(" on ")[1][:3] for row, other in zip(rows, beside, strict=True) if other} == {"a7 "}
    assert any(" on a15 " in row[5] for row in rows)
    again = json.loads(call(*words, "--trace", "out/trace.csv").stdout)
    assert again["tables"]["jobs"]["rows"] == rows


def test_a_trace_of_ones_own_is_replayed(ladder: Path) -> None:
    (ladder.parent / "trace.csv").write_text("jobs,deadline_s,accuracy,slowdown\n3,0.6,0.7,1\n2,0.6,0.5,1\n")
    words = (*XU3[:4], "--trace", "trace.csv", "--policies", "min_energy")
    rows = json.loads(call(*words, "--json").stdout)["tables"]["jobs"]["rows"]
    assert [row[5] for row in rows] == ["whole on a7 at 700 MHz"] * 3 + ["quarter on a7 at 700 MHz"] * 2


def test_heat_below_every_clock_is_warned_of(ladder: Path) -> None:
    trace, words = ladder.parent / "trace.csv", (*XU3[:-2], "--trace", "trace.csv")
    trace.write_text("jobs,deadline_s,highest_hz\n3,1,1e8\n2,1,2e8\n4,1,\n")
    warning = "heat: no clock is as low as the 100 MHz that heat allows: 3 of 9 jobs"
    assert f"warning: {warning}" in call(*words).stdout
    findings = json.loads(call(*words, "--json").stdout)["findings"]
    assert any(warning == f"{one['what']}: {one['text']}"[: len(warning)] for one in findings)
    trace.write_text("jobs,deadline_s,highest_hz\n9,1,2e8\n")
    assert "no clock is as low" not in call(*words).stdout


@pytest.mark.usefixtures("ladder")
def test_idle_power_and_a_mean_energy_are_heeded() -> None:
    def evidence(*more: str) -> dict[str, float]:
        words = ("adapt", "ladder.csv", "--platform", "odroid_xu3", "--jobs", "200", "--json", *more)
        return {e["what"]: e["value"] for e in json.loads(call(*words).stdout)["evidence"]}

    plain, idle = evidence(), evidence("--idle", "60mW")
    assert plain == evidence("--idle", "0W")
    assert plain["energy of a job"] < idle["energy of a job"]
    budget = evidence("--policies", "energy_budget", "--mean-energy", "60mJ")
    assert budget["energy of a job"] < evidence("--policies", "max_accuracy")["energy of a job"]


def test_a_place_elsewhere_is_named_with_what_became_of_its_link(ladder: Path) -> None:
    (ladder.parent / "board.toml").write_text(GOOD + PLACE)
    words = (
        "adapt",
        "ladder.csv",
        "--platform",
        "board.toml",
        "--policies",
        "min_energy",
        "--jobs",
        "300",
        "--seed",
        "4",
    )
    shown = call(*words)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert " jobs ran at gateway over ble_1m (A board on mains); its link was down in " in shown.stdout
    assert "jobs met a link that was down" in shown.stdout
    found = json.loads(call(*words, "--json").stdout)
    assert {"whole at gateway over ble_1m"} <= {row[0] for row in found["tables"]["points"]["rows"]}


@pytest.fixture
def files(folder: Path) -> Path:
    """A ladder of two ONNX files."""
    for name, width in (("small", 3), ("large", 32)):
        net = named("mlp", (4,), 2, width=width, depth=1)
        values = {key: np.ones(shape, np.float32) for key, shape in net.parameters.items()}
        (folder / f"{name}.onnx").write_bytes(float_model(net, values))
    (folder / "files.csv").write_text("variant,accuracy,file\nsmall,0.8,small.onnx\nlarge,0.9,large.onnx\n")
    return folder


def test_onnx_files_are_timed_here_and_what_nobody_measured_is_not_a_number(files: Path) -> None:
    words = ("adapt", "files.csv", "--policies", "max_accuracy,performance", "--jobs", "60", "-o", "out")
    shown = call(*words)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "max_accuracy takes an energy that was not measured a job" in shown.stdout
    assert "the files were timed on this computer" in shown.stdout
    assert "All figures are estimated: simulated on the times measured here." in shown.stdout
    assert "not measured" in shown.stdout.splitlines()[3]
    found = json.loads(Path("out/adaptation.json").read_text())
    assert all(row[2:4] == ["", ""] for row in found["tables"]["points"]["rows"])
    assert {row[6] for row in found["tables"]["points"]["rows"]} == {"measured"}
    assert "energy of a job" not in {e["what"] for e in found["evidence"]}
    assert "not measured" in Path("out/adaptation.html").read_text()
    again = call("adapt", "files.csv", "--policies", "max_accuracy", "--trace", "out/trace.csv")
    assert (again.exit_code, again.stderr) == (0, "")
    for more, code, said in (
        (("--policies", "min_energy"), "E180", "energy"),
        (("--platform", "odroid_xu3"), "E112", "timed on this computer"),
        (("--policies", "max_accuracy", "--mean-energy", "3mJ"), "E112", "no power is measured"),
    ):
        refused = call("adapt", "files.csv", *more, "-o", "new")
        assert (refused.exit_code, f"error[{code}]" in refused.stderr) == (2, True)
        assert said in refused.stderr
        assert not Path("new").exists()
    (files / "small.onnx").unlink()
    assert "small.onnx' cannot be read" in call("adapt", "files.csv").stderr


@pytest.mark.usefixtures("ladder")
def test_a_call_that_fails_leaves_what_an_earlier_one_wrote() -> None:
    assert call(*XU3, "-o", "out").exit_code == 0
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    assert set(before) == {"adaptation.html", "adaptation.json", "decisions.jsonl", "trace.csv"}
    for more in (("--relax", "accuracy,accuracy"), ("--seed", "1", "--step", "1kHz")):
        assert call(*XU3, *more, "-o", "out").exit_code == 2
        assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


def test_a_call_whose_page_cannot_be_made_leaves_what_was_there(
    ladder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(*XU3, "-o", "out").exit_code == 0
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}

    def fails(found: object) -> str:
        raise SartoError("E116", "no page", cause="none", hint="none")

    monkeypatch.setattr("sarto.cli._adapted.adapted_html", fails)
    assert call(*XU3, "--seed", "1", "-o", "out").exit_code == 2
    assert {path.name: path.read_bytes() for path in (ladder.parent / "out").iterdir()} == before


@pytest.mark.usefixtures("ladder")
def test_the_jobs_of_an_earlier_call_go_unless_they_are_those_of_this_one() -> None:
    assert call(*XU3, "-o", "out").exit_code == 0
    first = Path("out/trace.csv").read_bytes()
    assert call(*XU3, "--trace", "out/trace.csv", "-o", "out").exit_code == 0
    assert Path("out/trace.csv").read_bytes() == first
    Path("other.csv").write_text("jobs,deadline_s\n5,1\n")
    Path("out/decisions.jsonl.1").write_text("older\n")
    assert call(*XU3, "--trace", "other.csv", "-o", "out").exit_code == 0
    assert {path.name for path in Path("out").iterdir()} == {
        "adaptation.html", "adaptation.json", "decisions.jsonl",
    }  # fmt: skip
    assert len(json.loads(Path("out/adaptation.json").read_text())["tables"]["jobs"]["rows"]) == 5


@pytest.fixture
def fitted(folder: Path) -> Path:
    """A folder with a front of two points, as `sarto fit` leaves it."""
    figures = ((0.2, 500.0), (0.1, 2e3))
    points = [
        OperatingPoint(f"trial {i}", {}, (
            Evidence("validation error", error, "1", "measured", "t"),
            Evidence("instructions per inference", work, "instructions", "emulated", "t"),
        ))
        for i, (error, work) in enumerate(figures)
    ]  # fmt: skip
    (folder / "fitted").mkdir()
    (folder / "fitted" / "front.json").write_text(json.dumps({"points": [p.to_json() for p in points]}))
    return folder / "fitted"


@pytest.mark.usefixtures("fitted")
def test_the_work_of_a_folder_is_warned_of_in_front_unless_it_is_stated() -> None:
    words = ("adapt", "fitted", "--platform", "odroid_xu3", "--policies", "performance", "--jobs", "60")
    taken, said = call(*words), call(*words, "--work", "0.01")
    assert (taken.exit_code, said.exit_code) == (0, 0)
    told = [line for line in taken.stdout.splitlines() if line.startswith(("warning:", "note:"))]
    assert told[0].startswith(
        "warning: work: the model with most instructions is taken to be as much work as"
    )
    assert "absolute times and energies do not" in told[0]
    assert "--work" in told[0]
    assert "note: work: the model with most instructions is taken to be 0.01 of" in said.stdout
    times = [
        {
            row[0]: row[1]
            for row in json.loads(call(*words, *more, "--json").stdout)["tables"]["points"]["rows"]
        }
        for more in ((), ("--work", "0.01"))
    ]
    assert times[0]["trial 1 on a15 at 1.8 GHz"] == pytest.approx(0.117)
    assert times[0]["trial 0 on a15 at 1.8 GHz"] == pytest.approx(0.117 / 4)
    assert times[1] == pytest.approx({name: 0.01 * time for name, time in times[0].items()})


@pytest.mark.usefixtures("ladder")
def test_tail_risk_keeps_the_share_that_may_be_late(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[object] = []

    def simulated(
        points: Points, device: Platform, scenario: Scenario, policy: str | Policy, **rest: Any
    ) -> Run:
        ran.append(policy)
        return simulate(points, device, scenario, policy, **rest)

    monkeypatch.setattr("sarto.cli._adapted.simulate", simulated)
    words = (*XU3[:4], "--policies", "tail_risk,utility", "--jobs", "60")
    found = json.loads(call(*words, "--late", "30%", "--json").stdout)
    names = [row[0] for row in found["tables"]["policies"]["rows"]]
    assert names == ["tail_risk", "oracle of tail_risk", "utility"]
    assert ran == [tail_risk.Policy(0.3), tail_risk.Policy(0.3), "utility"]


def test_a_limit_of_power_leaves_out_what_nobody_knows_and_is_refused_where_nothing_is_known(
    ladder: Path,
) -> None:
    board = ladder.parent / "board.toml"
    board.write_text(GOOD.replace(", power_w = 0.8", ""))
    (ladder.parent / "trace.csv").write_text("jobs,power_w\n5,1\n")
    words = (
        "adapt",
        "ladder.csv",
        "--platform",
        "board.toml",
        "--policies",
        "max_accuracy",
        "--step",
        "1GHz",
    )
    shown = call(*words, "--jobs", "20")
    assert "power of 1 of 2 settings is not known" in shown.stdout
    assert "what limits power or a mean energy leaves them out" in shown.stdout
    rows = json.loads(call(*words, "--trace", "trace.csv", "--json").stdout)["tables"]["jobs"]["rows"]
    assert all(row[8] != "" for row in rows), "each job ran where the power is known"
    board.write_text(re.sub(", (power_w|energy_j) = [0-9.]+", "", GOOD))
    for more, said in (
        (("--trace", "trace.csv"), "limits power_w"),
        (("--mean-energy", "1J"), "--mean-energy"),
    ):
        refused = call(*words, *more, "-o", "out")
        assert refused.exit_code == 2
        assert said in refused.stderr
        assert "the power of no point is known" in refused.stderr
        assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--platform", "odroid_xu"), "E111", "did you mean odroid_xu3?"),
        (("--platform", "odroid_xu3", "--policies", "min_energ"), "E111", "did you mean min_energy?"),
        (("--platform", "odroid_xu3", "--relax", "speed"), "E112", "'speed' is no limit"),
        (("--platform", "odroid_xu3", "--second", "a53"), "E112", "clusters are a15, a7"),
        (("--platform", "odroid_xu3", "--second", "a7", "--trace", "x.csv"), "E112", "--second excludes"),
        (("--platform", "odroid_xu3", "--late", "0"), "E112", "--late"),
        (("--platform", "odroid_xu3", "--relax", "power,power"), "E112", "'power' is named twice"),
        (("--platform", "odroid_xu3", "--policies", "energy_budget"), "E112", "--mean-energy is missing"),
        (
            ("--platform", "odroid_xu3", "--work", "0.5"),
            "E112",
            "state the work of each variant in the table",
        ),
        (("--platform", "odroid_xu3", "--late", "nan"), "E110", "no number from 0 to 1"),
        (("--platform", "odroid_xu3", "--late", "-1"), "E110", "no number from 0 to 1"),
        (("--platform", "odroid_xu3", "--jobs", "10000001"), "E112", "at most 10,000,000 are drawn for a"),
        (("--platform", "odroid_xu3", "--scenarios", "10001"), "E112", "at most 10,000 are drawn"),
        (
            ("--platform", "odroid_xu3", "--scenarios", "11", "--jobs", "10000000"),
            "E112",
            "at most 100,000,000 are drawn in all",
        ),
        (("--platform", "odroid_xu3", "--trace", "lost.csv"), "E116", "the platform has none"),
        (("--platform", "odroid_xu3", "--step", "1Hz"), "E116", "a longer step, such as 100 MHz"),
        (("--platform", "odroid_xu3", "--idle", "-1W"), "E110", "it must be at least 0"),
        (("--platform", "odroid_xu3", "--idle", "60"), "E110", "the unit is missing"),
        (("--platform", "odroid_xu3", "--trace", "none.csv"), "E101", "none.csv"),
        ((), "E112", "--platform"),
        (("--platform", "odroid_xu3", "--apply"), "E112", "go with --serve"),
        (("--platform", "odroid_xu3", "--crowd"), "E112", "go with --serve"),
    ],
)
@pytest.mark.usefixtures("ladder")
def test_what_is_refused(words: tuple[str, ...], code: str, said: str) -> None:
    Path("lost.csv").write_text("lost\na7\n")
    result = call("adapt", "ladder.csv", *words)
    assert result.exit_code == 2
    assert f"error[{code}]" in result.stderr or code == "E112"
    assert said in result.stderr
    assert result.stdout == ""
