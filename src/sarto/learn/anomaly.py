# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedBaseClass=false
"""`ESNDetector`: a step of a series is as anomalous as it is unexpected after the steps before it.

    r_t = [x_t - x^_{t | t-k}] over the horizons k      (k = 1: the one-step residual)
    mahalanobis:  s_t = (r_t - m)^T C^-1 (r_t - m)
    channel:      s_t = max_d (r_td - m_d)^2 / C_dd

The readout is fitted to the first part of every normal series; mean m and covariance C of the residuals, and the
threshold, come from the rest, `calibration` of it: residuals of steps that a readout was fitted to are too small. The
threshold for a false-alarm rate alpha is, by `threshold`,

    quantile:  the ceil((n + 1)(1 - alpha))-th smallest of the n scores of the calibration; with exchangeable scores a
               normal step exceeds it with probability at most alpha
    normal:    for normal residuals. mahalanobis: d (n - 1)(n + 1) / (n (n - d)) F_{d, n-d}(1 - alpha);
               channel: the same for d = 1 with alpha' = 1 - (1 - alpha)^(1/d)

Scores are aligned with the input: s_t belongs to step t. The first washout + max(horizons) steps of a series have no
forecast, and the score NaN; they raise no alarm.

Source: Hotelling, "Multivariate quality control" (1947), and Tracy, Young and Mason, "Multivariate control charts for
individual observations", Journal of Quality Technology 24 (1992), eq. 3, for `normal`; Vovk, Gammerman and Shafer,
"Algorithmic learning in a random world" (2005), section 2.2, for `quantile`; Sidak (1967) for alpha'.

>>> t = np.arange(600)
>>> series = np.sin(t / 5)[:, None] + 0.01 * np.random.default_rng(0).normal(size=(600, 1))
>>> model = ESNDetector(units=30, washout=30).fit([series[:500]])
>>> later = series[500:].copy()
>>> later[60] += 0.3
>>> bool(model.alarms([later])[0][60]), int(np.nanargmax(model.scores([later])[0]))
(True, 60)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import f as fisher
from sklearn.utils.validation import check_is_fitted

from sarto.learn._estimator import real
from sarto.learn._lapack import symmetric_eigen
from sarto.learn.forecast import ESNForecaster
from sarto.learn.moments import EPS
from sarto.learn.stream import Stream
from sarto.models.input_error import InputError
from sarto.models.sequences import Sequences

Score = Literal["mahalanobis", "channel"]
Threshold = Literal["quantile", "normal"]


@dataclass(eq=False, repr=False, kw_only=True)
class ESNDetector(ESNForecaster):
    """Scores every step of a series by its forecast residual, and raises alarms at a stated rate.

    Args:
        As `ESNForecaster`, and
        measure: `mahalanobis` or `channel`, see the top of the module.
        false_alarms: alpha, the share of normal steps that may raise an alarm.
        threshold: `quantile` or `normal`.
        calibration: share of each series, its end, that is set aside for residuals and threshold.

    Attributes:
        residuals_: their count, mean and covariance on the calibration steps, as plain values.
        threshold_: scores above it are alarms.
    """

    measure: Score = "mahalanobis"
    false_alarms: float = 0.01
    threshold: Threshold = "quantile"
    calibration: float = 0.3

    _extra: ClassVar[tuple[str, ...]] = ("residuals_", "threshold_")

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit to normal series.

        Raises:
            InputError: E104 (too few steps to calibrate), E105, E108, E115 for the data, E116 for a parameter.
        """
        self._check()
        sequences = self._sequences(X, fitting=True)
        fitted = np.rint(sequences.lengths * (1 - self.calibration)).astype(np.int64)
        firsts = [sequences.values[a : a + n] for a, n in zip(sequences.offsets[:-1], fitted, strict=True)]
        super().fit(firsts)
        parts = zip(self._residuals(sequences), fitted, strict=True)
        rest = np.concatenate([found[n:] for found, n in parts])
        self._calibrate(rest[np.isfinite(rest).all(axis=1)])
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Refuse: a threshold of residuals does not add up from parts (E116)."""
        raise InputError(
            "E116",
            "partial_fit of a detector",
            cause="its threshold belongs to the readout that it was calibrated with",
            hint="fit it to all series at once",
        )

    def scores(self, X: Any) -> list[Float[np.ndarray, " _"]]:
        """Return the score of every step of each series; NaN where there is no forecast of it."""
        check_is_fitted(self, "threshold_")
        return [self._score(found) for found in self._residuals(self._sequences(X, fitting=False))]

    def alarms(self, X: Any) -> list[Bool[np.ndarray, " _"]]:
        """Return whether each step of each series has a score above the threshold."""
        return [found > self.threshold_ for found in self.scores(X)]

    def watch(self, count: int | None = None) -> ScoreStream:
        """Return a stream whose `step` returns the score of the sample, by the forecasts made before it came."""
        check_is_fitted(self, "threshold_")
        return ScoreStream(self, count)

    def _residuals(self, sequences: Sequences) -> list[Float[np.ndarray, "_ residual"]]:
        """Return x_t less each forecast of it, (step, horizon x channel); NaN where there is none."""
        offsets, washout, found = sequences.offsets, self.feature_map_.washout, []
        for index, forecasts in enumerate(self.predict(sequences)):
            values = sequences.values[offsets[index] : offsets[index + 1]]
            residuals = np.full(forecasts.shape, np.nan)
            for j, k in enumerate(self.horizons_):
                residuals[k + washout :, j] = values[k + washout :] - forecasts[washout : len(values) - k, j]
            residuals[: max(self.horizons_) + washout] = np.nan
            found.append(residuals.reshape(len(values), -1))
        return found

    def _calibrate(self, residuals: Float[np.ndarray, "row residual"]) -> None:
        rows, width = residuals.shape
        if rows <= width + 1:
            raise InputError(
                "E104",
                f"{rows} steps to calibrate {width} residuals on",
                cause="their covariance needs more steps than there are residuals",
                hint="give longer series or a larger calibration",
            )
        covariance = np.atleast_2d(np.cov(residuals, rowvar=False))
        self.residuals_ = {
            "count": rows,
            "mean": residuals.mean(axis=0).tolist(),
            "covariance": covariance.tolist(),
        }
        self.threshold_ = self._threshold(np.sort(self._score(residuals)), width)

    def _threshold(self, ordered: Float[np.ndarray, " row"], width: int) -> float:
        rows, alpha = len(ordered), float(self.false_alarms)
        if self.threshold == "normal":
            d = width if self.measure == "mahalanobis" else 1
            single = alpha if self.measure == "mahalanobis" else 1 - (1 - alpha) ** (1 / width)
            factor = d * (rows - 1) * (rows + 1) / (rows * (rows - d))
            return factor * float(fisher.isf(single, d, rows - d))
        rank = math.ceil((rows + 1) * (1 - alpha) - EPS * rows)
        if rank > rows:
            raise InputError(
                "E104",
                f"{rows} steps to tell a false-alarm rate of {alpha:g} by",
                cause=f"a quantile as rare needs {math.ceil(1 / alpha) - 1} normal steps at least",
                hint="give longer series, a larger calibration or rate, or threshold='normal'",
            )
        return float(ordered[rank - 1])

    def _score(self, residuals: Float[np.ndarray, "row residual"]) -> Float[np.ndarray, " row"]:
        left = residuals - np.array(self.residuals_["mean"])
        covariance = np.array(self.residuals_["covariance"])
        if self.measure == "channel":
            variance = np.diag(covariance)
            return (left**2 / np.maximum(variance, variance.max() * EPS**2 + np.finfo(float).tiny)).max(
                axis=1
            )
        values, vectors = symmetric_eigen(covariance)
        # A residual that did not vary in the calibration counts in full when it does: its variance is one rounding.
        scale = np.maximum(values, values.max() * len(values) * EPS + np.finfo(float).tiny)
        return (((left @ vectors) ** 2) / scale).sum(axis=1)

    def _check(self) -> None:
        for name in ("false_alarms", "calibration"):
            value = real(name, getattr(self, name))
            if not 0 < value < 1:
                raise InputError(
                    "E116",
                    f"{name} = {value}",
                    cause="it is a share, above 0 and below 1",
                    hint=f"change {name}",
                )
        for name, known in (("measure", ("mahalanobis", "channel")), ("threshold", ("quantile", "normal"))):
            if getattr(self, name) not in known:
                raise InputError(
                    "E116",
                    f"{name} = {getattr(self, name)!r}",
                    cause="there is none",
                    hint=f"use {' or '.join(known)}",
                )


class ScoreStream:
    """The scores of a detector, one sample at a time; NaN until there are forecasts of every horizon."""

    def __init__(self, detector: ESNDetector, count: int | None) -> None:
        self._detector, self._single = detector, count is None
        self._stream: Stream = detector.stream(1 if count is None else count)
        self._ahead = max(detector.horizons_)
        shape = (self._ahead, 1 if count is None else count, len(detector.horizons_), detector.n_features_in_)
        self._made = np.full(shape, np.nan)

    def step(self, x: Any) -> Any:
        """Take the next sample, (channel,) or (stream, channel); return its score, a number or (stream,)."""
        rows = np.asarray(x, np.float64)[None] if self._single else np.asarray(x, np.float64)
        fresh = self._stream.step(rows)
        past = self._stream.taken > self._detector.feature_map_.washout
        # made[-k] are the forecasts of k steps ago.
        expected = np.stack([self._made[-k][:, j] for j, k in enumerate(self._detector.horizons_)], axis=1)
        residuals = (rows[:, None, :] - expected).reshape(len(rows), -1)
        residuals[~np.isfinite(residuals).all(axis=1)] = np.nan
        self._made = np.concatenate([self._made[1:], np.where(past[:, None, None], fresh, np.nan)[None]])
        scores = self._detector._score(residuals)  # pyright: ignore[reportPrivateUsage]
        return float(scores[0]) if self._single else scores

    def reset(self, streams: Any = slice(None)) -> None:
        """Start every stream anew, or those of an index or mask."""
        self._stream.reset(streams)
        self._made[:, streams] = np.nan

    def snapshot(self) -> dict[str, Any]:
        """Return all that is carried from step to step, as plain arrays."""
        return self._stream.snapshot() | {"forecasts": self._made.copy()}

    def restore(self, snapshot: Any) -> None:
        """Go on from where `snapshot` was taken, of a stream of the same detector (E116 otherwise)."""
        given = {name: snapshot[name] for name in snapshot}
        made = np.asarray(given.pop("forecasts", np.zeros(0)))
        self._stream.restore(given)
        if made.shape != self._made.shape:
            raise InputError(
                "E116", "a snapshot of another stream", cause="it has other forecasts", hint="restore its own"
            )
        self._made = made.copy()
