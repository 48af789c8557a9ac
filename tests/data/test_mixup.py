"""Mixtures of items: what they are made of, and what cannot be mixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.examples import of_arrays
from sarto.data.mixup import with_mixtures

DATA = of_arrays(np.eye(50, dtype=np.float32), np.arange(50) % 3)


def test_a_mixture_is_two_items_whose_shares_add_up_and_the_larger_gives_the_class() -> None:
    more = with_mixtures(DATA, 3, seed=1)
    assert len(more) == 200
    assert np.array_equal(more.x[:50], DATA.x)
    np.testing.assert_allclose(more.x.sum(1), 1, rtol=1e-6)
    assert ((more.x > 0).sum(1) <= 2).all()
    assert np.array_equal(more.x.argmax(1) % 3, more.y)
    assert more.x.dtype == np.float32
    assert not np.array_equal(more.x[50:100], more.x[100:150])
    assert np.array_equal(with_mixtures(DATA, 3, seed=1).x, more.x)
    assert not np.array_equal(with_mixtures(DATA, 3, seed=2).x, more.x)


def test_shares_are_those_of_a_beta_distribution() -> None:
    """The larger of m and 1 - m has the mean 3/4 for an even m, and lies nearer to 1 for a small a."""
    largest = with_mixtures(DATA, 80, seed=0).x[50:].max(1)
    assert abs(largest.mean() - 0.75) < 0.02
    assert with_mixtures(DATA, 80, seed=0, alpha=0.1).x[50:].max(1).mean() > 0.9
    assert with_mixtures(DATA, 0, seed=0).x.shape == DATA.x.shape


def test_groups_stay_with_the_larger_part() -> None:
    grouped = replace(DATA, groups=np.arange(50))
    more = with_mixtures(grouped, 1, seed=0)
    assert more.groups is not None
    assert np.array_equal(more.groups, more.x.argmax(1))


@pytest.mark.parametrize(("copies", "alpha"), [(-1, 1.0), (1, 0.0), (1, float("nan"))])
def test_what_cannot_be_drawn_is_refused(copies: int, alpha: float) -> None:
    with pytest.raises(SartoError, match="mixtures of each item") as caught:
        with_mixtures(DATA, copies, seed=0, alpha=alpha)
    assert caught.value.code == "E116"


def test_counts_of_a_device_are_not_mixed() -> None:
    with pytest.raises(SartoError, match="cannot be mixed"):
        with_mixtures(replace(DATA, input_scale=0.1), 1, seed=0)
