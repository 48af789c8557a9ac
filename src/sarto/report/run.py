"""Reads a finished output folder into one `Run`: everything a report shows, checked.

Every file is looked at: JSON that is no JSON, a missing entry, an entry of the wrong kind, and a generated file
whose bytes no longer have the hash that the manifest states all make the folder damaged (E114), with the file
and the place named. A report on files that were changed would carry evidence for something else.

>>> read_run(Path("no-such-folder"))
Traceback (most recent call last):
sarto.core.errors.SartoError: ...
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from sarto.core.artifact import AGAIN, FORMAT, check_records
from sarto.core.budget import Verdict
from sarto.core.device import NATIVE, STORAGE
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.core.recipe import Recipe
from sarto.core.store import file_sha256
from sarto.core.table import Table

T = TypeVar("T")
WROTE = "give the folder that `sarto fit ... -o OUT` or `sarto compress ... -o OUT` wrote"

_NUMBER = (int, float)
_ARTIFACT: dict[str, Any] = {
    "format": str,
    "sarto": str,
    "name": str,
    "summary": str,
    "model": dict,
    "device": str,
    "window": (dict, type(None)),
    "task": str,
    "classes": [str],
    "outputs": [{"name": str, "unit": str, "count": _NUMBER}],
    "files": dict,
    "sha256": str,
}
_PROVENANCE: dict[str, Any] = {
    "command": str,
    "seed": int,
    "versions": dict,
    "data": {
        "name": str,
        "source": str,
        "sha256": str,
        "items": int,
        "classes": dict,
        "groups": (int, type(None)),
        "group_name": (str, type(None)),
    },
    "split": {"how": str, "train": int, "test": int},
    "search": {
        "trials": int,
        "batches": int,
        "workers": int,
        "seconds": _NUMBER,
        "cpu_s": _NUMBER,
        "peak_memory_b": _NUMBER,
    },
    "created": str,
}
_SEQUENCE: tuple[dict[str, Any], dict[str, Any]] = (
    {"input": {"bits": int, "channels": [{"name": str, "unit": str, "scale": _NUMBER}]}},
    {"data": {"channels": (int, list), "lengths": [_NUMBER]}},
)
"""What manifest and provenance say besides of the sequences of raw samples that a model on a device reads."""
_ARRAY: tuple[dict[str, Any], dict[str, Any]] = ({"input": {"shape": [int], "type": str}}, {})
"""What they say besides of the items that a network takes."""
_EVIDENCE: dict[str, Any] = {"what": str, "value": _NUMBER, "unit": str, "how": str, "tool": str}


@dataclass(frozen=True)
class Run:
    """What a finished output folder says.

    Attributes:
        artifact: the manifest, as in `artifact.json`.
        verdict: whether the model fits its budget.
        points: the front of operating points.
        chosen: name of the point that was built, which may be absent from `points`.
        objectives: names of the evidence that the search minimised.
        recipe: the steps that made the model.
        evidence: every line of the ledger, in order.
        findings: what an audit found: `what`, `severity`, `text`.
        tables: by name; those that `fit` had no figures for are missing.
        provenance: command, seed, versions, data, split and search.
    """

    artifact: Mapping[str, Any]
    verdict: Verdict
    points: tuple[OperatingPoint, ...]
    chosen: str
    objectives: tuple[str, ...]
    recipe: Recipe
    evidence: tuple[Evidence, ...]
    findings: tuple[Mapping[str, str], ...]
    tables: Mapping[str, Table]
    provenance: Mapping[str, Any]

    @property
    def native(self) -> bool:
        """Whether the model was made for the computer that Sarto ran on."""
        return self.artifact.get("target") == NATIVE

    @property
    def stored(self) -> bool:
        """Whether the model is a network in a file, of which the bytes are counted and which no code runs."""
        return self.artifact.get("target") == STORAGE

    @property
    def kind(self) -> str:
        """What was made: a `model` of streams on a device, a `network` of whole items on one, or one in `storage`."""
        return "storage" if self.stored else "network" if "shape" in self.artifact["input"] else "model"

    def latest(self, what: str) -> Evidence | None:
        """Return the newest evidence named `what`, or None."""
        return next((e for e in reversed(self.evidence) if e.what == what), None)


def read_run(folder: Path) -> Run:
    """Return what the finished output `folder` says.

    Raises:
        SartoError: E114, when `folder` is no output folder or one of its files is missing, unreadable or changed.
    """
    if not folder.is_dir():
        cause = "it is a file" if folder.exists() else "there is no such folder"
        hint = WROTE
        raise SartoError("E114", f"'{folder}' is not an output folder", cause=cause, hint=hint)
    if not (folder / "artifact.json").is_file():
        hint = f"{WROTE}, and let an interrupted run finish"
        raise SartoError(
            "E114", f"'{folder}' is not an output folder", cause="it has no artifact.json", hint=hint
        )
    artifact = _json(folder, "artifact.json")
    _check(artifact, {"format": str}, "artifact.json")
    if artifact["format"] != FORMAT:
        _damaged("artifact.json", f"its format is '{artifact['format']}', this version reads '{FORMAT}'")
    _check(artifact, _ARTIFACT, "artifact.json")
    _check(artifact, {"input": dict}, "artifact.json")
    of_input, of_data = _ARRAY if "shape" in artifact["input"] else _SEQUENCE
    _check(artifact, of_input, "artifact.json")
    for name, sha256 in artifact["files"].items():
        _check_file(folder, str(name), sha256)
    provenance = _json(folder, "provenance.json")
    _check(provenance, _PROVENANCE, "provenance.json")
    _check(provenance, of_data, "provenance.json")
    front = _json(folder, "front.json")
    _check(front, {"points": [dict], "chosen": (str, type(None)), "objectives": [str]}, "front.json")
    findings = _lines(folder, "findings.jsonl") if (folder / "findings.jsonl").exists() else []
    for number, finding in enumerate(findings, 1):
        _check(finding, {"what": str, "severity": str, "text": str}, f"findings.jsonl, line {number}")
    evidence = _lines(folder, "evidence.jsonl")
    for number, item in enumerate(evidence, 1):
        _check(item, _EVIDENCE, f"evidence.jsonl, line {number}")
    run = Run(
        artifact=artifact,
        verdict=_value("verdict.json", Verdict.from_json, _json(folder, "verdict.json")),
        points=tuple(_value("front.json", OperatingPoint.from_json, p) for p in front["points"]),
        chosen=front["chosen"] or "",
        objectives=tuple(front["objectives"]),
        recipe=_value("recipe.json", Recipe.from_json, _json(folder, "recipe.json")),
        evidence=tuple(_value("evidence.jsonl", Evidence.from_json, e) for e in evidence),
        findings=tuple(findings),
        tables={
            t.name: t
            for t in (_value("tables.json", Table.from_json, t) for t in _json(folder, "tables.json"))
        },
        provenance=provenance,
    )
    check_records(folder)
    return run


def read_request(folder: Path) -> Mapping[str, Any]:
    """Return what was asked for in the finished output `folder`: options, and hashes of the data and of Sarto's code.

    Raises:
        SartoError: E114, when the request is missing or unreadable.
    """
    request = _json(folder, "request.json")
    _check(request, {"device": str, "budget": dict}, "request.json")
    _check(list(request["budget"].values()), [(*_NUMBER, type(None))], "request.json, 'budget'")
    return request


def _damaged(place: str, cause: str) -> NoReturn:
    raise SartoError("E114", f"{place}: the output folder is damaged", cause=cause, hint=AGAIN)


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        _damaged(name, "the file is missing")
    except (OSError, UnicodeDecodeError) as error:
        _damaged(name, f"the file cannot be read ({type(error).__name__})")


def _parse(text: str, place: str) -> Any:
    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError as error:
        _damaged(place, str(error))


def _json(folder: Path, name: str) -> Any:
    return _parse(_text(folder, name), name)


def _lines(folder: Path, name: str) -> list[Any]:
    lines = enumerate(_text(folder, name).splitlines(), 1)
    return [_parse(line, f"{name}, line {number}") for number, line in lines if line.strip()]


def _value(place: str, build: Callable[[Any], T], data: Any) -> T:
    """Build a core value, whose own checks are for programmers, and name the file when it cannot be built."""
    try:
        return build(data)
    except KeyError as error:
        _damaged(place, f"the entry {error} is missing")
    except (AssertionError, AttributeError, IndexError, TypeError, ValueError) as error:
        _damaged(
            place, f"an entry is not as it was written ({error})" if str(error) else "an entry is incomplete"
        )


def _check(value: Any, schema: Any, place: str) -> None:
    """Compare `value` with `schema`: a type or several, a dict of required entries, or a list of one schema."""
    if isinstance(schema, dict):
        entries = cast("dict[str, Any]", schema)
        if not isinstance(value, dict):
            _damaged(place, "an object was expected")
        for key, inner in entries.items():
            if key not in value:
                _damaged(place, f"the entry '{key}' is missing")
            _check(value[key], inner, f"{place}, '{key}'")
    elif isinstance(schema, list):
        inner = cast("list[Any]", schema)[0]
        if not isinstance(value, list):
            _damaged(place, "a list was expected")
        for entry in cast("list[Any]", value):
            _check(entry, inner, place)
    elif not isinstance(value, schema):
        _damaged(place, f"{json.dumps(value)[:40]} is not of the expected kind")


def _check_file(folder: Path, name: str, sha256: Any) -> None:
    path = folder / name
    if not path.is_file():
        _damaged(name, "artifact.json lists the file and it is missing")
    if file_sha256(path) != sha256:
        _damaged(
            name,
            "its bytes are not those that artifact.json states the hash of, so the evidence is not about it",
        )
