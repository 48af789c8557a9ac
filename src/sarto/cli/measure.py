"""Build and emulate a finished model again, on its own or another device, and add the evidence."""

from __future__ import annotations

from pathlib import Path

import click

from sarto.cli import _answer, _kinds
from sarto.cli._settings import setting
from sarto.cli._verb import json_option, verb


@verb("measure", example="sarto measure out/ --device cortex_m0plus")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--device", type=_kinds.DEVICE, help="Where to measure; by default the device it was made for.")
@click.option(
    "--placement",
    "links",
    type=_kinds.LINKS,
    help="Compare computing on the sensor with sending raw samples over a link, or two in a row: "
    "names (sarto methods links) or files of yours.",
)
@setting("--quiet", section="Talk", is_flag=True, help="No progress on stderr.")
@json_option
def command(out: Path, device: str | None, links: tuple[str, ...] | None, quiet: bool, as_json: bool) -> None:
    """Measure the finished model in OUT: build its image, emulate it, and append the evidence to its ledger.

    With --placement nothing is built: what the ledger holds is compared with what sending the raw samples takes.
    """
    if links is not None:
        from sarto.cli._placement import show

        show(out, links, device, as_json=as_json)
        return
    from sarto.cli._folder import read_with_report, shown
    from sarto.cli._talk import open_talk
    from sarto.measure.model import measure_folder
    from sarto.report import words

    run = read_with_report(out, again=False)
    evidence = measure_folder(out, device, open_talk(quiet))
    read_with_report(out, again=True)
    where = device or str(run.artifact["device"])
    if as_json:
        _answer.document(
            {"out": str(out), "device": where, "evidence": [item.to_json() for item in evidence]}
        )
        return
    rows = [
        tuple(
            text.replace("\u00a0", " ")
            for text in (
                words.name(item.what),
                words.figure(item.value, item.unit, item.what),
                words.interval(item),
                item.how,
                item.tool,
            )
        )
        for item in evidence
    ]
    _answer.line(f"{shown(out)} on {where}:\n")
    _answer.table(("figure", "value", "interval", "how", "by"), rows, right=(1,))
    _answer.line(f"\nadded to {out / 'evidence.jsonl'}, and to the report in {out / 'report.html'}")
