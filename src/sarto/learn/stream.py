"""A fitted model that runs on and on: an object of its own holds the state, and the estimator keeps none.

`step(x)` takes the next sample and returns what `predict` of the estimator would return for all samples since the
start: for a readout of pooled states the answer for the sequence so far, for a readout of every step that of the last
step. It equals the batch answer to rounding: within 1e-12 of the states' size in float64 and 1e-5 in float32, whose
products and sums are cut otherwise in a batch. Several streams run side by side as the rows of one batch.

    stream = model.stream()           # from the zero state
    for x in samples: answer = stream.step(x)
    np.savez(file, **stream.snapshot())     # and later: stream.restore(np.load(file))

What the estimator had learned when the stream began stays with the stream, also when the estimator is fitted anew.

>>> from sarto.learn.readout import ESNRegressor
>>> series = np.sin(np.arange(60) / 3)[:, None]
>>> model = ESNRegressor(units=10, return_sequences=True).fit([series[:-1]], [series[1:, 0]])
>>> stream = model.stream()
>>> live = [float(stream.step(x)) for x in series[:20]]
>>> bool(np.allclose(live, model.predict([series[:20]])[0], atol=1e-5))
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num

from sarto.learn.features import FeatureMap
from sarto.models.input_error import InputError
from sarto.models.running_pool import RunningPool
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.steps import Steps

AnyArray = np.ndarray[Any, np.dtype[Any]]
ID = "features_id"


class Stream:
    """The states of one stream, or of `count` side by side; see the top of the module.

    Args:
        feature_map: of the fitted estimator.
        answer: from the features of each stream, in its rows, to the output.
        count: None is one stream, whose inputs and outputs have no axis for it.
        per_step: whether the features are those of the last step, and not pooled.
    """

    def __init__(
        self,
        feature_map: FeatureMap,
        answer: Callable[[Float[np.ndarray, "row feature"]], Any],
        count: int | None = None,
        *,
        per_step: bool,
    ) -> None:
        if count is not None and count < 1:
            raise InputError(
                "E116", f"count = {count}", cause="a batch has 1 stream at least", hint="use 1 or more"
            )
        self._map, self._answer, self._single = feature_map, answer, count is None
        self._count = 1 if count is None else count
        self._steps = Steps(feature_map.reservoir, self._count, np.dtype(feature_map.dtype))
        self._pool = (
            None if per_step else RunningPool(feature_map.pooling, self._count, feature_map.reservoir.units)
        )
        self._taken = np.zeros(self._count, np.int64)

    @property
    def taken(self) -> Int[np.ndarray, " stream"]:
        """Steps of each stream since its start."""
        return self._taken.copy()

    def step(self, x: Num[np.ndarray, "..."]) -> Any:
        """Take the next sample of every stream and return the answer.

        Args:
            x: (channel,), or (stream, channel) in a batch.

        Returns:
            What `predict` returns for one sequence, with an axis for the streams before it in a batch. None, as long as
            a stream of a pooled readout is within its washout: nothing has been pooled then.

        Raises:
            InputError: E105 (a missing or infinite value), E108 (another shape).
        """
        features = self.features(x)
        if features is None:
            return None
        found = self._answer(features)
        return found[0] if self._single else found

    def features(self, x: Num[np.ndarray, "..."]) -> Float[np.ndarray, "stream feature"] | None:
        """Take the next sample of every stream and return the features that the readout sees; None as `step`."""
        scaled = self._read(x)
        h = self._steps.advance(scaled)
        past = self._taken >= self._map.washout
        self._taken += 1
        if self._pool is None:
            return self._map.expansion(h.copy(), scaled)
        if past.any():
            self._pool.add(h)
            self._pool.rest(~past)
        return self._pool.features().astype(self._map.dtype) if past.all() else None

    def _read(self, x: Num[np.ndarray, "..."]) -> Float[np.ndarray, "stream channel"]:
        rows = np.asarray(x)[None] if self._single else np.asarray(x)
        wanted = (self._count, self._map.reservoir.channels)
        if rows.shape != wanted:
            shape = wanted[1:] if self._single else wanted
            raise InputError(
                "E108",
                f"x has the shape {np.shape(x)}, {shape} is needed",
                cause="a step takes one sample of each channel"
                + ("" if self._single else " for each stream"),
                hint="give one sample at a time",
            )
        read = read_sequences(rows[:, None, :])
        return self._map.scaled(Sequences(read.values, read.offsets)).values

    def reset(self, streams: Any = slice(None)) -> None:
        """Start every stream anew, or those of an index or mask."""
        self._steps.rest(streams)
        self._taken[streams] = 0
        if self._pool is not None:
            self._pool.rest(streams)

    def snapshot(self) -> dict[str, AnyArray]:
        """Return all that a stream carries from step to step, as a copy: plain arrays, for `numpy.savez`."""
        held = {name: array.copy() for name, array in self._held().items()}
        return held | {ID: np.array(self._map.features_id)}

    def restore(self, snapshot: Mapping[str, AnyArray]) -> None:
        """Go on from where `snapshot` was taken, of this stream or of another of the same fitted estimator.

        Raises:
            InputError: E116, when it is of other features or of another number of streams; nothing has changed then.
        """
        held, given = self._held(), {name: np.asarray(snapshot[name]) for name in snapshot}
        known = str(given.pop(ID, ""))
        if known != self._map.features_id:
            cause = f"it is of features {known[:12] or 'unnamed'}, the stream computes {self._map.features_id[:12]}"
            raise _foreign("a snapshot of another estimator", cause)
        shapes, wanted = ({name: a.shape for name, a in arrays.items()} for arrays in (given, held))
        if shapes != wanted:
            raise _foreign("a snapshot of another stream", f"its arrays are {shapes}, those here {wanted}")
        self._take(given)

    def _held(self) -> dict[str, AnyArray]:
        pooled = {} if self._pool is None else self._pool.held()
        return {"taken": self._taken} | self._steps.held() | pooled

    def _take(self, held: Mapping[str, AnyArray]) -> None:
        self._taken[:] = held["taken"]
        self._steps.hold(held)
        if self._pool is not None:
            self._pool.hold(held)


def _foreign(what: str, cause: str) -> InputError:
    return InputError("E116", what, cause=cause, hint="restore what the same kind of stream has given")
