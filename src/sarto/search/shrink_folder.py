"""What `sarto compress` is asked for and answers, and the folder that holds a finished answer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sarto.core.artifact import check_records, read_manifest
from sarto.core.budget import Budget, Verdict
from sarto.core.checkpoint_interval import Failures
from sarto.core.device import STORAGE
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.core.store import file_sha256, package_sha256
from sarto.core.table import Table
from sarto.measure.making import Assumed
from sarto.search.claimed import damaged, read_json, whole

FILE = "network.sarto"
GRAPH = "graph.npz"
COSTS = ("flash_b", "ram_b", "instructions", "latency_s", "energy_j")
"""Fields of a budget that a request has."""
EPOCHS = 10
TRIALS = 24
"""Most trials of a search. Five recipes get three each, and the better of them the rest."""


@dataclass(frozen=True)
class ShrinkRequest:
    """What was asked for; see the options of `sarto compress`."""

    model: str
    data: str
    out: Path
    recipe: str | None
    state: str | None = None
    front_end: str | None = None
    device: str | None = None
    optimise: str | None = None
    weights: str = "smallest"
    widths: int = 1
    taught: bool = False
    flash_b: float | None = None
    ram_b: float | None = None
    instructions: float | None = None
    latency_s: float | None = None
    energy_j: float | None = None
    max_drop: float | None = None
    trials: int = TRIALS
    epochs: int = EPOCHS
    patience: int = 0
    batch: int = 128
    rate: float = 1e-3
    threads: int = 1
    train_on: str = "cpu"
    seed: int = 0
    gates: tuple[str, ...] = ()
    gate_groups: tuple[str, ...] = ()
    gate_table: str | None = None
    mttf_s: float | None = None
    machine_mttf_s: float | None = None
    core_power: str | None = None
    carbon: str | None = None
    command: str = ""

    def __post_init__(self) -> None:
        _ = self.failures, self.assumed  # what makes no sense is refused at once

    @property
    def budget(self) -> Budget:
        """The limits of what the network takes; nothing of how good it is."""
        return Budget(**{name: getattr(self, name) for name in COSTS})

    @property
    def assumed(self) -> Assumed:
        """What is stated for energy and carbon."""
        return Assumed.of(self.core_power, self.carbon)

    @property
    def failures(self) -> Failures | None:
        """What is to be expected of the process and the machine.

        Raises:
            SartoError: E182, when something is said of the machine alone.
        """
        if self.mttf_s is not None:
            return Failures(self.mttf_s, self.machine_mttf_s)
        if self.machine_mttf_s is not None:
            raise SartoError(
                "E182",
                "--machine-mttf without --mttf",
                cause="checkpoints in memory are there for ends of the process, of which nothing is said",
                hint="say both, or --mttf alone for checkpoints on disk against either",
            )
        return None

    def identity(self) -> dict[str, Any]:
        """Return all that can change the result."""
        from sarto.data.source import source_sha256
        from sarto.search.device_identity import device_identity

        fields = asdict(self)
        for name in ("out", "command", "mttf_s", "machine_mttf_s", "core_power", "carbon"):
            del fields[name]
        fields |= {"source": source_sha256(fields.pop("data")), "code": package_sha256()}
        if self.gate_table is not None:
            fields["gate_table"] = source_sha256(self.gate_table)
        fields |= {"device": STORAGE} if self.device is None else device_identity(self.device)
        fields["budget"] = {name: fields.pop(name) for name in COSTS}
        for name in ("model", "state"):
            path = Path(str(fields[name]).rpartition(":")[0] or str(fields[name]))
            if fields[name] is not None and path.is_file():
                fields[name] = [str(fields[name]).rpartition(":")[2], file_sha256(path)]
        return json.loads(json.dumps(fields))


@dataclass(frozen=True)
class ShrinkResult:
    """Where the network is, whether it fits, every point of the recipe, the bytes of the file, and remarks."""

    out: Path
    verdict: Verdict
    points: tuple[OperatingPoint, ...]
    evidence: tuple[Evidence, ...]
    table: Table
    remarks: tuple[str, ...]
    already_done: bool = False


def finished(request: ShrinkRequest) -> ShrinkResult | None:
    """Return the result of the same request if `request.out` holds it, else None.

    Raises:
        SartoError: E113, when the folder holds something else; E114, when it is finished and damaged.
    """
    out = request.out
    if not whole(out, request.identity):
        return None
    try:
        told = {
            name: read_json(out / f"{name}.json") for name in ("verdict", "front", "tables", "provenance")
        }
        read_manifest(out)
        check_records(out)
        lines = (out / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
        return ShrinkResult(
            out,
            Verdict.from_json(told["verdict"]),
            tuple(OperatingPoint.from_json(p) for p in told["front"]["points"]),
            tuple(Evidence.from_json(json.loads(line)) for line in lines),
            next(Table.from_json(t) for t in told["tables"] if t["name"] == "bytes"),
            tuple(told["provenance"]["remarks"]),
            already_done=True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise damaged(out, error) from error


def as_json(value: Any) -> str:
    """Return `value` as the text of a file."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
