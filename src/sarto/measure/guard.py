"""Builds a guarded image: links it, sums its flash, and links it again with the sum in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sarto.core.device import Device
from sarto.deploy.guard import UNSET, guarded, rotating_sum
from sarto.measure.build import build
from sarto.measure.image import Image


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


def flash_sum(image: Image) -> int:
    """Return the sum over the flash of a guarded image, up to where its own sum lies."""
    last = next(s.address for s in image.contents.symbols if s.name == "model_guard_sum")
    end = last - image.device.flash.origin
    return rotating_sum(np.frombuffer(image.flash[:end], "<u4"))
