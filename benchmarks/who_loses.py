"""For whom the models that `fit` and `compress` made are worse, on people whom no training saw.

Both verbs run as a user would run them, each fold on its own file, which says who is held out; `sarto audit` then
looks at what the finished folders say of these people, all folds together.

`sp_sw_har`, 2 s windows with a purity of .6 or more, 23 subjects in five folds (subject % 5), once by the phone alone
and once by the watch alone: `compress` shrinks a `cnn1d` that it trained by `magnitude:0.8,ptq:8` for a Cortex-M4,
and is held to the network as it was trained; `fit` finds forests in 64 kB and in 4 kB, and the small one is held to
the large one. Groups are sensor, age, gender, hand, and what the signals say (intensity, orientation, tilt).

`fsdd`, spoken digits of six speakers, all of them men, in three folds of two: a `separable` network that hears mel
bands, shrunk by `magnitude:0.6,ptq:8`. Groups are speaker, accent, and level, silence, signal-to-noise ratio, rate
and duration.

Rows of one person are not independent, so q-values are too small by an unknown amount; few people are in each group.
The gate, no subgroup of 10 % of the rows may be shown to lose more than 2 points, is judged on each.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, Outcome
from sarto.audit.gates import read_gate
from sarto.audit.group_tables import GroupSettings
from sarto.audit.of_groups import audit_groups
from sarto.data.joined import joined
from sarto.data.load import load
from sarto.data.predictions import Predictions
from sarto.report.audit_page import audit_html
from sarto.report.audited import Audited, GateRow
from sarto.search.predicted_rows import folder_predictions

MINUTES = 25
FOLDS, SPEAKERS = 5, (("george", "jackson"), ("lucas", "nicolas"), ("theo", "yweweler"))
SENSORS = {"phone": slice(0, 6), "watch": slice(6, 12)}
PURITY = 0.6
GATE = "gain >= -2pp @ q=0.05, support=0.1"
SUPPORT, DEPTH = 0.1, 2
LARGE, SMALL = "64kB", "4kB"
Columns = dict[str, Shaped[np.ndarray, " row"]]


def run(bench: Bench) -> Outcome:
    """Return accuracies, the overall gain, and the worst subgroup of each pair; the gate has to fail on one."""
    figures: dict[str, Figure] = {}
    failed = 0
    for name in ("sp_sw_har compress", "sp_sw_har fit", "fsdd compress"):
        folds = range(FOLDS if name.startswith("sp") else len(SPEAKERS))
        rows: list[Predictions] = []
        for fold in folds if not bench.quick else (0,):
            for sensor in SENSORS if name.startswith("sp") else ("",):
                settings = {"what": name, "fold": fold, "sensor": sensor, "quick": bench.quick}
                told = bench.once(
                    settings, _fold, name, fold, sensor, str(bench.folder / "runs"), bench.quick
                )
                rows.append(_rows(told))
        found = audit_groups(_together(rows), GroupSettings(support=SUPPORT, depth=DEPTH), [read_gate(GATE)])
        for e in found.evidence:
            figures[f"{name}: {e.what}"] = Figure(e.value, "1", "measured", e.n or 1, e.interval)
        worst = found.full.row(0)
        label = ", ".join(f"{a} {v}" for a, v in worst.label.items())
        figures[f"{name}: least gain, {label}"] = Figure(
            worst.value, "1", "measured", worst.support, (worst.low, worst.high)
        )
        figures[f"{name}: q of that"] = Figure(worst.q, "1", "measured")
        (gate,) = found.judged
        failed += not gate.passed
        figures[f"{name}: subgroups that fail the gate"] = Figure(
            len(gate.failing), "1", "measured", gate.judged
        )
        page = bench.folder / f"{name.replace(' ', '-')}.html"
        row = GateRow(gate.gate.text, gate.passed, gate.found, gate.failing)
        provenance: dict[str, Any] = {"metric": "accuracy", "of": "the small model", "null": "zero"}
        audited = Audited(
            name, f"{len(_together(rows))} rows of people whom no training saw.", f"python -m benchmarks {bench.name}",
            (row,), found.evidence, found.findings, found.tables, provenance,
        )  # fmt: skip
        page.write_text(audit_html(audited), encoding="utf-8")
        bench.say(f"{name}: {gate.found}; the page is {page}")
    bars = (Bar("models on which the gate fails", ">= 1", float(failed), failed >= 1),)
    return Outcome(figures, () if bench.quick else bars)


def _fold(name: str, fold: int, sensor: str, folder: str, quick: bool) -> dict[str, Any]:
    """Make the models of a fold and return what they say of who was held out, with what is known of the items."""
    work = Path(folder) / f"{name.replace(' ', '-')}-{fold}{sensor}"
    work.mkdir(parents=True, exist_ok=True)
    data = work / "data.npz"
    save = _har if name.startswith("sp") else _digits
    save(data, fold, sensor)
    epochs = "2" if quick else "30"
    if name == "sp_sw_har fit":
        common = (
            "--device",
            "cortex_m4",
            "--families",
            "forest",
            "--trials",
            "2" if quick else "12",
            "--quiet",
        )
        for out, flash in (("large", LARGE), ("small", SMALL)):
            _sarto("fit", str(data), "--flash", flash, *common, "-o", str(work / out))
        rows = folder_predictions(work / "small", str(data), work / "large")
    else:
        model, heard = (
            ("cnn1d", ()) if name.startswith("sp") else ("separable", ("--front-end", "mel:bands=20"))
        )
        recipe = "magnitude:0.8,ptq:8" if name.startswith("sp") else "magnitude:0.6,ptq:8"
        _sarto(
            "compress", model, "--data", str(data), *heard, "--with", recipe, "--device", "cortex_m4",
            "--epochs", epochs, "--quiet", "-o", str(work / "out"),
        )  # fmt: skip
        rows = folder_predictions(work / "out", str(data))
    rows = rows.classes()
    assert rows.original is not None
    said = {"target": rows.target, "small": rows.small, "original": rows.original}
    known = {k: v for k, v in rows.columns.items() if k not in ("purity", "subject")}
    known |= {"sensor": np.full(len(rows), sensor)} if sensor else {}
    return {"said": _plain(said), "columns": _plain(known)}


def _sarto(*words: str) -> None:
    """Run a verb; exit code 3, a budget that is not met, is a result too."""
    done = subprocess.run(
        [sys.executable, "-m", "sarto", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr


def _har(path: Path, fold: int, sensor: str) -> None:
    """Write the windows of one sensor, with what is known of the subjects, and who is held out."""
    folder = Path(real_data("sp_sw_har"))
    data = load(folder / "windows_2s_50hz.npz", where=[f"purity>={PURITY}"])
    subject = data.metadata["subject"]
    people = joined({"subject": subject}, folder / "subjects_info.csv")
    x = data.values.reshape(len(data), -1, data.values.shape[1])[:, :, SENSORS[sensor]]
    held = np.array([int(s[1:]) % FOLDS == fold for s in subject])
    np.savez(
        path, x=x, y=np.array(data.classes)[data.target], split=np.where(held, "test", "train"), subject=subject,
        age=people["age"], gender=people["gender"], hand=people["dominant_hand"],
        channel_names=np.array([c.split("_")[1] for c in data.channels[SENSORS[sensor]]]),
    )  # fmt: skip


def _digits(path: Path, fold: int, sensor: str) -> None:
    """Write the recordings with the accent of each speaker, and who is held out."""
    del sensor
    folder = Path(real_data("fsdd"))
    text = (folder / "metadata.py.txt").read_text(encoding="utf-8")
    about: dict[str, dict[str, str]] = ast.literal_eval(text[text.index("{") :])
    with np.load(folder / "fsdd.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    speaker = arrays.pop("speaker_names")[arrays["speaker"]]
    arrays["speaker"] = speaker
    arrays["accent"] = np.array([about[s]["accent"] for s in speaker.tolist()])
    arrays["split"] = np.where(np.isin(speaker, SPEAKERS[fold]), "test", "train")
    np.savez(path, **arrays)


def _plain(columns: Columns) -> dict[str, list[Any]]:
    """Return columns as JSON values; a number that is missing is None."""
    found: dict[str, list[Any]] = {name: values.tolist() for name, values in columns.items()}
    return json.loads(json.dumps(found).replace("NaN", "null"))


def _rows(told: dict[str, Any]) -> Predictions:
    said = {name: np.array(values) for name, values in told["said"].items()}
    columns = {name: _column(values) for name, values in told["columns"].items()}
    named = {"target": "target", "model": "the small model", "original": "the original"}
    return Predictions("held out", said["target"], said["small"], said["original"], columns, None, named)


def _column(values: list[Any]) -> Shaped[np.ndarray, " row"]:
    if any(isinstance(v, str) for v in values):
        return np.array(values)
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _together(rows: list[Predictions]) -> Predictions:
    """Return the rows of all folds."""
    first = rows[0]
    columns = {name: np.concatenate([r.columns[name] for r in rows]) for name in first.columns}
    originals = [r.original for r in rows if r.original is not None]
    target, small = (np.concatenate([getattr(r, name) for r in rows]) for name in ("target", "small"))
    return Predictions(first.name, target, small, np.concatenate(originals), columns, None, first.named)
