"""The sensor's integer format."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.deploy.sensor import WORDS, SensorFormat


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=5), st.sampled_from([8, 16, 32]))
def test_the_chosen_scale_is_the_smallest_power_of_two_that_holds_the_data(
    values: list[float], bits: int
) -> None:
    column = np.array(values)[:, None]
    sensor = SensorFormat.calibrate(column, bits)
    (scale,), limit = sensor.scale, 2 ** (bits - 1) - 1
    assert np.log2(scale) % 1 == 0
    peak = float(np.abs(column).max())
    assert peak <= limit * scale * (1 + 1e-12)
    if peak > 1e-30:
        assert peak * (1 + 1e-12) > limit * scale / 2
        assert np.abs(sensor.encode(column) * scale - column).max() <= scale / 2 * (1 + 1e-9)


def test_every_channel_has_a_scale_of_its_own_and_words_round_half_up_and_clamp() -> None:
    sensor = SensorFormat(8, np.array([1.0, 0.5]), "declared")
    raw = sensor.encode(np.array([[0.5, -0.25], [-0.5, 0.25], [1e9, -1e9], [2.4999, 3.0]]))
    assert raw.dtype == np.int8
    assert raw.tolist() == [[1, 0], [0, 1], [127, -127], [2, 6]]


@pytest.mark.parametrize("bits", WORDS)
def test_a_declared_scale_is_kept(bits: int) -> None:
    sensor = SensorFormat.calibrate(np.zeros((3, 2), np.float32), bits, 0.25)
    assert (sensor.bits, sensor.scale.tolist(), sensor.chosen) == (bits, [0.25, 0.25], "declared")
    assert sensor.encode(np.array([[1.0, -2.0]])).tolist() == [[4, -8]]


@pytest.mark.parametrize(
    ("peak", "asked", "bits"), [(100, 8, 8), (127, 8, 8), (128, 8, 16), (100, 16, 16), (-40000, 16, 32)]
)
def test_integers_are_raw_words_already(peak: int, asked: int, bits: int) -> None:
    values = np.array([[peak], [3]], np.int64)
    sensor = SensorFormat.calibrate(values, asked)
    assert (sensor.bits, sensor.scale.tolist()) == (bits, [1.0])
    assert sensor.chosen == "taken as 1, since the data are integers"
    np.testing.assert_array_equal(sensor.encode(values), values)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SensorFormat.calibrate(np.ones((2, 1)), 12), "a sensor word of 12 bits"),
        (lambda: SensorFormat.calibrate(np.ones((2, 1)), 16, 0.0), "not positive"),
        (lambda: SensorFormat.calibrate(np.ones((2, 1)), 16, -1.0), "not positive"),
        (lambda: SensorFormat.calibrate(np.ones((2, 1)), 16, float("nan")), "not positive"),
        (lambda: SensorFormat.calibrate(np.full((2, 1), 2**31), 16), "beyond 32 bits"),
    ],
)
def test_refuses(call: object, words: str) -> None:
    assert callable(call)
    with pytest.raises(SartoError, match=words) as caught:
        call()
    assert caught.value.code == "E112"


def test_the_share_that_a_word_cannot_hold_is_told() -> None:
    """Half a count beyond the largest word still rounds to it."""
    sensor = SensorFormat(8, np.array([1.0, 0.5]), "given")
    values = np.array([[127.4, 63.9], [127.6, -10.0], [-127.6, 63.7], [0.0, 0.0]])
    assert sensor.beyond(values).tolist() == [0.5, 0.25]
    assert (np.abs(sensor.encode(values)) <= 127).all()
