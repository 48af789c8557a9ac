"""The label of COMPAS has the published figures to three digits, and the check finds the joint shares that are wrong.

The two-year table of ProPublica with its filter (screened within 30 days of the arrest, recidivism known, no ordinary
traffic offence, a score: 6,172 rows), race against recidivism within two years. The figures are those of a published
slide deck; its joint shares are counts divided by 10,000, so of these the right ones are wanted, and the slide's must
be refused, also without word of the data.

Controls. (1) Labels of 1,000 drawn tables, rounded to 3 digits, must all pass: a check that cries at rounding is none.
(2) The same labels with one share replaced by that of another cell, or with joint shares divided by another number:
how many are found. (3) How often the intervals of 95 % hold the truth, for tables drawn with the shares of COMPAS, with
a quarter of its dependence, and with none, and of 30 by 3 cells with none: those used (noncentral), and percentile
bootstraps, which are the obvious choice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from sarto.audit.labels import Part, Published, Share, check, label, of_part
from sarto.audit.labels.check import Kind
from sarto.audit.labels.dependence import chi_squares, cramer, dependence
from sarto.audit.labels.resampling import resampled
from sarto.core.seed import generator

MINUTES = 1
WHERE = ("days_b_screening_arrest<=30", "days_b_screening_arrest>=-30", "is_recid!=-1")
"""No row that meets these has the charge O or lacks a score."""
WANTED: Mapping[str, str] = {
    "C": "0.1413", "w": "0.1427", "P(0)": "0.545", "P(1)": "0.455", "P(Asian)": "0.005", "P(Black)": "0.514",
    "P(Caucasian)": "0.341", "P(Caucasian | 1)": "0.293", "P(Caucasian | 0)": "0.381", "P(Black | 1)": "0.591",
    "P(Black | 0)": "0.450", "P(0 | Caucasian)": "0.609", "P(1 | Caucasian)": "0.391", "P(0 | Black)": "0.477",
    "P(1 | Black)": "0.523", "P(Black and 0)": "0.2453", "P(Black and 1)": "0.2691",
}  # fmt: skip
"""The published figures with the digits that they have there; of the joint shares the right ones."""
TABLES = 1000
PARTS = {"of COMPAS": 1.0, "a quarter of it": 0.25, "none": 0.0}


def run(bench: Bench) -> Outcome:
    """Return the figures, what the checks say, and the controls."""
    file = Path(real_data("compas")) / "compas-scores-two-years.csv"
    part = label(str(file), ["race"], "two_year_recid", where=WHERE).parts[0]
    got = measured(part)
    figures = {name: Figure(value, "1", "measured", part.joint.n) for name, value in got.items()}
    right = [name for name, text in WANTED.items() if f"{got[name]:.{len(text) - 2}f}" == text]
    slide = dataclasses.replace(rounded(of_part(part), 3), name="slide")
    wrong = dataclasses.replace(
        slide, shares={**slide.shares, "joint": divided(part, 10_000)}, complete=False
    )
    said = [found.text for found in check(wrong) if found.state == "failed"]
    for text in said:
        bench.say(f"slide: {text}")
    tables = 50 if bench.quick else TABLES
    found = bench.once({"tables": tables}, controls, part.joint.counts.tolist(), tables)
    for name, value in found.items():
        drawn = tables // 2 if " rows" in name else tables
        figures[name] = Figure(value, "1", "measured", drawn)
    bars: tuple[Bar, ...] = (
        at_least("rows", part.joint.n, 6172),
        at_most("rows", part.joint.n, 6172),
        at_least("published figures that are right in every digit", len(right), len(WANTED)),
        at_least(
            "failed checks on the slide that name 10,000",
            sum("divided by 10,000," in text for text in said),
            1,
        ),
        at_most("failed checks on the right label, rounded", failed(slide), 0),
        at_most("drawn labels, rounded to 3 digits, that fail", found["false alarms"], 0),
        at_least(
            "least coverage of the intervals used",
            min(v for k, v in found.items() if k.startswith("95 %")),
            0.9,
        ),
    )
    return Outcome(figures, () if bench.quick else bars)


def measured(part: Part) -> dict[str, float]:
    """Return the figures of a label by their names."""
    joint, d = part.joint, part.dependence
    names = {"African-American": "Black"}
    found = {"C": d.C, "w": d.w, "V": float(cramer(joint.counts[None])[0]), "chi-square": d.chi2}
    for j, y in enumerate(joint.targets):
        found[f"P({y})"] = float(joint.shares[:, j].sum())
        for i, value in enumerate(joint.names):
            name = names.get(value, value)
            found[f"P({name})"] = float(joint.shares[i].sum())
            found[f"P({name} and {y})"] = float(joint.shares[i, j])
            found[f"P({name} | {y})"] = float(joint.given_target[i, j])
            found[f"P({y} | {name})"] = float(joint.given_protected[i, j])
    return found


def rounded(label: Published, digits: int) -> Published:
    """Return a label as somebody prints it who shows so many digits."""
    shares = {
        kind: {cell: Share(round(share.value, digits), digits) for cell, share in found.items()}
        for kind, found in label.shares.items()
    }
    return dataclasses.replace(label, shares=shares)


def divided(part: Part, number: int) -> dict[tuple[str, str], Share]:
    """Return joint shares that are counts divided by `number`."""
    joint = part.joint
    return {
        (name, y): Share(round(float(joint.counts[i, j]) / number, 4), 4)
        for i, name in enumerate(joint.names)
        for j, y in enumerate(joint.targets)
    }


def failed(label: Published) -> int:
    """Return how many checks fail."""
    return sum(found.state == "failed" for found in check(label))


def controls(counts: list[list[int]], tables: int) -> dict[str, Any]:
    """Return shares of drawn labels that fail, of spoilt ones that do not, and of intervals that hold the truth."""
    observed = np.array(counts)
    rng = generator(0, "label_compas", "tables")
    alarms, swapped, scaled = 0, 0, 0
    for _ in range(tables):
        shape = (int(rng.integers(2, 7)), int(rng.integers(2, 4)))
        drawn = rng.multinomial(int(rng.integers(300, 20_000)), rng.dirichlet(np.ones(shape[0] * shape[1])))
        told = rounded(published(drawn.reshape(shape) + 1), 3)
        alarms += failed(told) > 0
        swapped += failed(spoilt(told, rng)) > 0
        factor = float(rng.uniform(0.5, 0.95))
        joint = {cell: Share(round(s.value * factor, 3), 3) for cell, s in told.shares["joint"].items()}
        scaled += (
            failed(dataclasses.replace(told, shares={**told.shares, "joint": joint}, complete=False)) > 0
        )
    found = {"false alarms": alarms, "one share replaced: found": swapped / tables}
    found["joint shares divided by another number: found"] = scaled / tables
    shares = observed / observed.sum()
    alone = shares.sum(1, keepdims=True) * shares.sum(0, keepdims=True)
    drawn = {name: part * shares + (1 - part) * alone for name, part in PARTS.items()}
    drawn["none, 30 by 3"] = np.full((30, 3), 1 / 90)
    for name, table in drawn.items():
        for n in (500, 6172):
            held = coverage(table, n, tables // 2)
            found |= {f"{key}, dependence {name}, {n} rows": value for key, value in held.items()}
    return found


def published(counts: Int[np.ndarray, "value target"]) -> Published:
    """Return the label of a table of counts, in full."""
    n = counts.sum()
    pairs = [(f"a{i}", f"y{j}", i, j) for i in range(counts.shape[0]) for j in range(counts.shape[1])]
    shares: dict[Kind, dict[tuple[str, str], Share]] = {
        "joint": {(a, y): Share(float(counts[i, j] / n)) for a, y, i, j in pairs},
        "protected": {(a, ""): Share(float(counts[i].sum() / n)) for a, _, i, _ in pairs},
        "target": {("", y): Share(float(counts[:, j].sum() / n)) for _, y, _, j in pairs},
        "protected given target": {
            (a, y): Share(float(counts[i, j] / counts[:, j].sum())) for a, y, i, j in pairs
        },
        "target given protected": {
            (a, y): Share(float(counts[i, j] / counts[i].sum())) for a, y, i, j in pairs
        },
    }
    return Published("drawn", "a", "y", shares, int(n), complete=True)


def spoilt(label: Published, rng: np.random.Generator) -> Published:
    """Return a label in which one joint share stands where another should, at least two in the last digit away."""
    joint = dict(label.shares["joint"])
    cells = list(joint)
    for _ in range(100):
        one, other = (cells[int(i)] for i in rng.choice(len(cells), 2, replace=False))
        if abs(joint[one].value - joint[other].value) >= 0.002:
            joint[one] = joint[other]
            break
    return dataclasses.replace(label, shares={**label.shares, "joint": joint})


def coverage(shares: Float[np.ndarray, "value target"], n: int, tables: int) -> dict[str, float]:
    """Return how many intervals of tables of `n` rows hold w, and V, of the shares that they are drawn with."""
    exact = np.round(shares * 1e12).astype(np.int64)[None]
    true_w = float(np.sqrt(chi_squares(exact)[0] / exact.sum()))
    true_v = true_w / np.sqrt(min(shares.shape) - 1)
    rng = generator(1, "label_compas", "coverage", n)
    held = {"95 % of w": 0, "95 % of V": 0, "control: of w, bootstrap": 0, "control: of V, bootstrap": 0}
    for seed in range(tables):
        drawn = rng.multinomial(n, shares.ravel()).reshape(shares.shape)
        again = resampled(drawn, 500, seed)
        found = dependence(drawn)
        bootstrap = [
            np.quantile(values, [0.025, 0.975]) for values in (np.sqrt(chi_squares(again) / n), cramer(again))
        ]
        ends = (found.w_interval, found.V_interval, *bootstrap)
        for key, (low, high), true in zip(held, ends, (true_w, true_v, true_w, true_v), strict=True):
            held[key] += low - 1e-6 <= true <= high + 1e-6
    return {key: count / tables for key, count in held.items()}
