"""Random streams."""

import numpy as np

from sarto.core.seed import generator


def test_known_values_so_that_no_release_changes_what_a_seed_means() -> None:
    assert generator(0).integers(1000, size=4).tolist() == PLAIN
    assert generator(7, "esn", 3).integers(1000, size=4).tolist() == PURPOSE


def test_every_seed_and_purpose_is_a_stream_of_its_own() -> None:
    purposes: list[tuple[int, tuple[str | int, ...]]] = [
        (0, ()),
        (0, ("a",)),
        (1, ("a",)),
        (0, ("b",)),
        (0, ("a", "b")),
        (0, ("ab",)),
        (0, ("a", 1)),
        (0, ("a", "1")),
    ]
    draws = {tuple(generator(seed, *p).integers(2**60, size=2).tolist()) for seed, p in purposes}
    assert len(draws) == len(purposes)


def test_streams_are_uncorrelated() -> None:
    a, b = (generator(0, name).normal(size=4000) for name in ("a", "b"))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.06


PLAIN = [976, 936, 693, 865]
PURPOSE = [801, 653, 33, 78]
