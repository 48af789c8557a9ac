"""Builds a guarded image: links it, sums its flash, and links it again with the sum in its place.

`guard_folder` guards the model of a finished output folder, and returns its sources with what the guards take.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sarto.core.artifact import check_image, read_manifest
from sarto.core.device import Device, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph, load_graph
from sarto.deploy.c.checksums import coverage
from sarto.deploy.c.program import image_sources, linker_script
from sarto.deploy.copies import table_sizes
from sarto.deploy.guard import UNSET, Guards, guarded
from sarto.deploy.sums import rotating_sum
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.evidence import ranged
from sarto.measure.image import Image
from sarto.measure.model import device_of, read_pinned
from sarto.measure.outputs import check_equal

_SEEN = 16
"""Of the inputs that a folder keeps, those that show what a guard takes."""


def build_guarded(
    sources: Mapping[str, str],
    device: Device,
    guards: Guards,
    *,
    graph: Graph | None = None,
    optimise: str = "-O2",
    flash_b: int | None = None,
    ram_b: int | None = None,
    cache: Path | None = None,
) -> tuple[Image, dict[str, str]]:
    """Return the image of the model in `sources` with guards, and its sources with the sum in them.

    Args:
        sources: as `build` takes them, without a guard.
        device: to build for.
        guards: which.
        graph: what `sources` were generated from, for checks of its layers.
        optimise: the compiler's level.
        flash_b: flash allowed; None allows all of it.
        ram_b: RAM allowed; None allows all of it.
        cache: a folder in which to keep what was built.

    Raises:
        SartoError: as `build`, and E150 as `guarded`.
    """

    def built(total: int) -> tuple[Image, dict[str, str]]:
        made = guarded(sources, guards, total, graph)
        return build(made, device, optimise=optimise, flash_b=flash_b, ram_b=ram_b, cache=cache), made

    image, made = built(UNSET)
    if guards.flash is None:
        return image, made
    total = flash_sum(image)
    if total == UNSET:
        return image, made
    image, made = built(total)
    assert flash_sum(image) == total, "the sum lies among what is summed"
    return image, made


def guard_folder(
    out: Path, guards: Guards, *, stored: bool = False, command: str = ""
) -> tuple[dict[str, str], list[Evidence]]:
    """Return the guarded sources of the model in `out`, and what the guards take, after running both images.

    Args:
        out: a folder that `sarto fit` or `sarto compress` finished.
        guards: which.
        stored: whether the sum is in the sources: that of the image that is built here, which only the same compiler
            builds again. Otherwise the guard learns it at its first scrub, whatever compiler links the program.
        command: that shows the evidence again.

    Returns:
        `model.c`, `model.h` and `link.ld`; and the evidence `flash of the guard`, `ram of the guard` and `instructions
        of the guard`, of an inference, the most of any; of checked layers also `checked multiplications` and `checked
        weights`, their shares of those of all layers, with what is left out and why; of copies `copied tables`, their
        bytes with the sum, and which they are.

    Raises:
        SartoError: E112, when the model runs on no device that is flashed; E114, when `out` is no output folder; E403,
            when an answer is another; else as `build_guarded`.
    """
    manifest = read_manifest(out)
    check_image(out, manifest)
    core, given = device_of(out, manifest), read_pinned(out).pinned(_SEEN).listed()
    if isinstance(core, Host):
        raise SartoError(
            "E112",
            f"{core.name} takes no guard",
            cause="a guard is measured in the image of a device, and this computer has none",
            hint="guard a model that was made for a device",
        )
    sources = {name: (out / name).read_text(encoding="utf-8") for name in ("model.c", "model.h")}
    graph = load_graph(out / "graph.npz")
    plain = build(sources, core, optimise=manifest["optimise"])
    if stored:
        image, made = build_guarded(sources, core, guards, graph=graph, optimise=manifest["optimise"])
    else:
        made = guarded(sources, guards, graph=graph)
        image = build(made, core, optimise=manifest["optimise"])
    before, after = emulate(plain, given), emulate(image, given)
    check_equal(before.outputs, after.outputs, "the model", "the guarded model")
    more = after.inference_instructions.astype(np.int64) - before.inference_instructions.astype(np.int64)
    ram_b = [i.static_ram_b + e.peak_stack_b for i, e in ((plain, before), (image, after))]
    subject, linked = str(manifest["sha256"]), f"ELF of {image.toolchain}"
    flash = Evidence(
        "flash of the guard",
        image.flash_b - plain.flash_b,
        "B",
        "measured",
        linked,
        command,
        subject_sha256=subject,
    )
    ram = Evidence(
        "ram of the guard",
        ram_b[1] - ram_b[0],
        "B",
        "emulated",
        after.tool,
        command,
        len(given),
        subject_sha256=subject,
    )
    script = linker_script(
        image.flash_allowed, image.ram_allowed, image.stack_b, made.get("link.ld", image_sources()["link.ld"])
    )
    work = ranged("instructions of the guard", more, "instructions", "emulated", after.tool, command, subject)
    rows = [
        flash,
        ram,
        work,
        *_covered(graph, guards, command),
        *_copied(image, sources, guards, command, subject),
    ]
    return {**made, "link.ld": script}, rows


def _covered(graph: Graph, guards: Guards, command: str) -> list[Evidence]:
    """Return how much of the network is held to checksums, where it is."""
    if not guards.abft:
        return []
    found = coverage(graph, guards.abft)
    left = [f"{name}: {reason}" for name, reason in found.left_out.items()]
    tool = "; ".join([f"{found.layers} of {found.of_layers} layers", *left])
    shares = {"multiplications": found.multiplications, "weights": found.weights}
    return [
        Evidence(f"checked {what}", share, "1", "measured", tool, command, subject_sha256=graph.sha256)
        for what, share in shares.items()
        if share is not None
    ]


def _copied(
    image: Image, sources: Mapping[str, str], guards: Guards, command: str, subject: str
) -> list[Evidence]:
    """Return what of the model lies in the flash twice, where something does."""
    if guards.copy is None:
        return []
    every = tuple(table_sizes(sources["model.c"]))
    names = guards.copy.tables or every
    tool = f"{len(names)} of {len(every)} tables: {', '.join(names)}"
    both_b = next(s.size_b for s in image.contents.symbols if s.name == "kept")
    return [Evidence("copied tables", both_b // 2, "B", "measured", tool, command, subject_sha256=subject)]


def flash_sum(image: Image) -> int:
    """Return the sum over the flash of a guarded image, up to where its own sum lies."""
    last = next(s.address for s in image.contents.symbols if s.name == "model_guard_sum")
    end = last - image.device.flash.origin
    return rotating_sum(np.frombuffer(image.flash[:end], "<u4"))
