"""One `fit` for a benchmark, and its model run on every test item by all three interpreters, the device's included.

`fitted` returns classes given and true, so that scores can be pooled over folds, and the cost of the image as it was
emulated on all test items. Nothing here looks at the test items before the model is finished.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from sarto.core.budget import Budget
from sarto.core.evidence import Evidence
from sarto.core.graph import load_graph
from sarto.core.progress import Silent
from sarto.data.load import load
from sarto.data.source import source_sha256
from sarto.data.splits import split
from sarto.deploy.sensor import SensorFormat
from sarto.devices import device
from sarto.measure.model import RawSequences, measure_model
from sarto.measure.quality import confusion, macro_f1
from sarto.search.fit import FitRequest, fit

DEVICE = "cortex_m4"
"""The device that the claims name."""


@dataclass(frozen=True)
class Answers:
    """What was said of the test items: class true and given, and group (empty without groups), of each."""

    target: list[int]
    guess: list[int]
    group: list[str]

    @property
    def accuracy(self) -> float:
        """Share of items with the right class."""
        return sum(t == g for t, g in zip(self.target, self.guess, strict=True)) / len(self.target)

    @property
    def macro_f1(self) -> float:
        """Mean of the classes' F1."""
        names = tuple(map(str, range(max([*self.target, *self.guess]) + 1)))
        return macro_f1(confusion(np.array(self.target), np.array(self.guess), names))

    def by_group(self) -> dict[str, float]:
        """Return the accuracy on each group, in order of the groups' names."""
        right, group = np.array(self.target) == np.array(self.guess), np.array(self.group)
        return {str(name): float(right[group == name].mean()) for name in np.unique(group)}


@dataclass(frozen=True)
class Fitted:
    """A finished model: in words, whether it fits its budget, its answers, and its figures by the evidence's name."""

    model: str
    fits: bool
    answers: Answers
    figures: dict[str, float]


def pooled(parts: Sequence[Answers]) -> Answers:
    """Return the answers of all `parts`, one after the other."""
    return Answers(
        [t for p in parts for t in p.target],
        [g for p in parts for g in p.guess],
        [g for p in parts for g in p.group],
    )


def fitted(bench: Bench, source: str, budget: Budget, *, seed: int, trials: int, **choice: Any) -> Fitted:
    """Return the model of `sarto fit` with these settings, now or from a run before.

    Args:
        bench: this run.
        source: of the data, as on the command line.
        budget: limits.
        seed: of everything.
        trials: models to try.
        choice: `group`, `channels`, `where`, `hop`, `families` of a `FitRequest`.
    """
    settings = {
        "source": source_sha256(source),
        "budget": asdict(budget),
        "seed": seed,
        "trials": trials,
        **choice,
    }
    kept = bench.once({"fit": settings}, _fit, bench, source, budget, seed, trials, choice)
    return Fitted(kept["model"], kept["fits"], Answers(**kept["answers"]), kept["figures"])


def _fit(
    bench: Bench, source: str, budget: Budget, seed: int, trials: int, choice: dict[str, Any]
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        out = Path(name) / "out"
        request = FitRequest(
            source,
            out,
            DEVICE,
            budget,
            trials=trials,
            workers=bench.workers,
            seed=seed,
            command="benchmark",
            **choice,
        )
        result = fit(request, Silent())
        lines = (out / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
        claimed = {e.what: e.value for e in (Evidence.from_json(json.loads(line)) for line in lines)}
        answers, measured = _on_every_test_item(out, source, seed, choice)
    assert answers.accuracy == claimed["test accuracy"], "the folder claims another accuracy"
    assert all(measured[what] <= claimed[what] for what in ("flash", "static ram")), (
        "the folder claims another image"
    )
    return {
        "model": str(result.chosen.settings),
        "fits": bool(
            all(
                measured[what] <= limit
                for what, limit in (("flash", budget.flash_b), ("ram", budget.ram_b))
                if limit
            )
        ),
        "answers": asdict(answers),
        "figures": {**claimed, **measured},
    }


def _on_every_test_item(
    out: Path, source: str, seed: int, choice: dict[str, Any]
) -> tuple[Answers, dict[str, float]]:
    """Return the answers of the model in `out`, and the figures of its image, over all test items on the device.

    Raises:
        SartoError: E403, when interpreters differ in a bit on any item.
    """
    manifest = json.loads((out / "artifact.json").read_text(encoding="utf-8"))
    data = load(source, **{k: v for k, v in choice.items() if k not in ("hop", "families")})
    test = data.select(split(data, seed).test)
    scale = np.array([channel["scale"] for channel in manifest["input"]["channels"]])
    sensor = SensorFormat(manifest["input"]["bits"], scale, manifest["input"]["chosen"])
    graph = load_graph(out / "graph.npz")
    measured = measure_model(
        graph,
        {name: (out / name).read_text(encoding="utf-8") for name in ("model.c", "model.h")},
        device(DEVICE),
        RawSequences(sensor.encode(test.values), test.offsets.astype(np.int64)),
        optimise=manifest["optimise"],
        command="benchmark",
        on_device=len(test),
    )
    figures = {e.what: e for e in measured.evidence}
    assert figures["instructions per inference"].n == len(test), "every test item runs on the device"
    groups = [] if test.groups is None else [str(g) for g in test.groups]
    answers = Answers(test.target.tolist(), measured.outcome.classes.tolist(), groups)
    return answers, {what: e.value for what, e in figures.items()}
