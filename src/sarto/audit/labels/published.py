"""Reads a label that somebody published: shares in JSON or CSV, with as many digits as they were written with.

Returns `Published` ones, one for each attribute. Three forms are read:

- what `sarto label --json` printed;
- JSON by hand, from which any part may be missing:

      {"rows": 6172, "protected": {"Black": 0.514}, "target": {"0": 0.545, "1": 0.455},
       "joint": {"Black": {"0": 0.1514, "1": 0.1661}}, "protected given target": {"Black": {"1": 0.591}},
       "target given protected": {"Black": {"1": 0.523}}}

  conditionals too by their protected value first; `names` are those of the two columns, and `"complete": true` says
  that no value is left out;
- CSV with the columns `share` (one of the five names above), `protected`, `target` and `value`; a marginal leaves the
  other value empty, a line `rows` gives the number of rows, and a line `complete` says that no value is left out.

>>> read = read_published_text('{"rows": 10, "joint": {"a": {"0": 0.50, "1": 0.5}}}', "slide")[0]
>>> read.rows, read.shares["joint"]["a", "0"]
(10, Share(value=0.5, digits=2))
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from sarto.audit.labels.check import KINDS, Cell, Kind, Published, Share
from sarto.core.errors import SartoError

_SIDES: Mapping[Kind, str] = {"protected": "protected", "target": "target"}
_COLUMNS = ("share", "protected", "target", "value")
MOST_B = 16 * 2**20
"""Most bytes of a file: no label that people read has more."""


class _Written(str):
    """A number as it was written."""


class _Pairs(list[tuple[str, Any]]):
    """The entries of a JSON object, those of one name among them."""


def read_published(path: Path) -> list[Published]:
    """Return the labels in a file.

    Raises:
        SartoError: E101 no such file; E156 no label that can be read.
    """
    if not path.is_file():
        raise SartoError("E101", f"there is no file '{path}'", hint="check the path")
    if path.stat().st_size > MOST_B:
        _refuse(path.name, f"it has {path.stat().st_size:,} bytes, and a label at most {MOST_B:,}")
    try:
        return read_published_text(path.read_text(encoding="utf-8-sig"), path.name)
    except UnicodeDecodeError:
        _refuse(path.name, "it is not UTF-8")


def read_published_text(text: str, name: str) -> list[Published]:
    """Return the labels in a text; `name` is how it is called."""
    if not text.lstrip().startswith("{"):
        return [_of_csv(text, name)]
    try:
        found = json.loads(text, object_pairs_hook=_Pairs, parse_float=_Written, parse_int=_Written)
    except (ValueError, RecursionError) as error:
        _refuse(name, f"it is not JSON: {' '.join(str(error).split())[:80]}")
    entries = dict(found)
    if "format" in entries or "parts" in entries:
        return _of_document(json.loads(text), name)
    return [_of_json(found, name)]


def _refuse(name: str, cause: str) -> NoReturn:
    hint = "`sarto explain E156` shows how a label is written"
    raise SartoError("E156", f"'{name}' is no label that can be checked", cause=cause, hint=hint)


class _Collected:
    """Shares as they are read, and which came twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shares: dict[Kind, dict[Cell, Share]] = {}
        self.twice: list[tuple[Kind, Cell]] = []

    def add(self, kind: Kind, cell: Cell, written: str) -> None:
        """Take a share."""
        found = self.shares.setdefault(kind, {})
        if cell in found:
            self.twice.append((kind, cell))
            return
        found[cell] = _share(self.name, written)

    def published(self, protected: str, target: str, rows: int, complete: bool) -> Published:
        """Return all of them; zeros that a program drops from the end of a number count as written."""
        if not any(self.shares.values()):
            _refuse(self.name, f"it holds no share; those are {', '.join(KINDS)}")
        shares: dict[Kind, dict[Cell, Share]] = {}
        for kind, found in self.shares.items():
            digits = max(share.digits for share in found.values())
            shares[kind] = {cell: Share(share.value, digits) for cell, share in found.items()}
        return Published(self.name, protected, target, shares, rows, tuple(self.twice), complete)


def _share(name: str, written: Any) -> Share:
    text = str(written).strip()
    percent = text.endswith("%")
    try:
        value = float(text.rstrip("% "))
    except ValueError:
        value = -1.0
    value = value / 100 if percent else value
    if not 0 <= value <= 1:
        _refuse(name, f"'{text[:30]}' is no share: those are from 0 to 1, or have a % sign")
    mantissa, _, exponent = text.rstrip("% ").lower().partition("e")
    digits = len(mantissa.partition(".")[2]) + 2 * percent - int(exponent or 0)
    return Share(value, max(digits, 1))


def _of_json(found: _Pairs, name: str) -> Published:
    collected = _Collected(name)
    rows, names, complete = 0, ("protected", "target"), False
    for key, value in found:
        if key == "rows":
            rows = _whole(name, value)
        elif key == "complete" and isinstance(value, bool):
            complete = value
        elif key == "names" and isinstance(value, list):
            names = _names(name, cast("list[Any]", value))
        elif key in KINDS:
            _take(collected, key, value)
        else:
            _refuse(name, f"'{key[:40]}' is none of rows, complete, names, {', '.join(KINDS)}")
    return collected.published(*names, rows, complete)


def _names(name: str, given: list[Any]) -> tuple[str, str]:
    if len(given) != 2 or not all(isinstance(one, str) for one in given):
        _refuse(name, "'names' are two texts, of the protected column and of the target")
    return str(given[0]), str(given[1])


def _take(collected: _Collected, kind: Kind, value: Any) -> None:
    """Take the shares of a kind: by value for a marginal, by protected value and then the other for the rest."""
    if not isinstance(value, _Pairs):
        _refuse(collected.name, f"'{kind}' holds no shares by their values")
    for first, inner in value:
        if kind in _SIDES:
            if not isinstance(inner, _Written | str):
                _refuse(collected.name, f"'{kind}' holds no number for '{first[:30]}'")
            collected.add(kind, (first, "") if kind == "protected" else ("", first), inner)
            continue
        if not isinstance(inner, _Pairs):
            _refuse(collected.name, f"'{kind}' holds no shares by the target for '{first[:30]}'")
        for second, written in inner:
            if not isinstance(written, _Written | str):
                _refuse(collected.name, f"'{kind}' holds no number for '{first[:30]}' and '{second[:30]}'")
            collected.add(kind, (first, second), written)


def _whole(name: str, written: Any) -> int:
    text = str(written).replace(",", "").strip()
    if not text.isdigit() or not int(text):
        _refuse(name, f"rows is '{str(written)[:30]}', which is no number of rows")
    return int(text)


def _of_csv(text: str, name: str) -> Published:
    reader = csv.DictReader(io.StringIO(text))
    if reader.fieldnames is None or not set(_COLUMNS) <= {field.strip() for field in reader.fieldnames}:
        _refuse(name, f"it is neither JSON nor a CSV with the columns {', '.join(_COLUMNS)}")
    reader.fieldnames = [field.strip() for field in reader.fieldnames]
    collected, rows, complete = _Collected(name), 0, False
    for line in reader:
        kind, protected, target, value = ((line[column] or "").strip() for column in _COLUMNS)
        if kind == "rows":
            rows = _whole(name, value)
        elif kind == "complete":
            complete = True
        elif kind not in KINDS:
            _refuse(
                name, f"line {reader.line_num}: '{kind[:40]}' is none of rows, complete, {', '.join(KINDS)}"
            )
        else:
            cell = {"protected": (protected, ""), "target": ("", target)}.get(kind, (protected, target))
            if not any(cell) or (kind not in _SIDES and not all(cell)):
                _refuse(name, f"line {reader.line_num}: '{kind}' lacks the value that it is of")
            collected.add(kind, cell, value)
    return collected.published("protected", "target", rows, complete)


def _of_document(found: dict[str, Any], name: str) -> list[Published]:
    """Return the labels in what `sarto label --json` printed, from the shares in its tables."""
    try:
        return [_of_part(part, name) for part in found["parts"]]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        _refuse(name, "it says that it is of `sarto label --json`, and lacks a part of that")


def _of_part(part: dict[str, Any], name: str) -> Published:
    protected, target = " x ".join(part["protected"]), str(part["target"])
    shares: dict[Kind, dict[Cell, Share]] = {kind: {} for kind in KINDS}
    for column, value, n, share, _, _ in part["tables"]["marginals"]["rows"]:
        if not n:
            continue  # a combination of values that no row has: nothing is given it
        side: Kind = "target" if column == target else "protected"
        shares[side]["" if side == "target" else value, value if side == "target" else ""] = _full(share)
    for first, second, _, both, _, _, given_target, _, _, given_protected, _, _ in part["tables"]["joint"][
        "rows"
    ]:
        if given_protected == "":
            continue
        shares["joint"][first, second] = _full(both)
        shares["protected given target"][first, second] = _full(given_target)
        shares["target given protected"][first, second] = _full(given_protected)
    return Published(name, protected, target, shares, int(part["n"]), complete=True)


def _full(value: Any) -> Share:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError(value)
    return Share(number)
