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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_WORKERS = 8
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


def run(name: str, arguments: list[str]) -> bool:
    """Run one check in the repository's root and say how it went."""
    print(f"== {name}: python {' '.join(arguments)}", flush=True)
    start = time.perf_counter()
    passed = subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode == 0
    took = time.perf_counter() - start
    print(f"== {name}: {'passed' if passed else 'FAILED'} in {took:.0f} s", flush=True)
    return passed


def main() -> int:
    """Run the chosen checks and say which of them failed."""
    names = ", ".join(checks(False))
    parser = argparse.ArgumentParser(prog="python -m tests", description="Runs the checks of the project.")
    parser.add_argument("names", nargs="*", metavar="CHECK", help=f"some of: {names} (default: all)")
    parser.add_argument("--no-skips", action="store_true", help="a skipped test fails the run")
    chosen = parser.parse_args()
    known = checks(chosen.no_skips)
    if unknown := sorted(set(chosen.names) - set(known)):
        parser.error(f"unknown check: {', '.join(unknown)}; known: {names}")
    outcome = {name: run(name, known[name]) for name in chosen.names or known}
    failed = [name for name, passed in outcome.items() if not passed]
    print(f"checks failed: {', '.join(failed)}" if failed else f"all {len(outcome)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
