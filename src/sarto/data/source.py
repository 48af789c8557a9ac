"""Where a data source lies: the files behind what a user typed, found without reading any values.

A source is one of

- `FILE.npz`, or `FILE.npz#PART` for the arrays named `PART_...` of a file that holds several data sets;
- `FILE.ts`; of `NAME_TRAIN.ts` and `NAME_TEST.ts` either brings the other, if it lies beside it;
- `FILE.csv` or `FILE.tsv`, delimited text; `NAME_TRAIN.csv` and `NAME_TEST.csv` as with `.ts`;
- `FILE.parquet`;
- a folder with one such pair, or with recordings, in folders or not: `.wav`, else `.csv` and `.tsv`, else `.parquet`;
- the name of a data set that aeon bundles. Its files are read where pip put them, aeon is not imported, and a name
  that is not among them is an error, never a download.

Only the standard library is imported here, so that a misspelt name is answered at once.

>>> find_source("BasicMotoins")
Traceback (most recent call last):
...
sarto.core.errors.SartoError: error[E102]: 'BasicMotoins' is neither a file nor a known data set
cause: known are ACSF1, ArrowHead, BasicMotions, ...
hint: did you mean BasicMotions? Nothing is ever downloaded
>>> [file.name for file in find_source("BasicMotions").files]
['BasicMotions_TRAIN.ts', 'BasicMotions_TEST.ts']
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

from sarto.core.errors import SartoError
from sarto.core.store import file_sha256

_TEXTS: dict[str, Literal["ts", "csv"]] = {".ts": "ts", ".csv": "csv", ".tsv": "csv"}
_RECORDINGS: dict[Literal["wav", "csv", "parquet"], tuple[str, ...]] = {
    "wav": (".wav",),
    "csv": (".csv", ".tsv"),
    "parquet": (".parquet",),
}
"""What a folder may hold, the first that it has first."""


@dataclass(frozen=True)
class Source:
    """The files behind a data set.

    Attributes:
        kind: which reader reads them.
        files: one file, the training and the test file, or those of a folder.
        name: what the data set is called.
        part: of a `.npz` with several data sets, the one that is meant; else empty.
        title: the source in words, without the folders of this machine.
        root: of a folder of recordings, the folder; else None.
        tables: text tables in that folder beside recordings of another kind, one of which may list those.
        others: files in that folder that are recordings of another kind, and are not read.
    """

    kind: Literal["npz", "ts", "csv", "wav", "parquet"]
    files: tuple[Path, ...]
    name: str
    part: str
    title: str
    root: Path | None = None
    tables: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()

    def titles(self) -> list[str]:
        """Return how each file is called: by its name, or by its place in the folder."""
        return [f.name if self.root is None else f.relative_to(self.root).as_posix() for f in self.files]


def find_source(source: str | PathLike[str]) -> Source:
    """Return the files behind `source`; the module's text says what it may be.

    Raises:
        SartoError: E101 no such file; E102 no data set of that name, or a folder without exactly one pair; E103 a file
            of another kind; E302 a name, and aeon is not installed.
    """
    text = fspath(source)
    path, part = Path(text), ""
    if "#" in text and not path.exists():
        head, part = text.rsplit("#", 1)
        path = Path(head)
    if path.is_file():
        return _file_source(path, part)
    folder = text != "" and path.is_dir()
    pairs = pairs_in(path) if folder else {}
    if pairs or (folder and (_looks_like_path(text) or not _is_bundled(text))):
        return _folder_source(path, pairs)
    if _looks_like_path(text):
        near = _nearest(path.name, [e.name for e in path.parent.iterdir()] if path.parent.is_dir() else [])
        cause = "" if path.parent.is_dir() else "its folder does not exist either"
        raise SartoError("E101", f"there is no file '{text}'", cause=cause, hint=near or "check the path")
    return _bundled_source(text)


def source_sha256(source: str | PathLike[str]) -> str:
    """Return the SHA-256 over names and bytes of the files behind `source`; nothing in them is parsed.

    Raises:
        SartoError: as `find_source`, or E103 when a file cannot be opened.
    """
    found = find_source(source)
    digest = hashlib.sha256(f"{found.kind}#{found.part}\n".encode())
    names = [*found.titles(), *(table.name for table in found.tables)]
    for file, name in zip((*found.files, *found.tables), names, strict=True):
        try:
            digest.update(f"{name} {file_sha256(file)}\n".encode())
        except OSError as error:
            raise unreadable(file, str(error.strerror)) from error
    return digest.hexdigest()


def named_in(file: Path, source: str) -> str:
    """Return the source that a file names: what lies beside the file, or else as it is.

    >>> named_in(Path("federation.toml"), "BasicMotions")
    'BasicMotions'
    """
    beside = file.parent / source
    return str(beside) if beside.exists() else source


def unreadable(file: Path | str, cause: str) -> SartoError:
    """Return E103 for a file that cannot be read, for the reason `cause`; a text is how the file is called."""
    hint = (
        "give an .npz of arrays, a CSV, a folder of recordings, or a .ts file of the UCR/UEA archive; "
        "`sarto explain E103` shows each"
    )
    name = file if isinstance(file, str) else file.name
    return SartoError("E103", f"'{name}' cannot be read as data", cause=cause, hint=hint)


def pairs_in(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return the `NAME_TRAIN.ts`, `NAME_TEST.ts` pairs of a folder by NAME, sorted; those of a CSV by `NAME.csv`."""
    files = [f for f in sorted(folder.iterdir()) if f.suffix.lower() in _TEXTS and f.stem.endswith("_TRAIN")]
    pairs = [_pair_of(file) for file in files]
    return {p[0].name.replace("_TRAIN.", ".").removesuffix(".ts"): p for p in pairs if p is not None}


def bundled_data() -> dict[str, tuple[Path, Path]]:
    """Return the training and test file of every set with classes or numbers that aeon bundles, by name.

    Raises:
        SartoError: E302, when aeon is not installed.
    """
    spec = importlib.util.find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        raise SartoError(
            "E302",
            "data sets known by name need the library aeon",
            cause="it is not installed; only its bundled files are used, nothing is downloaded",
            hint="pip install 'sarto[data]', or give a file",
        )
    root = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data"
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    pairs = {name: pair for folder in folders for name, pair in pairs_in(folder).items()}
    return {name: pair for name, pair in sorted(pairs.items()) if _is_labelled(pair[0])}


def _file_source(path: Path, part: str) -> Source:
    kind = path.suffix.lower()
    if kind == ".npz":
        return Source("npz", (path,), part or path.stem, part, f"{path.name}#{part}" if part else path.name)
    if kind in _TEXTS and not part:
        pair = _pair_of(path)
        return Source(_TEXTS[kind], (path,), path.stem, "", path.name) if pair is None else _pair_source(pair)
    if kind == ".parquet" and not part:
        return Source("parquet", (path,), path.stem, "", path.name)
    raise unreadable(
        path,
        "only an .npz has parts"
        if part
        else f"its name ends in '{kind}', not in .npz, .csv, .tsv, .parquet or .ts",
    )


def _pair_source(pair: tuple[Path, Path]) -> Source:
    train, test = pair
    kind, name = _TEXTS[train.suffix.lower()], train.stem.removesuffix("_TRAIN")
    return Source(kind, pair, name, "", f"{train.name} and {test.name}")


def _folder_source(folder: Path, pairs: dict[str, tuple[Path, Path]]) -> Source:
    if len(pairs) == 1:
        return _pair_source(next(iter(pairs.values())))
    name = folder.resolve().name
    if pairs:
        cause, hint = f"it holds {', '.join(pairs)}", "name one of the files, as in FOLDER/NAME_TRAIN.ts"
        raise SartoError("E102", f"the folder '{name}' is not one data set", cause=cause, hint=hint)
    files = _visible(folder)
    for kind, endings in _RECORDINGS.items():
        found = tuple(f for f in files if f.suffix.lower() in endings)
        if found:
            tables = (
                f
                for f in files
                if f.parent == folder and f.suffix.lower() in _RECORDINGS["csv"] and f not in found
            )
            count = f"{len(found)} {found[0].suffix.lower()} file{'s' * (len(found) > 1)}"
            known = (*found, *(tables := tuple(tables)))
            every = tuple(ending for endings in _RECORDINGS.values() for ending in endings)
            others = tuple(f for f in files if f.suffix.lower() in every and f not in known)
            return Source(kind, found, name, "", f"{name}, {count}", folder, tables, others)
    cause = "it holds no .wav, .csv, .tsv or .parquet file, and no NAME_TRAIN.ts beside a NAME_TEST.ts"
    hint = "name an .npz, .csv or .ts file, or a folder of recordings"
    raise SartoError("E102", f"the folder '{name}' is not one data set", cause=cause, hint=hint)


def _visible(folder: Path) -> list[Path]:
    """Return the files in a folder and its folders, sorted, without hidden ones and those that archives leave."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "__MACOSX":
            continue
        found += (
            _visible(path) if path.is_dir() and not path.is_symlink() else [path] if path.is_file() else []
        )
    return found


def _bundled_source(name: str) -> Source:
    known = bundled_data()
    if name not in known:
        near = _nearest(name, known) or "give a known name, or the path of an .npz, .csv or .ts file."
        raise SartoError(
            "E102",
            f"'{name}' is neither a file nor a known data set",
            cause=f"known are {', '.join(known)}",
            hint=f"{near} Nothing is ever downloaded",
        )
    return Source("ts", known[name], name, "", f"{name}, bundled with aeon")


def _is_bundled(name: str) -> bool:
    """Return whether a name is one of a bundled data set; if there are none here, none is."""
    try:
        return name in bundled_data()
    except SartoError:
        return False


def _looks_like_path(text: str) -> bool:
    return (
        any(mark in text for mark in ("/", "\\", "#")) or Path(text).suffix != "" or text in ("", ".", "..")
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    by_lower = {entry.lower(): entry for entry in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]}?" if near else ""


def _pair_of(file: Path) -> tuple[Path, Path] | None:
    """Return the training and the test file, when `file` is one and the other lies beside it."""
    name, role = file.stem.rpartition("_")[::2]
    if role not in ("TRAIN", "TEST"):
        return None
    train, test = file.with_name(f"{name}_TRAIN{file.suffix}"), file.with_name(f"{name}_TEST{file.suffix}")
    return (train, test) if train.is_file() and test.is_file() else None


def _is_labelled(file: Path) -> bool:
    """Whether the header of a `.ts` file says that it has classes, or numbers to be predicted."""
    labelled = False
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.lower().split()
            if words[:1] == ["@data"]:
                return labelled
            labelled |= words[:2] in (["@classlabel", "true"], ["@targetlabel", "true"])
    return False
