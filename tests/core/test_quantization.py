"""What integers stand for, as a value."""

import json

import pytest

from sarto.core.quantization import Numbers, Quantization


@pytest.mark.parametrize(
    ("numbers", "limits"),
    [
        (Numbers((1.0,), 8), (-127, 127)),
        (Numbers((1.0,), 8, signed=False), (0, 255)),
        (Numbers((1.0,), 2), (-1, 1)),
        (Numbers((), 2, signed=False, codebook=(0.0, -1.0, 2.0)), (0, 2)),
    ],
)
def test_limits(numbers: Numbers, limits: tuple[int, int]) -> None:
    assert numbers.limits == limits
    found = Quantization({"a": numbers})
    assert Quantization.from_json(json.loads(json.dumps(found.to_json()))) == found
