"""Shrink a trained network by a recipe of named steps, into one file with its evidence."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sarto.cli import _answer, _kinds
from sarto.cli._call import current_call
from sarto.cli._failures import show
from sarto.cli._settings import setting, untyped_words
from sarto.cli._verb import json_option, verb
from sarto.core.errors import EXIT_DONE, SartoError

if TYPE_CHECKING:
    from sarto.search.shrink_folder import ShrinkResult

BUDGET, TRAINING = "Budget", "Training"


# fmt: off
@verb("compress", example="sarto compress net.onnx --data digits.npz --with magnitude:0.9,codebook:4,rans -o small/")
@click.argument("model", metavar="MODEL")
@click.option("--data", required=True, metavar="DATA", help="Labelled items: an .npz file, or what sarto fit takes.")
@click.option("-o", "--out", required=True, metavar="OUT", type=click.Path(path_type=Path), help="Where to.")
@click.option("--with", "recipe", metavar="STEPS", help="Steps in order: px:0.98,codebook:4,rans; amounts may be auto.")
@click.option("--state", metavar="FILE", help="Weights of FILE.py:FUNCTION, in safetensors.")
@click.option("--front-end", metavar="MEL", help="Let the image hear: DATA are sound, and MODEL sees mel:bands=20.")
@setting("--device", section=BUDGET, type=_kinds.DEVICE,
         help="What it runs on: see sarto devices. Without one only a file is made.")
@setting("--flash", section=BUDGET, type=_kinds.BYTES,
         help="Most flash of the whole image; without --device most bytes of the file, storage only: 20kB.")
@setting("--ram", section=BUDGET, type=_kinds.BYTES, help="Most RAM on the device, static and stack: 16kB.")
@setting("--instructions", section=BUDGET, type=_kinds.COUNT, help="Most instructions for one inference.")
@setting("--latency", section=BUDGET, type=_kinds.TIME,
         help="Most time for one inference (estimated; on host measured): 20ms.")
@setting("--energy", section=BUDGET, type=_kinds.ENERGY, help="Most energy for one inference (estimated): 2mJ.")
@setting("--max-drop", section=BUDGET, type=_kinds.RATIO, help="Most test accuracy that may be lost: 0.5%.")
@setting("--trials", section=BUDGET, type=_kinds.COUNT, default=24, show_default=True,
         help="Most recipes and amounts that are tried, where they are searched.")
@setting("--epochs", section=TRAINING, type=_kinds.COUNT, default=10, show_default=True,
         help="Passes over the data after each step that tunes.")
@setting("--patience", section=TRAINING, type=_kinds.COUNT,
         help="Passes without a smaller validation loss that end a training; without it all passes are run.")
@setting("--batch", section=TRAINING, type=_kinds.COUNT, default=128, show_default=True, help="Items of a step.")
@setting("--rate", section=TRAINING, type=_kinds.POSITIVE, default="0.001", show_default=True,
         help="Largest learning rate.")
@setting("--threads", section=TRAINING, type=_kinds.COUNT, default=1, show_default=True, help="Of torch.")
@setting("--optimise", section=TRAINING, type=_kinds.ChoiceKind("O2", "Os"), help="How the compiler optimises.")
@setting("--weights", section=BUDGET, type=_kinds.ChoiceKind("smallest", "plain"), default="smallest",
         show_default=True, help="In flash on the device: whatever is smallest (plain, sparse or coded), or plain.")
@setting("--widths", section=BUDGET, type=_kinds.COUNT,
         help="Let the image run the first channels alone: the network is nested in so many groups.")
@setting("--taught", section=TRAINING, is_flag=True,
         help="With --widths: a larger network is trained first, and teaches every width. It takes longer.")
@setting("--train-on", section=TRAINING, type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True,
         help="Where networks are trained.")
@setting("--mttf", section=TRAINING, type=_kinds.TIME,
         help="Mean time until a run is lost: checkpoints are due by it (Young); else after every pass. 6h.")
@setting("--machine-mttf", section=TRAINING, type=_kinds.TIME,
         help="The same of the machine: checkpoints in memory too, more rarely on disk. 30d.")
@setting("--core-power", section=TRAINING, type=_kinds.TITLE, metavar="POWER,SOURCE",
         help="Of a core at work, for an estimate of energy where no counter is: '15W, its data sheet'.")
@setting("--carbon", section=TRAINING, type=_kinds.TITLE, metavar="INTENSITY,SOURCE",
         help="Of the grid, for carbon of training: '300g/kWh, Ember 2024'.")
@setting("--seed", section=TRAINING, type=_kinds.SEED, default=0, show_default=True, help="Of every random draw.")
@click.option("--gate", "gates", multiple=True, type=_kinds.AUDIT_GATE, metavar="GATE",
              help="What a point has to hold to be chosen, on validation items: 'gain >= -2pp @ support=0.1'.")
@click.option("--gate-groups", type=_kinds.NAMES, metavar="COLUMNS", help="Columns that make the groups of gates.")
@click.option("--gate-table", metavar="TABLE", help="More such columns, joined by one that both have: subjects.csv.")
@setting("--quiet", section="Talk", is_flag=True, help="No progress on stderr.")
@json_option
@click.pass_context
def command(
    context: click.Context, model: str, out: Path, quiet: bool, as_json: bool, **options: Any
) -> int:
    """Shrink MODEL by the steps of a recipe, or by the best one found.

    MODEL is an ONNX file, FILE.py:FUNCTION, or the name of a network that is trained first: mlp, lenet300, lenet5,
    cnn1d, cnn2d, separable or residual; with --widths, cnn1d, cnn2d or alexnet. Without --with, or with amounts of
    auto, --flash and --max-drop say what is looked for. OUT gets the network in one file, network.sarto, with every
    byte accounted for, and the accuracy of what it gives back.
    """
    needed = [name for name in ("torch", "onnx", "onnxruntime", "safetensors") if find_spec(name) is None]
    if needed:
        raise SartoError(
            "E301",
            f"sarto compress lacks {', '.join(needed)}",
            cause="networks are read and trained by the extra nn",
            hint="install torch for your machine, and then the extra: pip install 'sarto[nn]'",
        )
    from sarto.cli._talk import open_talk
    from sarto.search.shrink import shrink
    from sarto.search.shrink_folder import ShrinkRequest

    options["patience"], options["widths"] = options["patience"] or 0, options["widths"] or 1
    if options["widths"] > 1 and options["device"] is None:
        raise SartoError(
            "E112",
            "--widths without --device",
            cause="a width is an argument of generated code, and a file has none",
            hint="say which device the network is for: sarto devices",
        )
    for field, flag in _kinds.COSTS.items():
        options[field] = options.pop(flag)
        if flag != "flash" and options[field] is not None and options["device"] is None:
            raise SartoError(
                "E112",
                f"--{flag} without --device",
                cause="a file has no RAM" if flag == "ram" else "a file is not run",
                hint="say which device the network is for: sarto devices",
            )
    for flag in ("mttf", "machine_mttf"):
        options[f"{flag}_s"] = options.pop(flag)
    options["gate_groups"] = options["gate_groups"] or ()
    options["optimise"] = options["optimise"] and f"-{options['optimise']}"
    options["command"] = current_call().command(*untyped_words(context))
    result = shrink(ShrinkRequest(model=model, out=out, **options), open_talk(quiet))
    return _show(result, as_json)
# fmt: on


def _show(result: ShrinkResult, as_json: bool) -> int:
    """Print the last screen, or the document, and return the exit code."""
    from sarto.cli._folder import read_with_report, shown
    from sarto.cli._limits import sentence, show_nearest, show_verdict, unmet, unmet_file
    from sarto.search.failing import failure as failure_of
    from sarto.search.shrink_folder import FILE

    run = read_with_report(result.out, again=not result.already_done)
    device = "" if run.kind == "storage" else str(run.artifact["device"])
    failure = None
    if not result.verdict.fits:
        summary = run.artifact["summary"]
        failure = unmet(result.verdict, device, summary) if device else unmet_file(result.verdict)
    else:
        failure = failure_of(next(p for p in run.points if p.name == run.chosen))
    if as_json:
        _answer.document(
            {
                "out": str(result.out),
                "already_done": result.already_done,
                "artifact_sha256": run.artifact["sha256"],
                "verdict": result.verdict.to_json(),
                "evidence": [e.to_json() for e in result.evidence],
                "points": [p.to_json() for p in result.points],
                "bytes": result.table.to_json(),
                "remarks": list(result.remarks),
            }
        )
    else:
        if result.already_done:
            _answer.line(f"{shown(result.out)} holds the finished result of this request; nothing was run.\n")
        for text in result.remarks:
            _answer.remark(f"note: {text}")
        show_nearest(result.points, result.verdict)
        _answer.line()
        show_verdict(result.verdict, result.evidence, device)
        _answer.line(f"\n{sentence(run)}\n")
        _bytes(result)
        found = {e.what: e.value for e in result.evidence}
        right, given = (100 * found[what] for what in ("test accuracy", "given test accuracy"))
        _answer.line(
            f"\nThe file is {found['compression']:.1f} times smaller than the network given in float32; it is right on "
            f"{right:.2f} % of the test items, the network given on {given:.2f} %."
        )
        report = shown(result.out / "report.html")
        _answer.line(
            f"files: {shown(result.out)}, the network in {result.out / FILE}, the report in {report}"
        )
    if failure is None:
        return EXIT_DONE
    show(failure)
    return failure.exit_code


def _bytes(result: ShrinkResult) -> None:
    """Print what every tensor takes, part by part."""
    from sarto.report.byte_table import by_tensor

    found = by_tensor(result.table)
    rows = [(row.tensor, str(row.size_b), *(str(size or "") for size in row.sizes_b)) for row in found.rows]
    rows.append(("total", str(found.total_b), *map(str, found.sums_b)))
    _answer.table(("tensor", "bytes", *found.parts), rows, right=range(1, len(found.parts) + 2))
