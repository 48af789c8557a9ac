"""Reservoirs whose weights are generated: the same answers on every device, in a fraction of the flash."""

from __future__ import annotations

import numpy as np
import pytest

from sarto.core.graph import Graph
from sarto.deploy.c.emit import emit
from sarto.deploy.lower import Numbers
from sarto.devices import device, microcontrollers
from sarto.measure.build import build
from sarto.measure.emulate import Emulation, emulate
from sarto.measure.image import Image
from sarto.measure.model import RawSequences, outputs
from sarto.measure.outputs import check_equal
from sarto.models.pooling import Pooling
from tests.deploy.models import complete, lowered

FORMATS = {16: Numbers(), 8: Numbers(8, True, 8)}


def emulated(
    cell: str, units: int, channels: int, bits: int, name: str, optimise: str = "-Os"
) -> tuple[Graph, Image, Emulation]:
    """Return a model of random data, its image, and what the image says of the data, which is what NumPy says."""
    model = lowered(cell, units=units, channels=channels, numbers=FORMATS[bits], lengths=(12, 5, 9),
                    pooling=Pooling("mean_square_last"))  # fmt: skip
    graph, sequences = complete(model), RawSequences(model.raw, model.offsets)
    image = build(emit(graph), device(name), optimise=optimise)
    run = emulate(image, sequences.listed())
    check_equal(outputs(graph, sequences), run.outputs, "NumPy", name)
    return graph, image, run


@pytest.mark.parametrize("optimise", ["-Os", "-O2"])
@pytest.mark.parametrize(("units", "channels", "bits"), [(12, 3, 16), (13, 6, 8)])
@pytest.mark.parametrize("name", microcontrollers())
def test_every_device_says_what_numpy_says(
    name: str, units: int, channels: int, bits: int, optimise: str
) -> None:
    graph, _, run = emulated("seeded", units, channels, bits, name, optimise)
    assert graph.step[1].attributes["start"]
    assert len(np.unique(run.outputs.scores)) > 3


@pytest.mark.parametrize("name", ["cortex_m4", "cortex_m0plus"])
def test_the_matrices_leave_the_flash_for_a_third_more_instructions(name: str) -> None:
    """64 units, 8 inputs: 4,096 B of recurrent weights, 512 B of inputs' and 64 B of the bias; 126 B of factors."""
    (_, dense, often), (_, seeded, seldom) = (emulated(c, 64, 8, 16, name) for c in ("esn", "seeded"))
    saved = dense.flash_b - seeded.flash_b
    assert saved > 64 * 64 + 64 * 8 + 64
    ratio = seldom.step_instructions.max() / often.step_instructions.max()
    assert 1.1 < ratio < 1.33
