"""Search a model that fits a budget, build it as C, measure it, and write the report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sarto.cli import _answer, _kinds
from sarto.cli._call import current_call
from sarto.cli._data import data_settings, seed_setting
from sarto.cli._failures import show
from sarto.cli._settings import setting, untyped_words
from sarto.cli._verb import json_option, verb
from sarto.core.errors import EXIT_DONE, SartoError

if TYPE_CHECKING:
    from sarto.search.fit import FitResult

RESUME = "interrupted: the work is kept, and the same command resumes it"
BUDGET, SEARCH, MODEL = "Budget", "Search", "Model and sensor"


# fmt: off
@verb("fit", example="sarto fit BasicMotions --device cortex_m4 --flash 32KiB --ram 4KiB -o out/")
@click.argument("source", metavar="DATA")
@click.option("-o", "--out", required=True, metavar="OUT", type=click.Path(path_type=Path), help="Where to.")
@setting("--device", section=BUDGET, required=True, type=_kinds.DEVICE,
         help="What it runs on: a name of `sarto devices`, or a file of yours.")
@setting("--flash", section=BUDGET, type=_kinds.BYTES, help="Most flash of the whole image: 64kB, 64KiB.")
@setting("--ram", section=BUDGET, type=_kinds.BYTES, help="Most RAM, static and stack: 16kB.")
@setting("--instructions", section=BUDGET, type=_kinds.COUNT, help="Most instructions for one inference.")
@setting("--latency", section=BUDGET, type=_kinds.TIME,
         help="Most time for one inference (estimated; on host measured): 20ms.")
@setting("--energy", section=BUDGET, type=_kinds.ENERGY, help="Most energy for one inference (estimated): 2mJ.")
@setting("--min-accuracy", section=BUDGET, type=_kinds.RATIO, help="Least accuracy on the test items: 0.85 or 85%.")
@setting("--min-r2", section=BUDGET, type=_kinds.RATIO, help="Of numbers: least explained share of their variance.")
@data_settings
@setting("--trials", section=SEARCH, type=_kinds.COUNT, help="How many models to try.")
@setting("--time", section=SEARCH, type=_kinds.TIME, help="Start no further trials after this long: 60s.")
@setting("--families", section=SEARCH, type=_kinds.FAMILIES, help="Kinds of model: reservoir,forest. All by default.")
@setting("--cells", section=SEARCH, type=_kinds.CELLS, help="Reservoirs to try: ring,rmn; else es2n, esn, ring.")
@setting("--workers", section=SEARCH, type=_kinds.COUNT, help="Processes; they change the time, never the result.")
@setting("--core-power", section=SEARCH, type=_kinds.TITLE, metavar="POWER,SOURCE",
         help="Of a core at work, for an estimate of energy where no counter is: '15W, its data sheet'.")
@setting("--carbon", section=SEARCH, type=_kinds.TITLE, metavar="INTENSITY,SOURCE",
         help="Of the grid, for carbon of training: '300g/kWh, Ember 2024'.")
@seed_setting
@setting("--sensor-bits", section=MODEL, type=_kinds.ChoiceKind("8", "16", "32"), default="16", show_default=True,
         help="Bits of a raw sensor word.")
@setting("--sensor-scale", section=MODEL, type=_kinds.POSITIVE, help="What one count is worth; else from the data.")
@setting("--optimise", section=MODEL, type=_kinds.ChoiceKind("O2", "Os"), help="How the compiler optimises.")
@setting("--name", section=MODEL, type=_kinds.TITLE, help="Of the model, in the report; else that of the data.")
@setting("--reject", section=MODEL, type=_kinds.RATIO,
         help="Say no class rather than have more wrong answers than this share: 5%.")
@click.option("--gate", "gates", multiple=True, type=_kinds.AUDIT_GATE, metavar="GATE",
              help="What a point has to hold to be chosen, as of sarto audit: 'accuracy >= 80% @ support=0.05'.")
@click.option("--gate-groups", type=_kinds.NAMES, metavar="COLUMNS", help="Columns that make the groups of gates.")
@click.option("--gate-table", metavar="TABLE", help="More such columns, joined by one that both have: subjects.csv.")
@setting("--quiet", section="Talk", is_flag=True, help="No progress on stderr.")
@json_option
@click.pass_context
def command(
    context: click.Context, source: str, out: Path, quiet: bool, as_json: bool, **options: Any
) -> int:
    """Fit a model to DATA and a budget.

    DATA is an .npz, .csv, .parquet or .ts file, a folder of recordings, or the name of a data set that aeon bundles.
    OUT gets the model in C, the evidence and the report. A call that was stopped goes on where it was; a finished one
    is not repeated.
    """
    from sarto.data.source import find_source

    find_source(source)
    _check_folder(out)

    from sarto.cli._talk import open_talk
    from sarto.core.budget import Budget
    from sarto.search.fit import FitRequest, finished, fit

    limits = {field: options.pop(flag) for field, flag in _LIMITS.items()}
    options |= {"time_s": options.pop("time"), "cells": options["cells"] or (), "families": options["families"] or ()}
    options["sensor_bits"], options["name"] = int(options["sensor_bits"]), options["name"] or ""
    options["optimise"] = f"-{options['optimise']}" if options["optimise"] else None
    options["gate_groups"] = options["gate_groups"] or ()
    options["command"] = current_call().command(*untyped_words(context))
    request = FitRequest(source=source, out=out, budget=Budget(**limits), **options)
    result = finished(request)
    if result is None:
        current_call().interrupted = RESUME
        result = fit(request, open_talk(quiet))
    return _show(result, as_json)
# fmt: on


_LIMITS = {**_kinds.COSTS, "min_accuracy": "min_accuracy", "min_r2": "min_r2"}
"""Field of `Budget` -> option."""


def _check_folder(out: Path) -> None:
    """Refuse at once what can never become the folder; what stands in one `search` judges."""
    try:
        above = next(folder for folder in (out, *out.parents) if folder.exists())
    except OSError as error:
        cause, hint = error.strerror or type(error).__name__, "choose another with -o"
        raise SartoError("E113", f"the folder '{out}' cannot be made", cause=cause, hint=hint) from error
    if not above.is_dir():
        raise SartoError(
            "E113", f"'{above}' is a file", cause="the result is a folder", hint="choose another name with -o"
        )
    if not os.access(above, os.W_OK):
        cause = f"'{above}' may not be written to"
        raise SartoError(
            "E113", f"the folder '{out}' cannot be made", cause=cause, hint="choose another with -o"
        )


def _show(result: FitResult, as_json: bool) -> int:
    """Print the last screen, or the document, and return the exit code."""
    from sarto.cli._folder import read_with_report, shown
    from sarto.cli._limits import sentence, show_nearest, show_verdict, unmet
    from sarto.search.failing import failure as failure_of

    run = read_with_report(result.out, again=not result.already_done)
    device, model = str(run.artifact["device"]), str(run.artifact["summary"])
    failure = failure_of(result.chosen) if result.verdict.fits else unmet(result.verdict, device, model)
    if as_json:
        _answer.document(
            {
                "out": str(result.out),
                "already_done": result.already_done,
                "device": device,
                "model": model,
                "artifact_sha256": run.artifact["sha256"],
                "verdict": result.verdict.to_json(),
                "chosen": result.chosen.to_json(),
                "nearest": [point.to_json() for point in result.nearest],
            }
        )
    else:
        if result.already_done:
            _answer.line(f"{shown(result.out)} holds the finished result of this request; nothing was run.\n")
        show_verdict(result.verdict, run.evidence, device)
        _answer.line(f"\n{sentence(run)}")
        told = {e.what: e.value for e in run.evidence}
        if "coverage" in told:
            wrong = f"; {100 * told['error of answers']:.2f} % of the answers are wrong" * (
                "error of answers" in told
            )
            _answer.line(
                f"With its reject option it answers {100 * told['coverage']:.2f} % of the test items{wrong}."
            )
        for finding in run.findings:
            _answer.line()
            _answer.remark(f"{finding['severity']}: {finding['what']}: {finding['text']}")
        if result.nearest and failure is not None:
            _answer.line("\nThe points that came nearest:")
            show_nearest(result.nearest, result.verdict)
        _answer.line(f"\nmodel: {model}")
        _answer.line(f"files: {shown(result.out)}, and the report in {shown(result.out / 'report.html')}")
    if failure is None:
        return EXIT_DONE
    show(failure)
    return failure.exit_code
