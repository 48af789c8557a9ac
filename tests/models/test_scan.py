from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.scan import WIDE, scan


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 9, 17, 100, 262])
@pytest.mark.parametrize(("items", "numbers"), [(1, 5), (3, 4), (2, WIDE // 2)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("complex64", 2e-5), ("complex128", 1e-13)])
def test_a_scan_is_the_recurrence_step_by_step(
    steps: int, items: int, numbers: int, dtype: Any, tolerance: float
) -> None:
    if items * numbers >= WIDE and steps > 9:
        steps = 9
    rng = np.random.default_rng(0)
    a = (np.sqrt(rng.uniform(size=numbers)) * np.exp(2j * np.pi * rng.uniform(size=numbers))).astype(dtype)
    parts = rng.normal(size=(2, steps, items, numbers))
    d, start = (parts[0] + 1j * parts[1]).astype(dtype), rng.normal(size=(items, numbers)).astype(dtype)
    h, wanted = start.astype(complex), np.empty((steps, items, numbers), complex)
    for step in range(steps):
        h = a * h + d[step]
        wanted[step] = h
    got = scan(a, d, start)
    assert got is d
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * (1 + np.abs(wanted).max()))


def test_what_was_carried_is_turned_by_the_power_of_its_step() -> None:
    got = scan(np.array([1j]), np.zeros((9, 1, 1), complex), np.ones((1, 1), complex))[:, 0, 0]
    np.testing.assert_allclose(got, [1j**n for n in range(1, 10)], atol=1e-15)
