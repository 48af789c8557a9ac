"""The project for this computer builds as it stands, and its program says of a terminal's lines what NumPy says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sarto.core.artifact import NAME, read_manifest, seal
from sarto.core.graph import interpret
from sarto.deploy.c.emit import emit
from sarto.deploy.c.program import native_sources
from sarto.measure.from_board import project_files
from sarto.measure.model import read_pinned
from sarto.measure.zig import run
from tests.measure.test_from_board import GRAPH, built, finished


def host_folder(out: Path) -> Path:
    """What a finished folder has of a small model for this computer."""
    finished(out, "cortex_m4")
    manifest = {k: v for k, v in read_manifest(out).items() if k != "sha256"}
    for name, text in native_sources().items():
        (out / name).write_text(text, encoding="utf-8")
    kept = {"model.c", "model.h", "graph.npz", "pinned.npz"}
    files = {name: sha256 for name, sha256 in manifest["files"].items() if name in kept}
    (out / NAME).write_text(
        json.dumps(seal({**manifest, "device": "host", "files": files})), encoding="utf-8"
    )
    return out


def asked(program: Path, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program], input=text, capture_output=True, text=True, check=False)


def lines_of(out: Path) -> str:
    """The pinned sequences as the program reads them; the last one without an empty line after it."""
    sequences = [[" ".join(map(str, step)) for step in s.tolist()] for s in read_pinned(out).listed()]
    return "\n\n".join("\n".join(steps) for steps in sequences) + "\n"


def test_the_project_builds_and_its_program_answers(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("needs the program gcc")
    out = host_folder(tmp_path / "out")
    files = project_files(out, read_manifest(out))
    assert set(files) == {"CMakeLists.txt"}
    folder = tmp_path / "project"
    shutil.copytree(out, folder)
    (folder / "CMakeLists.txt").write_text(files["CMakeLists.txt"], encoding="utf-8")
    assert "@" not in files["CMakeLists.txt"]
    said = asked(built(folder) / "example", lines_of(out))
    assert (said.returncode, said.stderr) == (0, "")
    pinned = read_pinned(out)
    truth = interpret(GRAPH, pinned.raw, pinned.offsets)
    found = np.array([list(map(int, line.split())) for line in said.stdout.splitlines()])
    assert found[:, 0].tolist() == truth.classes.tolist()
    assert found[:, 1:].tolist() == truth.scores.tolist()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built by the compiler that is always there."""
    folder = tmp_path_factory.mktemp("program")
    sources = {**native_sources(), **emit(GRAPH)}
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    names = sorted(name for name in sources if name.endswith(".c"))
    status, said = run(["cc", "-std=c99", "-O1", "-Wall", "-Wextra", *names, "-o", "example"], folder)
    assert (status, said) == (0, "")
    return folder / "example"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1 2 3 4\n", 1),
        ("1 2 3 4 5\n1 2 3 4 5 6\n", 2),
        ("1 2 3 4 5\n\n1 2 x 4 5\n", 3),
        ("1 2 3 4 99999\n", 1),
        ("1 2 3 4 99999999999999999999\n", 1),
        ("1 2 3 4 1.5\n", 1),
        ("1" * 5000 + "\n", 1),
        (" " * 5000 + "\n", 1),
    ],
)
def test_lines_that_are_no_samples_are_refused(program: Path, text: str, line: int) -> None:
    said = asked(program, text)
    assert said.returncode == 2
    assert said.stderr == f"line {line}: 5 raw words are needed, one for each channel\n"


def test_nothing_and_empty_lines_are_no_sequence(program: Path) -> None:
    for text in ("", "\n", "\n\n \n"):
        said = asked(program, text)
        assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_commas_end_of_line_and_end_of_file_are_all_the_same(program: Path) -> None:
    one = asked(program, "1 2 3 4 5\n6 7 8 9 -10\n").stdout
    assert one.count("\n") == 1
    for text in (
        "1,2,3,4,5\n6, 7, 8, 9, -10",
        "1 2 3 4 5\r\n6 7 8 9 -10\r\n\r\n",
        "\n1 2 3 4 5\n6\t7 8 9 -10\n\n\n",
    ):
        assert asked(program, text).stdout == one
