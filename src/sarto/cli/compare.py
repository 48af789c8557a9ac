"""Compare two finished models figure by figure, with a gate for those that may not get worse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sarto.cli import _answer, _kinds
from sarto.cli._failures import place_of, show
from sarto.cli._settings import setting
from sarto.cli._verb import json_option, one_form, verb
from sarto.core.errors import EXIT_DONE, SartoError

if TYPE_CHECKING:
    from sarto.report.compare import Comparison, Figure, Side
    from sarto.report.gate import Gate

COLUMNS = ("figure", "A", "B", "change", "of A", "outcome", "how")
_STYLES = {
    "better": "green",
    "worse": "red",
    "unlike": "yellow",
    "only in A": "yellow",
    "only in B": "yellow",
}


# fmt: off
@verb("compare", example="sarto compare base/ out/ --gate flash:2% --gate 'test accuracy:0.01'")
@click.argument("out_a", metavar="OUT_A", type=click.Path(path_type=Path))
@click.argument("out_b", metavar="OUT_B", type=click.Path(path_type=Path))
@setting("--gate", "gates", section="Gate", multiple=True, type=_kinds.GATE, metavar="NAME[:ALLOWANCE]",
         help="What may not get worse: flash, or flash:500B, flash:2%, 'test accuracy:0.01'; all for each of A.")
@click.option("--markdown", is_flag=True, help="Print tables for a comment on a pull request.")
@json_option
@click.pass_context
def command(
    context: click.Context, out_a: Path, out_b: Path, gates: tuple[str, ...], markdown: bool, as_json: bool
) -> int:
    """Compare the finished model in OUT_B, the candidate, with that in OUT_A, the base.

    Every figure that either folder has stands beside the other, with its change and how it was come by; then what else
    differs. With --gate the exit code is 5 when a named figure got worse by more than its allowance, or cannot be
    judged. An allowance has a unit, or is a share of A's figure; of an accuracy and the like, which have no unit, 0.01
    and 1% both are one percentage point. Intervals are shown, and play no part in a gate.
    """
    one_form({"--json": as_json, "--markdown": markdown})

    from sarto.report.compare import Comparison
    from sarto.report.gate import read_gates

    comparison = Comparison(_read(out_a, "OUT_A"), _read(out_b, "OUT_B"))
    try:
        asked = read_gates(gates, comparison.figures)
    except SartoError as error:
        option = next(p for p in context.command.params if isinstance(p, click.Option) and p.name == "gates")
        place = place_of(option, context)
        raise SartoError(error.code, f"{place}: {error.message}", cause=error.cause, hint=error.hint) from None
    figures = {figure.what: figure for figure in comparison.figures}
    judged = [(gate, figures[gate.what]) for gate in asked]
    if as_json:
        found = [gate.to_json(figure) for gate, figure in judged]
        passed = all(gate["passed"] for gate in found) if found else None
        _answer.document(comparison.to_json() | {"gates": found, "passed": passed})
    elif markdown:
        _answer.verbatim(_as_markdown(_blocks(comparison, judged)))
    else:
        _print(_blocks(comparison, judged))
    failed = [(gate, figure) for gate, figure in judged if gate.failure(figure)]
    if not failed:
        return EXIT_DONE
    failure = _failure(failed, len(judged))
    show(failure)
    return failure.exit_code
# fmt: on


def _read(folder: Path, argument: str) -> Side:
    """Return what a folder says; what is wrong with it knows which of the two it was."""
    from sarto.report.compare import read_side

    try:
        return read_side(folder)
    except SartoError as error:
        message = f"{argument} ({folder}): {error.message}"
        raise SartoError(error.code, message, cause=error.cause, hint=error.hint) from None


class _Table:
    """Rows under column names, as `_answer.table` takes them."""

    def __init__(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        right: Sequence[int] = (),
        styles: Sequence[str] = (),
    ) -> None:
        self.columns, self.right, self.styles = columns, right, styles
        self.rows = [[text.replace("\u00a0", " ") for text in row] for row in rows]


def _blocks(comparison: Comparison, judged: list[tuple[Gate, Figure]]) -> list[str | _Table]:
    """Return the answer: paragraphs and tables."""
    from sarto.cli._folder import shown
    from sarto.report import words

    sides = (("A", comparison.a), ("B", comparison.b))
    blocks: list[str | _Table] = [
        f"{letter}, {shown(side.folder)}: {side.run.artifact['summary'].rstrip('.')}. {words.verdict(side.run)}"
        for letter, side in sides
    ]
    if comparison.unlike:
        blocks.append("Not like with like. " + " ".join(comparison.unlike))
    rows = [_row(figure) for figure in comparison.figures]
    styles = [_STYLES.get(figure.state, "") for figure in comparison.figures]
    blocks.append(_Table(COLUMNS, rows, right=(1, 2, 3, 4), styles=styles))
    blocks += comparison.chance
    if comparison.differences:
        changes = ((d.what, *d.texts) for d in comparison.differences)
        blocks.append(_Table(("what changed", "A", "B"), changes))
    else:
        blocks.append("Nothing else differs: the same request, data, tools and model.")
    if judged:
        fates = [(words.name(f.what), g.allowance(f), g.failure(f)) for g, f in judged]
        rows = [(name, allowed, f"failed: {why}" if why else "passed") for name, allowed, why in fates]
        styles = ["red" if why else "green" for *_, why in fates]
        blocks.append(_Table(("gate", "may be worse by", "result"), rows, right=(1,), styles=styles))
    return [block.replace("\u00a0", " ") if isinstance(block, str) else block for block in blocks]


def _row(figure: Figure) -> tuple[str, ...]:
    """Return a figure as the columns show it."""
    from sarto.report import words

    a, b, change = figure.a, figure.b, figure.change
    values = ["-" if e is None else words.figure(e.value, e.unit, e.what) for e in (a, b)]
    hows = " -> ".join(dict.fromkeys(e.how for e in (a, b) if e is not None))
    sign = "+" if change and change > 0 else "-"
    moved = f"{sign}{words.apart(change, figure.either.unit, figure.what)}" if change else ""
    percent = 100 * (figure.relative or 0)
    share = f"{percent:+,.0f} %" if abs(percent) >= 100 else f"{percent:+.3g} %" if percent else ""
    return words.name(figure.what), *values, moved, share, figure.state, hows


def _print(blocks: list[str | _Table]) -> None:
    for index, block in enumerate(blocks):
        if index:
            _answer.line()
        if isinstance(block, str):
            _answer.line(block)
        else:
            _answer.table(block.columns, block.rows, right=block.right, styles=block.styles)


def _as_markdown(blocks: list[str | _Table]) -> str:
    from sarto.report.card import escape

    def lines(table: _Table) -> list[str]:
        marks = ["---:" if i in table.right else "---" for i in range(len(table.columns))]
        cells = [[escape(text) for text in row] for row in (table.columns, *table.rows)]
        return [f"| {' | '.join(row)} |" for row in (cells[0], marks, *cells[1:])]

    return "\n\n".join(escape(b) if isinstance(b, str) else "\n".join(lines(b)) for b in blocks)


def _failure(failed: list[tuple[Gate, Figure]], gates: int) -> SartoError:
    """Return the error of the gates that failed."""
    from sarto.report import words
    from sarto.report.gate import enough

    reasons = [f"{words.name(f.what)}: {g.failure(f)}" for g, f in failed]
    gate, figure = failed[0]
    message = f"{reasons[0]}; allowed: {gate.allowance(figure)}"
    cause = ""
    if len(failed) > 1:
        message = f"{len(failed)} of {gates} gates failed: {', '.join(words.name(f.what) for _, f in failed)}"
        cause = "; ".join(reasons)
    wanted = enough([f for _, f in failed])
    hint = (
        f"if that is wanted, allow it by {wanted}"
        if wanted
        else "`sarto explain E501` says what a gate judges"
    )
    texts = [text.replace("\u00a0", " ") for text in (message, cause, hint)]
    return SartoError("E501", texts[0], cause=texts[1], hint=texts[2])
