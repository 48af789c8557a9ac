"""What MkDocs calls while it builds: lists the pages of the cells, and puts the parts into each page.

Every cell has a page, or there is no build: `unwritten` names those that have none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from jinja2 import TemplateError
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

from docs._parts import rendered
from docs._parts.cell_pages import cell_names, unwritten


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Refuse to build without a page for every cell, and list those pages in the navigation."""
    if missing := unwritten(Path(config.docs_dir) / "cells"):
        raise PluginError("\n".join(missing))
    pages = [{name: f"cells/{name}.md"} for name in cell_names()]
    entries: Any = getattr(config, "nav", None)
    config["nav"] = _listed(entries or [], pages)
    return config


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Return the page with its parts in their places."""
    try:
        return rendered(markdown)
    except (LookupError, TemplateError) as error:
        reason = error.args[0] if error.args else type(error).__name__
        raise PluginError(f"{page.file.src_uri}: {reason}") from error


def _with_cells(entry: Any, pages: list[dict[str, str]]) -> list[Any]:
    """Return an entry of the navigation as the entries it stands for: `cells/*` for the pages of the cells."""
    if entry == "cells/*":
        return list(pages)
    if isinstance(entry, dict):
        sections = cast("dict[str, Any]", entry).items()
        return [
            {title: _listed(inside, pages) if isinstance(inside, list) else inside}
            for title, inside in sections
        ]
    return [entry]


def _listed(entries: Any, pages: list[dict[str, str]]) -> list[Any]:
    return [page for entry in entries for page in _with_cells(entry, pages)]
