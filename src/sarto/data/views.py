"""Views of images: each moved by a few pixels, and half of them mirrored, which leaves their class as it is.

    view[c, i, j] = x[c, i + a, +-j + b],    a, b drawn evenly from -s ... s,    0 where the image ends

Zero is the mean of items that are standardised. A network that learns from views beside the images learns longer
before it knows them by heart.

Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012,
section 4.1; padding with zeros and s = 4 for images of 32 x 32: He et al., CVPR 2016 (arXiv:1512.03385), section 4.2.

>>> from sarto.data.examples import of_arrays
>>> data = of_arrays(np.arange(18.0).reshape(2, 1, 3, 3), np.array([0, 1]))
>>> more = with_views(data, 2, seed=0, shift=1)
>>> len(more), bool((more.x[:2] == data.x).all()), more.y.tolist()
(6, True, [0, 1, 0, 1, 0, 1])
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.data.examples import Examples


def with_views(
    examples: Examples, copies: int, *, seed: int, shift: int = 4, mirrored: bool = True
) -> Examples:
    """Return the items, and behind them `copies` views of each, in float32.

    Args:
        examples: images, (channel, row, column); integers that a device makes itself stay what they are.
        copies: views of each item, from 0.
        seed: of what is drawn.
        shift: s, in pixels; less than an image's side.
        mirrored: left and right are alike; leave it out where they are not, as in digits and letters.

    Raises:
        SartoError: E116, when there are fewer than no copies, or a view would see nothing of its image; E104, when
            items are no images, or samples of a device.
    """
    if len(examples.shape) != 3 or examples.samples is not None:
        raise SartoError(
            "E104",
            f"items of shape {examples.shape} have no views",
            cause="a view is of an image: channel, row, column",
            hint="give images as a network takes them",
        )
    rows, columns = examples.shape[1:]
    if copies < 0 or not 0 <= shift < min(rows, columns):
        raise SartoError(
            "E116",
            f"{copies} views of each item, moved by up to {shift} of {rows} x {columns} pixels",
            cause="there are 0 or more of them, and something of the image stays in view",
            hint="such as 4 pixels of 32",
        )
    draws, parts = generator(seed, "views"), [examples.x.astype(np.float32, copy=False)]
    edge = ((0, 0), (0, 0), (shift, shift), (shift, shift))
    wide = np.pad(parts[0], edge)
    for _ in range(copies):
        corners = draws.integers(0, 2 * shift, (len(examples), 2), endpoint=True)
        turned = draws.random(len(examples)) < 0.5
        view = np.empty_like(parts[0])
        for i, (a, b) in enumerate(corners.tolist()):
            view[i] = wide[i, :, a : a + rows, b : b + columns]
        if mirrored:
            view[turned] = view[turned, :, :, ::-1]
        parts.append(view)
    groups = None if examples.groups is None else np.tile(examples.groups, copies + 1)
    return replace(
        examples, x=np.concatenate(parts), y=np.tile(examples.y, copies + 1), groups=groups, rows=None
    )
