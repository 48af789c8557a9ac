"""The sensor's integer format: how a physical value becomes the raw word that `step()` takes.

`raw = clamp(floor(value / scale + 1/2))`, one scale per channel, in `bits` bits. Integer data are raw words already
(scale 1). For floats the scale is declared by the user, or chosen in calibration: the smallest power of two
that holds the training data.

>>> import numpy as np
>>> sensor = SensorFormat.calibrate(np.array([[0.5, -100.0], [-1.9, 20.0]], np.float32), bits=16)
>>> sensor.bits, sensor.scale.tolist() == [2.0**-14, 2.0**-8]
(16, True)
>>> sensor.encode(np.array([[0.5, -100.0]])).tolist()
[[8192, -25600]]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, Num
from numpy.typing import NDArray

from sarto.core.errors import SartoError

WORDS = {8: np.int8, 16: np.int16, 32: np.int32}


@dataclass(frozen=True, eq=False)
class SensorFormat:
    """Bits of the raw word (8, 16 or 32), the physical value of one count per channel, and who said so."""

    bits: int
    scale: Float[np.ndarray, " channel"]
    chosen: str

    def __post_init__(self) -> None:
        if self.bits not in WORDS:
            raise SartoError(
                "E112",
                f"a sensor word of {self.bits} bits",
                cause="raw words have 8, 16 or 32 bits",
                hint="use the next larger one; a 12-bit converter fills a 16-bit word",
            )
        if not (np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise SartoError(
                "E112", "a sensor scale is not positive", cause="one count must be worth more than 0"
            )

    @staticmethod
    def calibrate(
        values: Num[np.ndarray, "row channel"], bits: int = 16, scale: float | None = None
    ) -> SensorFormat:
        """Return the format for training `values`: as declared, as the integers say, or the smallest power of two.

        Raises:
            SartoError: E112, when `bits` is no word length or too small for integer data.
        """
        channels = values.shape[1]
        if scale is not None:
            declared = np.full(channels, scale, dtype=np.float64)
            return SensorFormat(bits, declared, "declared")
        if np.issubdtype(values.dtype, np.integer):
            fitting = [b for b in WORDS if b >= bits and np.abs(values.astype(np.int64)).max() < 2 ** (b - 1)]
            if not fitting:
                largest = int(np.abs(values.astype(np.int64)).max())
                raise SartoError(
                    "E112",
                    f"a raw word of {largest} is beyond 32 bits",
                    cause="integer data are taken as the sensor's own words, and they do not fit an int32",
                    hint="leave that channel out, or give the data as floating-point numbers",
                )
            return SensorFormat(
                fitting[0],
                np.ones_like(values[0], dtype=np.float64),
                "taken as 1, since the data are integers",
            )
        peak = np.abs(values.astype(np.float64)).max(axis=0)
        least = np.maximum(peak, np.finfo(np.float32).tiny) / ((1 << (bits - 1)) - 1)
        power: NDArray[np.float64] = np.exp2(np.ceil(np.log2(least)))
        return SensorFormat(bits, power, "chosen in calibration")

    def beyond(self, values: Num[np.ndarray, "row channel"]) -> Float[np.ndarray, " channel"]:
        """Return the share of `values` in each channel that a word cannot hold, and that are clamped."""
        limit = 2 ** (self.bits - 1) - 0.5
        return (np.abs(values.astype(np.float64)) > limit * self.scale).mean(axis=0)

    def encode(self, values: Num[np.ndarray, "row channel"]) -> Integer[np.ndarray, "row channel"]:
        """Return raw words of physical `values`, clamped to the symmetric range of the word."""
        limit = 2 ** (self.bits - 1) - 1
        counts = np.floor(values.astype(np.float64) / self.scale + 0.5)
        return np.clip(counts, -limit, limit).astype(WORDS[self.bits])
