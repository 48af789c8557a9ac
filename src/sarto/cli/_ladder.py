r"""The operating points of a call: a ladder on a platform, or ONNX files that are timed on this computer.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder) / "ladder.csv"
...     _ = file.write_text("variant,accuracy,work\nwhole,0.7,1\n")
...     len(laid_out(file, "odroid_xu3", None)[0])
6
"""

from __future__ import annotations

import math
from pathlib import Path

from sarto.core.device import Assumption
from sarto.core.errors import SartoError
from sarto.devices.platforms import Platform, platform
from sarto.measure.processor import processor
from sarto.runtime.files import ladder_files, read_ladder
from sarto.runtime.points import Points, between, grid


def laid_out(
    ladder: Path, name: str | None, step_hz: float | None, work: float | None = None
) -> tuple[Points, Platform, Platform]:
    """Return the points, the platform as it is stated, and with settings every `step_hz` where that is given.

    Args:
        ladder: table or folder.
        name: of the platform, or its path.
        step_hz: between clocks that are estimated; by default none are.
        work: of the largest model of a folder, as a share of the platform's job; by default all of it.

    Raises:
        SartoError: E112, when a platform is needed, or there is one for files that are timed here, or a table has its
            work stated twice; E181, when a file cannot be run; those of ladders and platforms.
    """
    if work is not None and not ladder.is_dir():
        raise SartoError(
            "E112",
            f"--work {work:g}",
            cause=f"it is for the folder of sarto fit or sarto compress, and '{ladder}' is none",
            hint="state the work of each variant in the table's column work",
        )
    files = ladder_files(ladder)
    if files is not None and name is not None:
        raise SartoError(
            "E112",
            f"--platform {name}",
            cause=f"'{ladder}' names files, which are timed on this computer",
            hint="leave --platform out, or give the work of each variant in place of its file",
        )
    if files is None and name is None:
        raise SartoError(
            "E112",
            "--platform is missing",
            cause="the ladder says how much work variants do, and a platform how long that takes",
            hint="--platform odroid_xu3, or give a ladder of ONNX files: variant,accuracy,file",
        )
    if files is not None:
        from sarto.measure.onnx_ladder import onnx_ladder

        points, _ = onnx_ladder(
            {name: file for name, (_, file) in files.items()},
            {name: share for name, (share, _) in files.items()},
        )
        device = here()
        return Points.of(points), device, device
    stated = platform(str(name))
    variants = read_ladder(ladder, 1.0 if work is None else work)
    device = stated if step_hz is None else between(stated, step_hz, variants=len(variants))
    return Points.of(grid(variants, device)), stated, device


def here() -> Platform:
    """Return this computer as a platform of which nothing is stated."""
    return Platform(
        "here",
        f"this computer ({processor()})",
        "one item through an ONNX file",
        (),
        Assumption(math.nan, "W", "not measured"),
        Assumption(0.0, "s", "no clock is set"),
        Assumption(0.0, "s", "nothing is moved: threads belong to the session of each point"),
    )
