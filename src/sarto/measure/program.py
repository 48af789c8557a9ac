r"""Runs a program in a folder, and returns what it said without the folder's path.

>>> import sys
>>> run_in([sys.executable, "-c", "print('done')"], Path("."))
(0, 'done\n')
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


def run_in(words: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run `words` in `folder`; return the exit status and what was said, in English, without the folder's path."""
    done = subprocess.run(
        list(words),
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = (done.stdout + done.stderr).replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "")
    return done.returncode, said
