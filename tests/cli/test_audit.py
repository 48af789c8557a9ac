"""`sarto audit`: the screen, the files, the exit codes, and what is refused."""

import contextlib
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from sarto.core.evidence import Ledger
from sarto.core.progress import Silent
from sarto.search.shrink import shrink
from sarto.search.shrink_folder import ShrinkRequest
from tests.cli.stand_in import call

GATE = "gain >= -2pp @ q=0.05, support=0.1"


@pytest.fixture
def table(folder: Path) -> Path:
    """A working folder with predictions of two models, of which the small one fails old women."""
    del folder
    lines = ["id,y,original,model,age,sex"]
    for i in range(300):
        y, age, sex = i % 2, 20 + i % 50, "f" if i // 2 % 2 else "m"
        before = 1 - y if i % 10 == 9 else y
        after = 1 - before if sex == "f" and age > 45 and i % 3 else before
        lines.append(f"{i},{y},{before},{after},{age},{sex}")
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    return Path("rows.csv")


@pytest.mark.usefixtures("table")
def test_the_screen_says_who_lost_and_the_gate_fails_with_5() -> None:
    result = call("audit", "rows.csv", "--gate", GATE)
    assert result.exit_code == 5
    assert result.stderr.startswith(f"error[E502]: the gate fails: {GATE}\ncause: ")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("rows.csv: 'model', held to 'original', on 300 rows: ")
    assert any(line.startswith("overall gain") for line in lines)
    assert any(line.startswith(f"{GATE}  fails") for line in lines)
    assert "sex = f" in result.stdout
    assert sorted(path.name for path in Path().iterdir()) == ["rows.csv"], "nothing is written without -o"


@pytest.mark.usefixtures("table")
def test_files_and_documents() -> None:
    result = call("audit", "rows.csv", "--gate", "gain >= -90pp", "-o", "out", "--junit", "ci.xml", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert found["passed"] is True
    assert found == json.loads(Path("out/audit.json").read_text())
    assert found["provenance"]["columns"] == {"target": "y", "model": "model", "original": "original"}
    with Path("out/subgroups.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["gain"]) for row in rows] == sorted(float(row["gain"]) for row in rows)
    assert set(rows[0]) >= {"age", "sex", "rows", "gain", "q"}
    assert "Gain of the small model" in Path("out/audit.html").read_text()
    assert ET.parse("ci.xml").getroot().get("failures") == "0"


@pytest.mark.usefixtures("table")
def test_rows_without_truth_are_ranked() -> None:
    rows = [line.split(",") for line in Path("rows.csv").read_text().splitlines()]
    Path("new.csv").write_text("".join(",".join((row[0], *row[2:])) + "\n" for row in rows))
    result = call("audit", "new.csv", "--unlabelled", "--groups", "age,sex")
    assert result.exit_code == 0, result.stderr
    assert "disagreement" in result.stdout
    assert "sex = f" in result.stdout.splitlines()[6]
    assert call("audit", "new.csv").exit_code == 2


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("none.csv",), "E101", "there is no such file"),
        (("none", "--faults"), "E101", "there is no folder 'none'"),
        (("rows.csv", "--groups", "sexx"), "E112", "did you mean 'sex'?"),
        (("rows.csv", "--gate", "gian >= 0pp"), "E161", "--gate: 'gian >= 0pp' is no gate"),
        (("rows.csv", "--data", "x.npz"), "E112", "--data with rows.csv"),
        (("rows.csv", "--support", "0.99"), "E139", "of 300 rows"),
        (("rows.csv", "--metric", "accurracy"), "E140", "accurracy"),
        (("rows.csv", "--gate", "critical <= 1%"), "E161", "--faults"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], code: str, part: str) -> None:
    result = call("audit", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[{code}]: ")
    assert part in result.stderr


def test_a_table_is_audited_without_torch(table: Path) -> None:
    program = (
        "import sys; from sarto.cli import main\n"
        "try: main()\nfinally: assert not {'torch', 'onnx', 'sklearn'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", program, "audit", str(table), "-o", "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Items, and beside them the folder `out` of a small network that was shrunk into a file."""
    place = tmp_path_factory.mktemp("finished")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1, 6, 1)).astype(np.float32)
    with contextlib.chdir(place):
        np.savez("items.npz", x=x, y=(x[:, 0, 0, 0] > 0).astype(int))
        request = ShrinkRequest(
            "mlp", "items.npz", place / "out", recipe="ptq:8", epochs=3, batch=20, rate=0.02
        )
        shrink(request, Silent())
    return place


@pytest.fixture
def shrunk(folder: Path, finished: Path) -> Path:
    """A copy of the folder of a shrunk network in the working folder, and its items beside it."""
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    return folder / "out"


def test_faults_and_formats_of_a_folder(shrunk: Path) -> None:
    before = len(list(Ledger(shrunk / "evidence.jsonl")))
    words = (
        "--faults",
        "--pattern",
        "burst",
        "--extent",
        "3",
        "--permanent",
        "--half-width",
        "20%",
        "--gate",
        "due >= 10% @ 90%",
        "--gate",
        "critical <= 90%",
        "--quiet",
    )
    result = call("audit", str(shrunk), *words)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "due faults, container" in result.stdout
    found = json.loads((shrunk / "audit.json").read_text())
    assert [g["gate"] for g in found["gates"]] == ["due >= 10% @ 90%", "critical <= 90%"]
    assert set(found["tables"]) >= {"faults", "fault map", "faults of the container by layer"}
    told = {e.what: e for e in list(Ledger(shrunk / "evidence.jsonl"))[before:]}
    assert told["due faults, container"].value == 1.0, "a wrong bit is found by the file's hash"
    assert "(permanent flip burst 3)" in (shrunk / "audit.html").read_text()
    assert not (shrunk / "subgroups.csv").exists()
    result = call("audit", str(shrunk), "--formats", "--data", "items.npz", "--quiet", "--json")
    table = json.loads(result.stdout)["tables"]["formats"]
    assert table["columns"][:4] == ["format", "bits", "bytes", "accuracy"]
    assert table["rows"][0][:2] == ["fp32", 32]
    assert all(0 <= row[3] <= 1 for row in table["rows"])
    page = (shrunk / "audit.html").read_text()
    assert '<section id="formats"' in page
    assert '<section id="faults"' not in page, "a page tells of one audit"


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--formats",), "E112", "--formats needs --data"),
        (("--faults", "--gate", "mttf >= 1h"), "E161", "an MTTF needs --fit"),
        (("--faults", "--gate", "mttf_ratio >= 5"), "E161", "mttf_ratio needs --against"),
        (("--faults", "--where", "image"), "E148", "it has: container"),
        (("--faults", "--guard", "flash,crc"), "E150", "'crc' is no guard"),
        (("--faults", "--guard", "abft,flash", "--where", "graph"), "E112", "a guard is judged in the image"),
        (("--faults", "--where", "container", "--pattern", "line"), "E148", "of the pattern line"),
        (("--target", "y"), "E112", "--target with"),
        (("--formats", "--data", "other.npz"), "E162", "is not what"),
    ],
)
def test_what_is_refused_of_a_folder(shrunk: Path, words: tuple[str, ...], code: str, part: str) -> None:
    np.savez("other.npz", x=np.zeros((4, 1, 6, 1), np.float32), y=np.arange(4) % 2)
    result = call("audit", str(shrunk), *words, "--quiet")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[{code}]: ")
    assert part in result.stderr
