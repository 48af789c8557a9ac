# pyright: reportUnknownVariableType=false
"""A stream whose readout learns while it runs: the reservoir of a fitted estimator, and an online readout.

    step(x):       h = F(h, x);  return W f(h, x) + b
    update(x, y):  the same, and then W and b learn that y was wanted
    learn(y):      for targets that come later than the prediction: learn y for the last step

The reservoir, its scaling and the expansion are those of the estimator; its own readout is not used, but
`RLS.start_from(estimator.statistics_)` goes on from it. Streams side by side share one readout, which learns their rows
one after the other. The targets are in their own units: they are not scaled.

>>> from sarto.learn.readout import ReservoirTransformer
>>> from sarto.learn.recursive import RLS
>>> u = np.random.default_rng(0).uniform(-1, 1, (400, 1))
>>> states = ReservoirTransformer(units=30, leak=1.0, input_scaling=0.1, dtype="float64").fit([u])
>>> live = AdaptiveStream(states, RLS(ridge=1e-6))
>>> errors = [float(u[t - 2, 0] - live.update(u[t], u[t - 2])[0]) for t in range(2, 400)]
>>> bool(np.abs(errors[-50:]).max() < 0.05 < np.abs(errors[:20]).max())
True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Num
from sklearn.utils.validation import check_is_fitted

from sarto.learn._estimator import ReservoirEstimator
from sarto.learn.online import AnyArray, OnlineReadout
from sarto.learn.stream import Stream
from sarto.models.input_error import InputError

READOUT = "readout_"


class AdaptiveStream:
    """A stream of predictions of `readout`, which `update` and `learn` change.

    Args:
        estimator: fitted; what it computes for every step is the input of the readout.
        readout: an `LMS`, `NLMS` or `RLS`.
        count: of streams side by side; None is a single one, without an axis for it.
    """

    def __init__(
        self, estimator: ReservoirEstimator, readout: OnlineReadout, count: int | None = None
    ) -> None:
        check_is_fitted(estimator, "feature_map_")
        self.readout, self._single = readout, count is None
        self._stream = Stream(estimator.feature_map_, np.asarray, count, per_step=True)
        self._features: AnyArray | None = None

    def step(self, x: Num[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Take the next sample and return the prediction.

        Args:
            x: (channel,), or (stream, channel) in a batch.

        Returns:
            (output,), or (stream, output) in a batch.

        Raises:
            InputError: E104, when the readout has not learned anything yet; E105, E108 as `Stream.step`.
        """
        self._features = self._stream.features(x)
        assert self._features is not None, "a stream of every step always answers"
        found = self.readout.predict(self._features)
        return found[0] if self._single else found

    def update(self, x: Num[np.ndarray, "..."], y: Num[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Take the next sample and learn that `y` was wanted; return what was predicted before learning it."""
        self._features = self._stream.features(x)
        return self.learn(y)

    def learn(self, y: Num[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Learn that `y` was wanted after the last step; return what is predicted for it before learning.

        Raises:
            InputError: E104, before the first step; E105, E108; SartoError: E404, see `OnlineReadout.update`.
        """
        if self._features is None:
            raise InputError(
                "E104", "0 steps to learn from", cause="no sample was taken", hint="call step first"
            )
        targets = np.asarray(y)[None] if self._single else np.asarray(y)
        if targets.ndim != 2 or len(targets) != len(self._features):
            raise InputError(
                "E108",
                f"y has the shape {np.shape(y)}",
                cause="(output,) is needed, or (stream, output) in a batch",
                hint="write y[None] for one output",
            )
        found = np.array([self.readout.update(f, t) for f, t in zip(self._features, targets, strict=True)])
        return found[0] if self._single else found

    def reset(self, streams: Any = slice(None)) -> None:
        """Put the state of every stream, or of those of an index or mask, at rest; what was learned stays."""
        self._stream.reset(streams)
        self._features = None

    def snapshot(self) -> dict[str, AnyArray]:
        """Return the state and all that the readout has learned, as plain arrays."""
        learned = {READOUT + name: array for name, array in self.readout.snapshot().items()}
        return self._stream.snapshot() | learned

    def restore(self, snapshot: Mapping[str, AnyArray]) -> None:
        """Go on from where `snapshot` was taken.

        Raises:
            InputError: E116, when it is of other features or of another number of streams.
        """
        given = {name: snapshot[name] for name in snapshot}
        learned = {
            name.removeprefix(READOUT): given.pop(name) for name in list(given) if name.startswith(READOUT)
        }
        self._stream.restore(given)
        self.readout.restore(learned)
        self._features = None
