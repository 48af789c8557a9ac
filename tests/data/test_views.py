"""Views of images: what they show of them, and what has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.examples import Examples, of_arrays
from sarto.data.views import with_views


def spots(row: int, column: int, count: int = 400) -> Examples:
    """Return images of one bright pixel, each of its own brightness."""
    x = np.zeros((count, 2, 8, 9), np.float32)
    x[:, :, row, column] = np.arange(1, count + 1)[:, None]
    return of_arrays(x, np.arange(count) % 3)


def test_a_view_moves_all_of_an_image_by_every_step_alike_often() -> None:
    data = spots(4, 4)
    more = with_views(data, 5, seed=1, shift=2)
    assert len(more) == 2400
    assert np.array_equal(more.x[:400], data.x)
    items, channels, rows, columns = np.nonzero(more.x[400:])
    assert len(items) == 4000  # nothing leaves an image whose middle is moved by 2
    assert np.array_equal(more.x[400:][items, channels, rows, columns], items % 400 + 1)
    for found, middle in ((rows, 4), (columns, 4)):
        steps, counts = np.unique(found - middle, return_counts=True)
        assert steps.tolist() == [-2, -1, 0, 1, 2]
        assert (abs(counts / counts.sum() - 0.2) < 0.04).all()
    assert np.array_equal(more.y, np.tile(data.y, 6))
    assert np.array_equal(with_views(data, 5, seed=1, shift=2).x, more.x)
    assert not np.array_equal(with_views(data, 5, seed=2, shift=2).x, more.x)


def test_half_of_them_are_mirrored_left_and_right_alone() -> None:
    data = spots(1, 2)
    rows, columns = np.nonzero(with_views(data, 4, seed=0, shift=0).x[400:, 0])[1:]
    assert set(rows.tolist()) == {1}
    assert set(columns.tolist()) == {2, 6}
    assert abs((columns == 6).mean() - 0.5) < 0.05
    kept = with_views(data, 4, seed=0, shift=0, mirrored=False).x
    assert np.array_equal(kept, np.tile(data.x, (5, 1, 1, 1)))


def test_what_is_moved_out_of_sight_leaves_zeros() -> None:
    seen = (with_views(spots(0, 4), 3, seed=0, shift=3).x[400:] != 0).any((1, 2, 3))
    assert abs(seen.mean() - 4 / 7) < 0.06  # moved up by 1, 2 or 3, it is gone


def test_groups_stay_with_their_items() -> None:
    more = with_views(replace(spots(4, 4), groups=np.arange(400)), 2, seed=0)
    assert more.groups is not None
    assert np.array_equal(more.groups[400:800], np.arange(400))


@pytest.mark.parametrize(("copies", "shift"), [(-1, 1), (1, -1), (1, 8)])
def test_what_cannot_be_drawn_is_refused(copies: int, shift: int) -> None:
    with pytest.raises(SartoError, match="views of each item") as caught:
        with_views(spots(4, 4), copies, seed=0, shift=shift)
    assert caught.value.code == "E116"


def test_only_images_have_views() -> None:
    with pytest.raises(SartoError, match=r"items of shape \(2,\) have no views"):
        with_views(of_arrays(np.eye(2), np.array([0, 1])), 1, seed=0)
