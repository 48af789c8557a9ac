"""A finished output folder as `sarto compress` writes it, with names that are hard to show."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sarto.core.artifact import seal
from sarto.core.budget import Budget, judge
from sarto.core.evidence import Evidence, Ledger
from sarto.core.points import OperatingPoint
from sarto.core.recipe import Recipe, Step
from sarto.core.table import Table
from tests.report.records import recorded
from tests.report.sample import sha256

COMMAND = (
    "sarto compress net.onnx --data digits.npz --with gradual:0.9,codebook:4,rans -o small/ --state 'a<b'"
)
FILE_B = 3253
TENSORS = (
    ("", "architecture", 63),
    ("", "magic and hash", 12),
    ("conv <1>.weight", "header", 4),
    ("conv <1>.weight", "codebook", 28),
    ("conv <1>.weight", "tables", 9),
    ("conv <1>.weight", "symbols", 2324),
    ("conv <1>.bias", "header", 1),
    ("conv <1>.bias", "bias", 256),
)


@dataclass
class Stored:
    """What varies: the budget, the figures, the number of tensors and of tunings, and the test items."""

    budget: Budget = field(default_factory=lambda: Budget(flash_b=4000, min_accuracy=0.9))
    accuracy: float = 0.93
    file_b: int = FILE_B
    tensors: int = 5
    tunings: int = 2
    validated: bool = True
    test_items: str = "items"
    measurements: int = 1

    def evidence(self) -> list[Evidence]:
        """Return what is known of the file and of the network given."""
        file, found = "size of the container file: storage only, no code that runs it", list[Evidence]()
        for what, value, unit in (
            ("flash", self.file_b, "B"),
            ("compression", 4 * 8970 / self.file_b, "1"),
        ):
            found.append(Evidence(what, value, unit, "measured", file, COMMAND))
        for part, value, tool in (
            ("test", self.accuracy, "the network as its file gives it back"),
            ("given test", 0.95, "the network as it was given"),
        ):
            interval = (value - 0.02, value + 0.02)
            found.append(Evidence(f"{part} accuracy", value, "1", "measured", tool, COMMAND, 450, interval))
            found.append(Evidence(f"{part} macro-F1", value - 0.01, "1", "measured", tool, COMMAND, 450))
        return found

    def front(self) -> list[OperatingPoint]:
        """Return the network on its way."""
        points: list[OperatingPoint] = []
        for name, size, accuracy, settings in (
            ("as given", 35960, 0.96, {}),
            ("gradual:0.9", 35960, 0.955, {"density": 0.1, "scope": "<global>"}),
            ("codebook:4", self.file_b, 0.94, {"bits": 4}),
            ("rans", self.file_b, 0.94, {}),
        ):
            figures = (
                Evidence("flash", size, "B", "measured", "file"),
                Evidence("compression", 4 * 8970 / size, "1", "measured", "file"),
                Evidence("validation error", 1 - accuracy, "1", "measured", "network"),
                Evidence("validation accuracy", accuracy, "1", "measured", "network"),
            )
            points.append(OperatingPoint(name, settings, figures))
        return points

    def tables(self) -> list[Table]:
        """Return bytes, confusions, rates and training."""
        rows = [*TENSORS, *((f"fc{i}.weight", "values", 40) for i in range(self.tensors))]
        rows.append(("last", "values", self.file_b - sum(row[2] for row in rows)))
        pairs = (("zero <0>", 70, 5), ("one", 3, 72))
        names = tuple(name for name, *_ in pairs)
        how = "measured"
        passes: list[tuple[float | int | str, ...]] = []
        for number in range(1, self.tunings + 1):
            for i in range(4):
                # The second pass is the best on validation, the first of each tuning is not validated.
                judged = (
                    (0.4 + 0.1 * abs(i - 1), 0.9 - 0.01 * abs(i - 1)) if self.validated and i else ("", "")
                )
                passes.append((number, f"step <{number}>", i + 1, 0.9 / (i + number), *judged))
        columns = ("tuning", "step", "pass", "loss", "validation loss", "validation accuracy")
        training = Table(
            "training", columns, ("", "", "", "1", "1", "1"), tuple(passes), ("",) * 3 + (how,) * 3
        )
        cost = (("recipe and test, wall time", 12.5, "s", how), ("peak memory of the process", 3e8, "B", how))
        return [
            Table("bytes", ("tensor", "part", "bytes"), ("", "", "B"), tuple(rows), ("", "", how)),
            Table("confusion", ("class", *names), ("", "items", "items"), pairs, ("", how, how)),
            Table(
                "classes",
                ("class", "n", "recall", "lower", "upper", "precision"),
                ("", "items", "1", "1", "1", "1"),
                tuple((name, 75, 0.95, 0.9, 0.98, 0.94) for name in names),
                ("", *[how] * 5),
            ),
            *([training] if passes else []),
            Table("cost", ("what", "value", "unit", "how"), ("", "", "", ""), cost, ("", "", "", "")),
        ]

    def write(self, folder: Path) -> Path:
        """Write the folder and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "network.sarto").write_text("network")
        evidence = self.evidence()
        Ledger(folder / "evidence.jsonl").append(*evidence)
        verdict = judge(self.budget, {e.what: e for e in evidence})
        contents: dict[str, Any] = {
            "artifact.json": seal(
                {
                    "format": "sarto-artifact/1",
                    "sarto": "0.1.0",
                    "name": 'net <b>&"é',
                    "summary": "The network net, shrunk by gradual, codebook, rans into one file.",
                    "model": {"network": "net", "parameters_given": 8970, "weights_not_0": 883},
                    "device": "storage",
                    "target": "storage",
                    "input": {"shape": [1, 8, 8], "type": "float32"},
                    "window": None,
                    "task": "classification",
                    "classes": ["zero <0>", "one"],
                    "outputs": [],
                    "files": {"network.sarto": sha256("network")},
                }
            ),
            "verdict.json": verdict.to_json(),
            "front.json": {
                "points": [p.to_json() for p in self.front()],
                "chosen": "rans",
                "objectives": ["validation error", "flash"],
            },
            "recipe.json": Recipe(
                (Step("gradual", {"density": 0.1}), Step("codebook", {"bits": 4}), Step("rans"))
            ).to_json(),
            "tables.json": [t.to_json() for t in self.tables()],
            "provenance.json": {
                "command": COMMAND,
                "seed": 0,
                "versions": {"python": "3.12", "sarto": "0.1.0", "torch": "2.13.0"},
                "data": {
                    "name": "digits",
                    "source": "digits.npz",
                    "sha256": sha256("data"),
                    "items": 1800,
                    "classes": {"zero <0>": 900, "one": 900},
                    "groups": None,
                    "group_name": None,
                },
                "split": {
                    "how": "evenly over the classes",
                    "train": 1350,
                    "test": 450,
                    "test_sha256": sha256(self.test_items),
                },
                "search": {
                    "trials": 1, "batches": 1, "workers": 1, "seconds": 12.5, "cpu_s": 12.0, "peak_memory_b": 3e8,
                },
                "remarks": ["net <was> trained first"],
                "created": "2026-11-01T00:00:00+00:00",
            },
            "request.json": {
                "device": "storage",
                "budget": {"flash_b": self.budget.flash_b},
                "max_drop": 0.02,
                "recipe": "gradual:0.9,codebook:4,rans",
                "code": "c" * 64,
                "source": "d" * 64,
            },
        }  # fmt: skip
        for name, content in contents.items():
            (folder / name).write_text(json.dumps(content), encoding="utf-8")
        return recorded(folder)
