"""Runs every check of the project, in one place: `python -m tests`.

The README's test command and `.ci/run` both call it. Every check runs, also after one failed, and the
exit status is 0 only if all of them passed. `python -m tests pyright pytest` runs those two alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_WORKERS = 8
BESIDE = ("pyright",)
"""Checks that use one core for long: they run while the tests do, and are heard at the end."""
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; raise SystemExit(run())"


def checks(no_skips: bool) -> dict[str, list[str]]:
    """The checks in order: name -> arguments of the Python interpreter; the fast ones come first."""
    tests = ["-m", "pytest", f"--numprocesses={min(os.cpu_count() or 1, MAX_WORKERS)}"]
    tests += ["--no-skips"] if no_skips else []
    return {
        "lint": ["-m", "ruff", "check", "."],
        "format": ["-m", "ruff", "format", "--check", "."],
        "imports": ["-c", LINT_IMPORTS, "--no-cache"],
        "pyright": ["-m", "pyright", "--warnings", "--pythonpath", sys.executable],
        "pytest": [*tests, "--ignore=tests/docs"],
        "docs": [*tests, "tests/docs"],  # builds the site, and runs every example on its pages
    }


@dataclass(frozen=True)
class Running:
    """A check that was started beside the others; what it says waits until it is asked how it went."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[str]
    began: float

    @staticmethod
    def of(name: str, arguments: list[str]) -> Running:
        """Start a check."""
        words = [sys.executable, *arguments]
        process = subprocess.Popen(
            words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return Running(name, arguments, process, time.perf_counter())

    def passed(self) -> bool:
        """Wait for the end of the check and say how it went."""
        _begin(self.name, self.arguments)
        print(self.process.communicate()[0], end="")
        return _ended(self.name, self.process.returncode == 0, self.began)


def run(name: str, arguments: list[str]) -> bool:
    """Run one check in the repository's root and say how it went."""
    _begin(name, arguments)
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode == 0
    return _ended(name, done, began)


def _begin(name: str, arguments: list[str]) -> None:
    print(f"== {name}: python {' '.join(arguments)}", flush=True)


def _ended(name: str, passed: bool, began: float) -> bool:
    took = time.perf_counter() - began
    print(f"== {name}: {'passed' if passed else 'FAILED'} in {took:.0f} s", flush=True)
    return passed


def main() -> int:
    """Run the chosen checks and say which of them failed."""
    every = ", ".join(checks(False))
    parser = argparse.ArgumentParser(prog="python -m tests", description="Runs the checks of the project.")
    parser.add_argument("names", nargs="*", metavar="CHECK", help=f"some of: {every} (default: all)")
    parser.add_argument("--no-skips", action="store_true", help="a skipped test fails the run")
    chosen = parser.parse_args()
    known = checks(chosen.no_skips)
    if unknown := sorted(set(chosen.names) - set(known)):
        parser.error(f"unknown check: {', '.join(unknown)}; known: {every}")
    names = chosen.names or list(known)
    beside = [Running.of(name, known[name]) for name in names if name in BESIDE]
    outcome = {name: run(name, known[name]) for name in names if name not in BESIDE}
    outcome |= {one.name: one.passed() for one in beside}
    failed = [name for name, passed in outcome.items() if not passed]
    print(f"checks failed: {', '.join(failed)}" if failed else f"all {len(outcome)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
