"""Explain an error code, or the decisions in a manager's log."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from sarto.cli import _answer
from sarto.cli._failures import nearest
from sarto.cli._verb import json_option, verb
from sarto.core.errors import SartoError, error_pages


def _complete(context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    pages = error_pages().values()
    return [CompletionItem(p.code, help=p.title) for p in pages if p.code.startswith(incomplete.upper())]


@verb("explain", example="sarto explain E203")
@click.argument("code", metavar="[CODE|LOG]", required=False, shell_complete=_complete)
@json_option
def command(code: str | None, as_json: bool) -> None:
    """Explain an error CODE: what it means, why it happens, what to do. Without a code, list them all.

    Of a LOG, the decisions.jsonl of sarto adapt or of a session in Python, say each decision in a sentence.
    """
    if code is not None and (
        code.endswith(".jsonl") or (code.upper() not in error_pages() and Path(code).is_file())
    ):
        from sarto.runtime.log import sentences

        told = list(sentences(Path(code)))
        if as_json:
            _answer.document(told)
        else:
            for text in told or ["no decision is logged there"]:
                _answer.remark(text)
        return
    pages = error_pages()
    if code is None:
        if as_json:
            _answer.document([asdict(page) for page in pages.values()])
        else:
            rows = [(page.code, page.title, str(page.exit_code)) for page in pages.values()]
            _answer.table(("code", "what it means", "exit code"), rows, right=(2,))
        return
    page = pages.get(code.upper())
    if page is None:
        hint = nearest(code, pages) or "`sarto explain` lists all codes"
        raise SartoError("E111", f"'{code}' is not an error code", cause="it has no page", hint=hint)
    if as_json:
        _answer.document(asdict(page))
    else:
        _answer.markdown(f"{page.code}: {page.title} (exit code {page.exit_code})", page.text)
