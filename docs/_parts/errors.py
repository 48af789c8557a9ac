"""The catalogue of errors: the pages that `sarto explain` prints."""

from __future__ import annotations

from docs._parts._tables import table
from sarto.core.errors import error_pages


def errors() -> str:
    """Return every page of the catalogue under a heading of its own, after a table of them all."""
    pages = error_pages().values()
    rows = [(f"[{page.code}](#{page.code.lower()})", page.title, str(page.exit_code)) for page in pages]
    overview = table(("code", "what it means", "exit code"), rows, right=(2,))
    sections = [
        f"## {page.code}: {page.title} {{ #{page.code.lower()} }}\n\nExit code {page.exit_code}.\n\n{page.text}"
        for page in pages
    ]
    return "\n\n".join([overview, *sections])
