"""Limits of what an inference takes to compute, and what is said of samples that the sensor's words do not hold."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sarto.core.budget import Budget
from sarto.core.progress import Silent
from sarto.deploy.sensor import SensorFormat
from sarto.measure.model import PINNED
from sarto.search import folder
from sarto.search.deployment import FRONT_SEQUENCES, Deployment, Workshop
from sarto.search.fit import fit
from tests.search.planted import save_npz
from tests.search.test_fit import request_for

pytestmark = pytest.mark.usefixtures("small_search")


@pytest.mark.parametrize("limited", [True, False])
def test_where_work_is_limited_all_sequences_are_run_before_a_model_is_chosen(
    limited: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cycles depend on the data: of two sequences the most is less than of all, and the verdict is on all."""
    asked: list[tuple[int, int]] = []

    def noting(way: Any) -> Any:
        def noted(shop: Workshop, what: Any, sequences: Any, on_device: int) -> Deployment:
            asked.append((len(sequences), on_device))
            return way(shop, what, sequences, on_device)

        return noted

    for name in ("deploy", "again"):
        monkeypatch.setattr(Workshop, name, noting(getattr(Workshop, name)))
    budget = Budget(flash_b=6000, ram_b=1500, latency_s=0.01 if limited else None)
    result = fit(request_for(save_npz(tmp_path / "data.npz"), tmp_path / "out", budget=budget), Silent())
    assert result.verdict.fits
    *chosen, last = asked
    assert last[0] > FRONT_SEQUENCES
    assert set(chosen) == {last if limited else (FRONT_SEQUENCES, FRONT_SEQUENCES)}
    assert last[1] == PINNED


def test_channels_that_are_clamped_are_a_finding() -> None:
    """One sample of 150 is none; two are."""
    values = np.zeros((150, 3))
    values[0, 0] = values[:2, 1] = 200.0
    run: Any = SimpleNamespace(
        problem=SimpleNamespace(sensor=SensorFormat(8, np.array([1.0, 1.0, 1.0]), "given")),
        data=SimpleNamespace(values=values, channels=("a", "b", "c")),
    )
    (finding,) = folder._clamped(run)  # pyright: ignore[reportPrivateUsage]
    assert (finding["what"], finding["severity"]) == ("clamped samples", "warning")
    assert "do not hold 1.33 % of b, which are clamped" in finding["text"]
    values[:] = 0
    assert folder._clamped(run) == []  # pyright: ignore[reportPrivateUsage]
