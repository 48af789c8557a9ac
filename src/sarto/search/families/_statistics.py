"""What the families that look at window statistics share: which statistics, of how many segments."""

from __future__ import annotations

from sarto.core.graph import Graph
from sarto.core.recipe import Step
from sarto.deploy.lower.statistics import lower_statistics, width
from sarto.models.pooling import segment_steps
from sarto.search.families._candidate import MAX_FEATURES, Ground, Shape

SETS: dict[str, tuple[str, ...]] = {
    "mean": ("mean",),
    "spread": ("mean", "deviation"),
    "range": ("mean", "deviation", "least", "largest"),
    "all": ("mean", "deviation", "least", "largest", "change", "crossings"),
}
"""Sets of statistics, each with those of the one before."""
MAX_SEGMENTS = 32


def statistics_body(chosen: str, segments: int, ground: Ground) -> Graph:
    """Return the graph of a set of statistics in `segments` equal parts of the longest item."""
    return lower_statistics(
        SETS[chosen],
        ground.inputs,
        ground.sensor,
        segments,
        segment_steps(segments, ground.longest),
        channels=ground.channels,
        window=ground.window,
    )


def most_segments(chosen: str, shape: Shape, most: int = MAX_FEATURES) -> int:
    """Return the most segments of which the statistics are at most so many, 0 when those of one are more."""
    return min(MAX_SEGMENTS, shape.longest, most // width(SETS[chosen], len(shape.channels)))


def statistics_step(chosen: str, segments: int) -> Step:
    """Return the step of the recipe."""
    return Step("statistics", {"of each channel": ", ".join(SETS[chosen]), "segments": segments})
