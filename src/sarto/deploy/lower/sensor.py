"""A network that reads raw sensor words: `with_sensor` puts what it was standardised by before it, in integers.

A network that was trained on `(value - mean) / deviation` of each channel, in counts of s, reads

    q = clamp(requantise(word - zero, factor, shift)),   zero = mean / c,   factor 2^-shift = c / (deviation s)

of words that stand for so many counts c of the channel's value. Words are no tensor in RAM: each line of an item is
standardised as it comes. The zero is rounded to a whole word, which shifts
what the network reads by at most half a word.

>>> import numpy as np
>>> from sarto.compress.quantize import _example, ptq
>>> from sarto.deploy.lower.network import lower_network
>>> state, evaluation = _example.trained()
>>> lowered = lower_network(ptq.quantise(state, evaluation).network)
>>> volts = InputStatistics(np.array([1.0, -0.5]), np.array([0.5, 2.0]), 4.0)
>>> sensor = SensorFormat(16, np.array([0.001, 0.002]), "declared")
>>> raw = with_sensor(lowered, volts, sensor)
>>> words = sensor.encode(volts.mean + volts.std * evaluation.validation.x[:3])
>>> raw.items(words).tolist() == words.tolist(), [op.kind for op in raw.graph.whole][:2]
(True, ['standardise', 'dense'])
"""

from __future__ import annotations

from dataclasses import replace

from sarto.deploy.lower.before import before
from sarto.deploy.lower.inputs import InputStatistics, standardise_op
from sarto.deploy.lower.network import Lowered
from sarto.deploy.sensor import SensorFormat
from sarto.models.input_error import InputError


def with_sensor(lowered: Lowered, inputs: InputStatistics, sensor: SensorFormat) -> Lowered:
    """Return the network `lowered` as one that reads words of `sensor`.

    Args:
        lowered: trained on standardised inputs.
        inputs: mean and deviation that they were standardised by: of each channel, or of each feature of a vector.
        sensor: what a word stands for.

    Raises:
        InputError: E126, when the network has another number of channels, or begins with integers of its own.
        SartoError: E112, when a count of the sensor does not suit the data.
    """
    (given,) = lowered.graph.kind("input")
    if lowered.graph.whole[0].kind in ("front_end", "standardise"):
        raise InputError(
            "E126",
            "a network that reads samples cannot read sensor words",
            cause=f"it begins with '{lowered.graph.whole[0].kind}'",
        )
    if not len(inputs.mean) == len(inputs.std) == len(sensor.scale) == given.shape[-1]:
        raise InputError(
            "E126",
            f"the network reads {given.shape[-1]} channels, and the sensor has {len(sensor.scale)}",
            cause=f"there are {len(inputs.mean)} means",
            hint="give mean, deviation and scale of every channel, or of every feature of a vector",
        )
    op, tensors = standardise_op(inputs, sensor, lowered.scale)
    low, high = lowered.limits
    op = replace(op, attributes={**op.attributes, "low": low, "high": high})
    tensors[0] = replace(tensors[0], shape=given.shape)
    tensors[-1] = replace(tensors[-1], dtype=given.dtype, shape=given.shape)
    most = 2 ** (sensor.bits - 1) - 1
    return replace(lowered, graph=before(lowered.graph, op, tensors), scale=1.0, limits=(-most, most))
