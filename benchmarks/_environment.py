"""Where a benchmark ran: processor, cores, versions and the code's hash; no name or path of the machine.

>>> sorted(environment())[:4]
['code_sha256', 'cores', 'load_before', 'packages']
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sarto.core.store import package_sha256

PACKAGES = (
    "sarto",
    "numpy",
    "scipy",
    "scikit-learn",
    "optuna",
    "click",
    "ziglang",
    "unicorn",
    "pyelftools",
    "aeon",
)
"""Those that decide a figure."""


def environment() -> dict[str, Any]:
    """Return the environment as plain JSON values; `load_before` is the mean number of busy processes, 1 minute."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "code_sha256": package_sha256(),
    }


def processor() -> str:
    """Return the processor's model, or its architecture where the system does not say."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
