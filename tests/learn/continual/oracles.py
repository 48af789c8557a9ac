# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Adapter of SciPy for the tests of drift."""

from __future__ import annotations

from typing import Any

from scipy import integrate, stats

binom: Any = stats.binom
kstest: Any = stats.kstest
ttest_ind: Any = stats.ttest_ind
quad: Any = integrate.quad
