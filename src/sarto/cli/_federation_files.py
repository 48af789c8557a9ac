"""What `sarto federate plan, merge, forget` and `audit` do."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sarto.audit.leaks import leaks, leaks_of_clients
from sarto.audit.leaks.report import OF_CLIENTS
from sarto.cli import _answer
from sarto.core.errors import SartoError
from sarto.core.store import write_atomic
from sarto.core.table import Table
from sarto.core.units import format_quantity
from sarto.learn.federated._journal import Journal
from sarto.learn.federated._merge import merge
from sarto.learn.federated._upload_file import ENDING, read_about, read_payload
from sarto.learn.federation.file import read
from sarto.learn.federation.plan import plan
from sarto.learn.federation.setting import set_up
from sarto.learn.payload import Limits, opened_payload
from sarto.learn.ridge_sum import RidgeSum

MOST_REFUSED, MOST_MISSING, MOST_CLIENTS = 10, 10, 30
"""Lines of a screen; the JSON has all."""


def planned(path: Path) -> dict[str, Any]:
    """Return what a federation will put on the air."""
    federation = read(path)
    setting = set_up(federation)
    sizes = setting.population.sizes
    return {
        "federation": federation.name,
        "clients": int((sizes > 0).sum()),
        "items": int(sizes.sum()),
        "split": setting.partition.how,
        "budget": federation.bytes,
        "methods": [vars(each) for each in plan(federation, setting)],
    }


def plan_text(found: dict[str, Any]) -> None:
    """Print a plan."""
    _answer.line(f"{found['clients']} clients with {found['items']:,} items, {found['split']}")
    _answer.line()
    rows = [
        (
            each["name"],
            f"{each['rounds']}",
            format_quantity(each["up"], "B") if each["up"] else "0 B",
            format_quantity(each["down"], "B") if each["down"] else "0 B",
            format_quantity(each["most_up"], "B") if each["most_up"] else "0 B",
            "" if each["break_even"] is None else f"{each['break_even']:.3g}",
        )
        for each in found["methods"]
    ]
    names = ("method", "rounds", "up", "down", "a client at most", "break-even")
    _answer.table(names, rows, right=(1, 2, 3, 4, 5))
    _answer.line()
    _answer.line(
        "Estimated from the sizes of messages, if everybody answers. Break-even: in so many rounds a client would send "
        "and get as many bytes by FedAvg of the head as by its exact statistics."
    )
    budget = found["budget"]
    for each in found["methods"]:
        if budget is not None and each["up"] + each["down"] > budget:
            over = format_quantity(each["up"] + each["down"] - budget, "B")
            _answer.remark(f"warning: {each['name']} goes {over} beyond the budget and is stopped there")


def merged(
    folder: Path,
    path: Path,
    out: Path | None,
    *,
    keep: bool,
    most_rows: int | None,
    radius: float | None,
    definite: bool,
    expected: Path | None,
    ridge: str | None,
    allow_stale: bool,
    workers: int,
) -> dict[str, Any]:
    """Merge a folder of uploads, and solve."""
    if not folder.is_dir():
        raise SartoError("E101", f"there is no folder '{folder}'", hint="check the path")
    penalty = _ridge(ridge)
    names = None if expected is None else _names(expected)
    journal = (
        Journal(path) if path.exists() else _new(folder, path, keep, Limits(most_rows, radius, definite))
    )
    refused: list[dict[str, str]] = []

    def tell(file: Path, error: SartoError) -> None:
        refused.append(_refusal(file, error))

    try:
        done = merge(folder, journal, workers=workers, on_refused=tell)
        clients, stale = journal.clients(), journal.stale()
        found: dict[str, Any] = {
            "federation": journal.federation,
            "journal": str(path),
            "added": done.added,
            "known": done.known,
            "refused": refused,
            "clients": len(clients),
            "rows": journal.total.count,
            "stale": stale,
            "missing": None if names is None else journal.missing(names),
            "head": None,
        }
        if out is not None:
            found["head"] = _solved(journal, out, penalty, allow_stale)
        return found
    finally:
        journal.close()


def _new(folder: Path, path: Path, keep: bool, limits: Limits) -> Journal:
    """Return a journal of the kind of the first upload that can be read."""
    for file in sorted(folder.glob(f"*{ENDING}")):
        try:
            about = read_about(file)
            moments = opened_payload(read_payload(file, about))
        except (SartoError, OSError):
            continue
        return Journal.create(path, about.federation, RidgeSum.like(moments), keep=keep, limits=limits)
    raise SartoError(
        "E104",
        f"no upload in '{folder}' can be read",
        cause=f"uploads are files *{ENDING} that clients wrote",
        hint="`sarto federate simulate FILE --uploads FOLDER` makes some",
    )


def _solved(journal: Journal, out: Path, ridge: float | None, allow_stale: bool) -> dict[str, Any]:
    """Write the head of a journal; return what is known of it."""
    statistics = journal.statistics(allow_stale=allow_stale)
    solution = statistics.solve("gcv" if ridge is None else ridge)
    file = io.BytesIO()
    arrays: dict[str, Any] = {"weights": solution.weights, "intercept": solution.intercept}
    if statistics.classes is not None:
        arrays["classes"] = np.array(statistics.classes)
    np.savez(file, features_id=np.array(statistics.features_id), **arrays)
    write_atomic(out, file.getvalue())
    return {
        "file": str(out),
        "ridge": solution.ridge,
        "features": len(statistics.mean_x),
        "outputs": len(statistics.mean_y),
        "solved_by": solution.path,
    }


def merge_text(found: dict[str, Any]) -> None:
    """Print what became of a merge."""
    _answer.line(
        f"{found['federation']}: {found['added']} added, {found['known']} known, {len(found['refused'])} refused; "
        f"{found['clients']} clients with {found['rows']:,} rows are in it"
    )
    _refused_text(found["refused"])
    if found["missing"]:
        names = ", ".join(found["missing"][:MOST_MISSING])
        more = len(found["missing"]) - MOST_MISSING
        _answer.remark(f"missing: {names}" + (f" and {more} more" if more > 0 else ""))
    if found["stale"]:
        _answer.remark(f"warning: {100 * found['stale']:.3g} % of the rows are of earlier epochs")
    elif found["missing"] is not None and not found["missing"]:
        _answer.line("nobody is missing")
    if found["head"]:
        head = found["head"]
        _answer.line(
            f"head of {head['outputs']} outputs on {head['features']} features, ridge {head['ridge']:.3g}: "
            f"{head['file']}"
        )


def forgotten(client: str, path: Path, upload: Path | None) -> dict[str, Any]:
    """Take a client out of a journal; return what is left."""
    before = None if upload is None else _upload(upload)[1]
    journal = Journal(path)
    try:
        if client not in (there := list(journal.clients())):
            raise _unknown(client, there)
        try:
            journal.forget(client, before)
        except SartoError as error:
            if error.code == "E170" and upload is None:
                error.hint = "bring its file with --upload; a new journal of merge --keep has it itself"
            raise
        return {
            "forgotten": client,
            "clients": len(journal.clients()),
            "rows": journal.total.count,
        }
    finally:
        journal.close()


def _unknown(client: str, there: list[str]) -> SartoError:
    near = difflib.get_close_matches(client, there, n=1)
    names = ", ".join(there[:MOST_MISSING]) + (" and others" if len(there) > MOST_MISSING else "")
    return SartoError(
        "E170",
        f"'{client}' is not in the journal",
        cause=f"{len(there)} clients are in it: {names}" if there else "no client is in it",
        hint=f"did you mean {near[0]}?" if near else "names are those that clients wrote into their uploads",
    )


def audited(path: Path) -> dict[str, Any]:
    """Return what uploads give away."""
    refused: list[tuple[Path, SartoError]] = []
    files: dict[str, Path] = {}

    def uploads() -> Iterator[tuple[str, bytes]]:
        for file in _uploads(path):
            try:
                client, payload = _upload(file)
            except SartoError as error:
                refused.append((file, error))
            else:
                files[client] = file
                yield client, payload

    if path.is_dir():
        found = leaks_of_clients(uploads(), lambda client, error: refused.append((files[client], error)))
        if not found.table.rows:
            raise refused[-1][1]
    else:
        client, payload = _upload(path)
        found = leaks(payload, client)
    return {
        "table": found.table.to_json(),
        "findings": [f.to_json() for f in found.findings],
        "refused": [_refusal(file, error) for file, error in refused],
    }


def _refusal(file: Path, error: SartoError) -> dict[str, str]:
    return {"file": file.name, "why": f"{error.code}: {error.message}", "cause": error.cause or ""}


def _refused_text(refused: list[dict[str, str]]) -> None:
    """Print which files of a folder were left out."""
    for each in refused[:MOST_REFUSED]:
        cause = f" ({each['cause']})" if each["cause"] else ""
        _answer.remark(f"refused {each['file']}: {each['why']}{cause}")
    if len(refused) > MOST_REFUSED:
        _answer.line(f"and {len(refused) - MOST_REFUSED} more")


def _uploads(folder: Path) -> list[Path]:
    """Return the uploads of a folder, at least one."""
    files = sorted(folder.glob(f"*{ENDING}"))
    if not files:
        raise SartoError(
            "E104",
            f"no upload in '{folder}'",
            cause=f"uploads are files *{ENDING} that clients wrote",
            hint="`sarto federate simulate FILE --uploads FOLDER` makes some",
        )
    return files


def _upload(path: Path) -> tuple[str, bytes]:
    """Return the client and the payload of a file."""
    try:
        about = read_about(path)
        return about.client, read_payload(path, about)
    except FileNotFoundError:
        raise SartoError("E101", f"there is no upload '{path}'", hint="check the path") from None


def audit_text(found: dict[str, Any]) -> None:
    """Print what uploads give away."""
    table = Table.from_json(found["table"])
    columns = [name for name in table.columns if name not in _NOT_ON_SCREEN]
    at = [table.columns.index(name) for name in columns]
    order = sorted(table.rows, key=_given_away) if "known rows" in columns else list(table.rows)
    rows = [tuple(_cell(row[i], columns[k]) for k, i in enumerate(at)) for row in order]
    numbers = tuple(k for k, i in enumerate(at) if table.units[i])
    _answer.table(columns, rows[:MOST_CLIENTS], right=numbers)
    if len(rows) > MOST_CLIENTS:
        _answer.line(f"and {len(rows) - MOST_CLIENTS} more, with --json")
    _answer.line()
    for finding in found["findings"]:
        _answer.remark(f"{finding['severity']}: {finding['what']}: {finding['text']}")
    _refused_text(found["refused"])


_NOT_ON_SCREEN = ("classes of one row", "span", "masked size", "which costs")
"""Columns that would not fit 80 characters; the JSON has them, and the findings say what they come to."""


def _given_away(row: tuple[float | int | str, ...]) -> tuple[float, str]:
    """Return the order of clients on the screen: those that give most of their rows away first."""
    rows, known = (float(row[OF_CLIENTS.index(name)]) for name in ("rows", "known rows"))
    return -known / max(rows, 1), str(row[0])


def _cell(value: float | int | str, column: str) -> str:
    if isinstance(value, str):
        return value
    if column == "determined":
        return f"{100 * value:.4g} %"
    if column == "size":
        return format_quantity(value, "B") if value else "0 B"
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"


def _ridge(text: str | None) -> float | None:
    if text is None or text == "gcv":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (np.isfinite(value) and value >= 0):
        raise SartoError(
            "E112",
            f"--ridge {text}",
            cause="a penalty is a number of at least 0, or gcv",
            hint="--ridge 0.01",
        )
    return value


def _names(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SartoError(
            "E101", f"'{path}' cannot be read", cause=str(error), hint="a name on each line"
        ) from None
