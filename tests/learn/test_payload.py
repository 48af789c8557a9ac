"""What clients send: every form gives the statistics to its precision, in the bytes that it says, or is refused."""

from __future__ import annotations

import hashlib
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.learn._diagonals import from_diagonals
from sarto.learn.kind import Kind
from sarto.learn.payload import HOW, Limits, how_of, opened_payload, packed, received
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

# Relative to the moments about 0, which is what triangles are of; a factor's are relative to those about the mean.
ERRORS = {"tri-f64": 1e-14, "tri-f32": 3e-7, "tri-f16": 1e-3, "factor-f64": 1e-13, "factor-f32": 3e-7}
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
    about = exact.weight if how.startswith("tri") else 0.0
    xx, yy = np.diag(exact.C_xx) + about * exact.mean_x**2, exact.C_yy + about * exact.mean_y**2
    sizes = {
        "C_xx": np.sqrt(np.outer(xx, xx)),
        "C_xy": np.sqrt(np.outer(xx, yy)),
        "C_yy": yy,
        "mean_x": np.abs(exact.mean_x),
        "mean_y": np.ones(3),
    }
    for name, size in sizes.items():
        most = ERRORS[how] if name[0] == "C" else min(ERRORS[how], 1e-7)
        assert (np.abs(getattr(found, name) - getattr(exact, name)) <= most * size + 1e-7).all(), name
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


def test_a_client_of_few_rows_needs_no_memory_for_the_features_square() -> None:
    x, y = rows(5, 2000)
    tracemalloc.start()
    try:
        sent = packed(x, y, classes=CLASSES)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert how_of(sent) == "factor-f32"
    assert peak < 8 * 2000**2 / 10, "the square alone has 32 MB"


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


@pytest.mark.parametrize("how", HOW)
def test_what_is_read_is_about_zero_to_the_rounding_of_the_form(how: Any) -> None:
    x, y = rows(5, 4)
    found = opened_payload(packed(x, y, classes=CLASSES, how=how))
    T = np.where(y[:, None] == np.array(CLASSES), 1.0, -1.0)
    A, B = x.T @ x, x.T @ T
    sizes = np.sqrt(np.diag(A))
    np.testing.assert_allclose(found.parts[0] / sizes[:, None], B / sizes[:, None], atol=3 * ERRORS[how])
    wanted = [A[i, (i + k) % 4] / (sizes[i] * sizes[(i + k) % 4]) for k in range(3) for i in range(4)][:10]
    scaled = [sizes[i] * sizes[(i + k) % 4] for k in range(3) for i in range(4)][:10]
    np.testing.assert_allclose(found.parts[2] / scaled, wanted, atol=3 * ERRORS[how])


def test_far_features_are_sent_in_double_precision() -> None:
    x, y = rows(600, 6)
    assert how_of(packed(x, y, classes=CLASSES)) == "tri-f32"
    assert how_of(packed(x + 1e6, y, classes=CLASSES)) == "tri-f64"


def test_int8_needs_a_factorisation_and_a_lost_diagonal_does_not() -> None:
    """A triangle rounded to int8 has an eigenvalue below 0, and no pair of its numbers tells."""
    x = np.maximum(np.random.default_rng(0).normal(size=(300, 60)), 0) * np.logspace(0, -1, 60)
    sound = packed(x, np.array(CLASSES)[np.arange(300) % 3], classes=CLASSES, how="tri-f32")
    A = np.frombuffer(sound[-32 - 4 * 1830 : -32], "<f4")
    step = float(A.max()) / 127
    rough = np.round(A / step) * step
    assert float(np.linalg.eigvalsh(from_diagonals(rough, 60))[0]) < -1
    opened_payload(signed_with(sound, rough))
    with pytest.raises(SartoError, match="eigenvalue"):
        opened_payload(signed_with(sound, rough), Limits(definite=True))
    opened_payload(sound, Limits(definite=True))
    rough[7] = 0.0
    with pytest.raises(SartoError, match="larger than the"):
        opened_payload(signed_with(sound, rough))


def signed_with(payload: bytes, A: Any) -> bytes:
    data = payload[: -32 - 4 * len(A)] + A.astype("<f4").tobytes()
    return data + hashlib.sha256(data).digest()


def test_limits_are_of_rows_and_of_their_length() -> None:
    x, y = rows(10)
    sent = packed(x, y, classes=CLASSES)
    radius = float(np.sqrt((x**2).sum(axis=1).max()))
    opened_payload(sent, Limits(rows=10, radius=radius, definite=True))
    squares = float(np.sqrt((x**2).sum(axis=1).mean()))
    for limits in (Limits(rows=9), Limits(radius=0.999 * squares)):
        with pytest.raises(SartoError) as caught:
            opened_payload(sent, limits)
        assert caught.value.code == "E166"
    heavy = packed(x, y, np.full(10, 1.5), classes=CLASSES)
    with pytest.raises(SartoError) as caught:
        opened_payload(heavy, Limits(rows=12))
    assert caught.value.code == "E166"


def test_a_claim_of_many_features_costs_no_memory() -> None:
    sent = packed(np.ones((1, 4)), np.array(["a"]), classes=CLASSES, how="factor-f32")
    large = signed_header(sent, b'"features":4,', b'"features":2000000,')
    for part_of, code in ((None, "E103"), (Kind(4, 3, CLASSES), "E108")):
        with pytest.raises(SartoError) as caught:
            opened_payload(large, part_of=part_of)
        assert caught.value.code == code


def signed_header(payload: bytes, old: bytes, new: bytes) -> bytes:
    length = int.from_bytes(payload[10:14], "little")
    header = payload[14 : 14 + length].replace(old, new)
    data = payload[:10] + len(header).to_bytes(4, "little") + header + payload[14 + length : -32]
    return data + hashlib.sha256(data).digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"count":5', b'"count":true'),
        (b'"count":5', b'"count":9999999999999'),
        (b'"features":4', b'"features":0'),
        (b'"outputs":3', b'"outputs":-3'),
        (b'["a","b","c"]', b'["a","a","c"]'),
        (b'["a","b","c"]', b'["a","b",{}]'),
        (b'["a","b","c"]', b'"abc"'),
        (b'"tri-f32"', b'"tri-f8"'),
        (b'"features_id":""', b'"features_id":7'),
        (b"{", b"[" * 100_000),
    ],
)
def test_a_header_that_says_something_else_is_refused(old: bytes, new: bytes) -> None:
    x, y = rows(5, 4)
    sent = packed(x, y, classes=CLASSES, how="tri-f32")
    changed = signed_header(sent, old, new)
    assert changed != sent
    with pytest.raises(SartoError) as caught:
        opened_payload(changed)
    assert caught.value.code == "E103"


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_sent_is_taken_or_refused(draw: st.DataObject) -> None:
    x, y = rows(5, 4)
    data = bytearray(packed(x / 1000, y, classes=CLASSES, how=draw.draw(st.sampled_from(HOW)))[:-32])
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    total = RidgeSum(4, 3, classes=CLASSES)
    before = total.pack()
    code = ""
    try:
        total.add(opened_payload(bytes(data) + hashlib.sha256(data).digest(), part_of=total.kind))
    except SartoError as error:
        code = error.code
    assert code in {"", "E103", "E105", "E108", "E116", "E404"}
    assert np.isfinite(total.statistics.C_xx).all()
    assert not code or total.pack() == before


@pytest.mark.parametrize("how", HOW)
def test_no_sound_rows_are_refused(how: Any) -> None:
    """Features of any scale and offset, none of spread, twice the same, fewer rows than features, one target."""
    rng = np.random.default_rng(1)
    for case in range(25):
        f, count = int(rng.integers(1, 30)), int(rng.choice([1, 2, 5, 40, 300]))
        x = (rng.normal(size=(count, f)) + 10 * rng.normal(size=f)) * 10.0 ** rng.uniform(-4, 3, f)
        x[:, 0], x[:, -1] = (0.0, x[:, 0]) if case % 2 else (x[:, -1], x[:, -1])
        y = rng.normal(size=(count, 1)) * 10.0 ** rng.uniform(-3, 3) + 100 * rng.normal()
        weights = rng.uniform(0, 2, count) if count > 2 else None
        sent = packed(x, y, weights, how=how)
        assert opened_payload(sent, Limits(definite=True)).count == count
        assert received(sent).count == count
