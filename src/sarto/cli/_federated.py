"""What `sarto federate simulate` does: runs every chain of a federation, and gathers what the page and JSON show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import sarto
from sarto.cli._federation_folder import DEVICE, DOCUMENT, KEPT, MODEL, NETWORK, PAGE, OnDevice, finish
from sarto.cli._heard import Heard
from sarto.cli._talk import open_talk
from sarto.core.executors import open_executor
from sarto.core.finding import Finding
from sarto.core.store import write_atomic
from sarto.core.table import Table
from sarto.learn.federated._contract import labels
from sarto.learn.federation.course import Course, run
from sarto.learn.federation.file import Federation, read
from sarto.learn.federation.outcome import save_model
from sarto.learn.federation.setting import Setting, set_up
from sarto.measure.quality import accuracy_evidence
from sarto.measure.traffic import traffic_evidence
from sarto.report.federated import Federated
from sarto.report.federation_page import federation_html
from sarto.search.federated_image import deploy
from sarto.search.federated_onnx import onnx_of

ROUND_COLUMNS = (
    "method", "round", "phase", "asked", "answered", "folded", "late", "twice", "refused", "up", "down", "macs",
    "cosine", "ratio",
)  # fmt: skip
_ROUND_UNITS = ("", "1", "", "1", "1", "1", "1", "1", "1", "B", "B", "1", "1", "1")
LOW_COSINE = 0.2
"""Of what clients change and their mean, below which drift is told: they are then further apart than 78 degrees."""


def simulate(
    path: Path, folder: Path, workers: int, uploads: Path | None, quiet: bool, command: str
) -> tuple[Federated, OnDevice | None]:
    """Run a federation and write its folder; return what it came to, and the image if one is wanted."""
    federation = read(path)
    setting, talk = set_up(federation), open_talk(quiet)
    heard = Heard(federation, setting, uploads, folder / KEPT / "heard")
    if uploads is not None:
        uploads.mkdir(parents=True, exist_ok=True)
    drift: list[tuple[float | int | str, ...]] = []
    with open_executor(workers) as executor:
        shared: dict[str, Any] = {"executor": executor, "talk": talk}
        (folder / KEPT).mkdir(parents=True, exist_ok=True)
        courses: list[Course] = []
        for chain in federation.chains:
            talk.note(f"{federation.name_of(chain)}:")
            kept = heard.kept if heard.begin(chain) else folder / KEPT
            courses.append(run(federation, setting, chain, hear=heard, folder=kept, **shared))
            if kept == heard.kept and heard.missing():
                # It was run before without these files: nothing but running it again can tell what was sent.
                run(federation, setting, chain, hear=heard, **shared)
        drift += [_drift_row(federation.alphas[0], course) for course in courses]
        for alpha in federation.alphas[1:]:
            other = set_up(federation, alpha)
            for chain in federation.chains:
                talk.note(f"{federation.name_of(chain)} at alpha {alpha:g}:")
                drift.append(_drift_row(alpha, run(federation, other, chain, folder=folder / KEPT, **shared)))
    image = None
    if federation.device is not None:
        talk.note(f"over the integers, for {federation.device.name}:")
        deployed = deploy(federation, setting, folder / DEVICE, command, talk)
        image = OnDevice(deployed.evidence, deployed.verdict, deployed.rounds, deployed.sent)
    found = _gathered(federation, setting, courses, drift, heard, image, command)
    save_model(courses[0], folder / MODEL)
    (folder / NETWORK).unlink(missing_ok=True)
    if (network := _onnx(courses[0])) is not None:
        write_atomic(folder / NETWORK, network)
    write_atomic(folder / DOCUMENT, json.dumps(found.to_json(), indent=1, allow_nan=False) + "\n")
    write_atomic(folder / PAGE, federation_html(found))
    finish(path, folder, image)
    return found, image


def _onnx(course: Course) -> bytes | None:
    """Return the model as ONNX, where it is a network and onnx is installed."""
    try:
        return onnx_of(course)
    except ModuleNotFoundError:
        return None


def _device(image: OnDevice) -> Table:
    """Return the figures of an image."""
    rows = tuple((e.what, e.value, e.unit, e.how) for e in image.evidence)
    return Table("device", ("figure", "value", "unit", "how"), ("", "", "", ""), rows, ("", "", "", ""))


def _gathered(
    federation: Federation,
    setting: Setting,
    courses: list[Course],
    drift: list[tuple[float | int | str, ...]],
    heard: Heard,
    image: OnDevice | None,
    command: str,
) -> Federated:
    first, sizes = courses[0], setting.population.sizes
    tables = {
        "methods": _methods(courses),
        "rounds": _rounds(courses),
        "accuracy": _accuracy(courses),
        "clients": _clients(setting, courses),
        "classes": _classes(setting),
        "drift": Table(
            "drift",
            ("alpha", "method", "cosine", "ratio", "accuracy"),
            ("1", "", "1", "1", "1"),
            tuple(drift),
            ("declared", "", "measured", "measured", "measured"),
        ),
    }
    if heard.rows:
        some = next(iter(heard.rows.values()))
        rows = tuple(table.rows[0] for _, table in sorted(heard.rows.items()))
        tables["leaks of clients"] = Table(some.name, some.columns, some.units, rows, some.how)
    if image is not None:
        tables["device"] = _device(image)
    evidence = [
        *accuracy_evidence(
            first.truth,
            first.answers,
            setting.classes,
            part="test",
            tool="simulated federation",
            command=command,
            subject=setting.test.sha256,
        ),
        *traffic_evidence(first.total("up"), first.total("down"), first.total("macs"), command=command),
    ]
    held = int((sizes > 0).sum())
    summary = (
        f"{held} clients with {sizes.sum():,} items of {len(setting.classes)} classes, {setting.partition.how}; "
        f"a {federation.model.kind.replace('_', ' ')} model by {first.name}, tested on {len(first.right):,} items "
        f"({setting.how})"
    )
    provenance = {
        "sarto": sarto.__version__,
        "source": Path(federation.source).name,
        "data_sha256": setting.population.data.sha256,
        "test_sha256": setting.test.sha256,
        "seed": federation.seed,
        "model": {"kind": federation.model.kind, **federation.model.settings},
        "chains": [[[s.name, s.rounds, dict(s.settings)] for s in chain] for chain in federation.chains],
        "participation": vars(federation.participation),
    }
    findings = _findings(setting, courses, tables)
    return Federated(federation.name, summary, command, tuple(evidence), findings, tables, provenance)


def _methods(courses: list[Course]) -> Table:
    wanted = courses[0].accuracy
    rows: list[tuple[float | int | str, ...]] = []
    for course in courses:
        reached = next((seen for seen in course.judged if seen["accuracy"] >= wanted), None)
        rows.append(
            (
                course.name,
                course.accuracy,
                len(course.rounds),
                course.total("up"),
                course.total("down"),
                course.total("macs"),
                "" if reached is None else int(reached["round"]),
                "" if reached is None else int(reached["bytes"]),
            )
        )
    columns = ("method", "accuracy", "rounds", "up", "down", "macs", "rounds to first", "bytes to first")
    how = ("", "measured", "measured", "measured", "measured", "estimated", "measured", "measured")
    return Table("methods", columns, ("", "1", "1", "B", "B", "1", "1", "B"), tuple(rows), how)


def _rounds(courses: list[Course]) -> Table:
    rows: list[tuple[float | int | str, ...]] = []
    for course in courses:
        for row in course.rounds:
            values = (course.name, *(row.get(name) for name in ROUND_COLUMNS[1:]))
            rows.append(tuple("" if value is None else value for value in values))
    how = tuple(
        "" if name in ("method", "phase") else "estimated" if name == "macs" else "measured"
        for name in ROUND_COLUMNS
    )
    return Table("rounds", ROUND_COLUMNS, _ROUND_UNITS, tuple(rows), how)


def _accuracy(courses: list[Course]) -> Table:
    rows = tuple(
        (course.name, int(seen["round"]), int(seen["bytes"]), float(seen["accuracy"]))
        for course in courses
        for seen in course.judged
    )
    columns, units = ("method", "round", "bytes", "accuracy"), ("", "1", "B", "1")
    return Table("accuracy", columns, units, rows, ("", "measured", "measured", "measured"))


def _clients(setting: Setting, courses: list[Course]) -> Table:
    owner, sizes = setting.partition.test, setting.population.sizes
    rows: list[tuple[float | int | str, ...]] = []
    for number, name in enumerate(setting.population.names):
        own = owner == number
        share = [float(course.right[own].mean()) if own.any() else "" for course in courses]
        rows.append((name, int(sizes[number]), int(own.sum()), *share))
    columns = ("client", "items", "test items", *(course.name for course in courses))
    units = ("", "1", "1", *("1" for _ in courses))
    return Table("clients", columns, units, tuple(rows), ("", *("measured" for _ in columns[1:])))


def _classes(setting: Setting) -> Table:
    counts = setting.partition.histogram(labels(setting.population.data), len(setting.classes))
    rows = tuple((name, *map(int, row)) for name, row in zip(setting.population.names, counts, strict=True))
    columns = ("client", *setting.classes)
    return Table(
        "classes",
        columns,
        ("", *("1" for _ in setting.classes)),
        rows,
        ("", *("measured" for _ in setting.classes)),
    )


def _drift_row(alpha: float, course: Course) -> tuple[float | int | str, ...]:
    means: list[float | str] = []
    for name in ("cosine", "ratio"):
        seen = [row[name] for row in course.rounds if row.get(name) is not None]
        means.append(round(float(np.mean(seen)), 4) if seen else "")
    return (alpha, course.name, *means, course.accuracy)


def _findings(setting: Setting, courses: list[Course], tables: Mapping[str, Table]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    empty = int((setting.population.sizes == 0).sum())
    if empty:
        found.append(
            Finding("empty clients", "note", f"{empty} of {len(setting.population)} clients hold no item")
        )
    for course in courses:
        if course.refused:
            client, why = next(iter(course.refused.items()))
            name = setting.population.names[client]
            found.append(
                Finding(
                    "refused answers",
                    "warning",
                    f"{course.name}: answers of {len(course.refused)} clients were refused, of '{name}' by {why}",
                )
            )
        if course.missing:
            found.append(
                Finding(
                    "missing clients",
                    "warning",
                    f"{course.name}: {len(course.missing)} clients were never heard",
                )
            )
    drifting = [row for row in tables["drift"].rows if isinstance(row[2], float) and row[2] < LOW_COSINE]
    if drifting:
        alpha, name, cosine, *_ = min(drifting, key=lambda row: float(row[2]))
        found.append(
            Finding(
                "client drift",
                "note",
                f"what clients of {name} change points {float(cosine):.2f} (cosine) along their mean at alpha "
                f"{float(alpha):g}: they pull apart, and more local steps do not help",
            )
        )
    if "leaks of clients" in tables:
        table = tables["leaks of clients"]
        known = sum(1 for value in table.column("known rows") if float(value) > 0)
        if known:
            found.append(
                Finding(
                    "leaks",
                    "warning",
                    f"the uploads of {known} of {len(table.rows)} clients give single rows away, feature by feature: "
                    "see `sarto federate audit`, and masks or noise against it",
                )
            )
    return tuple(found)
