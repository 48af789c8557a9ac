"""Sarto cuts AI models to measure: data and a budget in, a model that fits out, with the evidence.

The names below load on first use, so that `import sarto` stays fast and needs neither numpy nor torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

_HOME = {
    "AdaptiveStream": "sarto.learn.adaptive",
    "Budget": "sarto.core.budget",
    "Dataset": "sarto.core.dataset",
    "Device": "sarto.core.device",
    "ESNClassifier": "sarto.learn.readout",
    "ESNDetector": "sarto.learn.anomaly",
    "ESNForecaster": "sarto.learn.forecast",
    "ESNRegressor": "sarto.learn.readout",
    "Evidence": "sarto.core.evidence",
    "Graph": "sarto.core.graph",
    "GraphESNClassifier": "sarto.learn.graph_readout",
    "GraphESNRegressor": "sarto.learn.graph_readout",
    "GraphReservoirTransformer": "sarto.learn.graph_readout",
    "Ledger": "sarto.core.evidence",
    "LMS": "sarto.learn.online",
    "NLMS": "sarto.learn.online",
    "OperatingPoint": "sarto.core.points",
    "ReservoirTransformer": "sarto.learn.readout",
    "RidgeStatistics": "sarto.learn.statistics",
    "RLS": "sarto.learn.recursive",
    "SartoError": "sarto.core.errors",
    "Verdict": "sarto.core.budget",
    "device": "sarto.devices",
    "load": "sarto.data.load",
}
__all__ = ["__version__", *sorted(_HOME)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sarto' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
