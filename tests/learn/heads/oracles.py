# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Adapter of scikit-learn and SciPy for the tests of heads."""

from __future__ import annotations

from typing import Any

from scipy import optimize, special, stats
from sklearn import covariance, discriminant_analysis, kernel_ridge, neighbors

LinearDiscriminantAnalysis: Any = discriminant_analysis.LinearDiscriminantAnalysis
NearestCentroid: Any = neighbors.NearestCentroid
KernelRidge: Any = kernel_ridge.KernelRidge
oas: Any = covariance.oas
norm: Any = stats.norm
log_softmax: Any = special.log_softmax
minimize_scalar: Any = optimize.minimize_scalar
