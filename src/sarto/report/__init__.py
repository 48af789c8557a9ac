"""The report on a finished output folder: one HTML page, a Markdown model card, or one JSON document.

It reads what `fit` wrote and nothing else: no model is run, nothing is measured, no network is used. jinja2 and
matplotlib are imported when a page or card is rendered, not before.
"""

from __future__ import annotations

from sarto.report.card import card
from sarto.report.document import as_json
from sarto.report.page import html
from sarto.report.run import Run, read_run

__all__ = ["Run", "as_json", "card", "html", "read_run"]
