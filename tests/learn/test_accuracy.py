"""What the estimators reach on known tasks: floors, not claims. Real data are read without `sarto.data`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sarto.learn.readout import ESNClassifier, ESNRegressor

SEEDS = range(5)


def read_ts(path: Path) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Items of a `.ts` file: channels between colons, the label last."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().lower() == "@data") + 1
    items = [line.strip().split(":") for line in lines[start:] if line.strip()]
    X = [np.array([[float(v) for v in channel.split(",")] for channel in item[:-1]]).T for item in items]
    return X, np.array([item[-1] for item in items])


def vowels(folder: Path) -> tuple[Any, ...]:
    with np.load(folder / "japanese_vowels" / "japanese_vowels.npz") as z:
        train, test = (np.split(z[f"x_{part}"], z[f"off_{part}"][1:-1]) for part in ("train", "test"))
        return train, z["y_train"], test, z["y_test"]


def basic_motions(folder: Path) -> tuple[Any, ...]:
    parts = [read_ts(folder / "japanese_vowels" / f"BasicMotions_{part}.ts") for part in ("TRAIN", "TEST")]
    return *parts[0], *parts[1]


def mean_accuracy(data: tuple[Any, ...], **params: Any) -> float:
    X, y, X_test, y_test = data
    return float(
        np.mean([ESNClassifier(seed=seed, **params).fit(X, y).score(X_test, y_test) for seed in SEEDS])
    )


def test_japanese_vowels_from_the_last_state(real_data: Path) -> None:
    data = vowels(real_data)
    assert [len(part) for part in data] == [270, 270, 370, 370]
    assert mean_accuracy(data, units=200) >= 0.985
    assert mean_accuracy(data, units=200, leak=0.3, input_scaling=0.1, ridge=1.0) >= 0.99
    assert mean_accuracy(data, cell="ring", units=200, leak=0.3, input_scaling=0.1, ridge=1.0) >= 0.99


def test_basic_motions_from_the_mean_state(real_data: Path) -> None:
    data = basic_motions(real_data)
    assert [len(part) for part in data] == [40, 40, 40, 40]
    for cell in ("esn", "ring"):
        assert mean_accuracy(data, cell=cell, units=200, pooling="mean") >= 0.95


def narma10(steps: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """y_{t+1} = .3 y_t + .05 y_t sum_{i=0..9} y_{t-i} + 1.5 u_{t-9} u_t + .1 with u ~ U(0, .5).

    Source: Atiya and Parlos, IEEE Transactions on Neural Networks 11 (2000).
    """
    u, y = np.random.default_rng(seed).uniform(0, 0.5, steps), np.zeros(steps)
    for t in range(9, steps - 1):
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * y[t - 9 : t + 1].sum() + 1.5 * u[t - 9] * u[t] + 0.1
    assert y.max() < 2, "diverged: take another seed"
    return u.reshape(1, -1, 1), y.reshape(1, -1)


def test_narma10_per_step() -> None:
    """NRMSE <= .25 with 200 units, 2000 training and 2000 test steps."""
    u, y = narma10(4200, 0)
    errors: list[float] = []
    for seed in range(3):
        model = ESNRegressor(
            units=200,
            leak=1.0,
            input_scaling=0.05,
            bias_scaling=0.2,
            washout=200,
            return_sequences=True,
            ridge=1e-8,
            dtype="float64",
            seed=seed,
        ).fit(u[:, :2200], y[:, :2200])
        got: NDArray[np.float64] = np.asarray(model.predict(u)[0][2200:], np.float64)
        errors.append(float(np.linalg.norm(got - y[0, 2200:])) / float(y[0, 2200:].std()) / 2000**0.5)
    assert np.mean(errors) <= 0.25
