"""Label a data set: who is in it, how the target depends on who one is, and what to beware of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sarto.cli import _answer, _kinds
from sarto.cli._call import current_call
from sarto.cli._failures import show
from sarto.cli._settings import setting
from sarto.cli._verb import json_option, verb
from sarto.core.errors import EXIT_DONE, SartoError

if TYPE_CHECKING:
    from sarto.audit.labels import Bins, File, Label

SECTION = "Columns"
FILES = {
    "label.html": "the label as a page",
    "label.json": "all of it as JSON",
    "croissant.json": "Croissant with its RAI fields",
}


def _bins(_: click.Context, __: click.Parameter, words: tuple[str, ...]) -> dict[str, Bins]:
    """Return the bins of each column that `--bins NAME:EDGES` names."""
    if not words:
        return {}
    from sarto.audit.labels import read_bins

    found: dict[str, Bins] = {}
    for word in words:
        name, colon, edges = word.rpartition(":")
        if not colon or not name.strip():
            cause = "a column, a colon, and edges or a number of parts are needed"
            raise SartoError(
                "E112", f"--bins: '{word}' names no column", cause=cause, hint="as in age:25,45 or age:q4"
            )
        found[name.strip()] = read_bins(edges)
    return found


# fmt: off
@verb("label", example="sarto label people.csv --protected race,sex --target hired -o label/")
@click.argument("data", metavar="[DATA]", required=False, type=click.Path(path_type=Path))
@setting("--protected", section=SECTION, type=_kinds.NAMES, help="Columns that say who a row is about: race,sex.")
@setting("--target", section=SECTION, metavar="COLUMN", help="Column of what is to be learned.")
@setting("--bins", section=SECTION, multiple=True, metavar="NAME:EDGES", callback=_bins,
         help="Count numbers by bins: age:25,45, or age:q4 for equally full quarters.")
@setting("--where", section=SECTION, multiple=True, type=_kinds.CONDITION,
         help="Count rows that meet a condition: 'age>=18'. Several must all hold.")
@setting("--missing", section=SECTION, type=_kinds.ChoiceKind("out", "value"), default="out", show_default=True,
         help="Rows that lack a value: leave them out, or count that as a value.")
@setting("--seed", section=SECTION, type=_kinds.SEED, default=0, show_default=True, help="Of the bootstrap.")
@click.option("-o", "--out", metavar="OUT", type=click.Path(path_type=Path), help=f"Write {', '.join(FILES)} to OUT.")
@click.option("--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write the page to FILE.")
@click.option("--croissant", "metadata", metavar="FILE", type=click.Path(path_type=Path),
              help="Write Croissant metadata to FILE.")
@click.option("--about", metavar="FILE", type=click.Path(path_type=Path),
              help="JSON, or a Croissant file, with what nobody can count: license, rai:dataUseCases.")
@click.option("--check", "published", metavar="FILE", type=click.Path(path_type=Path),
              help="Check a published label, JSON or CSV; with DATA, also against these.")
@json_option
def command(
    data: Path | None, protected: tuple[str, ...] | None, target: str | None, bins: dict[str, Bins],
    where: tuple[str, ...], missing: str, seed: int, out: Path | None, page: Path | None, metadata: Path | None,
    about: Path | None, published: Path | None, as_json: bool,
) -> int:
    """Label the table in DATA, a CSV, TSV or Parquet file with a row for each person or item.

    For each protected column, and all combinations of several: how strongly the target depends on it, how evenly rows
    spread over its values, how often each goes with each value of the target, and the shares of one given the other,
    with intervals. Then findings, such as groups with few rows. Only the columns that are named are read.

    With --check a label that somebody published is checked: whether its shares can all be true at once, and whether
    they are those of DATA. The exit code is 5 when they are not.
    """
    files = {"-o": out, "--html": page, "--croissant": metadata}
    _check_call(data, protected, target, published, files, about)
    from sarto.cli._label import as_text, checked, checked_text

    label = None
    if data is not None and protected and target:
        from sarto.audit.labels import label as label_of

        kept = missing == "value"
        label = label_of(str(data), protected, target, bins=bins, where=where, keep_missing=kept, seed=seed)
    if published is not None:
        answer = checked(published, label)
        if as_json:
            _answer.document(answer.to_json())
        else:
            checked_text(answer)
        if answer.failure is None:
            return EXIT_DONE
        show(answer.failure)
        return answer.failure.exit_code
    assert label is not None and data is not None
    from sarto.audit.labels import document

    file = _file(data)
    made = document(label, current_call().command(), file.sha256)
    written = _write(label, file, made, files, _read_about(about))
    if as_json:
        _answer.document(made)
    else:
        as_text(label)
        for path, what in written.items():
            _answer.line(f"{what}: {path}")
    return EXIT_DONE
# fmt: on


def _check_call(
    data: Path | None,
    protected: tuple[str, ...] | None,
    target: str | None,
    published: Path | None,
    files: Mapping[str, Path | None],
    about: Path | None,
) -> None:
    """Refuse a call in which something is missing or goes with nothing (E112)."""
    wanted = {"DATA": data is not None, "--protected": bool(protected), "--target": bool(target)}
    lacking = [name for name, given in wanted.items() if not given]
    writing = [flag for flag, path in files.items() if path is not None]
    if published is not None and len(lacking) == 3:
        if writing or about is not None:
            flag = (writing or ["--about"])[0]
            cause = "a label that was published is checked, and none is made"
            raise SartoError("E112", f"{flag} goes with DATA", cause=cause, hint="leave it out, or give DATA")
        return
    if lacking:
        hint = "as in: sarto label people.csv --protected race,sex --target hired"
        raise SartoError("E112", f"sarto label needs {', '.join(lacking)}", hint=hint)
    if published is not None and writing:
        cause = "one call answers one question"
        raise SartoError(
            "E112", f"--check and {writing[0]} exclude each other", cause=cause, hint="call it once for each"
        )
    if about is not None and not {"-o", "--croissant"} & set(writing):
        cause = "it fills fields of the Croissant file"
        raise SartoError(
            "E112", "--about goes with --croissant or -o", cause=cause, hint="say where to write it"
        )
    for flag, path in files.items():
        if path is not None and flag != "-o" and path.is_dir():
            message, hint = f"{flag}: '{path}' is a folder", f"as in {path / 'label.html'}"
            raise SartoError("E112", message, cause="a file is needed", hint=hint)


def _file(data: Path) -> File:
    from sarto.audit.labels import File
    from sarto.core.store import file_sha256

    return File(data.name, file_sha256(data), data.stat().st_size)


def _read_about(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SartoError("E101", f"there is no file '{path}'", hint="check the path") from None
    except (OSError, ValueError, RecursionError) as error:
        cause = " ".join(str(error).split())[:120]
        raise SartoError(
            "E112", f"--about: '{path}' is no JSON", cause=cause, hint='as in {"license": "..."}'
        ) from None
    if not isinstance(found, dict):
        cause = "fields by their names are needed"
        raise SartoError(
            "E112", f"--about: '{path}' is no object", cause=cause, hint='as in {"license": "..."}'
        )
    return dict(found)  # pyright: ignore[reportUnknownArgumentType]


def _write(
    label: Label, file: File, made: dict[str, Any], files: Mapping[str, Path | None], about: dict[str, Any]
) -> dict[str, str]:
    """Write what was asked for; return path -> what it is."""
    from sarto.audit.labels import croissant
    from sarto.cli._label import page_of
    from sarto.core.store import write_atomic
    from sarto.report.label import label_html

    folder = files["-o"]
    wanted = {"label.html": files["--html"], "label.json": None, "croissant.json": files["--croissant"]}
    written: dict[str, str] = {}
    for name, asked in wanted.items():
        for path in filter(None, (asked, folder / name if folder else None)):
            if name == "label.html":
                text = label_html(page_of(label, made))
            elif name == "label.json":
                text = json.dumps(made, indent=1, allow_nan=False) + "\n"
            else:
                text = json.dumps(croissant(label, file, about), indent=1, allow_nan=False) + "\n"
            write_atomic(path, text)
            written[str(path)] = FILES[name]
    return written
