"""The main job: data and a budget in, a measured model in an output folder out.

`fit` reads the data, searches, deploys the front, scores the chosen point once on the test items, and writes the
folder. Everything up to the last write is kept under `OUT/.work`, so a call that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sarto.core.artifact import check_records, read_manifest
from sarto.core.budget import Budget, Verdict, judge
from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.core.progress import Talk
from sarto.core.store import package_sha256
from sarto.data.source import source_sha256
from sarto.search.claimed import damaged, read_json, whole
from sarto.search.device_identity import device_identity
from sarto.search.limits import check_limits

TRIALS = 96
"""Default number of trials, about half a minute on BasicMotions with two cores, and longer where networks join."""
OPTIMISE = "-Os"
"""The compiler's level unless another is asked for: flash is what runs out first."""
SHOWN_FRONT = 12
"""Points of the front that are built and emulated for the report, the smallest errors first."""


@dataclass(frozen=True)
class FitRequest:
    """What was asked for; see the options of `sarto fit`."""

    source: str
    out: Path
    device: str
    budget: Budget
    trials: int | None = None
    time_s: float | None = None
    workers: int | None = None
    seed: int = 0
    group: str | None = None
    task: str = "classification"
    target: str | None = None
    horizon: int | None = None
    sequence: str | None = None
    channels: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    window: int | None = None
    hop: int | None = None
    sensor_bits: int = 16
    sensor_scale: float | None = None
    optimise: str | None = None
    name: str = ""
    families: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    reject: float | None = None
    gates: tuple[str, ...] = ()
    gate_groups: tuple[str, ...] = ()
    gate_table: str | None = None
    core_power: str | None = None
    carbon: str | None = None
    command: str = ""

    def identity(self) -> dict[str, Any]:
        """Return all that can change the result: neither the folder nor the number of workers does.

        Of a device file of the user's it is what it says, and of a host the processor.
        """
        fields = asdict(self)
        for name in ("out", "workers", "command", "core_power", "carbon"):
            del fields[name]
        fields |= {"source": source_sha256(self.source), "code": package_sha256()}
        if self.gate_table is not None:
            fields["gate_table"] = source_sha256(self.gate_table)
        fields |= device_identity(self.device)
        return json.loads(json.dumps(fields))


@dataclass(frozen=True)
class FitResult:
    """Where the model is, whether it fits, the chosen point, and for a misfit the points that came nearest."""

    out: Path
    verdict: Verdict
    chosen: OperatingPoint
    nearest: tuple[OperatingPoint, ...]
    already_done: bool


def finished(request: FitRequest) -> FitResult | None:
    """Return the result of the same request if `request.out` holds it already, else None.

    Raises:
        SartoError: E113, when the folder holds something else; E114, when it is finished and a file was changed since.
    """
    if not whole(request.out, request.identity):
        return None
    try:
        front = read_json(request.out / "front.json")
        read_manifest(request.out)
        check_records(request.out)
        points = [OperatingPoint.from_json(p) for p in front["points"]]
        (chosen,) = [p for p in points if p.name == front["chosen"]]
        verdict = Verdict.from_json(read_json(request.out / "verdict.json"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(request.out, error) from error
    margins = {p.name: judge(request.budget, {e.what: e for e in p.evidence}).margins for p in points}
    nearest = (
        () if verdict.fits else tuple(sorted(points, key=lambda p: -min(m.relative for m in margins[p.name])))
    )
    return FitResult(request.out, verdict, chosen, nearest, already_done=True)


def fit(request: FitRequest, talk: Talk) -> FitResult:
    """Run the main job and return its result; the output folder holds everything when it returns.

    Raises:
        SartoError: for bad data or options, a missing tool, a failed build, or outputs that differ.
        KeyboardInterrupt: passed on; the same call goes on where this one was.
    """
    from sarto.devices import any_device
    from sarto.measure.model import check_tools
    from sarto.search.flow import run

    done = finished(request)
    if done is not None:
        return done
    check(request)
    check_tools(any_device(request.device))
    start = time.monotonic()
    work = request.out / ".work"
    folder = run(request, talk, work, start)
    shutil.rmtree(work, ignore_errors=True)
    result = finished(replace(request, out=folder))
    assert result is not None, "a finished fit is found again"
    return replace(result, already_done=False)


def check(request: FitRequest) -> None:
    """Refuse limits that nothing can be judged by.

    Raises:
        SartoError: E110, for what is stated of energy without its source; E112, for a limit of a quality that the task
            does not have, or of a cost as `check_limits` does.
    """
    from sarto.devices import any_device
    from sarto.measure.making import Assumed

    Assumed.of(request.core_power, request.carbon)
    classes = request.task == "classification"
    for limit, name, there in (
        (request.budget.min_accuracy, "accuracy", classes),
        (request.budget.min_r2, "r2", not classes),
    ):
        if limit is not None and not there:
            raise SartoError(
                "E112",
                f"--min-{name} cannot be judged",
                cause=f"the task is {request.task}",
                hint=f"limit --min-{'r2' if name == 'accuracy' else 'accuracy'}, or leave it out",
            )
    if request.reject is not None and not classes:
        hint = "leave it out; only classes are said or not"
        raise SartoError("E112", "--reject cannot be kept", cause=f"the task is {request.task}", hint=hint)
    check_limits(request.budget, any_device(request.device))
    if request.trials is not None and request.trials < 1:
        raise SartoError(
            "E112", f"--trials {request.trials}", cause="at least 1 trial is needed", hint="leave it out"
        )
