"""A fit that is killed at any moment and run again gives the artifact of an undisturbed one, with 1 and with 2 workers.

`sarto fit BasicMotions --trials 48` runs once undisturbed. Then ten times, each in a fresh folder, it is started,
killed with its whole process group (kill -9) at a moment drawn uniformly over the duration of the undisturbed run,
and run again to the end. The artifact's hash and every file that it lists must be the same, and no process may be left.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import _command
from benchmarks._bench import Bench
from benchmarks._command import SARTO, check, clean_environment
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.core.store import file_sha256

MINUTES = 15
KILLS, TRIALS, QUICK_TRIALS = 10, 48, 16
SETTLING_S = 10
"""How long a killed process may take to vanish, and a worker to notice that its parent is gone."""


def run(bench: Bench) -> Outcome:
    """Return how many killed and repeated fits gave the undisturbed artifact, and what was left running."""
    if not Path("/proc/self/environ").exists():
        raise SartoError(
            "E301", "processes cannot be listed", cause="there is no /proc", hint="run this on Linux"
        )
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    kills = 2 if bench.quick else KILLS
    references: list[str] = []
    for workers in (1, 2):
        words = command(workers, QUICK_TRIALS if bench.quick else TRIALS)
        key = {"words": words[len(SARTO) :]}
        whole = bench.once({**key, "kill": "none"}, undisturbed, words)
        references.append(whole["artifact"])
        bench.say(f"{workers} workers, undisturbed: {whole['wall_s']:.1f} s")
        runs: list[dict[str, Any]] = []
        for index in range(kills):
            share = float(generator(0, "kill", workers, index).uniform())
            runs.append(bench.once({**key, "kill": index}, disturbed, words, share * whole["wall_s"]))
            bench.say(
                f"{workers} workers, killed after {runs[-1]['after_s']:.1f} s: {runs[-1]['artifact'][:12]}"
            )
        same = sum(r["artifact"] == whole["artifact"] for r in runs)
        left = sum(r["left"] for r in runs)
        with_workers = f"{workers} worker{'s' * (workers > 1)}"
        figures[f"same artifact, {with_workers}"] = Figure(same, "runs", "measured", kills)
        figures[f"processes left, {with_workers}"] = Figure(left, "processes", "measured", kills)
        for what, unit in (("killed after", "s"), ("trials kept at the kill", "trials")):
            values = [r["after_s" if unit == "s" else "trials"] for r in runs]
            figures |= over_seeds(f"{what}, {with_workers}", values, unit, "measured", "median")
        bars += [
            at_least(f"same artifact after a kill, of {kills}, {with_workers}", same, kills),
            at_most(f"processes left, {with_workers}", left, 0),
        ]
        if workers > 1:
            orphans = bench.once({**key, "kill": "parent"}, orphaned, words, whole["wall_s"] / 2)
            figures["processes left when the parent alone is killed"] = Figure(
                orphans, "processes", "measured"
            )
    agree = len(set(references)) == 1
    figures["artifacts of undisturbed runs with 1 and 2 workers"] = Figure(
        len(set(references)), "hashes", "measured", 2
    )
    bars.append(at_most("different artifacts of undisturbed runs with 1 and 2 workers", 1 if agree else 2, 1))
    return Outcome(figures, () if bench.quick else tuple(bars))


def command(workers: int, trials: int) -> list[str]:
    """Return the words of the fit, which writes the folder `out` where it runs."""
    limits = ["--device", "cortex_m4", "--flash", "32KiB", "--ram", "4KiB"]
    effort = ["--trials", str(trials), "--workers", str(workers)]
    return [*SARTO, "fit", "BasicMotions", *limits, *effort, "--json", "-o", "out"]


def undisturbed(words: Sequence[str]) -> dict[str, Any]:
    """Return the artifact's hash and the wall time of a run from the beginning to the end."""
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        done = check(_command.run(words, Path(name)), "sarto fit")
        return {"artifact": artifact(Path(name) / "out", done.stdout), "wall_s": done.wall_s}


def disturbed(words: Sequence[str], after_s: float) -> dict[str, Any]:
    """Kill the run after `after_s` seconds (sooner, if it ends before), run it again, and return what came of it."""
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        while not _killed(words, folder, after_s, token, whole_group=True):
            for file in sorted(folder.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            after_s /= 2
        left = len(remaining(token))
        trials = len(list((folder / "out" / ".work" / "trials").glob("*.json")))
        done = check(_command.run(words, folder, {"BENCH_TOKEN": token}), "sarto fit, repeated")
        found = artifact(folder / "out", done.stdout)
        return {"artifact": found, "after_s": after_s, "trials": trials, "left": left + len(remaining(token))}


def orphaned(words: Sequence[str], after_s: float) -> int:
    """Return how many processes outlive the parent by `SETTLING_S` seconds when it alone is killed; they are ended."""
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        _killed(words, Path(name), after_s, token, whole_group=False)
        left = remaining(token)
        for process in left:
            os.kill(process, signal.SIGKILL)
        return len(left)


def artifact(out: Path, answer: str) -> str:
    """Return the hash that the answer names, after comparing every file with what the manifest says of it."""
    manifest = json.loads((out / "artifact.json").read_text(encoding="utf-8"))
    assert manifest["sha256"] == json.loads(answer)["artifact_sha256"], "answer and manifest differ"
    assert not (out / ".work").exists(), "the work is kept after the end"
    wrong = [name for name, digest in manifest["files"].items() if file_sha256(out / name) != digest]
    return f"damaged: {', '.join(wrong)}" if wrong else manifest["sha256"]


def remaining(token: str) -> list[int]:
    """Return the processes with `token` that do not vanish within `SETTLING_S`."""
    end = time.monotonic() + SETTLING_S
    while (left := running(token)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def running(token: str) -> list[int]:
    """Return the processes, of this user, that have `token` in their environment."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and token.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _killed(words: Sequence[str], folder: Path, after_s: float, token: str, *, whole_group: bool) -> bool:
    """Start the command, kill it (or its whole process group) after `after_s`; return whether it still ran then."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=clean_environment({"BENCH_TOKEN": token}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(after_s)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL) if whole_group else process.kill()
            process.wait()
