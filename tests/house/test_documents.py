"""What README, CONTRIBUTING, CITATION and the fragments say is so."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import sarto

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changes").glob("*.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")
KINDS = {"added", "changed", "fixed", "removed"}


def commands(text: str) -> list[str]:
    """The shell lines of a document, continued lines joined; in a `console` block those after `$ `."""
    blocks = re.findall(r"```(sh|bash|console)\n(.*?)```", text, flags=re.DOTALL)
    lines = [(kind, line) for kind, block in blocks for line in block.replace("\\\n", " ").splitlines()]
    typed = [line for kind, line in lines if kind != "console" or line.startswith("$ ")]
    return [line.removeprefix("$ ") for line in typed if line.strip()]


def sarto_calls() -> list[tuple[str, list[str]]]:
    """Every call of `sarto` in a document: the verb and its options."""
    found: list[tuple[str, list[str]]] = []
    for document in DOCUMENTS:
        for line in commands(document.read_text(encoding="utf-8")):
            for part in re.split(r"&&|\|\|?|;|#", line):
                words = shlex.split(part)
                if words and Path(words[0]).name == "sarto" and len(words) > 1:
                    found.append(
                        (
                            " ".join(words[1:3] if words[1] == "federate" else words[1:2]),
                            [w.split("=")[0] for w in words[2:] if re.match(r"-{1,2}[a-z]", w)],
                        )
                    )
    return found


def test_the_first_screen_has_the_two_commands() -> None:
    setup, tests = commands("\n".join(README.splitlines()[:40]))[:2]
    assert " fit BasicMotions --device cortex_m4 " in setup
    assert tests.endswith("python -m tests")
    for line in (setup, tests):
        assert line.startswith("python3 -m venv .venv && ")
        assert "-c constraints.txt" in line


def test_ci_runs_the_test_command_of_the_readme() -> None:
    tests = commands(README)[1]
    assert tests + " --no-skips" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_documents_name_extras_that_exist() -> None:
    named = set(re.findall(r"'\.\[([a-z,]+)\]'", "\n".join(d.read_text(encoding="utf-8") for d in DOCUMENTS)))
    assert named
    assert {extra for group in named for extra in group.split(",")} <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("verb", sorted({verb for verb, _ in sarto_calls()}))
def test_documents_use_verbs_and_options_that_exist(verb: str) -> None:
    program = "import sys; from sarto.cli import main; main(sys.argv[1:])"
    words = ["--help"] if verb.startswith("-") else [*verb.split(), "--help"]
    result = subprocess.run(
        [sys.executable, "-c", program, *words], check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    options = (
        {verb} if verb.startswith("-") else {o for v, options in sarto_calls() if v == verb for o in options}
    )
    assert options <= set(re.findall(r"-{1,2}[a-z][a-z-]*", result.stdout)), f"sarto {verb}"


def test_the_python_of_the_readme_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    result = subprocess.run([sys.executable, "-c", block], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert 0.9 <= float(result.stdout) <= 1


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_contributing_is_under_60_lines() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) < 60


def test_constraints_pin_every_dependency_to_a_version_that_is_allowed() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    assert pins == sorted(pins, key=str.lower)
    versions = {pin.split("==")[0].lower().replace("_", "-"): Version(pin.split("==")[1]) for pin in pins}
    extras = [text for group in PROJECT["optional-dependencies"].values() for text in group]
    for text in [*PROJECT["dependencies"], *extras]:
        wanted = Requirement(text)
        assert versions[wanted.name.lower()] in wanted.specifier, text


def test_the_citation_says_what_pyproject_says() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"] and citation["authors"]
    assert citation["title"] == "Sarto"
    assert citation["version"] == sarto.__version__
    assert citation["license"] == PROJECT["license"]


def test_fragments_are_named_by_issue_and_kind() -> None:
    fragments = [path for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    for path in fragments:
        matched = re.fullmatch(r"\d+(?:-[a-z-]+)?\.([a-z]+)\.md", path.name)
        assert matched, path.name
        assert matched[1] in KINDS, path.name
        assert path.read_text(encoding="utf-8").strip()


def test_make_help_lists_every_target() -> None:
    """Read, not run: nobody needs make."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    targets = [line for line in lines if re.match(r"[a-z]+:", line)]
    assert len(targets) > 3
    assert all("## " in line for line in targets)
