"""Copy the deployable files of a finished model into a project, after checking their hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import click

from sarto.cli import _answer
from sarto.cli._kinds import ChoiceKind
from sarto.cli._verb import json_option, verb
from sarto.core.errors import SartoError

MANIFEST, GRAPH = "artifact.json", "graph.npz"
SOURCES = {".c", ".h", ".ld"}
"""What is deployed besides the graph; other files of the manifest, such as pinned inputs, stay."""


@verb("deploy", example="sarto deploy out/ --to c -o firmware/model/")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--to", "form", required=True, type=ChoiceKind("c"), help="What to deploy: the C sources.")
@click.option(
    "-o", "--out", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Where to."
)
@json_option
def command(out: Path, form: str, folder: Path, as_json: bool) -> None:
    """Deploy the model in OUT: check its files against the manifest and copy them to DIR.

    The manifest is copied too, so that a later call can tell its own files from those that were edited: a file in
    DIR that is neither is never overwritten.
    """
    from sarto.core.store import write_atomic
    from sarto.report import read_run

    listed = cast("Mapping[str, str]", read_run(out).artifact["files"])
    files = {name: sha256 for name, sha256 in listed.items() if name == GRAPH or Path(name).suffix in SOURCES}
    if strange := [name for name in listed if Path(name).name != name]:
        cause = "it lists a file outside the folder"
        raise SartoError(
            "E114", f"{MANIFEST}: '{strange[0]}' is not a file name", cause=cause, hint="make it again"
        )
    _check_target(folder, files)
    for name in files:
        write_atomic(folder / name, (out / name).read_bytes())
    write_atomic(folder / MANIFEST, (out / MANIFEST).read_bytes())
    if as_json:
        _answer.document({"out": str(out), "to": form, "folder": str(folder), "files": dict(files)})
        return
    rows = [(name, f"{(folder / name).stat().st_size} B", sha256[:16]) for name, sha256 in files.items()]
    _answer.table(("file", "size", "sha256 begins"), rows, right=(1,))
    _answer.line(f"\n{len(files)} files checked and copied to {folder}/, with {MANIFEST}")


def _check_target(folder: Path, files: Mapping[str, str]) -> None:
    """Refuse a folder with a file that would be lost.

    Raises:
        SartoError: E113, with its name.
    """
    from sarto.core.store import file_sha256

    if folder.exists() and not folder.is_dir():
        raise SartoError(
            "E113", f"'{folder}' is a file", cause="a folder is needed", hint="choose another with -o"
        )
    earlier = _deployed_before(folder)
    for name, sha256 in files.items():
        path = folder / name
        if path.exists() and not (path.is_file() and file_sha256(path) in (sha256, earlier.get(name))):
            raise SartoError(
                "E113",
                f"'{path}' would be overwritten",
                cause="it is not as sarto wrote it",
                hint="move it away, or choose another folder with -o",
            )


def _deployed_before(folder: Path) -> dict[str, Any]:
    """Return file names and hashes of the manifest in `folder`, none when there is no manifest.

    Raises:
        SartoError: E113, when there is a file of that name which is something else.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if str(manifest["format"]).startswith("sarto-artifact/"):
            return dict(manifest["files"])
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise SartoError(
        "E113",
        f"'{path}' would be overwritten",
        cause="it is no manifest of sarto",
        hint="choose another folder with -o",
    )
