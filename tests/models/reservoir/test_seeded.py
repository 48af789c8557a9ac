"""The seeded reservoir: integers times one factor per matrix, from a word that the seed decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.graph.generated import generated
from sarto.models.reservoir import seeded

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.3, "radius": 0.9, "input_scaling": 0.5, "bias_scaling": 0.1}


@pytest.mark.parametrize(("units", "radius"), [(1, 0.9), (2, 0.5), (30, 0.1), (30, 1.4)])
def test_weights_are_generated_integers_times_one_factor_each(units: int, radius: float) -> None:
    settings: dict[str, Any] = USUAL | {"radius": radius}
    cell = seeded.build(units, 3, **settings)
    assert cell.start is not None
    recurrent, driven = generated(cell.start, units, 3)
    assert np.abs(np.linalg.eigvals(cell.recurrent)).max() == pytest.approx(radius, rel=1e-11)
    factor = np.abs(cell.recurrent).max() / np.abs(recurrent.astype(int)).max()
    np.testing.assert_allclose(cell.recurrent, recurrent * factor, rtol=1e-12)
    np.testing.assert_array_equal(cell.inputs, driven[:, :3] * (0.5 / 128))
    np.testing.assert_array_equal(cell.bias, driven[:, 3] * (0.1 / 128))


def test_the_seed_alone_decides_the_start() -> None:
    starts = [seeded.build(units, channels, **USUAL).start for units, channels in ((8, 1), (20, 4))]
    assert starts[0] == starts[1]
    several = {seeded.build(8, 1, **(USUAL | {"seed": seed})).start for seed in range(200)}
    assert len(several) == 200


def test_a_start_without_recurrence_or_input_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one neuron with one input every 128th start has a weight of zero."""
    silent = next(s for s in range(1, 10**5) if not generated(s, 1, 1)[0].any())
    deaf = next(s for s in range(1, 10**5) if generated(s, 1, 1)[0].any() and not generated(s, 1, 1)[1][0, 0])
    drawn = iter([silent, deaf, 2463534242])
    monkeypatch.setattr(seeded, "_drawn", lambda draws: next(drawn))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    assert seeded.build(1, 1, **USUAL).start == 2463534242
