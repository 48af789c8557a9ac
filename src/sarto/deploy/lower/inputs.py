"""From raw sensor words to standardised inputs of 16 bits, and the multipliers that every lowering shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, Num

from sarto.core.errors import SartoError
from sarto.core.graph import Op, Tensor, multiplier
from sarto.deploy.sensor import SensorFormat

LEAST_FACTOR = 2.0**-48
"""The smallest factor with 15 significant bits and a shift of at most 62."""


@dataclass(frozen=True, eq=False)
class InputStatistics:
    """Mean and standard deviation per channel, in physical units, and the largest |standardised| training value."""

    mean: Float[np.ndarray, " channel"]
    std: Float[np.ndarray, " channel"]
    peak: float

    @staticmethod
    def of(values: Num[np.ndarray, "row channel"]) -> InputStatistics:
        """Return the statistics of training `values`."""
        wide = values.astype(np.float64)
        mean, std = wide.mean(axis=0), wide.std(axis=0)
        return InputStatistics(mean, std, float(np.abs((wide - mean) / std).max()))


def input_scale(inputs: InputStatistics) -> float:
    """Return the smallest power of two in counts of which the largest standardised training value fits 16 bits."""
    return 2.0 ** math.ceil(math.log2(inputs.peak / 32767))


def factors(values: Float[np.ndarray, " row"]) -> tuple[Integer[np.ndarray, " row"], int]:
    """Return int16 multipliers of all `values` with one common shift; the least that can be written is 2^-62."""
    _, shift = multiplier(max(float(values.max()), LEAST_FACTOR))
    return np.maximum(np.rint(values * 2.0**shift), 1).clip(max=32767).astype(np.int16), shift


def standardise_op(
    inputs: InputStatistics, sensor: SensorFormat, input_scale: float
) -> tuple[Op, list[Tensor]]:
    """Return the operation, with its tensors, that makes inputs in counts of `input_scale` of raw words."""
    word = 2 ** (sensor.bits - 1) - 1
    zero = np.rint(inputs.mean / sensor.scale).clip(-word, word).astype(np.int32)
    factors = sensor.scale / inputs.std / input_scale
    try:
        _, shift = multiplier(float(factors.max()), bits=24)
    except ValueError as error:
        raise SartoError(
            "E112",
            f"a sensor scale of {sensor.scale[factors.argmax()]:g} does not suit the data",
            cause=f"their standard deviation is {inputs.std[factors.argmax()]:g}",
            hint="one count of the sensor should be worth a small part of that",
        ) from error
    factor = np.maximum(np.rint(factors * 2.0**shift), 1).astype(np.int32)
    tensors = [
        Tensor("raw", f"int{sensor.bits}", zero.shape, "input"),
        Tensor("zero", "int32", zero.shape, "const", zero),
        Tensor("factor_in", "int32", factor.shape, "const", factor),
        Tensor("x", "int16", zero.shape, "scratch", scale=input_scale),
    ]
    return Op(
        "standardise", {"raw": "raw", "zero": "zero", "factor": "factor_in"}, {"x": "x"}, {"shift": shift}
    ), tensors
