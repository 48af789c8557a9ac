"""Builds a guarded image: links it, sums its flash, and links it again with the sum in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sarto.core.device import Device, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, How
from sarto.deploy.guard import UNSET, Guard, guarded, rotating_sum
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.image import Image
from sarto.measure.model import device_of, read_pinned
from sarto.measure.outputs import check_equal

ENOUGH = 2
"""Inputs on which the instructions of a guard are counted: a scrub takes as many whatever the input."""


def build_guarded(
    sources: Mapping[str, str],
    device: Device,
    parts: int = 1,
    *,
    weights: bool = True,
    optimise: str = "-O2",
    flash_b: int | None = None,
    ram_b: int | None = None,
    cache: Path | None = None,
) -> tuple[Image, dict[str, str]]:
    """Return the image of the model in `sources` with a guard, and its sources with the sum in them.

    Args:
        sources: as `build` takes them, without a guard.
        device: to build for.
        parts: answers after which all of the flash was checked.
        weights: whether the tables of weights are summed too.
        optimise: the compiler's level.
        flash_b: flash allowed; None allows all of it.
        ram_b: RAM allowed; None allows all of it.
        cache: a folder in which to keep what was built.

    Raises:
        SartoError: as `build`, and E150 as `guarded`.
    """

    def built(total: int) -> tuple[Image, dict[str, str]]:
        made = guarded(sources, parts, total, weights=weights)
        return build(made, device, optimise=optimise, flash_b=flash_b, ram_b=ram_b, cache=cache), made

    image, made = built(UNSET)
    total = flash_sum(image)
    if total == UNSET:
        return image, made
    image, made = built(total)
    assert flash_sum(image) == total, "the sum lies among what is summed"
    return image, made


def overhead(
    out: Path, manifest: Mapping[str, Any], guard: Guard, command: str
) -> tuple[dict[str, str], list[Evidence]]:
    """Return the sources of the finished folder `out` with a guard that learns its sum, and what the guard takes.

    A project of the user's links other code beside the model, so that nobody can know the sum before: the guard takes
    that of its first scrub after the start. What is measured is the whole image of the folder, with and without it.

    Args:
        out: an output folder with an image.
        manifest: of it.
        guard: to add.
        command: that shows the evidence again.

    Raises:
        SartoError: E112, for this host, which has no flash to sum; E150 as `guarded`; as `build` and `emulate`.
    """
    device = device_of(out, manifest)
    if isinstance(device, Host):
        cause = "a guard sums the flash of a microcontroller"
        raise SartoError(
            "E112", "--guard on this host", cause=cause, hint="fit or compress for another device"
        )
    names = [name for name in manifest["files"] if Path(name).suffix in (".c", ".h", ".ld")]
    sources = {name: (out / name).read_text(encoding="utf-8") for name in names}
    model = {name: sources[name] for name in ("model.c", "model.h")}
    level, few = str(manifest["optimise"]), read_pinned(out).pinned(ENOUGH).listed()
    plain = build(model, device, optimise=level)
    made, _ = build_guarded(model, device, guard.parts, weights=guard.weights, optimise=level)
    before, after = emulate(plain, few), emulate(made, few)
    check_equal(before.outputs, after.outputs, "the model", "the model with its guard")
    counts = [int(np.median(run.inference_instructions)) for run in (before, after)]
    tool = f"guard {guard}, against the image without, zig {level}, {device.name}"

    def told(what: str, less: float, more: float, unit: str, how: How) -> list[Evidence]:
        share = Evidence(f"share of {what} added by the guard", (more - less) / less, "1", how, tool, command)
        return [Evidence(f"{what} added by the guard", more - less, unit, how, tool, command), share]

    found = told("flash", plain.flash_b, made.flash_b, "B", "measured")
    found += told("instructions per inference", counts[0], counts[1], "instructions", "emulated")
    return guarded({**model, "link.ld": sources["link.ld"]}, guard.parts, weights=guard.weights), found


def flash_sum(image: Image) -> int:
    """Return the sum over the flash of a guarded image, up to where its own sum lies."""
    last = next(s.address for s in image.contents.symbols if s.name == "model_guard_sum")
    end = last - image.device.flash.origin
    return rotating_sum(np.frombuffer(image.flash[:end], "<u4"))
