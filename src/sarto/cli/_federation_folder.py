"""The folder of a federation that was simulated: what lies in it, whether it is finished, and how it is shown.

A finished folder knows the request that it answers, by hashes of the federation's file, of the data and of the code,
and what each of its files held. Where both still hold nothing is read, computed or drawn again; otherwise the
simulation goes on from what is kept, and writes the rest anew.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sarto.cli import _answer
from sarto.cli._limits import show_verdict
from sarto.core.budget import Verdict
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.store import content_hash, file_sha256, package_sha256, write_atomic
from sarto.core.units import format_quantity
from sarto.data.source import named_in, source_sha256
from sarto.report.federated import Federated

PAGE, DOCUMENT, MODEL, KEPT = "federation.html", "federation.json", "model.npz", ".kept"
DEVICE, NETWORK = "device", "model.onnx"
"""Folder of the C, and a network, for `sarto compress`."""
FINISHED = "finished.json"


@dataclass(frozen=True)
class OnDevice:
    """What a readout that was federated over integers came to.

    Attributes:
        evidence: figures of the image.
        verdict: whether it fits.
        rounds: of the federation over the integers, and
        sent: bytes that clients sent in them.
    """

    evidence: tuple[Evidence, ...]
    verdict: Verdict
    rounds: int
    sent: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        evidence = [e.to_json() for e in self.evidence]
        return {
            "evidence": evidence,
            "verdict": self.verdict.to_json(),
            "rounds": self.rounds,
            "sent": self.sent,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> OnDevice:
        """Return what `to_json` wrote."""
        evidence = tuple(Evidence.from_json(e) for e in data["evidence"])
        return OnDevice(evidence, Verdict.from_json(data["verdict"]), data["rounds"], data["sent"])


def finish(path: Path, folder: Path, image: OnDevice | None) -> None:
    """Mark a folder as the finished answer to a federation's file; called when all else is written."""
    marker = {
        "request": _request(path),
        "files": {str(file.relative_to(folder)): file_sha256(file) for file in _files(folder)},
        "device": None if image is None else image.to_json(),
    }
    write_atomic(folder / KEPT / FINISHED, json.dumps(marker))


def finished(path: Path, folder: Path) -> tuple[Federated, OnDevice | None] | None:
    """Return what a folder holds, if it is the finished answer to a federation's file as it is now, else None."""
    try:
        marker = json.loads((folder / KEPT / FINISHED).read_text(encoding="utf-8"))
        if marker["request"] != _request(path):
            return None
        if any(file_sha256(folder / name) != sha256 for name, sha256 in marker["files"].items()):
            return None
        found = Federated.from_json(json.loads((folder / DOCUMENT).read_text(encoding="utf-8")))
        return found, None if marker["device"] is None else OnDevice.from_json(marker["device"])
    except (OSError, ValueError, KeyError, TypeError, SartoError):
        return None  # running says what is wrong with file or data, and writes the folder anew


def _request(path: Path) -> str:
    """Return a hash over all that can change the answer."""
    text = path.read_bytes()
    told = tomllib.loads(text.decode())
    source, device = str(told["data"]["source"]), told.get("device", {}).get("name")
    known: dict[str, Any] = {}
    if device is not None:
        from sarto.search.device_identity import device_identity

        known = device_identity(str(device))
    return content_hash(package_sha256(), text.hex(), path.stem, source_sha256(named_in(path, source)), known)


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder; what is kept for another run is in hidden ones."""
    inside = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return [
        file for file in inside if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def as_text(found: Federated, folder: Path, image: OnDevice | None) -> None:
    """Print what a federation came to."""
    table = found.tables["methods"]
    rows: list[tuple[str, ...]] = []
    for row in table.records():
        reached = (
            "never" if row["bytes to first"] == "" else format_quantity(float(row["bytes to first"]), "B")
        )
        rows.append(
            (
                str(row["method"]),
                f"{100 * float(row['accuracy']):.2f} %",
                f"{row['rounds']}",
                format_quantity(float(row["up"]) + float(row["down"]), "B"),
                f"{float(row['macs']):.3g}",
                str(row["rounds to first"] or "never"),
                reached,
            )
        )
    names = ("method", "accuracy", "rounds", "on the air", "MACs", "rounds to 1st", "bytes to 1st")
    _answer.line(found.summary)
    _answer.line()
    _answer.table(names, rows, right=(1, 2, 3, 4, 5, 6))
    _answer.line()
    _answer.line(
        "Accuracy and bytes are measured, MACs of all clients estimated; '1st' is the first method's accuracy."
    )
    for finding in found.findings:
        _answer.remark(str(finding))
    if image is not None:
        _answer.line()
        sent = format_quantity(image.sent, "B")
        _answer.line(f"The readout over the integers of the device, {image.rounds} rounds, {sent} sent:")
        show_verdict(image.verdict, image.evidence, "the device")
        _answer.line(f"C and figures: {folder / DEVICE}")
    network = f", {NETWORK}" if (folder / NETWORK).exists() else ""
    _answer.line(f"Page, figures and model: {folder / PAGE}, {DOCUMENT}, {MODEL}{network}")
