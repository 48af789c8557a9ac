"""`sarto measure`: the evidence is shown and the report follows; the measuring itself is a stand-in here."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sarto.core.evidence import Evidence, Ledger
from sarto.core.progress import Talk
from sarto.devices.platforms import platform
from sarto.runtime.calibrate import Calibration, Group, Timed, toml
from tests.cli.stand_in import call
from tests.report.sample import Sample

NEW = Evidence(
    "instructions per inference",
    777_123,
    "instructions",
    "emulated",
    "unicorn 2.1",
    n=256,
    interval=(7e5, 8e5),
)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The devices that were asked for, beside a finished output folder."""
    devices: list[str | None] = []

    def measure_folder(out: Path, device: str | None, talk: Talk) -> list[Evidence]:
        devices.append(device)
        with talk.stage("emulate", 1) as stage:
            stage.advance()
        Ledger(out / "evidence.jsonl").append(NEW)
        return [NEW]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sarto.measure.model.measure_folder", measure_folder, raising=False)
    Sample().write(Path("out"))
    return devices


def test_the_new_evidence_is_shown_and_reported(asked: list[str | None]) -> None:
    result = call("measure", "out")
    assert result.exit_code == 0, result.stderr
    assert asked == [None]
    lines = result.stdout.splitlines()
    assert lines[0] == "out/ on cortex_m4:"
    assert lines[2].split() == ["figure", "value", "interval", "how", "by"]
    assert lines[3].split("  ")[0] == "instructions per inference"
    assert "700,000 to 800,000" in lines[3]
    assert lines[3].endswith("emulated  unicorn 2.1")
    assert "777,123" in Path("out/report.html").read_text(encoding="utf-8")
    assert result.stderr.startswith("emulate: done in ")


def test_another_device(asked: list[str | None]) -> None:
    result = call("measure", "out", "--device", "cortex_m0plus", "--quiet", "--json")
    assert asked == ["cortex_m0plus"]
    document = json.loads(result.stdout)
    assert document == {
        "out": "out",
        "device": "cortex_m0plus",
        "evidence": [json.loads(json.dumps(NEW.to_json()))],
    }
    assert result.stderr == ""


def test_the_device_of_a_fit_in_the_settings_is_not_that_of_a_measurement(asked: list[str | None]) -> None:
    Path("sarto.toml").write_text('device = "cortex_m0plus"\nquiet = true\n')
    assert call("measure", "out").stderr == ""
    assert asked == [None]


@pytest.mark.parametrize(("words", "code"), [(("none",), "E114"), (("out", "--device", "m9"), "E111")])
def test_what_cannot_be_measured(asked: list[str | None], words: tuple[str, ...], code: str) -> None:
    result = call("measure", *words)
    assert (result.exit_code, result.stderr[:11]) == (2, f"error[{code}]")
    assert not asked


def test_the_stand_in_has_the_signature_of_the_real_one() -> None:
    import inspect

    from sarto.measure.model import measure_folder

    real: Callable[..., object] = measure_folder
    assert list(inspect.signature(real).parameters) == ["out", "name", "talk"]


def test_what_a_board_said(asked: list[str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Path] = []
    cycles = Evidence("cycles per inference on a board", 91_234, "cycles", "measured", "Cortex-M4 r0p1", n=4)

    def measure_from_board(out: Path, said: Path) -> list[Evidence]:
        heard.append(said)
        Ledger(out / "evidence.jsonl").append(cycles)
        return [cycles]

    monkeypatch.setattr("sarto.measure.from_board.measure_from_board", measure_from_board)
    result = call("measure", "out", "--from-board", "said.txt")
    assert result.exit_code == 0, result.stderr
    assert (heard, asked) == ([Path("said.txt")], [])
    lines = result.stdout.splitlines()
    assert lines[0] == "out/ on a board, as said.txt says:"
    assert " ".join(lines[3].split()) == "cycles per inference on a board 91,234 measured Cortex-M4 r0p1"
    assert "91,234" in Path("out/report.html").read_text(encoding="utf-8")


def test_the_board_says_itself_what_it_is(asked: list[str | None]) -> None:
    result = call("measure", "out", "--from-board", "said.txt", "--device", "cortex_m4")
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E112]: --from-board and --device exclude each other\n")
    assert asked == []


def test_this_machine_becomes_a_platform_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made_up(calibration: Calibration, journal: Path) -> str:
        calibration.say("power: unavailable")
        assert journal == Path("mine.knobs.json")
        return toml("m", "a job", [Group("cpu", "cores", (0, 1))], [Timed("cpu", 0.0, 2, (0.2, 0.1, 0.3))])

    monkeypatch.setattr(Calibration, "run", made_up)
    shown = call("measure", "--calibrate", "mine.toml")
    assert (shown.exit_code, shown.stderr) == (0, "power: unavailable\n")
    assert "cpu          2  not set  200 ms (measured)  unavailable" in shown.stdout
    assert platform("mine.toml").settings[0].latency_s == 0.2
    told = json.loads(call("measure", "--calibrate", "mine.toml", "--json", "--quiet").stdout)
    assert told["settings"][0] == {
        "cluster": "cpu", "cores": 2, "frequency_hz": None, "latency_s": 0.2, "power_w": None, "how": "measured",
    }  # fmt: skip
    # It is run on as any other platform, by policies that need no energy.
    (folder / "ladder.csv").write_text("variant,accuracy,work\nhalf,0.6,0.5\nwhole,0.7,1\n")
    words = ("adapt", "ladder.csv", "--platform", "mine.toml", "--jobs", "50", "--policies")
    assert call(*words, "max_accuracy").exit_code == 0
    assert "error[E180]" in call(*words, "min_energy").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--calibrate", "mine.txt"), "ends in .toml"),
        (("--calibrate", "odroid_xu3.toml"), "a name of its own"),
        (("out", "--calibrate", "mine.toml"), "--calibrate stands alone"),
        (("--calibrate", "file/mine.toml"), "error[E113]: 'file' cannot be written"),
        ((), "OUT"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_calibrated(words: tuple[str, ...], said: str) -> None:
    Path("file").touch()
    refused = call("measure", *words)
    assert refused.exit_code == 2
    assert said in refused.stderr
