"""A document of the repository, such as CONTRIBUTING.md, as a page or a part of one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def included(name: str) -> str:
    """Return the text of the file `name` of the repository; links to what is no page become plain words.

    Raises:
        LookupError: when there is no such file.
    """
    path = ROOT / name
    if not path.is_file():
        raise LookupError(f"there is no file {name} to include")
    return re.sub(r"\[([^\]]+)\]\((?!https?://|#)[^)]*\)", r"\1", path.read_text(encoding="utf-8"))
