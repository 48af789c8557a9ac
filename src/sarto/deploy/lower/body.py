"""The graph of a body: what runs for every sample, and what it pools, before there is a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sarto.core.graph import Graph, Op, Tensor, Window


def body_graph(
    step: Sequence[Op],
    tensors: Sequence[Tensor],
    seen: Mapping[str, str],
    segments: int,
    segment_steps: int,
    channels: tuple[str, ...],
    window: Window | None,
) -> Graph:
    """Return a graph without a head.

    Args:
        step: what runs for every sample.
        tensors: that it uses.
        seen: what the end of a segment looks at, by role.
        segments: pooling segments.
        segment_steps: steps of each but the last; not used when there is one.
        channels: names.
        window: of a stream, or None.
    """
    return Graph(
        name="model",
        tensors=tuple(tensors),
        step=tuple(step),
        segment=(Op("features", seen, {}),),
        finish=(),
        segments=segments,
        segment_steps=segment_steps if segments > 1 else 0,
        window=window,
        outputs=(),
        channels=channels,
    )
