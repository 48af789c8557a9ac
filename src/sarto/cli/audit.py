"""Audit a model's predictions by subgroup, hold a small model to its original, and gate the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sarto.cli import _kinds
from sarto.cli._call import current_call
from sarto.cli._settings import setting, untyped_words
from sarto.cli._verb import json_option, verb
from sarto.core.errors import SartoError

GROUPS, FAULTS = "Subgroups", "Faults of a folder OUT"


OF_FOLDERS, OF_TABLES = ("data", "faults", "formats"), ("target", "model", "original", "row_id", "unlabelled")
"""Options that only a folder has, and only a table."""


# fmt: off
@verb("audit", example="sarto audit predictions.csv --original full --model small --groups age,sex "
                       "--gate 'gain >= -2pp @ q=0.05, support=0.02'")
@click.argument("subject", metavar="PREDICTIONS|OUT")
@click.option("--target", metavar="COLUMN", help="What is true; by default the column called target, y, label, ...")
@click.option("--model", metavar="COLUMN", help="What the audited model says; by default prediction, predicted, ...")
@click.option("--original", metavar="COLUMN", help="What the model says that it is held against, if there is one.")
@click.option("--id", "row_id", metavar="COLUMN", help="What names the rows; two tables are joined by it.")
@click.option("--against", metavar="TABLE|OUT", help="Where the predictions of the original are, of the same rows.")
@click.option("--attributes", metavar="TABLE", help="More columns, joined by one that both tables have: subjects.csv.")
@click.option("--data", metavar="DATA", help="Of a folder OUT: what it was made of, for the columns of its test items.")
@click.option("--unlabelled", is_flag=True, help="Nobody knows what is true: rank by confidence and disagreement.")
@click.option("--confidence", metavar="COLUMN", help="How sure the model is of each row, 0 to 1, with --unlabelled.")
@click.option("--labelled", metavar="TABLE", help="Other rows whose truth is known, to calibrate the confidence by.")
@setting("--groups", section=GROUPS, type=_kinds.NAMES, metavar="COLUMNS",
         help="What makes the groups: age,sex; by default every column that is left.")
@setting("--metric", section=GROUPS, metavar="NAME", default="accuracy", show_default=True,
         help="accuracy, error, fpr, fnr, tpr, tnr, precision, positive_rate, recall:CLASS, 'absolute error', ...")
@setting("--positive", section=GROUPS, metavar="CLASS", help="The positive class of fpr and the like.")
@setting("--support", section=GROUPS, type=_kinds.RATIO, default="0.01", show_default=True,
         help="Least share of the rows that a subgroup has.")
@setting("--depth", section=GROUPS, type=_kinds.COUNT, help="Most columns that a subgroup is made of.")
@setting("--cut", section=GROUPS, type=_kinds.ChoiceKind("quantile", "tree"), default="quantile", show_default=True,
         help="How columns of numbers are cut: into equal shares, or where the metric changes most.")
@setting("--null", section=GROUPS, type=_kinds.ChoiceKind("zero", "overall"), default="zero", show_default=True,
         help="What a gain is tested against: none, or the gain of all rows.")
@setting("--fdr", section=GROUPS, type=_kinds.ChoiceKind("bh", "by"), default="bh", show_default=True,
         help="Control of false discoveries: Benjamini-Hochberg, or Benjamini-Yekutieli.")
@setting("--confirm", section=GROUPS, type=_kinds.RATIO,
         help="Share of the rows on which subgroups are tested that were found on the others: 50%.")
@click.option("--faults", is_flag=True, help="Make bits of OUT wrong: of its integer network, its image, its file.")
@click.option("--formats", is_flag=True, help="Of a shrunk network: accuracy in each number format, with wrong bits.")
@click.option("--where", type=_kinds.NamesKind(lambda: ("graph", "image", "container"), "a place of faults"),
         metavar="PLACES", help="graph, image, container; by default all that OUT has.")
@setting("--fault", section=FAULTS, type=_kinds.ChoiceKind("flip", "stuck0", "stuck1"), default="flip",
         show_default=True, help="What happens to a bit.")
@setting("--pattern", section=FAULTS, type=_kinds.ChoiceKind("single", "several", "burst", "line", "square", "channel"),
         default="single", show_default=True, help="Which bits a fault takes; line, square and channel in the graph.")
@setting("--extent", section=FAULTS, type=_kinds.COUNT, default="2", show_default=True,
         help="How many bits, where the pattern needs it; of a square, to either side.")
@setting("--permanent", section=FAULTS, is_flag=True,
         help="Faults of activations, state and RAM stay, whatever is written there.")
@setting("--by", section=FAULTS, type=_kinds.ChoiceKind("network", "layer", "bit", "layer and bit"),
         default="network", show_default=True, help="What has a sample of its own.")
@setting("--half-width", section=FAULTS, type=_kinds.RATIO, default="0.05", show_default=True,
         help="A sample ends when its critical share is known to this; a gate asks for more by itself.")
@setting("--confidence-level", section=FAULTS, type=_kinds.RATIO, default="0.95", show_default=True,
         help="Of the intervals of faults.")
@setting("--guard", section=FAULTS, metavar="GUARD",
         help="Of the image with this guard, as of sarto deploy: flash, abft, copy:2kB; beside the one without.")
@setting("--fit", section=FAULTS, type=_kinds.POSITIVE, help="Failures of 10^6 bits in 10^9 hours, for FIT and MTTF.")
@click.option("--gate", "gates", multiple=True, type=_kinds.AUDIT_GATE, metavar="GATE",
              help="What must hold: 'gain >= -2pp @ q=0.05, support=0.02'. May be given several times.")
@click.option("-o", "--out", metavar="FOLDER", type=click.Path(path_type=Path),
              help="Where audit.html, audit.json and subgroups.csv go; of a folder OUT by default into it.")
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the gates as JUnit XML, for CI.")
@setting("--quiet", section="Talk", is_flag=True, help="No progress on stderr.")
@json_option
@click.pass_context
def command(context: click.Context, subject: str, **options: Any) -> int:
    """Say for whom a model is worse, and for whom the small one lost against its original.

    PREDICTIONS is a CSV or Parquet table of what is true, what one model or two said, and columns that make groups; it
    may come from any model. OUT is the folder of sarto fit or sarto compress, whose test items are audited.

    Every subgroup above a support is looked at. A gain is tested by pairs, on the same rows under both models, and
    p-values are adjusted for the number of subgroups. With --gate the exit code is 5 when a gate fails: with q= where a
    subgroup is shown to break the limit, with a confidence such as 95% where one is not shown to keep it.
    """
    from sarto.cli._audited import Asked, answer

    folder = Path(subject).is_dir()
    for name in OF_TABLES if folder else OF_FOLDERS:
        if options[name]:
            if not Path(subject).exists():
                hint = "give the folder of sarto fit or sarto compress"
                raise SartoError("E101", f"there is no folder '{subject}'", hint=hint)
            flag = "--id" if name == "row_id" else f"--{name}"
            cause = "a folder names its own columns" if folder else "there is no model in a table"
            raise SartoError("E112", f"{flag} with {subject}", cause=cause, hint="leave it out")
    return answer(Asked(subject=subject, command=current_call().command(*untyped_words(context)), **options))
# fmt: on
