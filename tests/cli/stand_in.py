"""Calls of the command line, and a stand-in for the search that finishes at once, fails, or waits to be interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from sarto.cli._program import PROGRAM
from sarto.core.budget import judge
from sarto.core.points import OperatingPoint
from sarto.core.progress import Talk
from sarto.report import read_run
from sarto.search import fit as search
from tests.report.sample import Sample

ROOT = Path(__file__).parents[2]
FIT = ("fit", "BasicMotions", "--device", "cortex_m4", "-o", "out")


def call(*words: str, **environment: str) -> Result:
    """Run `sarto words` in this process."""
    return CliRunner(env=environment).invoke(PROGRAM, words)


def environment(**more: str) -> dict[str, str]:
    """The environment for a process that must find the tests, wherever it runs."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | more


def start(*words: str, cwd: Path, fake: str = "", **more: str) -> subprocess.Popen[str]:
    """Start `sarto words` as a process of its own, with a stand-in for the search."""
    program = "from sarto.cli import main; main()"
    if fake:
        program = f"from tests.cli import stand_in; stand_in.{fake}(); " + program
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=cwd,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(*words: str, cwd: Path, fake: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run `sarto words` as a process of its own to its end."""
    process = start(*words, cwd=cwd, fake=fake, **more)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


class Search:
    """Stands in for `sarto.search.fit`: keeps the requests it was given and writes a sample as their result."""

    def __init__(self, sample: Sample | None = None, act: Callable[[Talk], None] | None = None) -> None:
        self.sample = sample
        self.act = act
        self.requests: list[search.FitRequest] = []

    def finished(self, request: search.FitRequest) -> search.FitResult | None:
        """Return the result that stands in the folder."""
        self.requests.append(request)
        if not (request.out / "verdict.json").exists():
            return None
        return self.result(request, already_done=True)

    def fit(self, request: search.FitRequest, talk: Talk) -> search.FitResult:
        """Talk, act, and write the sample under the request's budget."""
        with talk.stage("search", 4) as stage:
            stage.advance(3, "best validation error 0.070")
            if self.act is not None:
                self.act(talk)
            stage.advance()
        (self.sample or Sample(budget=request.budget)).write(request.out)
        return self.result(request, already_done=False)

    def result(self, request: search.FitRequest, already_done: bool) -> search.FitResult:
        """Return what the folder says."""
        run = read_run(request.out)
        chosen = next(p for p in run.points if p.name == run.chosen)
        verdict = judge(request.budget, {e.what: e for e in run.evidence})
        nearest: tuple[OperatingPoint, ...] = () if verdict.fits else run.points[:2]
        return search.FitResult(request.out, verdict, chosen, nearest, already_done)

    def install(self, replace: Callable[[Any, str, Any], None] = setattr) -> Search:
        """Take the place of the search; `replace` may be a monkeypatch's."""
        replace(search, "finished", self.finished)
        replace(search, "fit", self.fit)
        return self


def quick() -> None:
    """A search that finishes at once."""
    Search().install()


def slow() -> None:
    """A search that says where it is and then waits."""

    def wait(talk: Talk) -> None:
        talk.note("waiting")
        time.sleep(60)

    Search(act=wait).install()


def broken() -> None:
    """A search with a fault of its own."""

    def fail(talk: Talk) -> None:
        raise ZeroDivisionError("7 / 0")

    Search(act=fail).install()


def unhurried() -> None:
    """A search whose bar can be looked at."""
    Search(act=lambda talk: time.sleep(1.5)).install()


def dumb() -> None:
    """A search that finishes at once, on a terminal that cannot draw."""
    os.environ["TERM"] = "dumb"
    quick()
