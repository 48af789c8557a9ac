"""The manifest of an output folder: what the artifact is, and the hash of every file in it.

The artifact's own hash covers the manifest, and through it the graph and the generated files; it never covers times.
`records.json` beside it has the hashes of the files that tell about the run: evidence, verdict, front, tables.

>>> seal({"files": {"model.c": "ab"}})["sha256"] == seal({"files": {"model.c": "ab"}})["sha256"]
True
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from sarto.core.device import STORAGE
from sarto.core.errors import SartoError
from sarto.core.store import content_hash, file_sha256, write_atomic

FORMAT = "sarto-artifact/1"
NAME = "artifact.json"
RECORDS = "records.json"
AGAIN = "run sarto fit or sarto compress again, with another -o"


def seal(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return `manifest` with the artifact's hash over it."""
    return {**manifest, "sha256": content_hash(manifest)}


def _sealed(manifest: Any) -> bool:
    """Return whether `manifest` is one of this format and has its own hash."""
    if not isinstance(manifest, dict):
        return False
    fields = cast("dict[str, Any]", manifest)
    content = {k: v for k, v in fields.items() if k != "sha256"}
    return content.get("format") == FORMAT and fields.get("sha256") == content_hash(content)


def read_manifest(out: Path) -> dict[str, Any]:
    """Return the manifest of folder `out`, after checking its own hash and that of every file it names.

    Raises:
        SartoError: E114, when `out` is no finished output folder, or something in it was changed.
    """
    hint = AGAIN
    try:
        manifest = json.loads((out / NAME).read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError) as error:
        cause = (
            "there is no artifact.json in it" if isinstance(error, OSError) else "artifact.json is no JSON"
        )
        raise SartoError("E114", f"{out} is not a finished output folder", cause=cause, hint=hint) from error
    if not _sealed(manifest):
        raise SartoError(
            "E114", f"{out} is damaged", cause="artifact.json does not have its own hash", hint=hint
        )
    for name, sha256 in manifest["files"].items():
        path = out / name
        if not path.is_file() or file_sha256(path) != sha256:
            state = "changed" if path.is_file() else "missing"
            raise SartoError("E114", f"{out} is damaged", cause=f"{name} is {state}", hint=hint)
    return manifest


def check_image(out: Path, manifest: Mapping[str, Any]) -> None:
    """Check that the model of folder `out` is one that runs on a device.

    Raises:
        SartoError: E112, when it is a network in a file, which no code runs.
    """
    if manifest.get("target") == STORAGE:
        raise SartoError(
            "E112",
            f"{out} holds a network in a file, storage only",
            cause="there is no code in it that a device runs",
            hint="`sarto deploy --to onnx` makes a file of it for boards with Linux; "
            "`sarto compress --device` makes an image of it for a device",
        )


def record(out: Path, texts: Mapping[str, str]) -> None:
    """Write what the record files `texts` hold into folder `out`, so that `check_records` finds a change.

    Args:
        out: the output folder.
        texts: file name -> what it holds when the folder is finished. A ledger (`.jsonl`) may grow later.
    """
    rows = {
        name: {"bytes": len(text.encode()), "sha256": hashlib.sha256(text.encode()).hexdigest()}
        for name, text in texts.items()
    }
    write_atomic(out / RECORDS, json.dumps(rows, indent=1, sort_keys=True) + "\n")


def check_records(out: Path) -> None:
    """Check that the files of `record` hold what they held when the folder was finished.

    Raises:
        SartoError: E114, naming the file that is missing or was changed.
    """
    try:
        rows = json.loads((out / RECORDS).read_text(encoding="utf-8"))
        known = [(str(name), int(row["bytes"]), str(row["sha256"])) for name, row in rows.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SartoError(
            "E114",
            f"{out} is damaged",
            cause=f"{RECORDS} cannot be read ({type(error).__name__})",
            hint=AGAIN,
        ) from error
    for name, size_b, sha256 in known:
        try:
            content = (out / name).read_bytes()
        except OSError as error:
            raise SartoError("E114", f"{out} is damaged", cause=f"{name} is missing", hint=AGAIN) from error
        grown = len(content) > size_b and not name.endswith(".jsonl")
        if grown or hashlib.sha256(content[:size_b]).hexdigest() != sha256:
            raise SartoError("E114", f"{out} is damaged", cause=f"{name} is changed", hint=AGAIN)


def _refuse(word: str) -> Any:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{word} is no JSON")
