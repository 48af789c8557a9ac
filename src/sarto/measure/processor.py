"""The processor of this computer, told without numpy, for who asks only that.

>>> processor() != ""
True
"""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Return what the system says of the processor, such as `AMD EPYC 7B13`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names and names[0] else platform.machine()
