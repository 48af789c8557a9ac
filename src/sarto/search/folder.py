"""Writes the output folder of a fit: the deployable files, the evidence and everything that the report reads.

The manifest and the verdict are written last, so a folder that has a verdict is whole. `records.json` has the hashes of
what tells about the run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sarto import __version__
from sarto.core.artifact import FORMAT, NAME, record, seal
from sarto.core.device import Device
from sarto.core.evidence import Evidence
from sarto.core.graph import numbers, save_arrays, save_graph
from sarto.core.points import OperatingPoint
from sarto.core.recipe import Recipe, Step
from sarto.core.store import file_sha256, write_atomic
from sarto.core.table import Table
from sarto.measure.deviation import deviation_by_group, predictions_table
from sarto.measure.making import Assumed, cost_rows, making_evidence
from sarto.measure.model import OWN_DEVICE, PINNED
from sarto.measure.quality import class_table, confusion, confusion_table, group_table
from sarto.search import dynamics
from sarto.search.claimed import made_with
from sarto.search.loop import Trial, best_of_families
from sarto.search.memory_tables import memory_tables
from sarto.search.predicted import PREDICTIONS, REJECTED, named, numbers_csv, predictions_csv
from sarto.search.propose import OBJECTIVES

if TYPE_CHECKING:
    from sarto.search.flow import Run


CLAMPED = 0.01
"""Share of a channel's samples beyond the sensor's range that is worth a warning."""


def write_folder(run: Run) -> Path:
    """Write everything and return the folder."""
    out = run.request.out
    for left_over in out.glob(".*.*"):  # of writes that were killed, see `write_atomic`
        left_over.unlink()
    sources = {**run.chosen.measured.around, **run.chosen.sources}
    if run.request.device.endswith(".toml"):
        sources[OWN_DEVICE] = Path(run.request.device).read_text(encoding="utf-8")
    for name, text in sources.items():
        write_atomic(out / name, text)
    save_graph(run.chosen.graph, out / "graph.npz")
    pinned = run.sequences.pinned(PINNED)
    save_arrays({"raw": pinned.raw, "offsets": pinned.offsets}, out / "pinned.npz")
    hashes = {name: file_sha256(out / name) for name in sorted([*sources, "graph.npz", "pinned.npz"])}
    stated = Assumed.of(run.request.core_power, run.request.carbon)
    made = making_evidence(run.spent, stated, run.request.command, run.chosen.graph.sha256)
    lines = [*run.quality, *run.chosen.point.evidence, *made]
    best = run.chosen.point
    points = [OperatingPoint(best.name, best.settings, tuple(lines)), *(d.point for d in run.others)]
    front = {
        "points": [p.to_json() for p in points],
        "chosen": best.name,
        "objectives": list(OBJECTIVES),
    }
    diagnosis = dynamics.diagnosed(run)
    findings, tables = _findings(run), _tables(run, made)
    if diagnosis is not None:
        findings += dynamics.warnings(diagnosis)
        tables += dynamics.tables(diagnosis)
    records = {
        "recipe.json": _json(_recipe(run).to_json()),
        "evidence.jsonl": "".join(json.dumps(e.to_json(), sort_keys=True) + "\n" for e in lines),
        "findings.jsonl": "".join(json.dumps(f, sort_keys=True) + "\n" for f in findings),
        "front.json": _json(front),
        "tables.json": _json([t.to_json() for t in tables]),
        "provenance.json": _json(_provenance(run)),
        PREDICTIONS: _predictions(run),
        NAME: _json(seal(_manifest(run, hashes))),
        "verdict.json": _json(run.verdict.to_json()),
    }
    record(out, records)
    for name, text in records.items():
        write_atomic(out / name, text)
    return out


def _predictions(run: Run) -> str:
    """Return what the model says of every test item."""
    rows, test = run.parts.test, run.test
    if test.goals is not None:
        return numbers_csv(rows, test.outputs, test.goals, numbers(run.chosen.graph, run.outcome))
    target, said = (named(test.classes, found) for found in (test.target, run.outcome.classes))
    answers = None if run.rejected is None else named((*test.classes, REJECTED), run.rejected.answers)
    return predictions_csv(rows, target, said, None, answers)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _findings(run: Run) -> list[dict[str, str]]:
    """Return what a reader must not overlook."""
    rejected = [] if run.rejected is None else [f.to_json() for f in run.rejected.findings]
    return [*_clamped(run), *_no_better(run), *rejected]


def _clamped(run: Run) -> list[dict[str, str]]:
    """Return the channels of which more than `CLAMPED` lies beyond the sensor's range."""
    shares = run.problem.sensor.beyond(run.data.values)
    named = [f"{100 * s:.3g} % of {c}" for c, s in zip(run.data.channels, shares, strict=True) if s > CLAMPED]
    if not named:
        return []
    text = f"the sensor's words do not hold {', '.join(named)}, which are clamped: see --sensor-scale, --sensor-bits"
    return [{"what": "clamped samples", "severity": "warning", "text": text}]


def _no_better(run: Run) -> list[dict[str, str]]:
    """Return whether a guess does as well as the model."""
    if run.test.goals is not None:
        return _worse_than_guesses(run)
    accuracy, target = next(e for e in run.quality if e.what == "test accuracy"), run.test.target
    trained = np.bincount(run.problem.target, minlength=len(run.data.classes))
    usual = int(trained.argmax())
    share = np.count_nonzero(target == usual) / len(target)
    if accuracy.value > share:
        return []
    text = (
        f"the model is right on {100 * accuracy.value:.4g} % of the test items, "
        f"and '{run.data.classes[usual]}' for every item would be on {100 * share:.4g} %"
    )
    return [{"what": "no better than guessing", "severity": "warning", "text": text}]


def _worse_than_guesses(run: Run) -> list[dict[str, str]]:
    """Return the guesses that predict numbers at least as well as the model."""
    reached = {e.what: e.value for e in run.quality}
    model = reached["test R2"]
    return [
        {
            "what": "no better than guessing",
            "severity": "warning",
            "text": f"the model's R2 is {model:.3g}, and that of {what.removeprefix('test R2 of ')} is {value:.3g}",
        }
        for what, value in reached.items()
        if what.startswith("test R2 of ") and value >= model
    ]


def _manifest(run: Run, hashes: dict[str, str]) -> dict[str, Any]:
    candidate, sensor, graph = run.chosen.trial.candidate, run.problem.sensor, run.chosen.graph
    units = run.data.units or ("",) * len(run.data.channels)
    return {
        "format": FORMAT,
        "sarto": __version__,
        "name": run.request.name or run.data.name,
        "summary": candidate.summary(),
        "model": {k: v for k, v in candidate.to_json().items() if k != "seed"}
        | {"model_seed": candidate.seed},
        "device": run.device.name,
        "target": run.device.target,
        "optimise": run.optimise,
        "input": {
            "bits": sensor.bits,
            "chosen": sensor.chosen,
            "rate_hz": run.data.rate_hz,
            "channels": [
                {"name": n, "unit": u, "scale": float(s)}
                for n, u, s in zip(run.data.channels, units, sensor.scale, strict=True)
            ],
        },
        "window": None
        if graph.window is None
        else {
            "length_steps": graph.window.length,
            "hop_steps": graph.window.hop,
            "banks": graph.window.banks,
        },
        "task": run.request.task,
        "classes": list(run.data.classes),
        "outputs": [
            {"name": n, "unit": u, "count": q}
            for n, u, q in zip(run.data.outputs, run.data.output_units, graph.quanta, strict=True)
        ],
        "files": hashes,
    }


def _recipe(run: Run) -> Recipe:
    trial, graph = run.chosen.trial, run.chosen.graph
    table = {"table_entries": len(graph.const("table"))} if "table" in graph.by_name else {}
    return Recipe(
        (
            Step("standardise", {"input": f"{run.problem.sensor.bits}-bit raw words"}),
            *trial.candidate.steps(trial.score.ridge),
            Step("lower", table),
            *([] if run.request.reject is None else [Step("reject", {"risk": run.request.reject})]),
        )
    )


def _quality_tables(run: Run) -> list[Table]:
    """Return how good the model is in detail: by class, item and group."""
    test, classes = run.test, run.data.classes
    if test.goals is not None:
        said = numbers(run.chosen.graph, run.outcome)
        tables = [predictions_table(test.goals, said, test.outputs, test.output_units)]
        return tables if test.groups is None else [*tables, deviation_by_group(test.goals, said, test.groups)]
    guess = run.outcome.classes
    counts = confusion(test.target, guess, classes)
    tables = [confusion_table(counts, classes), class_table(counts, classes)]
    return tables if test.groups is None else [*tables, group_table(test.target, guess, test.groups)]


def _families(run: Run) -> Table:
    """Return the best point of every family that was tried, the one that was chosen first of its own."""
    deployed = {d.trial.number: d.point for d in (run.chosen, *run.others)}
    tried = Counter(t.candidate.family for t in run.found.trials)
    best: dict[str, Trial] = {run.chosen.trial.candidate.family: run.chosen.trial}
    for trial in best_of_families(run.found.finalists):
        best.setdefault(trial.candidate.family, trial)
    ranked = sorted(best.items(), key=lambda item: item[1].score.loss)
    points = [(family, deployed[t.number]) for family, t in ranked if t.number in deployed]
    figures = ("validation error", "validation loss", "flash", "ram")
    rows = tuple((family, p.name, tried[family], *(p[what] for what in figures)) for family, p in points)
    return Table(
        "families",
        ("family", "best point", "models tried", *figures),
        ("", "", "", "1", "1", "B", "B"),
        rows,
        ("", "", "", *(run.chosen.point.find(what).how for what in figures)),
    )


def _tables(run: Run, made: Sequence[Evidence]) -> list[Table]:
    tables = [*_quality_tables(run), _families(run)]
    tables += [] if run.rejected is None else [run.rejected.groups]
    tables += memory_tables(run.chosen.measured, run.chosen.point, run.chosen.graph)
    best = np.minimum.accumulate([t.score.error for t in run.found.trials])
    trials = tuple((t.number, t.score.error, float(b)) for t, b in zip(run.found.trials, best, strict=True))
    tables.append(
        Table(
            "trials",
            ("trial", "validation error", "best so far"),
            ("", "1", "1"),
            trials,
            ("", *["measured"] * 2),
        )
    )
    cost = (
        ("search and fit, processor time", run.spent.cpu_s, "s", "measured"),
        ("search and fit, wall time", run.spent.seconds, "s", "measured"),
        (
            "of it one trial, mean processor time",
            float(np.mean([t.score.cpu_s for t in run.found.trials])),
            "s",
            "measured",
        ),
        ("largest process, peak memory", run.peak_memory_b, "B", "measured"),
        *cost_rows(made),
    )
    return [
        *tables,
        Table("cost", ("what", "value", "unit", "how"), ("", "", "", ""), cost, ("", "", "", "")),
    ]


def _provenance(run: Run) -> dict[str, Any]:
    data, lengths = run.data, run.data.lengths
    packages = ["numpy", "scipy", "optuna", "ziglang"] + ["unicorn"] * isinstance(run.device, Device)
    return {
        "command": run.request.command,
        "seed": run.request.seed,
        "versions": made_with(packages),
        "data": {
            "name": data.name,
            "source": data.source,
            "sha256": data.sha256,
            "items": len(data),
            "channels": list(data.channels),
            "lengths": [int(lengths.min()), float(np.median(lengths)), int(lengths.max())],
            "classes": {name: int((data.target == i).sum()) for i, name in enumerate(data.classes)},
            "groups": None if data.groups is None else len(np.unique(data.groups)),
            "group_name": data.group_name,
        },
        "split": {"how": run.parts.how, "train": len(run.parts.train), "test": len(run.parts.test)},
        "search": {
            "trials": len(run.found.trials),
            "dropped": run.found.dropped,
            "batches": run.found.batches,
            "workers": run.workers,
            "seconds": run.spent.seconds,
            "cpu_s": run.spent.cpu_s,
            "peak_memory_b": run.peak_memory_b,
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
