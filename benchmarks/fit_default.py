"""The README's command takes at most 60 s on two cores, and its integer model is right on 9 of 10 unseen items.

Runs `sarto fit BasicMotions ...` as the README has it, in a process of its own, with 5 seeds: once with an empty
cache of the compiler (as on a fresh machine) and once with the cache that another model left. BasicMotions has 40
test items, and all of them run on the emulated device too.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import _command
from benchmarks._bench import Bench
from benchmarks._command import check, readme_fit
from benchmarks._outcome import Figure, Outcome, at_least, at_most, over_seeds
from sarto.core.evidence import Evidence

MINUTES = 6
CORES = 2
WALL_S, FLASH_B, RAM_B, ACCURACY = 60, 32 * 1024, 4 * 1024, 0.90
WARMING_SEED = 1000
"""Seed of the model that fills the compiler's cache; not among the seeds of the claim."""


def run(bench: Bench) -> Outcome:
    """Return wall times, sizes and accuracies over the seeds."""
    fits: dict[str, list[dict[str, Any]]] = {"cold": [], "warm": []}
    with two_cores():
        for seed in bench.seeds:
            for cache, done in fits.items():
                settings = {"seed": seed, "cache": cache, "quick": bench.quick}
                done.append(bench.once(settings, _fit, bench, seed, cache == "warm"))
                bench.say(
                    f"seed {seed}, {cache} compiler: {done[-1]['wall_s']:.1f} s, accuracy {done[-1]['accuracy']:.3f}"
                )
    assert [d["artifact"] for d in fits["cold"]] == [d["artifact"] for d in fits["warm"]], (
        "the cache changed a model"
    )
    figures: dict[str, Figure] = {}
    for cache, done in fits.items():
        figures |= over_seeds(
            f"wall time, {cache} compiler", [d["wall_s"] for d in done], "s", "measured", "largest"
        )
        figures |= over_seeds(
            f"processor time, {cache} compiler", [d["cpu_s"] for d in done], "s", "measured", "median"
        )
    each = fits["cold"]
    figures |= over_seeds("flash", [d["flash"] for d in each], "B", "measured", "largest")
    figures |= over_seeds("ram", [d["ram"] for d in each], "B", "emulated", "largest")
    figures |= over_seeds("test accuracy", [d["accuracy"] for d in each], "1", "emulated")
    figures |= over_seeds("items emulated", [d["emulated"] for d in each], "items", "emulated")
    figures |= over_seeds("report.html", [d["report"] for d in each], "B", "measured", "largest")
    if bench.quick:
        return Outcome(figures)
    bars = (
        at_most(
            "wall time in s, cold compiler, slowest",
            figures["wall time, cold compiler, largest"].value,
            WALL_S,
        ),
        at_most(
            "wall time in s, warm compiler, slowest",
            figures["wall time, warm compiler, largest"].value,
            WALL_S,
        ),
        at_most("flash in B, largest", figures["flash, largest"].value, FLASH_B),
        at_most("ram (static and peak stack) in B, largest", figures["ram, largest"].value, RAM_B),
        at_least("test accuracy, mean", figures["test accuracy, mean"].value, ACCURACY),
    )
    return Outcome(figures, bars)


@contextmanager
def two_cores() -> Generator[None]:
    """Keep this process and its children to two cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:CORES]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _fit(bench: Bench, seed: int, warm: bool) -> dict[str, Any]:
    """Run the command in a fresh folder and return what it says and what it took."""
    bench.folder.mkdir(parents=True, exist_ok=True)
    cache = bench.folder / "compiler"
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        if warm and not cache.exists():
            warming = readme_fit("warming", "--seed", str(WARMING_SEED), "--quiet")
            check(
                _command.run(warming, folder, compiler_cache(cache)),
                "the fit that fills the compiler's cache",
            )
        less = ["--trials", "16"] if bench.quick else []
        words = readme_fit("out", "--seed", str(seed), "--json", *less)
        done = check(
            _command.run(words, folder, compiler_cache(cache if warm else folder / "compiler")), "sarto fit"
        )
        answer = json.loads(done.stdout)
        lines = (folder / "out" / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
        found = {e.what: e for e in (Evidence.from_json(json.loads(line)) for line in lines)}
        return {
            "wall_s": done.wall_s,
            "cpu_s": done.cpu_s,
            "artifact": answer["artifact_sha256"],
            "flash": found["flash"].value,
            "ram": found["ram"].value,
            "accuracy": found["test accuracy"].value,
            "emulated": found["ram"].n or 1,
            "report": (folder / "out" / "report.html").stat().st_size,
        }


def compiler_cache(folder: Path) -> dict[str, str]:
    """Return the environment that makes zig keep what it compiled, its own libraries too, in `folder`."""
    return {"ZIG_GLOBAL_CACHE_DIR": str(folder), "ZIG_LOCAL_CACHE_DIR": str(folder)}
