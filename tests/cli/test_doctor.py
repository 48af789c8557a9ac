"""`sarto doctor`: what the machine lacks, and what fit would see in data."""

import json
from pathlib import Path

import numpy as np
import pytest

from sarto.cli import doctor
from sarto.core.errors import SartoError
from tests.cli.stand_in import call
from tests.search.planted import RING
from tests.search.test_dynamics import manifest


def test_a_machine_with_everything_is_well() -> None:
    result = call("doctor")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["what", "state", "found"]
    found = {line[:12].strip(): line for line in lines[1:]}
    assert {"sarto", "libraries", "C compiler", "emulator", "ELF reader", "cores", "SARTO_DATA"} <= set(found)
    assert "zig cc" in found["C compiler"]
    assert "unicorn" in found["emulator"]


def test_a_missing_tool_exits_4_in_words_and_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise SartoError("E301", "the C compiler zig is not installed")

    monkeypatch.setattr(doctor, "_compiler", missing)
    result = call("doctor")
    assert result.exit_code == 4
    assert result.stderr == (
        "error[E301]: sarto fit cannot run here: C compiler\ncause: the C compiler zig is not installed\n"
        "hint: python -m pip install 'sarto[mcu]'\n"
    )
    document = call("doctor", "--json")
    assert document.exit_code == 4
    states = {c["what"]: c["state"] for c in json.loads(document.stdout)["machine"]}
    assert (states["C compiler"], states["emulator"]) == ("MISSING", "ok")


def test_a_broken_tool_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise OSError("libunicorn.so:\n  cannot open shared object file")

    monkeypatch.setattr(doctor, "_emulator", broken)
    result = call("doctor")
    assert result.exit_code == 4
    assert "OSError: libunicorn.so: cannot open shared object file" in result.stdout


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def required(name: str) -> list[str]:
        return ["numpy>=2", "no-such-library>=1", 'aeon>=1; extra == "data"']

    monkeypatch.setattr(doctor, "requires", required)
    result = call("doctor")
    assert result.exit_code == 4
    assert "not installed: no-such-library" in result.stdout


@pytest.mark.parametrize(
    ("value", "words"), [("", "not set"), ("/no/such/folder", "no such folder: /no/such/folder")]
)
def test_the_folder_of_real_data_is_no_condition(value: str, words: str) -> None:
    result = call("doctor", SARTO_DATA=value)
    assert result.exit_code == 0
    assert words in result.stdout


def test_what_fit_would_see() -> None:
    result = call("doctor", "BasicMotions", "--channels", "channel_[12]")
    assert result.exit_code == 0, result.stderr
    text = result.stdout
    assert "items     80" in text
    assert "channels  2: channel_1, channel_2" in text
    assert "as in the data: 40 to train and validate, 40 to test" in text
    assert "Badminton     20     10    10" in text
    assert "\nnothing looks wrong\n" in text
    assert (
        "the default reservoir\ncell " in text and "on 16 of 80 sequences, 100 steps of each at most" in text
    )


def test_what_a_reservoir_does_on_data_is_said(odd: Path) -> None:
    text = call("doctor", "odd.npz").stdout
    figures = {
        line[:40].strip(): line[40:].strip()
        for line in text.partition("the default reservoir")[2].splitlines()
    }
    assert {"neurons", "effective radius", "effective rank", "linear memory capacity"} <= set(figures)
    assert figures["neurons"] == "100"
    document = json.loads(call("doctor", "odd.npz", "--json").stdout)["reservoir"]
    assert document["whose"] == "the default reservoir" and document["cell"] == "esn"
    assert {table["name"] for table in document["tables"]} >= {"reservoir layers", "reservoir gap"}
    assert all(finding["text"] in text for finding in document["findings"])


def test_the_reservoir_of_a_finished_folder_is_diagnosed(odd: Path) -> None:
    folder = manifest(odd.parent / "out", RING.to_json())
    result = call("doctor", "odd.npz", "--model", "out")
    assert result.exit_code == 0, result.stderr
    assert "\nthe reservoir of out" in result.stdout
    assert (
        json.loads(call("doctor", "odd.npz", "--model", "out", "--json").stdout)["reservoir"]["cell"]
        == "ring"
    )
    assert sorted(entry.name for entry in folder.iterdir()) == ["artifact.json"], "nothing is written"
    result = call("doctor", "odd.npz", "--model", "out", "--channels", "channel_1")
    assert result.exit_code == 2 and "out has 2 channels, the data have 1" in result.stderr
    result = call("doctor", "--model", "out")
    assert result.exit_code == 2 and result.stderr.startswith("error[E112]: --model without DATA")


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data with everything that a doctor warns of."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    lengths = np.array([20] * 39 + [200])
    x = random.normal(size=(int(lengths.sum()), 2)).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    x[offsets[3] : offsets[5], 1] = 0.5
    x[offsets[10] : offsets[11]] = x[offsets[30] : offsets[31]]
    y = np.array(["rest"] * 19 + ["fall"] * 3 + ["walk"] * 18)
    split = np.array(["train"] * 29 + ["test"] * 11)
    np.savez(tmp_path / "odd.npz", x=x, offsets=offsets, y=y, split=split)
    return tmp_path / "odd.npz"


def test_what_looks_wrong_is_said(odd: Path) -> None:
    result = call("doctor", "odd.npz")
    assert result.exit_code == 0, result.stderr
    warnings = [line for line in result.stdout.splitlines() if line.startswith("warning: ")]
    assert warnings == [
        "warning: class 'fall' has 3 training items, fewer than the 5 folds of validation",
        "warning: 1 of 40 items are much longer than the rest, over 20, up to 200 steps: "
        "cut them into windows if what is looked for is short",
        "warning: channel 'channel_1' stands still in 2 of 40 items",
        "warning: 1 test items are copies of training items: the test will flatter",
    ]
    assert "lengths   20 to 200 steps, half of them at most 20" in result.stdout
    assert "to beat   47.5 % right by always saying 'rest'" in result.stdout
    assert list(odd.parent.iterdir()) == [odd], "nothing is written"


def test_what_was_seen_as_json(odd: Path) -> None:
    document = json.loads(call("doctor", "odd.npz", "--json").stdout)
    assert document["data"]["facts"]["items"] == "40"
    assert document["data"]["classes"]["fall"] == {"items": 3, "train": 3, "test": 0}
    assert len(document["data"]["warnings"]) == 4


def test_groups_are_counted(odd: Path) -> None:
    contents = dict(np.load(odd))
    del contents["split"]
    contents["subject"] = np.arange(40) % 8
    np.savez("grouped.npz", **contents)
    result = call("doctor", "grouped.npz")
    assert result.exit_code == 0, result.stderr
    assert "groups    8 by subject" in result.stdout
    assert "by subject: 6 train, 2 test" in result.stdout
    assert "class 'fall' has " in result.stdout
    assert "training subjects, fewer than" in result.stdout


def test_data_that_cannot_be_learned_from_are_an_error(odd: Path) -> None:
    contents = dict(np.load(odd))
    contents["x"][:, 0] = 1
    np.savez("dead.npz", **contents)
    result = call("doctor", "dead.npz")
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E106]: 1 of 2 channels is constant")
    document = call("doctor", "dead.npz", "--json")
    assert json.loads(document.stdout)["error"]["code"] == "E106"
