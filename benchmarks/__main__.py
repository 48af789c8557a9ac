"""Runs one benchmark: `python -m benchmarks NAME [--json] [--quick] [--workers N]`; `--list` lists them.

stdout has the answer and stderr the talk. Exit status: 0 every bar is met (or there is none), 1 a bar is missed, and
otherwise that of the error, such as 2 when SARTO_DATA is not set.
"""

from __future__ import annotations

import argparse
import ast
import json
import shutil
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks._bench import Bench, code_sha256
from benchmarks._environment import environment
from benchmarks._shown import aligned, outcome_text, summary
from sarto.core.errors import EXIT_INTERRUPTED, SartoError
from sarto.core.rooms import load_method, methods
from sarto.core.store import write_atomic
from sarto.core.threads import one_blas_thread

ROOM = "benchmarks"
HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
CACHE = HERE / ".cache"


def names() -> list[str]:
    """Return the names of the benchmarks."""
    return methods(ROOM)


def claim(module: ModuleType) -> str:
    """Return the first line of the benchmark's docstring."""
    return _first_line(module.__doc__)


def _first_line(text: str | None) -> str:
    assert text
    return text.strip().splitlines()[0]


def kept(name: str) -> dict[str, Any] | None:
    """Return the outcome kept in `results/`, or None."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def listing() -> list[dict[str, Any]]:
    """Return what `--list` shows: name, claim, minutes and last result of each benchmark; none is imported for that."""
    return [{"name": name, **_told(HERE / f"{name}.py"), "last": summary(kept(name))} for name in names()]


def _told(path: Path) -> dict[str, Any]:
    """Return the claim and the minutes of a benchmark's file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    minutes = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MINUTES"
    ]
    return {"claim": _first_line(ast.get_docstring(tree)), "minutes": ast.literal_eval(minutes[0])}


def say(text: str) -> None:
    """Write one line to stderr."""
    print(text, file=sys.stderr, flush=True)


def run(name: str, *, quick: bool, workers: int, fresh: bool) -> dict[str, Any]:
    """Run benchmark `name` and return its outcome in JSON form; unless quick, keep it in `results/`."""
    module = load_method(ROOM, name)
    folder = CACHE / name
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"{name}: {claim(module)}")
    say(
        "quick: no bar is judged"
        if quick
        else f"takes about {module.MINUTES} min on 2 quiet cores; a stopped run resumes"
    )
    where, start = environment(), time.monotonic()
    assert module.__file__ is not None
    bench = Bench(name, quick, workers, folder, code_sha256(Path(module.__file__)), say)
    with one_blas_thread():
        found = module.run(bench).to_json(name, where)
    say(f"done in {(time.monotonic() - start) / 60:.1f} min")
    if not quick:
        write_atomic(RESULTS / f"{name}.json", json.dumps(found, indent=1) + "\n")
    return found


def main() -> int:
    """Read the command line, run, show, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Runs a benchmark of the project."
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"one of: {', '.join(names())}")
    parser.add_argument(
        "--list", action="store_true", help="list the benchmarks, how long they take, and how they stand"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--quick", action="store_true", help="a little of everything, no bar, nothing kept")
    parser.add_argument("--fresh", action="store_true", help="forget what a run before had cached")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (default: 2)")
    chosen = parser.parse_args()
    try:
        if chosen.list or chosen.name is None:
            rows = listing()
            lines = [(r["name"], f"{r['minutes']} min", r["last"], r["claim"]) for r in rows]
            print(json.dumps(rows, indent=1) if chosen.json else aligned(lines))
            return 0
        found = run(chosen.name, quick=chosen.quick, workers=chosen.workers, fresh=chosen.fresh)
    except SartoError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted: what is done is kept, and the same command goes on from there")
        return EXIT_INTERRUPTED
    print(json.dumps(found, indent=1) if chosen.json else outcome_text(found))
    return 0 if all(bar["met"] for bar in found["bars"]) else 1


if __name__ == "__main__":
    sys.exit(main())
