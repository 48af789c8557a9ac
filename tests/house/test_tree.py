"""The tree: names, lengths, and what may not stand in a file."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("src", "tests", "benchmarks", "docs", "examples")
SOURCES = sorted(
    path
    for place in PLACES
    for suffix in ("py", "c", "h", "jinja", "j2")
    for path in (ROOT / place).rglob(f"*.{suffix}")
    if ".cache" not in path.parts  # where benchmarks keep what they made, and peers that pip brought
)
MAX_LINES = 400
VAGUE = {"utils", "util", "common", "helpers", "helper", "base", "misc"}


def test_no_file_is_longer_than_400_lines() -> None:
    assert len(SOURCES) > 50
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES
    }
    assert not {name: lines for name, lines in lengths.items() if lines > MAX_LINES}


def test_no_file_or_folder_has_a_vague_name() -> None:
    parts = {(path, part.removesuffix(path.suffix).strip("_")) for path in SOURCES for part in path.parts}
    vague = {str(path.relative_to(ROOT)) for path, part in parts if part in VAGUE}
    assert not vague, f"{vague}: name a file after the one idea in it"


def test_every_test_folder_is_a_room_of_the_package() -> None:
    """The tests mirror the tree; `rooms` holds the generic suites, `house` the tests on the project itself."""
    rooms = {path.name for path in (ROOT / "src" / "sarto").iterdir() if path.is_dir()}
    folders = {path.parent.relative_to(ROOT / "tests").parts for path in (ROOT / "tests").rglob("test_*.py")}
    strangers = {
        "/".join(parts)
        for parts in folders
        if not parts or parts[0] not in rooms | {"rooms", "house", "benchmarks", "docs"}
    }
    assert not strangers


def test_every_folder_of_python_files_is_a_package() -> None:
    """Without `__init__.py` a folder is a namespace, which import-linter and pkgutil pass over."""
    package = ROOT / "src" / "sarto"
    folders = {path.parent for path in package.rglob("*.py")}
    assert not {str(f.relative_to(package)) for f in folders if not (f / "__init__.py").exists()}


@pytest.mark.parametrize("word", ["xfail", "pickle.load", "type: ignore"])
def test_no_source_has_what_the_house_rules_out(word: str) -> None:
    """Expected failures, loading by pickle, silenced types (`# pyright: ignore[rule]` says which)."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        if path.parts[-2] != "house"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word in line
    ]
    if word == "pickle.load":  # a test may show that a value survives a process border
        found = [place for place in found if not place.startswith("tests/")]
    assert not found


def test_git_ignores_what_the_checks_leave_behind() -> None:
    left = [
        ".venv/x",
        ".pytest_cache/x",
        "src/sarto/__pycache__/x.pyc",
        "dist/x.whl",
        "build/site/index.html",
        "out/model.c",
        ".ruff_cache/x",
    ]
    result = subprocess.run(
        ["git", "check-ignore", *left], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert result.stdout.split() == left
