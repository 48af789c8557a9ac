"""Peers that cannot live beside the versions that Sarto is tested with: each gets a folder of its own from pip.

The folder comes first on the path of the process that runs both sides, so both run with what lies in it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from sarto.core.errors import SartoError


def peer_folder(folder: Path, *requirements: str) -> Path:
    """Return a folder with exactly these packages, without what they would bring along; made once by pip.

    Raises:
        SartoError: E301, when pip cannot get them.
    """
    target = folder / "peers"
    listing = target / "requirements.txt"
    wanted = "\n".join(requirements)
    if listing.exists() and listing.read_text(encoding="utf-8") == wanted:
        return target
    shutil.rmtree(target, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        *requirements,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise SartoError("E301", f"pip cannot install {', '.join(requirements)}", cause=last)
    listing.write_text(wanted, encoding="utf-8")
    return target
