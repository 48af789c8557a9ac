"""The reservoir of a search's model, in floating point, and what it does: for the report and for `sarto doctor`.

The figures are those of the reservoir before its numbers were rounded to integers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sarto.audit import diagnose
from sarto.core.artifact import check_image, read_manifest
from sarto.core.errors import SartoError
from sarto.core.table import Table
from sarto.learn.diagnosis import Diagnosis
from sarto.models.reservoir._stack import AnyReservoir
from sarto.search.candidates import candidate_of
from sarto.search.families.reservoir import Candidate

if TYPE_CHECKING:
    from sarto.search.flow import Run

EVERY_START = ("echo-state gap", "washout")
"""Findings on where a sequence begins: the deployed model begins each at rest."""


def reservoir_of(folder: Path, channels: int) -> AnyReservoir:
    """Return the reservoir of the model in a finished folder, for inputs of so many channels.

    Raises:
        SartoError: E114, when it is no such folder; E112, when its model is no reservoir or has other channels.
    """
    manifest = read_manifest(folder)
    check_image(folder, manifest)
    model = dict(manifest["model"])
    candidate = candidate_of(
        {k: v for k, v in model.items() if k != "model_seed"} | {"seed": model["model_seed"]}
    )
    if not isinstance(candidate, Candidate):
        raise SartoError(
            "E112",
            f"--model {folder}",
            cause=f"its model is of the family {model['family']}, which has no dynamics",
            hint="give a folder whose model is a reservoir: sarto fit ... --families reservoir",
        )
    wanted = len(manifest["input"]["channels"])
    if wanted != channels:
        raise SartoError(
            "E112",
            f"--model {folder} has {wanted} channels, the data have {channels}",
            cause="the input weights have one column per channel",
            hint="choose the channels that it was made for with --channels",
        )
    return candidate.build(channels)


def diagnosed(run: Run) -> Diagnosis | None:
    """Return what the reservoir of the chosen model does on training items, or None where the model is none."""
    candidate, inputs = run.chosen.trial.candidate, run.problem.inputs
    if not isinstance(candidate, Candidate):
        return None
    return diagnose.of(
        candidate.build(len(run.problem.channels)),
        run.data,
        items=run.parts.train,
        mean=inputs.mean,
        scale=inputs.std,
    )


def tables(found: Diagnosis) -> list[Table]:
    """Return the tables of a diagnosis for the report, with its figures and findings as two more."""
    findings = tuple((f.severity, f.what, f.text) for f in found.findings if f.what not in EVERY_START)
    washout = "never" if found.washout is None else found.washout
    whole: tuple[tuple[str, float | int | str], ...] = (
        ("sample", found.sample),
        ("largest Lyapunov exponent", found.to_json()["lyapunov"]),
        ("steps until the beginning is forgotten", washout),
        *([] if found.memory is None else [("linear memory capacity", found.memory.total)]),
    )
    return [
        *found.tables,
        Table("reservoir figures", ("what", "value"), ("", ""), whole, ("", "measured")),
        Table("reservoir findings", ("severity", "what", "text"), ("",) * 3, findings, ("",) * 3),
    ]


def warnings(found: Diagnosis) -> list[dict[str, str]]:
    """Return the warnings of a diagnosis as lines of `findings.jsonl`."""
    return [f.to_json() for f in found.findings if f.severity == "warning" and f.what not in EVERY_START]
