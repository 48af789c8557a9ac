"""Sweeps of bit-error rates: shares that follow from chance, guards that let no error through, no voltage made up."""

import math
from typing import Any

import numpy as np
import pytest

from sarto.audit.faults.undervolting import POWER_LEFT, READS, SILENT, protection, undervolted
from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor
from sarto.core.points import OperatingPoint
from sarto.devices.voltages import parse_curve

BITS = {"w": 16 * 8, "b": 2 * 32, "m": 2 * 16, "s": 2 * 8}


def network() -> Graph:
    """Two classes: whether the first half of eight numbers is the larger."""
    weights = np.repeat([[3, -3], [-3, 3]], 4, axis=1).astype(np.int8)
    consts = {
        "w": weights,
        "b": np.zeros(2, np.int32),
        "m": np.array([16384] * 2, np.int16),
        "s": np.array([14] * 2, np.uint8),
    }
    tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
    tensors += [Tensor("x", "uint8", (8,), "input"), Tensor("y", "int32", (2,), "output")]
    roles = {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}
    op = Op("dense", roles, {"y": "y"}, {"low": -30000, "high": 30000})
    return Graph(
        "net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), (op, Op("argmax", {"x": "y"}, {}))
    )


def swept(**settings: Any) -> dict[tuple[float, str], OperatingPoint]:
    """Points of a sweep over 10 items, by rate and guard."""
    x = np.random.default_rng(0).integers(0, 200, (10, 8))
    y = (x[:, :4].sum(axis=1) <= x[:, 4:].sum(axis=1)).astype(int)
    points = undervolted(network(), x, np.arange(11), y, **settings)
    return {(p.settings["bit_error_rate"], p.settings["guard"]): p for p in points}


def test_without_errors_all_is_as_it_was_and_more_errors_are_worse() -> None:
    points = swept(rates=(0.0, 1e-3, 3e-2), draws=40, guards=("none",))
    right = [points[rate, "none"]["accuracy"] for rate in (0.0, 1e-3, 3e-2)]
    assert right[0] == 1.0 and right[0] > right[1] > right[2]
    assert points[0.0, "none"][SILENT] == 0.0 and points[3e-2, "none"][SILENT] > 0.05


def test_guards_answer_as_often_as_chance_says_and_never_silently_wrong() -> None:
    """A table is sound with (1 - p)^(its bits and those of its CRC); a copy is needed where it is not."""
    p, draws = 3e-3, 150
    points = swept(rates=(p,), draws=draws)
    sound = [(1 - p) ** (bits + 32) for bits in BITS.values()]
    expected = {"crc": math.prod(sound), "copy": math.prod(1 - (1 - s) ** 2 for s in sound)}
    for guard, share in expected.items():
        sigma = math.sqrt(share * (1 - share) / draws)
        assert points[p, guard]["answered"] == pytest.approx(share, abs=3.5 * sigma)
        assert points[p, guard]["accuracy"] == points[p, guard]["answered"], "what is answered is right"
        assert points[p, guard][READS] == 0.0
    assert points[p, "none"]["answered"] == 1.0 and points[p, "none"][READS] > 0.1
    own = sum(BITS.values())
    exposed = {guard: points[p, guard]["exposed bits"] for guard in ("none", "crc", "copy")}
    assert exposed == {"none": own, "crc": own + 4 * 32, "copy": 2 * (own + 4 * 32)}
    found = protection(points[p, "none"], points[p, "crc"])
    low, high = points[p, "none"].find(READS).interval or (0, 0)
    upper = (points[p, "crc"].find(READS).interval or (0, 0))[1]
    assert found.value == pytest.approx(low / upper) and found.value > 5
    assert protection(points[p, "none"], points[p, "none"]).value == 1.0 and high > low


def test_the_same_seed_is_the_same_sweep() -> None:
    first, again, other = (swept(rates=(1e-2,), draws=5, seed=seed) for seed in (1, 1, 2))
    assert first == again and first != other


def test_voltage_and_power_are_there_with_a_published_curve_alone() -> None:
    text = (
        'title = "An SRAM"\nsource = "a paper, figure 2"\nnominal_v = 0.9\n'
        "[[point]]\nvoltage_v = 0.7\nbit_error_rate = 1e-4\npower = 0.5\n"
    )
    with_it = swept(
        rates=(0.0, 1e-5, 1e-3), draws=2, guards=("none", "copy"), curve=parse_curve("mine", text)
    )
    told = {
        rate: {e.what: e for e in point.evidence}
        for (rate, guard), point in with_it.items()
        if guard == "none"
    }
    assert [("voltage" in told[rate]) for rate in (0.0, 1e-5, 1e-3)] == [False, False, True]
    power = told[1e-3][POWER_LEFT]
    assert (power.value, power.how) == (0.5, "estimated") and "a paper, figure 2" in power.tool
    twice = with_it[1e-3, "copy"]
    bits = [point["exposed bits"] for point in (with_it[1e-3, "none"], twice)]
    assert twice[POWER_LEFT] == pytest.approx(0.5 * bits[1] / bits[0])
    assert twice[POWER_LEFT] > 1, "the copy of a small table takes more than the lower voltage saves"
    assert told[1e-3]["bit-error rate"].how == "declared"
    plain = swept(rates=(1e-3,), draws=2, guards=("none",))
    assert not {"voltage", "energy"} & {e.what for e in plain[1e-3, "none"].evidence}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"rates": (1.5,)}, "E143"),
        ({"where": ("state",)}, "E148"),
        ({"guards": ("prayer",)}, "E148"),
        ({"draws": 0}, "E116"),
    ],
)
def test_what_cannot_be_swept_is_refused(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(SartoError) as caught:
        swept(**settings)
    assert caught.value.code == code
