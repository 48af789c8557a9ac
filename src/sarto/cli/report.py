"""Write the report of a finished model again, or print it as JSON or as a Markdown card."""

from __future__ import annotations

from pathlib import Path

import click

from sarto.cli import _answer
from sarto.cli._verb import one_form, verb
from sarto.core.errors import SartoError


@verb("report", example="sarto report out/ --html report.html")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write the page to FILE."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything it shows as one JSON document.")
@click.option("--markdown", is_flag=True, help="Print the model card.")
def command(out: Path, page: Path | None, as_json: bool, markdown: bool) -> None:
    """Report on the finished model in OUT: write its report.html and card.md again, or one of the forms below.

    Nothing is measured and no model is run.
    """
    from sarto.cli._folder import read_with_report, shown
    from sarto.cli._limits import sentence
    from sarto.core.store import write_atomic
    from sarto.report import as_json as json_of
    from sarto.report import card, html, read_run

    one_form({"--html": page is not None, "--json": as_json, "--markdown": markdown})
    if page is not None and page.is_dir():
        raise SartoError(
            "E112",
            f"--html: '{page}' is a folder",
            cause="a file is needed",
            hint=f"as in {page / 'report.html'}",
        )
    if as_json:
        _answer.document(json_of(read_run(out)))
    elif markdown:
        _answer.verbatim(card(read_run(out)).rstrip("\n"))
    elif page is not None:
        run = read_run(out)
        write_atomic(page, html(run))
        _answer.line(f"{sentence(run)}\nreport: {shown(page)}")
    else:
        run = read_with_report(out, again=True)
        _answer.line(f"{sentence(run)}\nreport: {out / 'report.html'}, {out / 'card.md'}")
