"""What number formats cost a model: its quality with the weights stored in each, and with errors in the stored bits.

The arrays of a model are rounded to a format (each takes its own scale, where the format has one), its patterns are put
into one memory, each bit of which is wrong with probability `rate`, and the model is judged with the numbers that come
back. Errors are per *stored bit*: fp32 gets four times as many as a format of 8 bits. Numbers that are none (NaN, NaR,
infinities) stay so, or are read as 0 if `nonfinite_as_zero`.

Of n repeats with mean m and deviation s the interval is m +- t s / sqrt(n), with the 97.5 % quantile of Student's t at
n - 1 degrees of freedom, cut off at what a quality can be. It knows nothing of a fault that none of the repeats had:
`errors` says how many bits were wrong on average, and `worst` and `best` are the extremes.

>>> arrays = {"w": np.array([0.5, -1.25, 3.1])}
>>> audit = formats(arrays, lambda a: float(a["w"].sum()), names=("fp32", "int4"), rates=(1e-2,), repeats=3, span=None)
>>> [(row[0], row[1], round(float(row[5]), 3)) for row in audit.table.rows if row[4] == 0]
[('fp32', 32, 2.35), ('int4', 4, 2.214)]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Shaped
from scipy.special import stdtrit

from sarto.core.bits import Format, number_format, put, random_places
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.progress import Silent, Talk
from sarto.core.table import Table

NAMES = (
    "fp32",
    "bf16",
    "fp16",
    "posit(16,1)",
    "fp8_e4m3",
    "fp8_e5m2",
    "posit(8,0)",
    "posit(8,1)",
    "posit(8,2)",
    "int8",
)
"""Formats that are compared; the first one is what the others are held against."""
RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
REPEATS = 20
TOOL = "sarto.audit.formats"
COLUMNS = (
    "format",
    "bits",
    "size",
    "rounding error",
    "rate",
    "quality",
    "low",
    "high",
    "worst",
    "best",
    "errors",
    "n",
)
UNITS = ("", "bit", "B", "1", "1/bit", "1", "1", "1", "1", "1", "bit", "1")

Arrays = Mapping[str, Shaped[np.ndarray, "..."]]
Evaluate = Callable[[Arrays], float]


@dataclass(frozen=True)
class FormatAudit:
    """What was found: one row of `table` for each format and rate, and the same as evidence and in words."""

    table: Table
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]


def formats(
    arrays: Arrays,
    evaluate: Evaluate,
    *,
    names: Sequence[str] = NAMES,
    rates: Sequence[float] = RATES,
    repeats: int = REPEATS,
    seed: int = 0,
    most_drop: float = 0.01,
    nonfinite_as_zero: bool = False,
    quality: str = "accuracy",
    span: tuple[float, float] | None = (0.0, 1.0),
    subject_sha256: str = "",
    command: str = "",
    executor: Executor | None = None,
    talk: Talk | None = None,
) -> FormatAudit:
    """Return the quality of a model in every format, without errors and with them.

    Args:
        arrays: the model's parameters; those that are no floats are handed on as they are.
        evaluate: gives the quality of the model with other arrays of these names; larger is better.
        names: of the formats, see `core.bits.number_format`. The first is the reference.
        rates: of errors per stored bit.
        repeats: draws of errors, each judged once.
        seed: of the draws.
        most_drop: of quality below the reference's, that findings speak of.
        nonfinite_as_zero: read numbers that are none as 0.
        quality: what `evaluate` gives, in words.
        span: the least and the largest that it can be; None is any number.
        subject_sha256: of what is judged.
        command: that shows it again.
        executor: runs the repeats; `evaluate` must then go to another process.
        talk: is told of the progress.

    Raises:
        SartoError: E144 (format), E143 (rate), E146 (nothing to store, too few repeats, a quality that is no number).
    """
    floats = [name for name, values in arrays.items() if values.dtype.kind == "f" and values.size]
    if not floats or repeats < 2:
        cause = "none of its arrays holds floats" if not floats else "an interval needs two repeats at least"
        raise SartoError("E146", f"formats of {len(arrays)} arrays in {repeats} repeats", cause=cause)
    made = {name: number_format(name) for name in names}
    jobs = [(name, rate, r) for name in made for rate in (0.0, *rates) for r in range(repeats if rate else 1)]
    judge = partial(_judged, arrays, tuple(floats), evaluate, seed, nonfinite_as_zero)
    found: dict[tuple[str, float], list[tuple[float, int]]] = {}
    with (talk or Silent()).stage("formats", len(jobs)) as stage:
        results = map(judge, jobs) if executor is None else executor.map(judge, jobs)
        for (name, rate, _), result in zip(jobs, results, strict=True):
            found.setdefault((name, rate), []).append(result)
            stage.advance(1, name)
    least, most = (-np.inf, np.inf) if span is None else span
    if bad := [
        f"{quality} of {n} at {r:g} errors per bit is {v}"
        for (n, r), s in found.items()
        for v, _ in s
        if not least <= v <= most
    ]:
        raise SartoError(
            "E146",
            bad[0],
            cause="the function that judges the model gave no number, or one that it cannot be",
        )
    rows = [
        _row(name, form, floats, arrays, rate, found[name, rate], (least, most))
        for name, form in made.items()
        for rate in (0.0, *rates)
    ]
    how = tuple("" if unit == "" else "measured" for unit in UNITS)
    table = Table("formats", COLUMNS, UNITS, tuple(rows), how)
    evidence = tuple(_evidence(row, quality, seed, subject_sha256, command) for row in rows)
    return FormatAudit(table, evidence, tuple(_findings(rows, quality, most_drop)))


def _judged(
    arrays: Arrays,
    floats: tuple[str, ...],
    evaluate: Evaluate,
    seed: int,
    nonfinite_as_zero: bool,
    job: tuple[str, float, int],
) -> tuple[float, int]:
    """Return the quality in one draw of errors, and how many bits were wrong."""
    name, rate, repeat = job
    own, patterns = list[Format](), list[Shaped[np.ndarray, " word"]]()
    for array in floats:
        own.append(number_format(name).fitted(arrays[array]))
        patterns.append(own[-1].encode(_floats(arrays[array]).reshape(-1)))
    memory = np.concatenate(patterns)
    places = random_places(len(memory), own[0].width, rate, seed, name, f"{rate:g}", repeat)
    put(memory, places, "flip", own[0].width)
    changed, first = dict(arrays), 0
    for array, form in zip(floats, own, strict=True):
        before = arrays[array]
        values = form.decode(memory[first : first + before.size])
        first += before.size
        if nonfinite_as_zero:
            values = np.where(np.isfinite(values), values, 0)
        with np.errstate(over="ignore", invalid="ignore"):
            changed[array] = values.reshape(before.shape).astype(before.dtype)
    return float(evaluate(changed)), len(places)


def _floats(values: Shaped[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return float16 as float32, and the others as they are."""
    return values.astype(np.float32) if values.dtype.itemsize < 4 else values


def _row(
    name: str,
    form: Format,
    floats: list[str],
    arrays: Arrays,
    rate: float,
    found: list[tuple[float, int]],
    span: tuple[float, float],
) -> tuple[float | int | str, ...]:
    values = np.array([value for value, _ in found])
    mean, n = float(values.mean()), len(values)
    half = float(stdtrit(n - 1, 0.975) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    words = sum(arrays[a].size for a in floats)
    off = wanted = 0.0
    for a in floats:
        own = _floats(arrays[a]).astype(np.float64)
        back = form.fitted(arrays[a]).rounded(own)
        off += float(np.square(back - own)[np.isfinite(back)].sum())
        wanted += float(np.square(own).sum())
    error = float(np.sqrt(off / wanted)) if wanted else 0.0
    errors = float(np.mean([count for _, count in found]))
    ends = (max(mean - half, span[0]), min(mean + half, span[1]), float(values.min()), float(values.max()))
    return (name, form.width, words * form.width / 8, error, rate, mean, *ends, errors, n)


def _evidence(
    row: tuple[float | int | str, ...], quality: str, seed: int, subject_sha256: str, command: str
) -> Evidence:
    name, _, _, _, rate, mean, low, high, _, _, _, n = row
    what = f"{quality} as {name}" + (f" at {float(rate):g} errors per stored bit" if rate else "")
    interval = (float(low), float(high)) if rate else None
    count, drawn = (int(n), seed) if rate else (None, None)
    return Evidence(what, float(mean), "1", "measured", TOOL, command, count, interval, drawn, subject_sha256)


def _findings(rows: list[tuple[float | int | str, ...]], quality: str, most_drop: float) -> list[Finding]:
    """Return which formats cost too much, which is the smallest that does not, and which errors each stands."""
    clean = {str(row[0]): row for row in rows if row[4] == 0}
    reference, *_ = clean
    limit = float(clean[reference][5]) - most_drop
    found = list[Finding]()
    for name, row in clean.items():
        if not float(row[5]) >= limit:
            text = f"{quality} {float(row[5]):.4g} as {name}, {float(clean[reference][5]):.4g} as {reference}"
            found.append(Finding("number format", "warning", f"{text}: more than {most_drop:g} lower"))
    kept = [row for row in clean.values() if float(row[5]) >= limit]
    least = min(kept, key=lambda row: (float(row[1]), -float(row[5])))
    text = f"{least[0]} is the smallest that keeps {quality} within {most_drop:g} of {reference}: {least[1]} bits"
    found.append(Finding("number format", "note", f"{text}, {quality} {float(least[5]):.4g}"))
    if stands := {str(row[0]): _stands(rows, str(row[0]), limit) for row in kept if len(rows) > len(clean)}:
        words = ", ".join(f"{name} {rate:g}" if rate else f"{name} none" for name, rate in stands.items())
        text = f"errors per stored bit up to which the interval of {quality} stays within {most_drop:g} of {reference}"
        found.append(Finding("bit errors", "note", f"{text}: {words}"))
    return found


def _stands(rows: list[tuple[float | int | str, ...]], name: str, limit: float) -> float:
    """Return the largest rate up to which, at every rate, the interval's lower end keeps the limit; 0 for none."""
    most = 0.0
    for row in sorted((r for r in rows if r[0] == name and r[4] != 0), key=lambda r: float(r[4])):
        if float(row[6]) < limit:
            break
        most = float(row[4])
    return most


def pivoted(found: Table) -> Table:
    """Return the table of number formats with one row for each, and a column for each share of wrong bits."""
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    rates = sorted({float(row["rate"]) for row in rows if row["rate"]})
    names = list(dict.fromkeys(str(row["format"]) for row in rows))
    quality = {(str(row["format"]), float(row["rate"])): row for row in rows}
    body = tuple(
        (
            name,
            quality[name, 0.0]["bits"],
            quality[name, 0.0]["size"],
            quality[name, 0.0]["quality"],
            *(quality[name, rate]["quality"] for rate in rates),
        )
        for name in names
    )
    columns = ("format", "bits", "bytes", "accuracy", *(f"BER {rate:g}" for rate in rates))
    units = ("", "bit", "B", "1", *["1"] * len(rates))
    return Table(
        "formats", columns, units, body, ("", "", "measured", "measured", *["measured"] * len(rates))
    )
