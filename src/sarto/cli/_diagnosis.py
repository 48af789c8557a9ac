"""What a reservoir would do on data, for `sarto doctor`: the default one, or that of a finished folder."""

from __future__ import annotations

from pathlib import Path

from sarto.audit import diagnose
from sarto.core.dataset import Dataset
from sarto.learn.diagnosis import Diagnosis
from sarto.search.dynamics import reservoir_of


def diagnosis(data: Dataset, model: Path | None) -> tuple[str, Diagnosis]:
    """Return whose diagnosis it is, in words, and the diagnosis.

    Args:
        data: of which the heads of a few items are looked at.
        model: a finished output folder; None for the reservoir that the estimators make by default.

    Raises:
        SartoError: E112, E114, for a folder that has no reservoir for these data.
    """
    if model is None:
        return "the default reservoir", diagnose.default(data)
    return f"the reservoir of {model}", diagnose.of(reservoir_of(model, len(data.channels)), data)
