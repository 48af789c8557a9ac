"""What is light stays light, and methods stand alone."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sarto.cli.methods import ROOMS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sarto"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WITHOUT_TORCH = ("core", "data", "devices", "report", "__init__.py")
# Runs in a fresh interpreter: fails on the first socket, and says what was imported.
WATCH = """
import contextlib, io, sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(event)
sys.addaudithook(refuse)
out = io.StringIO()
try:
    with contextlib.redirect_stdout(out):
        {body}
except SystemExit as leaving:
    assert not leaving.code, leaving.code
slow = {{"numpy", "scipy", "sklearn", "torch", "jaxtyping", "optuna", "matplotlib", "jinja2"}}
heavy = slow & set(sys.modules)
assert not heavy, heavy
print(out.getvalue())
"""
LIGHT = {
    "import": "import sarto; print(sarto.__version__, dir(sarto))",
    "--help": "import sarto.cli; sarto.cli.main(['--help'])",
    "--version": "import sarto.cli; sarto.cli.main(['--version'])",
    "fit --help": "import sarto.cli; sarto.cli.main(['fit', '--help'])",
    "devices": "import sarto.cli; sarto.cli.main(['devices'])",
}


@pytest.mark.parametrize("name", LIGHT)
def test_light_commands_import_nothing_heavy_and_open_no_socket(name: str) -> None:
    code = WATCH.format(body=LIGHT[name])
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


def test_the_watch_sees_sockets_and_heavy_imports() -> None:
    for body in ("import socket; socket.socket()", "import numpy"):
        result = subprocess.run(
            [sys.executable, "-c", WATCH.format(body=body)], check=False, capture_output=True
        )
        assert result.returncode == 1


def imported(file: Path, source: Path = SOURCE) -> set[str]:
    """Every module that a file imports, in full, also inside functions."""
    package = ("sarto", *file.relative_to(source).parent.parts)
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*start, *filter(None, [node.module])))
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def test_every_library_that_is_imported_is_declared() -> None:
    """What a dependency happens to bring along may leave with its next release."""
    groups = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][e] for e in ("mcu", "nn"))]
    declared = {canonicalize_name(Requirement(text).name) for group in groups for text in group}
    owners = packages_distributions()
    tops = {name.split(".")[0] for path in SOURCE.rglob("*.py") for name in imported(path)}
    foreign = tops - set(sys.stdlib_module_names) - {"sarto", ""}
    assert "numpy" in foreign
    unknown = {top for top in foreign if not declared & {canonicalize_name(n) for n in owners.get(top, [])}}
    assert not unknown


def entangled(room: str, source: Path = SOURCE) -> list[str]:
    """The methods of a room that import another method of it."""
    dotted = "sarto." + room.replace("/", ".")
    files = {f"{dotted}.{p.stem}": p for p in (source / room).glob("*.py") if not p.stem.startswith("_")}
    found: list[str] = []
    for name, path in files.items():
        others = [other for other in files if other != name]
        seen = imported(path, source)
        found += [f"{name} imports {o}" for o in others if any(m == o or m.startswith(f"{o}.") for m in seen)]
    return found


def test_methods_never_import_each_other() -> None:
    rooms = [room for room in ROOMS if (SOURCE / room).is_dir()]
    assert {"models/reservoir", "devices", "cli"} <= set(rooms)
    assert not [line for room in rooms for line in entangled(room)], "put what they share in a _name.py"


@pytest.mark.parametrize(
    "line", ["from . import esn", "from .esn import x", "import sarto.cli.esn", "from sarto.cli.esn import x"]
)
def test_an_entangled_method_is_found(tmp_path: Path, line: str) -> None:
    room = tmp_path / "cli"
    room.mkdir()
    (room / "_shared.py").write_text("")
    (room / "esn.py").write_text("from ._shared import y")
    (room / "ring.py").write_text(f"def late():\n    {line}")
    assert entangled("cli", tmp_path) == ["sarto.cli.ring imports sarto.cli.esn"]


@pytest.mark.parametrize("place", WITHOUT_TORCH)
def test_no_torch_where_none_belongs(place: str) -> None:
    files = [SOURCE / place] if place.endswith(".py") else sorted((SOURCE / place).rglob("*.py"))
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        torch = {name for name in imported(path) | words if name.split(".")[0] == "torch" and " " not in name}
        assert not torch, f"{path.relative_to(SOURCE)} names {torch}"


def test_only_measure_and_audit_make_evidence() -> None:
    """`core` holds the class itself; every other room is handed Evidence."""
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] in ("core", "measure", "audit"):
            continue
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        ]
        makers = [node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "Evidence"]
        assert not makers, (
            f"{path.relative_to(SOURCE)}:{makers[0].lineno} makes Evidence; measure and audit do"
        )


def test_the_package_has_at_most_40_public_names_and_each_loads() -> None:
    import sarto

    names = [name for name in dir(sarto) if not name.startswith("_")]
    assert 0 < len(names) <= 40
    assert all(getattr(sarto, name) is not None for name in names)
