"""`sarto federate`: the screen, the files, what goes on after a stop, the exit codes, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.cli import _federated
from tests.cli.stand_in import call

FILE = """
[data]
source = "items.npz"
[split]
by = "dirichlet"
clients = 6
alpha = [0.3, 10]
[model]
kind = "random_features"
units = 20
[[method]]
name = "fed3r"
[[against]]
name = "fedavg"
rounds = 2
"""


@pytest.fixture
def federation(folder: Path) -> Path:
    """A working folder with a federation of six clients."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 1, 3, 2)).astype(np.float32)
    np.savez("items.npz", x=x, y=(x[:, 0, 0, 0] > 0).astype(int))
    (folder / "river.toml").write_text(FILE)
    return folder


def uploads(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.upload"))


@pytest.mark.usefixtures("federation")
def test_a_federation_is_run_and_the_same_command_answers_from_what_is_kept() -> None:
    result = call("federate", "simulate", "river.toml", "-o", "out", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("6 clients with 90 items of 2 classes, classes by Dirichlet(0.3); ")
    assert lines[2].split()[:2] == ["method", "accuracy"]
    assert [line.split()[0] for line in lines[3:5]] == ["fed3r", "fedavg"]
    found = json.loads(Path("out/federation.json").read_text())
    assert len(found["tables"]["drift"]["rows"]) == 4
    assert len(found["tables"]["leaks of clients"]["rows"]) == 6
    assert "What uploads give away" in Path("out/federation.html").read_text()
    assert Path("out/model.npz").exists()
    Path("out/.kept/finished.json").unlink()
    again = call("federate", "simulate", "river.toml", "-o", "out", "--quiet", "--json")
    assert again.exit_code == 0
    same = json.loads(again.stdout)
    for part in ("tables", "findings", "summary", "provenance"):
        assert same[part] == found[part]
    (lines_of_heard,) = (path.read_text().splitlines() for path in Path("out/.kept/heard").glob("*.jsonl"))
    assert len(lines_of_heard) == 6, "no client was heard again"


@pytest.mark.usefixtures("federation")
def test_a_finished_folder_answers_at_once_until_file_data_or_folder_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulated: list[Path] = []
    whole = _federated.simulate

    def counted(path: Path, *others: Any) -> Any:
        simulated.append(path)
        return whole(path, *others)

    monkeypatch.setattr(_federated, "simulate", counted)

    def screen() -> str:
        result = call("federate", "simulate", "river.toml", "-o", "out", "--quiet")
        assert result.exit_code == 0
        return result.stdout

    first, again = screen(), screen()
    assert again == f"out holds the finished result of this request; nothing was run.\n\n{first}"
    assert len(simulated) == 1
    changes = (
        lambda: Path("out/federation.html").write_text("changed"),
        lambda: Path("river.toml").write_text(FILE.replace("units = 20", "units = 21")),
        lambda: np.savez("items.npz", x=np.ones((40, 1, 3, 2), np.float32), y=np.arange(40) % 2),
    )
    for count, change in enumerate(changes, 2):
        change()
        assert "nothing was run" not in screen() and "nothing was run" in screen()
        assert len(simulated) == count


def test_uploads_are_written_of_a_federation_that_was_run_before(federation: Path) -> None:
    text = FILE.replace("[0.3, 10]", "0.3").partition("[[against]]")[0]
    (federation / "river.toml").write_text(text)
    call("federate", "simulate", "river.toml", "--quiet")
    call("federate", "simulate", "river.toml", "--quiet", "--uploads", "sent")
    assert len(uploads(Path("sent"))) == 6


@pytest.fixture
def sent(federation: Path) -> Path:
    """The uploads of the six clients."""
    text = FILE.replace("[0.3, 10]", "0.3").partition("[[against]]")[0]
    (federation / "river.toml").write_text(text)
    assert call("federate", "simulate", "river.toml", "--quiet", "--uploads", "sent").exit_code == 0
    return federation / "sent"


@pytest.mark.usefixtures("sent")
def test_uploads_are_added_once_and_who_is_missing_is_told() -> None:
    merge = ("federate", "merge", "sent", "--journal", "j.sqlite")
    result = call(*merge, "-o", "head.npz")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(
        "river: 6 added, 0 known, 0 refused; 6 clients with 90 rows are in it\nhead of 2 outputs on 20 features"
    )
    with np.load("head.npz") as head:
        assert head["weights"].shape[0] == 20 or head["weights"].shape[1] == 20
    Path("names").write_text("0\n1\nward 9\n")
    again = call(*merge, "--expect", "names")
    assert again.exit_code == 0
    assert again.stdout.splitlines() == [
        "river: 0 added, 6 known, 0 refused; 6 clients with 90 rows are in it", "missing: ward 9"
    ]  # fmt: skip
    assert json.loads(call(*merge, "--expect", "names", "--json").stdout)["missing"] == ["ward 9"]
    Path("names").write_text("0\n1\n")
    assert call(*merge, "--expect", "names").stdout.endswith("nobody is missing\n")


@pytest.mark.usefixtures("federation")
def test_a_client_is_forgotten_by_its_upload_or_by_what_is_kept(sent: Path) -> None:
    call("federate", "merge", "sent", "--journal", "plain.sqlite")
    call("federate", "merge", "sent", "--journal", "kept.sqlite", "--keep")
    refused = call("federate", "forget", "2", "--journal", "plain.sqlite")
    assert refused.exit_code == 2
    assert "error[E170]" in refused.stderr and "--upload" in refused.stderr and "--keep" in refused.stderr
    from sarto.learn.federated._upload_file import read_about

    own = next(path for path in uploads(sent) if read_about(path).client == "2")
    by_file = call("federate", "forget", "2", "--journal", "plain.sqlite", "--upload", str(own))
    by_journal = call("federate", "forget", "2", "--journal", "kept.sqlite")
    assert by_file.stdout == by_journal.stdout
    assert by_file.stdout.startswith("'2' is no longer in it: 5 clients with ")


def test_a_damaged_upload_is_refused_and_told(sent: Path) -> None:
    first = uploads(sent)[0]
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(bytes(data))
    result = call("federate", "merge", "sent", "--journal", "j.sqlite")
    assert result.exit_code == 0
    head, told = result.stdout.splitlines()
    assert head.startswith("river: 5 added, 0 known, 1 refused; ")
    assert told.startswith(f"refused {first.name}: E10")
    told_of = call("federate", "audit", "sent")
    assert told_of.exit_code == 0 and told_of.stdout.splitlines()[-1].startswith(f"refused {first.name}: E10")
    for path in uploads(sent):
        path.write_bytes(b"none")
    assert call("federate", "audit", "sent").exit_code == 2


def test_a_name_that_no_client_has_cannot_be_forgotten(sent: Path) -> None:
    call("federate", "merge", "sent", "--journal", "j.sqlite", "--keep")
    for name, hint in (("22", "did you mean 2?"), ("gauge", "names are those that clients wrote")):
        result = call("federate", "forget", name, "--journal", "j.sqlite")
        assert result.exit_code == 2 and f"error[E170]: '{name}' is not in the journal" in result.stderr
        assert "6 clients are in it: 0, 1, 2" in result.stderr and hint in result.stderr


def test_audit_of_an_upload_and_of_a_folder(sent: Path) -> None:
    one = call("federate", "audit", str(uploads(sent)[0]))
    assert one.exit_code == 0
    assert one.stdout.splitlines()[0].split() == ["what", "revealed", "numbers", "taken", "away", "by"]
    every = call("federate", "audit", "sent")
    assert every.exit_code == 0
    lines = every.stdout.splitlines()
    assert max(map(len, lines[:7])) <= 80
    assert len(json.loads(call("federate", "audit", "sent", "--json").stdout)["table"]["rows"]) == 6


@pytest.mark.usefixtures("federation")
def test_a_plan_says_bytes_before_anything_is_run() -> None:
    result = call("federate", "plan", "river.toml")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[2].split()[:4] == ["method", "rounds", "up", "down"]
    found = json.loads(call("federate", "plan", "river.toml", "--json").stdout)
    assert [each["name"] for each in found["methods"]] == ["fed3r", "fedavg"]
    assert found["methods"][0]["up"] > 0
    assert found["methods"][0]["break_even"] > 0
    assert found["methods"][1]["break_even"] is None
    assert not Path("river").exists()


@pytest.mark.usefixtures("federation")
@pytest.mark.parametrize(
    ("change", "code", "part"),
    [
        (("[data]", "[data"), "E172", "it is to be TOML"),
        (("clients = 6", "client = 6"), "E172", "did you mean clients?"),
        (('name = "fed3r"', 'name = "fed3"'), "E172", "did you mean fed3r?"),
        (('kind = "random_features"', 'kind = "random"'), "E172", "random_features"),
        (("units = 20", "unit = 20"), "E172", "known: seed, mean, deviation, units, bandwidths"),
        (("rounds = 2", 'rate = "fast"'), "E172", "a number is written without quotes"),
        (("[0.3, 10]", "-1"), "E171", "alpha"),
        (("items.npz", "item.npz"), "E1", "item.npz"),
    ],
)
def test_what_is_refused_in_a_file(change: tuple[str, str], code: str, part: str) -> None:
    Path("river.toml").write_text(FILE.replace(*change))
    result = call("federate", "simulate", "river.toml", "--quiet")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[{code}")
    assert part in result.stderr


@pytest.mark.usefixtures("federation")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("simulate", "none.toml"), "E101"),
        (("plan", "none.toml"), "E101"),
        (("merge", "none", "--journal", "j"), "E101"),
        (("merge", ".", "--journal", "j"), "E104"),
        (("audit", "none"), "E101"),
        (("audit", "."), "E104"),
        (("audit", "items.npz"), "E103"),
        (("forget", "0", "--journal", "none", "--upload", "none"), "E101"),
        (("forget", "0", "--journal", "none"), "E1"),
    ],
)
def test_what_is_not_there(words: tuple[str, ...], code: str) -> None:
    result = call("federate", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[{code}")
    assert "hint: " in result.stderr
