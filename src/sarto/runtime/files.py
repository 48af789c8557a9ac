r"""Reads what a user brings: a ladder of variants, and a trace of what happened to a device.

A ladder is a CSV table with a row for each variant: `variant`, `accuracy` (0 to 1), `work` (as a share of the job that
the platform's times are for); or the folder of `sarto fit` or `sarto compress`, whose points are the variants, with
work in proportion to their instructions: the largest is as much as the platform's job, or a share of it that the user
states. A table may have `file` in place of `work`: an ONNX file of each variant, by its path from where the table lies,
to be timed here (`measure.onnx_ladder`).

A trace is a CSV table with a row for each job, or for as many as its column `jobs` says, of these columns, all of which
may be left out but one:

| column | what | where it is left out |
|---|---|---|
| `deadline_s` | time that the job may take, and time until the next | 1 s |
| `accuracy` | the least that is asked for | 0 |
| `power_w` | the most that may be drawn | no limit |
| `slowdown` | factor on times by whatever else runs; `slowdown_a15` for one cluster alone | 1 |
| `noise` | factor on the time of this one job | 1 |
| `highest_hz` | clock that heat allows | no limit |
| `second` | name of the cluster that a second model has to itself | none |
| `second_w` | power that it draws | 0 |
| `lost` | name of the place elsewhere whose link is down; several with `;` between them | none |

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder) / "trace.csv"
...     _ = file.write_text("jobs,deadline_s,slowdown\n2,0.5,1\n1,0.4,1.5\n")
...     trace = read_trace(file, ("a15", "a7"))
>>> trace.deadline_s.tolist(), trace.slowdown[:, 1].tolist()
([0.5, 0.5, 0.4], [1.0, 1.0, 1.5])
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.core.store import write_atomic
from sarto.runtime.points import Variant
from sarto.runtime.scenarios import Scenario

LADDER = ("variant", "accuracy", "work")
FILES = ("variant", "accuracy", "file")
NUMBERS: Mapping[str, tuple[float, bool]] = {
    "deadline_s": (1.0, False),
    "accuracy": (0.0, True),
    "power_w": (math.inf, False),
    "slowdown": (1.0, False),
    "noise": (1.0, False),
    "highest_hz": (math.inf, False),
    "second_w": (0.0, True),
}
"""Column of a trace -> what is taken where it is left out, and whether it may be 0."""
APART = ";"
"""Between the names of several places that are lost."""
MOST_JOBS = 10_000_000
WORK = "instructions per inference"


def read_ladder(path: Path, work: float = 1.0) -> list[Variant]:
    """Return the variants of a table, or of an output folder.

    Args:
        path: of it.
        work: of the largest model of a folder, as a share of the job that the platform's times are for.

    Raises:
        SartoError: E101, when it cannot be read; E114, when a folder has no front; E116, when a number cannot be used.
    """
    return _of_folder(path, work) if path.is_dir() else _of_table(path)


def ladder_files(path: Path) -> dict[str, tuple[float, Path]] | None:
    """Return accuracy and ONNX file of each variant of a table that names files; None for any other ladder.

    Raises:
        SartoError: E101, when it, or a file that it names, cannot be read; E116, when a number cannot be used.
    """
    if path.is_dir() or "file" not in _names(path):
        return None
    found: dict[str, tuple[float, Path]] = {}
    for line, row in _rows(path, FILES, FILES):
        name, file = row["variant"], path.parent / row["file"]
        if not name or name in found:
            raise _wrong(path, line, f"variant is '{name}'", "name each variant once")
        if not file.is_file():
            raise SartoError(
                "E101",
                f"'{file}' cannot be read",
                cause=f"line {line} of '{path}' names it",
                hint="give ONNX files",
            )
        found[name] = (_number(path, line, "accuracy", row["accuracy"], zero=True), file)
    if not found:
        raise _wrong(path, 1, "there is no variant", "write a row for each")
    return found


def _names(path: Path) -> list[str]:
    """Return the columns of a table; none of what is no text, which whoever reads it whole says."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), list[str]())]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _of_table(path: Path) -> list[Variant]:
    found: dict[str, Variant] = {}
    for line, row in _rows(path, LADDER, LADDER):
        values = {name: _number(path, line, name, row[name], zero=name == "accuracy") for name in LADDER[1:]}
        if not row["variant"]:
            raise _wrong(path, line, "variant has no name", "name each variant")
        if (name := row["variant"]) in found:
            raise _wrong(path, line, f"variant '{name}' is there twice", "name each variant once")
        found[name] = Variant(name, values["accuracy"], values["work"], "declared", path.name)
    if not found:
        raise _wrong(path, 1, "there is no variant", "write a row for each")
    return list(found.values())


def _of_folder(path: Path, work: float) -> list[Variant]:
    try:
        front = json.loads((path / "front.json").read_text(encoding="utf-8"))
        points = [OperatingPoint.from_json(point) for point in front["points"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SartoError(
            "E114",
            f"'{path}' has no operating points",
            cause=f"front.json cannot be read: {type(error).__name__}",
            hint="give the folder of sarto fit or sarto compress, or a table with variant,accuracy,work",
        ) from error
    known = [p for p in points if {"validation error", WORK} <= {e.what for e in p.evidence}]
    if not known:
        raise SartoError(
            "E114",
            f"no point of '{path}' has both an accuracy and a count of instructions",
            cause="its model predicts numbers, or was made for no device",
            hint="fit it for a device, or give a table with variant,accuracy,work",
        )
    most = max(point[WORK] for point in known)
    return [
        Variant(
            p.name,
            1 - p["validation error"],
            work * p[WORK] / most,
            "measured",
            f"validation items, {path.name}",
        )
        for p in known
    ]


def read_trace(path: Path, clusters: Sequence[str], places: Sequence[str] | None = None) -> Scenario:
    """Return the scenario that a trace tells.

    Args:
        path: of the table.
        clusters: names of the platform's clusters.
        places: which of them are places elsewhere, whose link may be down; by default any may be.

    Raises:
        SartoError: E101, when it cannot be read; E116, when a column is not known or a number cannot be used.
    """
    own = [f"slowdown_{name}" for name in clusters]
    columns: dict[str, list[float]] = {name: [] for name in NUMBERS}
    slowdown: list[list[float]] = []
    second: list[int] = []
    lost: list[list[int]] = []
    jobs = 0
    for line, row in _rows(path, ("jobs", "second", "lost", *NUMBERS, *own), ()):
        count = _jobs(path, line, row.get("jobs", "1"))
        jobs += count
        if jobs > MOST_JOBS:
            raise _wrong(path, line, f"there are more than {MOST_JOBS:,} jobs", "shorten the trace")
        values = {
            name: _number(path, line, name, text, zero=zero) if (text := row.get(name, "")) else default
            for name, (default, zero) in NUMBERS.items()
        }
        for name, value in values.items():
            columns[name] += [value] * count
        each = [_number(path, line, o, row[o]) if row.get(o) else values["slowdown"] for o in own]
        slowdown += [each] * count
        second += [_cluster(path, line, "second", row.get("second", ""), clusters)] * count
        names = row.get("lost", "").split(APART)
        lost += [[_lost(path, line, name.strip(), clusters, places) for name in names]] * count
    if not jobs:
        raise _wrong(path, 1, "there is no job", "write a row for each job")
    arrays = {name: np.array(values) for name, values in columns.items() if name != "slowdown"}
    up = None
    if any(one != [-1] for one in lost):
        up = np.array([[c not in one for c in range(len(clusters))] for one in lost])
    return Scenario(path.name, slowdown=np.array(slowdown), second=np.array(second), up=up, **arrays)


def _cluster(path: Path, line: int, column: str, named: str, clusters: Sequence[str]) -> int:
    if named and named not in clusters:
        raise _wrong(
            path, line, f"{column}: there is no cluster '{named}'", f"it is one of {', '.join(clusters)}"
        )
    return clusters.index(named) if named else -1


def _lost(path: Path, line: int, named: str, clusters: Sequence[str], places: Sequence[str] | None) -> int:
    if named and places is not None and named not in places:
        there = f"places are {', '.join(places)}" if places else "the platform has none: leave the column out"
        raise _wrong(path, line, f"lost names places elsewhere, and '{named}' is none", there)
    return _cluster(path, line, "lost", named, clusters)


def _rows(path: Path, known: Sequence[str], needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a table with their lines."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [name.strip() for name in next(reader, list[str]())]
            rows = [(reader.line_num, [text.strip() for text in row]) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        cause = str(error.strerror) if isinstance(error, OSError) else "it is no table of text"
        raise SartoError(
            "E101", f"'{path}' cannot be read", cause=cause, hint="give a CSV table, or a folder"
        ) from error
    unknown = [name for name in names if name not in known]
    missing = [name for name in needed if name not in names]
    if unknown or missing or not names or len(set(names)) < len(names):
        cause = (
            f"there is no column '{missing[0]}'"
            if missing
            else f"'{unknown[0]}' is no column that is known"
            if unknown
            else "its first line must name each column once"
        )
        raise SartoError(
            "E116", f"'{path}' cannot be used", cause=cause, hint=f"columns are {', '.join(known)}"
        )
    for line, row in rows:
        if len(row) != len(names):
            raise _wrong(path, line, f"it has {len(row)} values for {len(names)} columns", "mend the line")
    return [(line, dict(zip(names, row, strict=True))) for line, row in rows]


def _number(path: Path, line: int, name: str, text: str, *, zero: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if name == "accuracy" and (value > 1 or text.endswith("%")):
        raise _wrong(path, line, f"accuracy is '{text}'", "it lies between 0 and 1: 0.56 for 56 %")
    if not (value > 0 or (zero and value == 0)) or (
        math.isinf(value) and name not in ("power_w", "highest_hz")
    ):
        raise _wrong(
            path, line, f"{name} is '{text}'", f"it is a number {'of at least' if zero else 'above'} 0"
        )
    return value


def _jobs(path: Path, line: int, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:12]) <= MOST_JOBS):
        raise _wrong(path, line, f"jobs is '{text}'", f"it is a whole number from 1 to {MOST_JOBS:,}")
    return int(text)


def _wrong(path: Path, line: int, cause: str, hint: str) -> SartoError:
    return SartoError("E116", f"'{path}' cannot be used, line {line}", cause=cause, hint=hint)


def write_trace(path: Path, scenario: Scenario, clusters: Sequence[str]) -> None:
    """Write a scenario as the trace that `read_trace` gives back, to be changed and run again."""
    rows = io.StringIO()
    columns = [*(name for name in NUMBERS if name != "slowdown"), *(f"slowdown_{name}" for name in clusters)]
    writer = csv.DictWriter(rows, [*columns, "second", "lost"], lineterminator="\n")
    writer.writeheader()
    for i in range(len(scenario)):
        figures = {name: float(getattr(scenario, name)[i]) for name in NUMBERS if name != "slowdown"}
        slowed = {f"slowdown_{name}": float(scenario.slowdown[i, c]) for c, name in enumerate(clusters)}
        second = clusters[int(scenario.second[i])] if scenario.second[i] >= 0 else ""
        lost = [name for c, name in enumerate(clusters) if scenario.up is not None and not scenario.up[i, c]]
        writer.writerow({**figures, **slowed, "second": second, "lost": APART.join(lost)})
    write_atomic(path, rows.getvalue())
