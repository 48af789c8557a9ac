"""What a self-test takes on a device: flash, RAM and instructions, by the image with it and the one without.

Both images run the same example program, the one with the self-test before the first sample. Flash and static RAM are
differences of two links, the instructions are the difference of two whole runs of the emulator on the same sequences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from sarto.core.device import Device
from sarto.deploy.c.program import image_sources
from sarto.deploy.c.selftest import main_with_selftest
from sarto.measure.build import build
from sarto.measure.emulate import MOST_INSTRUCTIONS
from sarto.measure.image import Image
from sarto.measure.machine import Machine


@dataclass(frozen=True)
class SelfTestCost:
    """What was measured.

    Attributes:
        mismatches: that the self-test found on the emulated device; 0 of a sound model.
        flash_b: more flash, table and code.
        ram_b: more static RAM.
        instructions: of one self-test.
        image: with the self-test.
        plain: without it.
    """

    mismatches: int
    flash_b: int
    ram_b: int
    instructions: int
    image: Image
    plain: Image


def selftest_cost(
    sources: Mapping[str, str],
    selftest: Mapping[str, str],
    device: Device,
    sequences: Sequence[Integer[np.ndarray, "_ _"]],
    *,
    optimise: str = "-O2",
    cache: Path | None = None,
) -> SelfTestCost:
    """Return what the self-test of a model takes.

    Args:
        sources: of the model, as `build` takes them.
        selftest: of `deploy.c.selftest.selftest_sources`.
        device: to build for and to emulate.
        sequences: at least one, that both programs run afterwards.
        optimise: the compiler's level.
        cache: a folder in which to keep what was built.

    Raises:
        SartoError: as `build` and `emulate`.
    """
    main = main_with_selftest(sources.get("main.c", image_sources()["main.c"]))
    plain = build(sources, device, optimise=optimise, cache=cache)
    image = build({**sources, **selftest, "main.c": main}, device, optimise=optimise, cache=cache)
    runs = [Machine(built, sequences, "block", MOST_INSTRUCTIONS) for built in (plain, image)]
    for run in runs:
        run.run()
    said = runs[1].results()
    assert np.array_equal(said[1:], runs[0].results()), "after the self-test the model answers as before"
    return SelfTestCost(
        int(said[0, 2]),
        image.flash_b - plain.flash_b,
        image.static_ram_b - plain.static_ram_b,
        runs[1].probe.total - runs[0].probe.total,
        image,
        plain,
    )
