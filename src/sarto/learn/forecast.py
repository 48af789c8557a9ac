# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedBaseClass=false
"""`ESNForecaster`: later values of a series from the state that its past has left, directly or fed back.

    direct:       x^_{t+k} = W_k f(h_t, x_t) + b_k      for every horizon k, each with its own weights, all in one fit
    closed loop:  x^_{t+1} = W_1 f(h_t, x_t) + b_1,  then  h_{t+1} = F(h_t, x^_{t+1}),  and so on

with f of `sarto.models.expansion` and W by ridge regression on standardised targets. The series themselves are the
targets: one or several, of any lengths, each from the zero state. A closed loop is warmed up on a series that has
happened, from rest as well, and is unstable more easily than the one-step error shows: `noise` is the usual remedy.

Source: Jaeger and Haas, "Harnessing nonlinearity: predicting chaotic systems and saving energy in wireless
communication", Science 304 (2004); Lukosevicius, "A practical guide to applying echo state networks" (2012), section 5.

>>> t = np.arange(400)
>>> series = np.stack([np.sin(t / 5), np.cos(t / 7)], axis=1)
>>> model = ESNForecaster(units=60, horizons=(1, 5), washout=50, dtype="float64").fit([series[:300]])
>>> model.forecast([series[:320]]).shape
(1, 2, 2)
>>> later = model.closed_loop([series[:320]], 40)
>>> bool(np.abs(later[0] - series[320:360]).max() < 0.05)
True
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from sarto.core.errors import SartoError
from sarto.learn._estimator import Readout, real, whole
from sarto.learn.features import FeatureMap
from sarto.learn.statistics import RidgeStatistics
from sarto.models.expansion import Expansion, ExpansionKind
from sarto.models.input_error import InputError
from sarto.models.sequences import Sequences
from sarto.models.states import blocks, walk
from sarto.models.steps import Steps


@dataclass(eq=False, repr=False, kw_only=True)
class ESNForecaster(Readout):
    """Forecasts every channel of a series, some steps ahead.

    Args:
        As `ESNRegressor` (pooling and segments are not used), and
        horizons: steps ahead, a whole number or several.
        expansion: of the states before the readout: `none`, `squares`, `half` or `products`.
        input_to_readout: whether the readout sees the last value beside the state.
        noise: standard deviation of the noise on the states while fitting; 0 is none. The states lie in [-1, 1].

    Attributes:
        horizons_: the horizons, as a tuple.
        coef_: weights, (horizon x channel, feature), from features to standardised values.
        intercept_, statistics_, solution_, ridge_, reservoir_, n_features_in_, feature_map_: as `ESNClassifier`.
    """

    horizons: int | Sequence[int] = 1
    expansion: ExpansionKind = "none"
    input_to_readout: bool = True
    noise: float = 0.0

    def partial_fit(self, X: Any, y: Any = None) -> ESNForecaster:
        """Learn more series, as one `fit` on all would with the scaling of the first call; `y` is not used."""
        return self._partial_fit(X, None, None)

    def predict(self, X: Any) -> list[Float[np.ndarray, "_ horizon channel"]]:
        """Return for each series the forecasts that are made after each of its steps, (step, horizon, channel).

        Entry [t, j] is what is expected at step t + horizons_[j].
        """
        check_is_fitted(self, "solution_")
        sequences = self._sequences(X, fitting=False)
        outputs = self._answering()(self.feature_map_.step_features(sequences, self.n_jobs))
        return np.split(outputs, sequences.offsets[1:-1])

    def forecast(self, X: Any) -> Float[np.ndarray, "item horizon channel"]:
        """Return the forecasts that are made after the last step of each series."""
        check_is_fitted(self, "solution_")
        sequences = self._sequences(X, fitting=False)
        answer, out = self._answering(), np.empty((len(sequences), len(self.horizons_), sequences.channels))
        for items, _, h, x in self._warmed(sequences):
            out[items] = answer(self.feature_map_.expansion(h, x))
        return out

    def closed_loop(self, X: Any, steps: int) -> Float[np.ndarray, "item step channel"]:
        """Return the next `steps` values of each series, each predicted from those before.

        Args:
            X: what has happened, which the state is warmed up on.
            steps: values to return, of the steps after it.

        Raises:
            InputError: E116, when 1 is not among the horizons.
            SartoError: E404, when the loop leaves all bounds.
        """
        check_is_fitted(self, "solution_")
        if 1 not in self.horizons_:
            raise InputError(
                "E116",
                f"a closed loop with the horizons {self.horizons_}",
                cause="it feeds back what is expected one step ahead",
                hint="fit with horizons=1, or with 1 among them",
            )
        if whole("steps", steps) < 1:
            raise InputError("E116", f"steps = {steps}", cause="it must be at least 1", hint="change steps")
        sequences = self._sequences(X, fitting=False)
        feature_map, dtype = self.feature_map_, np.dtype(self.feature_map_.dtype)
        at = self.horizons_.index(1) * sequences.channels
        chosen = slice(at, at + sequences.channels)
        weights, intercept = self.coef_[chosen].T, self.intercept_[chosen]
        out = np.empty((len(sequences), steps, sequences.channels))
        with np.errstate(over="ignore", invalid="ignore"):
            for items, state, h, x in self._warmed(sequences):
                for step in range(steps):
                    features = feature_map.expansion(h, x).astype(np.float64)
                    out[items, step] = value = features @ weights + intercept
                    x = value.astype(dtype)
                    h = state.advance(x)
            out = out * feature_map.scale + feature_map.mean
        if not np.isfinite(out).all():
            item, step, _ = np.argwhere(~np.isfinite(out))[0]
            raise SartoError(
                "E404",
                f"the closed loop of series {item} left all bounds at step {step}",
                cause="its errors grow when they are fed back",
                hint="fit with noise, with a larger ridge, or without the input to the readout",
            )
        return out

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return R^2 of all forecasts after the washout whose value is in X, the mean over horizons and channels."""
        check_is_fitted(self, "solution_")
        sequences = self._sequences(X, fitting=False)
        washout = self.feature_map_.washout
        kept, wanted = _pairs(sequences, self.horizons_, washout, skipped=washout)
        outputs = np.concatenate(self.predict(sequences))[kept]
        return float(r2_score(wanted, outputs.reshape(len(outputs), -1)))

    def _warmed(self, sequences: Sequences) -> Iterable[tuple[Any, Steps, Any, Any]]:
        """Yield items, what holds their states after the last step, these states, and their last inputs, scaled."""
        scaled, reservoir = self.feature_map_.scaled(sequences), self.feature_map_.reservoir
        for items in blocks(scaled):
            steps = Steps(reservoir, len(items), np.dtype(self.feature_map_.dtype))
            h = np.empty((len(items), reservoir.units), self.feature_map_.dtype)
            for _, block in walk(reservoir, scaled, items, self.feature_map_.dtype, steps):
                h[: block.shape[1]] = block[-1]
            yield items, steps, h, scaled.values[scaled.offsets[items + 1] - 1]

    def _fitted_map(self, sequences: Sequences) -> FeatureMap:
        expansion = Expansion(self.expansion, bool(self.input_to_readout))
        return replace(super()._fitted_map(sequences), expansion=expansion)

    def _targets(self, X: Any, y: Any, sequences: Sequences) -> Shaped[np.ndarray, "..."]:
        return sequences.values

    def _statistics_of(
        self, feature_map: FeatureMap, sequences: Sequences, targets: Shaped[np.ndarray, "..."], classes: Any
    ) -> RidgeStatistics:
        horizons, noise = checked_horizons(self.horizons), real("noise", self.noise)
        if not (math.isfinite(noise) and noise >= 0):
            raise InputError(
                "E116", f"noise = {noise}", cause="it must be finite and at least 0", hint="use 0 for none"
            )
        wide = (sequences.values.astype(np.float64) - feature_map.mean) / feature_map.scale
        kept, wanted = _pairs(Sequences(wide, sequences.offsets), horizons, feature_map.washout)
        past = Sequences(sequences.values[kept], _offsets(sequences.lengths - max(horizons)))
        # Other series of a partial fit must not meet the same noise again.
        own = int.from_bytes(hashlib.sha256(np.ascontiguousarray(past.values).data).digest()[:4], "little")
        seed = (whole("seed", self.seed) << 32) + own
        return feature_map.step_statistics(past, wanted, self.n_jobs, noise=noise, seed=seed)

    def _restore(self, statistics: Any, solution: Any) -> None:
        super()._restore(statistics, solution)
        self.horizons_ = checked_horizons(self.horizons)

    @property
    def _per_step(self) -> bool:
        return True

    def _answering(self) -> Callable[[Float[np.ndarray, "row feature"]], Any]:
        solution, scale, mean = self.solution_, self.feature_map_.scale, self.feature_map_.mean
        shape = (-1, len(self.horizons_), len(scale))
        return lambda features: solution.predict(features).reshape(shape) * scale + mean


def checked_horizons(horizons: Any) -> tuple[int, ...]:
    """Return the horizons as a tuple; each must be a whole number of at least 1, and none there twice (E116)."""
    given = list(horizons) if isinstance(horizons, Iterable) else [horizons]
    found = tuple(whole("horizons", k) for k in given)
    if not found or min(found) < 1 or len(set(found)) < len(found):
        raise InputError(
            "E116",
            f"horizons = {horizons!r}",
            cause="each is a number of steps ahead, at least 1, and different from the others",
            hint="use 1, or several such as (1, 6, 12)",
        )
    return found


def _pairs(
    sequences: Sequences, horizons: tuple[int, ...], washout: int, skipped: int = 0
) -> tuple[Any, Float[np.ndarray, "row output"]]:
    """Return the rows from `skipped` on of each series whose forecasts have all happened, and those values.

    Raises:
        InputError: E115, when a series has no such row after the washout.
    """
    ahead, lengths = max(horizons), sequences.lengths
    if (short := np.flatnonzero(lengths <= washout + ahead)).size:
        raise InputError(
            "E115",
            f"sequence {short[0]} has {lengths[short[0]]} steps, a washout of {washout} and a forecast {ahead} steps "
            f"ahead need {washout + ahead + 1} ({short.size} of {len(lengths)} sequences are as short)",
            cause="nothing of it could be learned from, or judged",
            hint="use a shorter washout or horizon, or leave short sequences out",
        )
    first, last = sequences.offsets[:-1] + skipped, sequences.offsets[1:] - ahead
    kept = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    wanted = np.concatenate([sequences.values[kept + k] for k in horizons], axis=1)
    return kept, wanted


def _offsets(lengths: Any) -> Any:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
