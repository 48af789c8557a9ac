"""Build and run a finished model again, on its own or another device, and add the evidence."""

from __future__ import annotations

from pathlib import Path

import click

from sarto.cli import _answer, _kinds
from sarto.cli._settings import setting
from sarto.cli._verb import json_option, verb
from sarto.core.errors import SartoError


@verb("measure", example="sarto measure out/ --device cortex_m0plus")
@click.argument("out", metavar="OUT", required=False, type=click.Path(path_type=Path))
@click.option(
    "--device",
    type=_kinds.DEVICE,
    help="Where to measure: a device, host (this computer), or a file of yours; by default the device it was made for.",
)
@click.option(
    "--from-board",
    "said",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Read what the harness of `sarto deploy --to cmake` said on a board.",
)
@click.option(
    "--placement",
    "links",
    type=_kinds.LINKS,
    help="Compare computing on the sensor with sending raw samples over a link, or two in a row: "
    "names (sarto methods links) or files of yours.",
)
@click.option(
    "--calibrate",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="In place of OUT: measure this machine at several cores and clocks, and write a platform file.",
)
@setting("--quiet", section="Talk", is_flag=True, help="No progress on stderr.")
@json_option
def command(
    out: Path | None,
    device: str | None,
    said: Path | None,
    links: tuple[str, ...] | None,
    file: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure the finished model in OUT: build its image, emulate it, and append the evidence to its ledger.

    On the device host it is compiled for this computer and run here.

    With --from-board nothing is run: FILE holds what the harness printed on your board. Its figures are measured on
    silicon and emulated in QEMU; the board says itself which it is.

    With --placement nothing is built: what the ledger holds is compared with what sending the raw samples takes.

    With --calibrate nothing of a model is measured: FILE is a platform, for sarto adapt --platform FILE.
    """
    if file is not None:
        from sarto.cli._calibrated import calibrate

        if out is not None or device is not None or said is not None or links is not None:
            raise SartoError(
                "E112",
                "--calibrate stands alone",
                cause="it measures this machine, and no model",
                hint="sarto measure --calibrate mine.toml",
            )
        calibrate(file, quiet=quiet, as_json=as_json)
        return
    if out is None:
        context = click.get_current_context()
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
    if links is not None:
        from sarto.cli._placement import show

        if said is not None:
            raise SartoError(
                "E112",
                "--from-board and --placement exclude each other",
                cause="one call adds evidence of one kind",
                hint="call it once for each",
            )
        show(out, links, device, as_json=as_json)
        return
    from sarto.cli._figures import show_figures
    from sarto.cli._folder import read_with_report, shown
    from sarto.cli._talk import open_talk
    from sarto.measure.from_board import measure_from_board
    from sarto.measure.model import measure_folder

    if said is not None and device is not None:
        raise SartoError(
            "E112",
            "--from-board and --device exclude each other",
            cause="the board says itself what it is",
            hint="leave --device out",
        )
    run = read_with_report(out, again=False)
    evidence = measure_from_board(out, said) if said else measure_folder(out, device, open_talk(quiet))
    read_with_report(out, again=True)
    where = f"a board, as {said} says" if said else device or str(run.artifact["device"])
    if as_json:
        _answer.document(
            {"out": str(out), "device": where, "evidence": [item.to_json() for item in evidence]}
        )
        return
    _answer.line(f"{shown(out)} on {where}:\n")
    show_figures(evidence)
    _answer.line(f"\nadded to {out / 'evidence.jsonl'}, and to the report in {out / 'report.html'}")
