"""Check this machine, and with DATA say what fit would do with it and what looks wrong."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import click

from sarto.cli import _answer
from sarto.cli._data import data_settings, seed_setting
from sarto.cli._failures import show
from sarto.cli._verb import json_option, verb
from sarto.core.errors import EXIT_DONE, SartoError

OK, MISSING, OPTIONAL = "ok", "MISSING", "not there"
Check = dict[str, str]


@verb("doctor", example="sarto doctor watch.npz --channels 'watch*'")
@click.argument("source", metavar="[DATA]", required=False)
@data_settings
@seed_setting
@click.option(
    "--model",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Diagnose the reservoir of this finished folder on DATA, not the default one.",
)
@json_option
def command(source: str | None, seed: int, model: Path | None, as_json: bool, **chosen: Any) -> int:
    """Check the machine: versions, compiler, emulator, cores. With DATA, also say what `sarto fit DATA` would see.

    And what a reservoir does on a sample of DATA: whether its state forgets, what it remembers, how its neurons are
    driven, and what to change. Nothing is written. Exit code 4 says that fit lacks a tool.
    """
    if model is not None and source is None:
        raise SartoError(
            "E112", "--model without DATA", cause="a reservoir does nothing without data", hint="add DATA"
        )
    checks = machine()
    if not as_json:
        _answer.table(("what", "state", "found"), [(c["what"], c["state"], c["found"]) for c in checks])
    answer: dict[str, Any] = {"machine": checks}
    if source is not None:
        answer |= _data(source, seed, model, chosen, as_json)
    if as_json:
        _answer.document(answer)
    lacking = [c for c in checks if c["state"] == MISSING]
    if not lacking:
        return EXIT_DONE
    names = ", ".join(c["what"] for c in lacking)
    failure = SartoError(
        "E301",
        f"sarto fit cannot run here: {names}",
        cause=lacking[0]["found"],
        hint="python -m pip install 'sarto[mcu]'",
    )
    show(failure)
    return failure.exit_code


def machine() -> list[Check]:
    """Return what fit needs and whether it is here: `what`, `state`, `found`."""
    folder = os.environ.get("SARTO_DATA", "")
    real = "set" if os.path.isdir(folder) else f"no such folder: {folder}" if folder else "not set"
    return [
        _check(
            "sarto",
            OK,
            f"{_version('sarto')}, Python {platform.python_version()}, {platform.platform(terse=True)}",
        ),
        _libraries(),
        _tool("C compiler", _compiler),
        _tool("emulator", _emulator),
        _tool("ELF reader", lambda: _imported("elftools", "pyelftools")),
        _check(
            "named data",
            *(
                (OK, f"aeon {found}")
                if (found := _version("aeon"))
                else (OPTIONAL, "pip install 'sarto[data]'")
            ),
        ),
        _check("cores", OK, f"{cores()}"),
        _check(
            "SARTO_DATA",
            OK if real == "set" else OPTIONAL,
            f"{real} (only tests and benchmarks on real data use it)",
        ),
    ]


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def _check(what: str, state: str, found: str) -> Check:
    return {"what": what, "state": state, "found": found}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _libraries() -> Check:
    """Check every library that sarto itself requires."""
    wanted = [re.split(r"[^\w.-]", text)[0] for text in requires("sarto") or [] if "extra ==" not in text]
    if lacking := [name for name in wanted if not _version(name)]:
        return _check("libraries", MISSING, f"not installed: {', '.join(lacking)}")
    return _check("libraries", OK, ", ".join(f"{name} {_version(name)}" for name in wanted))


def _tool(what: str, find: Callable[[], str]) -> Check:
    """Check a tool by using it."""
    try:
        return _check(what, OK, find())
    except Exception as error:  # a broken installation may fail in any way, and that is the finding
        words = error.message if isinstance(error, SartoError) else f"{type(error).__name__}: {error}"
        return _check(what, MISSING, " ".join(words.split()))


def _compiler() -> str:
    from sarto.measure import zig

    return zig.version()


def _emulator() -> str:
    return _imported("unicorn", "unicorn")


def _imported(module: str, package: str) -> str:
    import importlib

    importlib.import_module(module)
    return f"{package} {version(package)}"


def _data(
    source: str, seed: int, model: Path | None, chosen: dict[str, Any], as_json: bool
) -> dict[str, Any]:
    """Return what fit would see in `source` and what a reservoir does on it, and print it unless `as_json`."""
    from sarto.cli._diagnosis import diagnosis
    from sarto.cli._inspection import inspect

    seen = inspect(source, seed, chosen)
    whose, found = diagnosis(seen.data, model)
    if not as_json:
        _answer.line()
        _answer.table(("data", ""), list(seen.facts.items()))
        _answer.line()
        _answer.table((seen.what, *seen.parts), seen.rows, right=range(1, len(seen.parts) + 1))
        _answer.line()
        for warning in seen.warnings:
            _answer.remark(f"warning: {warning}")
        if not seen.warnings:
            _answer.line("nothing looks wrong")
        _answer.line()
        layers = [f"layer {i}" for i in range(1, len(found.layers) + 1)] if len(found.layers) > 1 else [""]
        rows = [("cell", found.cell, *[""] * (len(layers) - 1)), *found.facts()]
        _answer.table((whose, *layers), rows, right=range(1, len(layers) + 1))
        _answer.line()
        _answer.line(f"on {found.sample}")
        for finding in found.findings:
            _answer.remark(str(finding))
    return {"data": seen.to_json(), "reservoir": {"whose": whose, **found.to_json()}}
