"""The output folder: its report is written here, and what it holds is told in one line.

>>> shown(Path("out") / "report.html").endswith("report.html")
True
"""

from __future__ import annotations

from pathlib import Path

from sarto.core.store import write_atomic
from sarto.report import Run, card, html, read_run

REPORTS = ("report.html", "card.md")


def read_with_report(out: Path, *, again: bool) -> Run:
    """Return what the folder `out` says, with its page and card written.

    Args:
        out: a finished output folder.
        again: also when they are there.

    Raises:
        SartoError: E114, when `out` is no output folder, or is damaged.
    """
    run = read_run(out)
    if again or not all((out / name).is_file() for name in REPORTS):
        for name, render in zip(REPORTS, (html, card), strict=True):
            write_atomic(out / name, render(run))
    return run


def shown(path: Path) -> str:
    """Return `path` as it was typed, folders with a slash at their end."""
    return f"{path}/" if path.is_dir() else str(path)
