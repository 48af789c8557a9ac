"""Images of MNIST and CIFAR-10 at half their size (means of 2 x 2), standardised per channel by the training part.

>>> halved(np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)).tolist()
[[[[2.5, 4.5], [10.5, 12.5]]]]
"""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from jaxtyping import Float, Int, UInt8

from benchmarks._bench import real_data
from sarto.core.seed import generator
from sarto.data.examples import Examples

FILES = {"mnist": "mnist/mnist.npz", "cifar10": "cifar10/cifar10_jpeg.npz"}
CLASSES = tuple(str(number) for number in range(10))


def halved(x: Float[np.ndarray, "item channel row column"]) -> Float[np.ndarray, "item channel row2 column2"]:
    """Return the means of 2 x 2 values."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5), dtype=np.float32)


def pictures(name: str, count: int, seed: int, tested: int = 10_000) -> tuple[Examples, Examples]:
    """Return `count` training images drawn by `seed`, and `tested` test images drawn once for all seeds."""
    (x, y), (test_x, test_y) = _read(name)
    chosen = generator(seed, "pictures").permutation(len(x))[:count]
    judged = generator(0, "test pictures").permutation(len(test_x))[:tested]
    mean, deviation = x[chosen].mean((0, 2, 3)), x[chosen].std((0, 2, 3))

    def standard(part: Float[np.ndarray, "item ..."]) -> Float[np.ndarray, "item ..."]:
        return ((part - mean[:, None, None]) / deviation[:, None, None]).astype(np.float32)

    return (
        Examples(standard(x[chosen]), y[chosen].astype(np.int64), CLASSES),
        Examples(standard(test_x[judged]), test_y[judged].astype(np.int64), CLASSES),
    )


@cache
def _read(name: str) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    with np.load(real_data(FILES[name]), allow_pickle=False) as held:
        if name == "mnist":
            return tuple(
                (halved(held[f"x_{part}"][:, None].astype(np.float32) / 255), held[f"y_{part}"])
                for part in ("train", "test")
            )
        return tuple(
            (halved(decoded(held[f"jpeg_{part}"], held[f"off_{part}"])), held[f"y_{part}"])
            for part in ("train", "test")
        )


def decoded(
    data: UInt8[np.ndarray, " byte"],
    offsets: Int[np.ndarray, " end"],
    items: Int[np.ndarray, " item"] | None = None,
) -> Float[np.ndarray, "item channel row column"]:
    """Return the chosen JPEG images of those that lie one after the other, or all, from 0 to 1."""
    from PIL import Image

    chosen = np.arange(len(offsets) - 1) if items is None else items
    images = [
        np.asarray(Image.open(io.BytesIO(data[offsets[i] : offsets[i + 1]].tobytes())).convert("RGB"))
        for i in chosen.tolist()
    ]
    return np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / 255
