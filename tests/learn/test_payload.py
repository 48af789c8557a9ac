"""What clients send: every form gives the statistics to its precision, in the bytes that it says, or is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.payload import HOW, how_of, packed, received
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

ERRORS = {"tri-f64": 0.0, "tri-f32": 1e-7, "tri-f16": 1e-3, "factor-f64": 1e-13, "factor-f32": 3e-7}
CLASSES = ("a", "b", "c")


def rows(count: int = 40, features: int = 6, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, features)) @ rng.normal(size=(features, features)) * 1000 + 500
    return x, np.array(CLASSES)[rng.integers(0, 3, count)]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("count", [1, 4, 40])
def test_every_form_gives_the_statistics(how: Any, count: int) -> None:
    x, y = rows(count)
    weights = np.linspace(0, 2, count) if count > 1 else None
    exact = RidgeStatistics.of(x, y, weights, classes=CLASSES, features_id="f")
    found = received(packed(x, y, weights, classes=CLASSES, features_id="f", how=how))
    assert (found.count, found.classes, found.features_id) == (exact.count, CLASSES, "f")
    sizes = {
        "C_xx": np.sqrt(np.outer(np.diag(exact.C_xx), np.diag(exact.C_xx))),
        "C_xy": np.sqrt(np.outer(np.diag(exact.C_xx), exact.C_yy)),
        "C_yy": exact.C_yy,
        "mean_x": np.abs(exact.mean_x),
        "mean_y": np.ones(3),
    }
    for name, size in sizes.items():
        most = ERRORS[how] if name[0] == "C" else min(ERRORS[how], 1e-7)
        assert (np.abs(getattr(found, name) - getattr(exact, name)) <= most * size + 1e-9).all(), name
    assert how_of(packed(x, y, weights, classes=CLASSES, how=how)) == how


@pytest.mark.parametrize("how", ["tri-f32", "tri-f16", "factor-f32"])
def test_sums_of_rounded_statistics_are_statistics(how: Any) -> None:
    total = RidgeSum(40, 3, classes=CLASSES)
    for client in range(12):
        x, y = rows(3, 40, client)
        total.add(received(packed(x / 1000, y, classes=CLASSES, how=how)))
    total.statistics.validate()
    assert total.statistics.count == 36


def test_the_form_of_fewest_bytes_is_chosen() -> None:
    x, y = rows(13, 300)
    every = {how: len(packed(x, y, classes=CLASSES, how=how)) for how in HOW}
    assert how_of(packed(x, y, classes=CLASSES)) == "factor-f32"
    assert how_of(packed(x, y, classes=CLASSES, how="auto-f64")) == "factor-f64"
    assert every["tri-f32"] / every["factor-f32"] > 9
    assert every["tri-f16"] < 0.6 * every["tri-f32"]
    x, y = rows(600, 30)
    assert how_of(packed(x, y, classes=CLASSES)) == "tri-f32"


def test_half_precision_does_not_overflow() -> None:
    x, y = rows(400)
    found = received(packed(x * 1e3, y, classes=CLASSES, how="tri-f16"))
    assert np.isfinite(found.C_xx).all()
    assert found.C_xx.max() > 1e12


def test_what_is_no_payload_is_refused() -> None:
    x, y = rows()
    sound = packed(x, y, classes=CLASSES, how="tri-f32")
    for bad in (sound[:-1], sound + b"0", b"SARTORPL", b"", sound.replace(b'"count":40', b'"count":41')):
        with pytest.raises(SartoError) as caught:
            received(bad)
        assert caught.value.code == "E103"


def signed(payload: bytes, value: float) -> bytes:
    """Return a payload whose last number is another, with a hash of its own."""
    data = payload[:-36] + np.float32(value).tobytes()
    return data + hashlib.sha256(data).digest()


@pytest.mark.parametrize("value", [np.nan, np.inf, -5.0])
def test_what_no_rows_have_is_refused(value: float) -> None:
    x, y = rows()
    sound = packed(x, y, classes=CLASSES, how="tri-f32")
    assert received(signed(sound, float(np.frombuffer(sound[-36:-32], "<f4")[0]))) == received(sound)
    with pytest.raises(SartoError) as caught:
        received(signed(sound, value))
    assert caught.value.code == "E404"
