"""The built wheel holds everything, and works where nothing else of the project is."""

import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import pytest

import sarto

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(command: list[str], **environment: str) -> str:
    """Run a command outside the repository and return what it printed."""
    result = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(sys.prefix),
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The wheel, built once with the backend that is installed."""

    def build(folder: Path) -> None:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        result = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr

    (built,) = once("wheel", build).glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """An empty folder into which pip put the wheel, and only that."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    return once("installed", lambda folder: run([*pip, str(folder), str(wheel)]))


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    here = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "sarto").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    there = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert there == here
    kinds = {Path(name).suffix for name in there}
    assert {".py", ".typed", ".md", ".toml", ".c", ".h"} <= kinds


def test_the_metadata_say_what_pyproject_says(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {Path(name).name: name for name in archive.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(archive.read(inside["METADATA"]).decode())
        assert "sarto = sarto.cli:main" in archive.read(inside["entry_points.txt"]).decode()
        assert archive.read(inside["LICENSE"]) == (ROOT / "LICENSE").read_bytes()
    assert metadata["License-Expression"] == PROJECT["license"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])


def test_it_imports_and_answers_from_a_clean_folder(installed: Path) -> None:
    names = "import sarto; print(sarto.__file__); print([getattr(sarto, name) for name in dir(sarto)])"
    file = run([sys.executable, "-c", names], PYTHONPATH=str(installed)).splitlines()[0]
    assert Path(file).is_relative_to(installed)
    (command,) = (installed / ("Scripts" if os.name == "nt" else "bin")).glob("sarto*")
    assert sarto.__version__ in run([str(command), "--version"], PYTHONPATH=str(installed))


def test_its_data_are_read_from_a_clean_folder(installed: Path) -> None:
    """Devices, methods and error pages are listed from files beside the code."""
    program = "import sys; from sarto.cli import main; main(sys.argv[1:])"
    for arguments, word in ((["devices"], "cortex_m4"), (["methods"], "esn"), (["explain", "E203"], "E203")):
        assert word in run([sys.executable, "-c", program, *arguments], PYTHONPATH=str(installed))
