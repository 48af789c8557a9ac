"""A finished output folder as `fit` writes it, with names that are hard to show, and its variations."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sarto.core.budget import Budget, judge
from sarto.core.evidence import Evidence, Ledger
from sarto.core.points import OperatingPoint
from sarto.core.recipe import Recipe, Step
from sarto.core.table import Table
from tests.report.records import recorded
from tests.report.reservoir import reservoir_tables

CLASSES = ("walking", '<b>&"é', "stairs | up", "</script><script>alert(1)</script>", "`sit`_still_*")
COMMAND = "sarto fit watch.npz --device cortex_m4 --flash 32KiB --ram 4KiB -o out --name 'a<b'"
IMAGE = "zig cc 0.17.0, ELF"
EMULATOR = "unicorn 2.1.4, cortex-m4"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Sample:
    """What varies: the classes, groups, the budget and what the run had figures for."""

    classes: tuple[str, ...] = CLASSES
    groups: int | None = 12
    budget: Budget = field(default_factory=lambda: Budget(flash_b=32768, ram_b=4096, min_accuracy=0.9))
    tables: tuple[str, ...] = (
        "confusion",
        "groups",
        "flash map",
        "ram map",
        "classes",
        "trials",
        "cost",
        "families",
    )
    points: int = 14
    trials: int = 96
    measurements: int = 1
    tensors: int = 5
    instructions: bool = True
    findings: tuple[tuple[str, str, str], ...] = ()
    window: dict[str, int] | None = None
    outputs: tuple[tuple[str, str], ...] = ()
    reservoir: int = 0
    flash_b: int = 11436
    ram_b: int = 2712

    @property
    def chosen_name(self) -> str:
        """The name of the chosen point."""
        return self.front()[self.points * 3 // 5].name if self.points else ""

    def evidence(self) -> list[Evidence]:
        subject = sha256("artifact")
        items = [
            Evidence("flash", self.flash_b, "B", "measured", IMAGE, COMMAND, subject_sha256=subject),
            Evidence("ram", self.ram_b, "B", "emulated", EMULATOR, COMMAND, subject_sha256=subject),
            Evidence("peak stack", 212, "B", "emulated", EMULATOR, COMMAND, subject_sha256=subject),
            Evidence(
                "test accuracy",
                0.9362,
                "1",
                "measured",
                "integer interpreter, Wilson",
                COMMAND,
                470,
                (0.9104, 0.955),
                0,
                subject,
            ),
            Evidence(
                "macro F1", 0.9291, "1", "measured", "integer interpreter", COMMAND, 470, None, 0, subject
            ),
            Evidence(
                "instructions per sample",
                8123,
                "instructions",
                "emulated",
                EMULATOR,
                COMMAND,
                256,
                (8101, 8160),
                None,
                subject,
            ),
            Evidence(
                "instructions per inference",
                1039744,
                "instructions",
                "emulated",
                EMULATOR,
                COMMAND,
                256,
                (1036928, 1044480),
                None,
                subject,
            ),
            Evidence(
                "energy",
                0.00231,
                "J",
                "estimated",
                "1.2 cycles per instruction <assumed>, 33 pJ per cycle",
                COMMAND,
                subject_sha256=subject,
            ),
        ]
        if self.outputs:
            reached = Evidence(
                "test R2",
                0.871,
                "1",
                "measured",
                "integer interpreter",
                COMMAND,
                470,
                (0.84, 0.9),
                0,
                subject,
            )
            items = [reached, *(e for e in items if e.what not in ("test accuracy", "macro F1"))]
        return items * self.measurements

    def predicted(self) -> list[Table]:
        """What stands in place of classes where numbers are predicted."""
        true = [[math.sin(i * (k + 1)) * 10**k for k in range(len(self.outputs))] for i in range(470)]
        rows = tuple(
            (i, *(v for t in row for v in (t, 0.9 * t + 0.1 * math.cos(i)))) for i, row in enumerate(true)
        )
        names = tuple(word for n, _ in self.outputs for word in (f"{n}, true", f"{n}, predicted"))
        units = tuple(u or "1" for _, u in self.outputs for _ in range(2))
        groups = tuple((f"S{i:02d} <i>", 36 + i, 0.95 - 0.1 * i) for i in range(self.groups or 0))
        return [
            Table("predictions", ("item", *names), ("", *units), rows, ("", *["measured"] * len(names))),
            Table("groups", ("group", "n", "explained"), ("", "items", "1"), groups, ("", *["measured"] * 2)),
        ]

    def front(self) -> list[OperatingPoint]:
        points: list[OperatingPoint] = []
        for i in range(self.points):
            share = i / max(self.points - 1, 1)
            units = round(12 * 9**share)
            flash, ram, error = (
                2900 + 34 * units + units**2 * 0.9,
                700 + 21 * units,
                0.045 + 0.22 * math.exp(-3.2 * share),
            )
            named = [
                Evidence("flash", round(flash), "B", "estimated", "memory plan"),
                Evidence("ram", round(ram), "B", "estimated", "memory plan"),
                Evidence(
                    "validation error",
                    round(error + 0.012 * (i % 3 == 1), 4),
                    "1",
                    "measured",
                    "integer interpreter",
                ),
            ]
            if self.instructions:
                count = 60000 + 9000 * units
                named.append(
                    Evidence("instructions per inference", count, "instructions", "estimated", "graph count")
                )
            settings = {
                "cell": "esn" if i % 3 else "ring",
                "units": units,
                "pooling": "mean",
                "segments": 1 + i % 3,
                "leak": 0.30000000000000004,
            }
            points.append(OperatingPoint(f"t{7 * i + 3:03d}", settings, tuple(named)))
        return points

    def every_table(self) -> list[Table]:
        counts = [
            [(70 + 3 * i) if i == j else (7 * i + 5 * j) % 4 for j in range(len(self.classes))]
            for i in range(len(self.classes))
        ]
        k = len(self.classes)
        confusion = Table(
            "confusion",
            ("true", *self.classes),
            ("", *["1"] * k),
            tuple((c, *row) for c, row in zip(self.classes, counts, strict=True)),
            ("", *["measured"] * k),
        )
        sums = [sum(row) for row in counts]
        rates = Table(
            "classes",
            ("class", "n", "recall", "lower", "upper", "precision"),
            ("", "1", "1", "1", "1", "1"),
            tuple(
                (
                    c,
                    s,
                    row[i] / s,
                    max(row[i] / s - 0.06, 0.0),
                    min(row[i] / s + 0.03, 1.0),
                    row[i] / max(sum(r[i] for r in counts), 1),
                )
                for i, (c, s, row) in enumerate(zip(self.classes, sums, counts, strict=True))
            ),
            ("", *["measured"] * 5),
        )
        groups = Table(
            "groups",
            ("group", "n", "accuracy", "lower", "upper"),
            ("", "1", "1", "1", "1"),
            tuple(
                (
                    f"S{i:02d} <i>",
                    36 + i,
                    a := 0.97 - 0.021 * (i * 5 % 12),
                    max(a - 0.09, 0.0),
                    min(a + 0.05, 1.0),
                )
                for i in range(self.groups or 0)
            ),
            ("", *["measured"] * 4),
        )
        flash_parts = [
            ("readout", 1800, "weights"),
            ("W_x", 360, "weights"),
            ("tanh", 512, "table"),
            ("code", 3276, "code"),
            ("vectors and startup", 312, "startup"),
        ]
        flash_parts += [(f"W_{i}", 400 + i, "weights") for i in range(self.tensors - 5)]
        left = self.flash_b - sum(p[1] for p in flash_parts)
        flash_parts.insert(0, ("W<&>", max(left, 10), "weights"))
        ram_parts = [
            ("state", 1200, "state"),
            ("pool_sum", 1000, "state"),
            ("scratch", 300, "scratch"),
            ("stack", 212, "stack"),
        ]
        how = ("", "measured", "")
        errors = [0.06 + 0.5 * ((i * 37) % 97 / 97) ** 2 + 0.2 / (1 + i / 9) for i in range(self.trials)]
        best = [min(errors[: i + 1]) for i in range(self.trials)]
        return [
            confusion,
            rates,
            groups,
            Table("flash map", ("name", "bytes", "kind"), ("", "B", ""), tuple(flash_parts), how),
            Table(
                "ram map", ("name", "bytes", "kind"), ("", "B", ""), tuple(ram_parts), ("", "emulated", "")
            ),
            Table(
                "trials",
                ("trial", "validation error", "best so far"),
                ("1", "1", "1"),
                tuple((i, e, b) for i, (e, b) in enumerate(zip(errors, best, strict=True))),
                ("", "measured", "measured"),
            ),
            Table(
                "families",
                (
                    "family",
                    "best point",
                    "models tried",
                    "validation error",
                    "validation loss",
                    "flash",
                    "ram",
                ),
                ("", "", "", "1", "1", "B", "B"),
                (
                    ("reservoir", self.chosen_name, 60, 0.071, 0.31, 14000.0, 2900.0),
                    ("random_features", "trial 77", 36, 0.093, 0.42, 9100.0, 300.0),
                ),
                ("", "", "", "measured", "measured", "measured", "emulated"),
            ),
            Table(
                "cost",
                ("what", "value", "unit", "how"),
                ("", "", "", ""),
                (
                    ("wall time", 41.3, "s", "measured"),
                    ("CPU time", 74.9, "s", "measured"),
                    ("peak memory", 412e6, "B", "measured"),
                    ("energy", "not measured: no power meter", "", ""),
                ),
                ("", "", "", ""),
            ),
        ]

    def write(self, folder: Path) -> Path:
        """Write the folder and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {
            "model.c": "int x;\n",
            "model.h": "#define ARENA 2500\n",
            "main.c": "int main(void){}\n",
            "graph.npz": "npz",
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        evidence = self.evidence()
        Ledger(folder / "evidence.jsonl").append(*evidence)
        verdict = judge(self.budget, {e.what: e for e in evidence})
        tables = [t for t in self.every_table() if t.name in self.tables and t.rows]
        if self.outputs:
            tables = [
                t for t in tables if t.name not in ("confusion", "classes", "groups")
            ] + self.predicted()
        tables += reservoir_tables(self.reservoir) if self.reservoir else []
        points = self.front()
        recipe = Recipe(
            (
                Step("esn", {"units": 62, "leak": 0.3, "radius": 0.95}),
                Step("ridge", {"ridge": "gcv"}),
                Step("ptq", {"weight_bits": 8, "state_bits": 16}),
            )
        )
        channels = [("acc x", "m/s²", 0.0011968), ("acc y", "m/s²", 0.0011968), ("gyro <z>", "", 0.0625)]
        contents: dict[str, Any] = {
            "artifact.json": {
                "format": "sarto-artifact/1",
                "sarto": "0.1.0",
                "name": 'watch <b>&"é',
                "summary": f"A leaky echo state network of 62 units for {len(self.classes)} activities of a watch.",
                "model": {
                    "cell": "esn",
                    "units": 62,
                    "pooling": "mean",
                    "segments": 2,
                    "leak": 0.30000000000000004,
                    "radius": 0.95,
                    "weight_bits": 8,
                    "state_bits": 16,
                },
                "device": "cortex_m4",
                "optimise": "-Os",
                "input": {
                    "bits": 16,
                    "chosen": "chosen in calibration",
                    "channels": [{"name": n, "unit": u, "scale": s} for n, u, s in channels],
                },
                "window": self.window,
                "task": "regression" if self.outputs else "classification",
                "classes": list(self.classes),
                "outputs": [{"name": n, "unit": u, "count": 2.0**-9} for n, u in self.outputs],
                "files": {name: sha256(text) for name, text in files.items()},
                "sha256": sha256("artifact"),
            },
            "front.json": {
                "points": [p.to_json() for p in points],
                "chosen": self.chosen_name if points else None,
                "objectives": ["validation error", "flash", "ram"],
            },
            "verdict.json": verdict.to_json(),
            "recipe.json": recipe.to_json(),
            "tables.json": [t.to_json() for t in tables],
            "provenance.json": {
                "command": COMMAND,
                "seed": 0,
                "versions": {"sarto": "0.1.0", "python": "3.11.9", "numpy": "2.3.5", "zig": "0.17.0"},
                "data": {
                    "name": "watch",
                    "source": "watch.npz, recorded by <us> & them",
                    "sha256": sha256("data"),
                    "items": 1880,
                    "channels": 3,
                    "lengths": [91, 128, 200],
                    "classes": dict.fromkeys(self.classes, 376),
                    "groups": self.groups,
                    "group_name": "subject" if self.groups else None,
                },
                "split": {"how": "by subject" if self.groups else "stratified", "train": 1410, "test": 470},
                "search": {
                    "trials": self.trials,
                    "dropped": 7,
                    "batches": 12,
                    "workers": 2,
                    "seconds": 41.3,
                    "cpu_s": 74.9,
                    "peak_memory_b": 412000000,
                },
                "created": "2030-01-02T03:04:05+00:00",
            },
        }
        for name, value in contents.items():
            (folder / name).write_text(json.dumps(value), encoding="utf-8")
        if self.findings:
            lines = [json.dumps({"what": w, "severity": s, "text": t}) for w, s, t in self.findings]
            (folder / "findings.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return recorded(folder)
