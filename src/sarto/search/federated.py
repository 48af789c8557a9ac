"""A federated readout that runs on a device: clients compute the features of the integer network that is deployed.

What a client's microcontroller computes is an integer network; statistics of a float reservoir would be of other
features. So here the federation goes over the integers themselves, in three rounds of which each client is in all:

    scaling      mean, deviation and range of every channel: they decide sensor format and standardisation
    ranges       largest pooled state of every neuron: it decides the features' scale
    statistics   of the integer features; the server solves, and rounds the readout with regard to their second moments

The same bits come out of NumPy, of the generated C on this host, and of the generated C in an emulator.

Source: `sarto.learn.federated.fed_readout` and `sarto.deploy.lower`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Integer, Shaped

from sarto.compress.rows import QuantisedRows, quantise
from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.graph import Graph, features, trace
from sarto.deploy.lower import Answers, InputStatistics, feature_exponents, with_readout
from sarto.deploy.lower.reach import needs_reach
from sarto.deploy.sensor import SensorFormat
from sarto.learn.federated._contract import Client, Inputs, Local, Message, Ordinary, Part, Phase, Reply
from sarto.learn.readout import ESNClassifier
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.search.families._candidate import Ground
from sarto.search.families.reservoir import Candidate

READOUT_BITS = 8
STATE_BITS = 16


@dataclass(frozen=True, eq=False)
class IntegerReservoir:
    """A model of `sarto.learn.federated` whose features are those of the integer network.

    Attributes:
        candidate: the reservoir.
        classes: names.
        channels: names.
        whole: whether the data are integers, the sensor's own words.
        body: the integer network without a readout, once the inputs are known.
        sensor: its raw format.
        exponent: of the features, once their ranges are known.
        solved: the readout and what it was solved from.
    """

    candidate: Candidate
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    whole: bool
    body: Graph | None = None
    sensor: SensorFormat | None = None
    exponent: Integer[np.ndarray, " unit"] | None = None
    solved: tuple[RidgeStatistics, RidgeSolution] | None = None

    @classmethod
    def of(cls, estimator: ESNClassifier, data: Dataset) -> IntegerReservoir:
        """Return the integers of an estimator's reservoir.

        Raises:
            SartoError: E171, for a parameter that integers do not have.
        """
        plain = ESNClassifier()
        fixed = (
            "layers",
            "washout",
            "plasticity",
            "segment_steps",
            "standardise",
            "cell_options",
            "time_chunks",
        )
        for name in fixed:
            if getattr(estimator, name) != getattr(plain, name):
                raise SartoError(
                    "E171",
                    f"a reservoir with {name} = {getattr(estimator, name)} for a device",
                    cause="its federated readout is made of one plain reservoir",
                    hint=f"leave {name} out, or leave [device] out",
                )
        candidate = Candidate(
            units=estimator.units,
            seed=estimator.seed,
            segments=estimator.segments,
            cell=estimator.cell,
            pooling=estimator.pooling,
            leak=estimator.leak,
            radius=estimator.radius,
            input_scaling=estimator.input_scaling,
            bias_scaling=estimator.bias_scaling,
            state_bits=STATE_BITS,
        )
        if needs_reach(candidate.build(len(data.channels))):
            raise SartoError(
                "E171",
                f"a {estimator.cell} reservoir for a device",
                cause="the scale of its states depends on data that no client shows",
                hint="use the cell esn or ring",
            )
        return cls(candidate, data.classes, data.channels, np.issubdtype(data.values.dtype, np.integer))

    @property
    def inputs(self) -> int:
        """Channels."""
        return len(self.channels)

    def scaled(self, found: Inputs) -> IntegerReservoir:
        """Return the model with its integer network."""
        ends = np.stack([found.low, found.high])
        words = SensorFormat.calibrate(ends.astype(np.int64) if self.whole else ends)
        peak = float(np.abs((ends - found.mean) / found.scale).max())
        nothing, none = words.encode(ends)[:0], np.zeros(1, np.int64)
        ground = Ground(
            InputStatistics(found.mean, found.scale, peak),
            words,
            self.channels,
            None,
            found.longest,
            nothing,
            none,
        )
        return replace(self, body=self.candidate.body(ground), sensor=words)

    def ranged(self, peaks: Integer[np.ndarray, "segment unit"]) -> IntegerReservoir:
        """Return the model whose features have room for such pooled states."""
        return replace(self, exponent=feature_exponents(peaks[None]))

    def pooled(self, data: Dataset) -> Int[np.ndarray, "item segment unit"]:
        """Return the pooled states of each sequence, integers."""
        assert self.body is not None and self.sensor is not None, "scaling comes first"
        return trace(self.body, self.sensor.encode(data.values), data.offsets)

    def features(self, data: Dataset) -> Float[np.ndarray, "item feature"]:
        """Return the integer features of each sequence."""
        assert self.exponent is not None, "ranges come first"
        return features(self.pooled(data), self.exponent).reshape(len(data), -1).astype(np.float64)

    @property
    def features_id(self) -> str:
        """Names the integer network and the scale of its features."""
        assert self.body is not None and self.exponent is not None, "ranges come first"
        return hashlib.sha256(self.body.sha256.encode() + self.exponent.tobytes()).hexdigest()

    @property
    def width(self) -> int:
        """Features of a sequence."""
        assert self.exponent is not None and self.body is not None, "ranges come first"
        return len(self.exponent) * self.body.segments

    @property
    def vector(self) -> Float[np.ndarray, " weight"]:
        """The readout in floats."""
        if self.solved is None:
            return np.zeros(len(self.classes) * (self.width + 1), np.float32)
        solution = self.solved[1]
        return np.concatenate([solution.weights.reshape(-1), solution.intercept]).astype(np.float32)

    def mask(self, part: Part) -> Bool[np.ndarray, " weight"]:
        """Return that everything is the head."""
        return np.full(len(self.classes) * (self.width + 1), part != "features")

    def with_vector(self, vector: Float[np.ndarray, " weight"]) -> IntegerReservoir:
        """Refuse a readout that comes from no statistics (E171)."""
        raise _inexact()

    def with_head(
        self, weights: Float[np.ndarray, "class feature"], intercept: Float[np.ndarray, " class"]
    ) -> IntegerReservoir:
        """Refuse a readout that comes from no statistics (E171)."""
        raise _inexact()

    def with_solution(self, statistics: RidgeStatistics, solution: RidgeSolution) -> IntegerReservoir:
        """Return the model with a readout."""
        return replace(self, solved=(statistics, solution))

    def trained(
        self, data: Dataset, local: Local, seed: int, shift: Float[np.ndarray, " weight"] | None = None
    ) -> Float[np.ndarray, " weight"]:
        """Refuse gradient steps (E171)."""
        raise _inexact()

    def macs(self, data: Dataset, local: Local | None) -> int:
        """Return the multiplications of all steps."""
        units = self.candidate.units
        return int(data.lengths.sum()) * units * (units + self.inputs)

    @cached_property
    def _rounded(self) -> QuantisedRows:
        """The readout's weights in 8 bits, rounded with regard to the second moments of the features."""
        assert self.solved is not None, "solved"
        statistics, solution = self.solved
        moment = statistics.C_xx + solution.ridge * np.eye(len(statistics.C_xx))
        return quantise(solution.weights, READOUT_BITS, moment)

    def graph(self) -> Graph:
        """Return the whole integer network."""
        assert self.solved is not None and self.body is not None and self.exponent is not None, "solved"
        statistics, small = self.solved[0], self._rounded
        intercept = statistics.mean_y - small.real @ statistics.mean_x
        answers = Answers(small.scale, intercept, self.classes)
        return with_readout(self.body, self.exponent, small.values, answers)

    def scores(self, data: Dataset) -> Float[np.ndarray, "item class"]:
        """Return the outputs of the rounded readout."""
        assert self.solved is not None, "solved"
        statistics, small = self.solved[0], self._rounded
        return (self.features(data) - statistics.mean_x) @ small.real.T + statistics.mean_y


@dataclass(frozen=True)
class Ranges(Ordinary):
    """The method (`sarto.learn.federated._contract`) that finds the largest pooled states; its result is the model."""

    def plan(self) -> tuple[Phase, ...]:
        """Return that each client is heard once."""
        return (Phase("ranges", "each"),)

    def start(self, model: Any, clients: int) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def client(
        self, model: IntegerReservoir, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return the largest pooled state of every neuron."""
        if not len(client.data):
            return Reply(client.number, {}, 0, 0)
        assert isinstance(client.data, Dataset), "a reservoir takes sequences"
        peaks = np.abs(model.pooled(client.data)).max(axis=0)
        macs = model.macs(client.data, None)
        return Reply(client.number, {"peaks": peaks.astype(np.int64)}, len(client.data), macs)

    def opened(self, state: Any, phase: Phase, reply: Reply) -> Reply:
        """Refuse what is no range (E404)."""
        if reply.rows and (reply.message["peaks"] < 0).any():
            raise SartoError(
                "E404",
                f"impossible ranges from client {reply.client}",
                cause="a size is below 0",
                hint="refuse it",
            )
        return reply

    def fold(self, state: Any, phase: Phase, answers: Sequence[Reply]) -> dict[str, Any]:
        """Return the largest of all."""
        peaks = [reply.message["peaks"] for reply in answers if reply.rows]
        peaks += [state["peaks"]] if "peaks" in state else []
        return {"peaks": np.stack(peaks).max(axis=0)} if peaks else dict(state)

    def result(self, state: Any, model: IntegerReservoir) -> IntegerReservoir:
        """Return the model with its ranges."""
        return model.ranged(state["peaks"]) if "peaks" in state else model

    def weighs(self, model: IntegerReservoir, phase: Phase, rows: int) -> tuple[int, int]:
        """Return a number for each feature."""
        return 8 * model.candidate.units * model.candidate.segments, 0

    def saved(self, state: Any) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return the state."""
        return dict(state)

    def restored(self, arrays: Message, model: Any, clients: int) -> dict[str, Any]:
        """Return the state."""
        return dict(arrays)


def _inexact() -> SartoError:
    return SartoError(
        "E171",
        "a readout for a device that comes from no statistics",
        cause="its rounding to 8 bits needs the second moments of the features",
        hint="use fed_readout",
    )
