"""Operating points and their front."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint, front, told_apart

AXES = ("error", "flash", "ram")


def point(name: str, *values: float) -> OperatingPoint:
    return OperatingPoint(
        name,
        {"units": 4},
        tuple(Evidence(a, v, "1", "measured", "t") for a, v in zip(AXES, values, strict=True)),
    )


def test_finds_evidence_by_name_and_goes_through_json() -> None:
    a = point("a", 0.1, 2, 3)
    assert (a["flash"], a.find("ram").value) == (2, 3)
    with pytest.raises(KeyError, match="point a has no evidence of latency"):
        a.find("latency")
    assert OperatingPoint.from_json(json.loads(json.dumps(a.to_json()))) == a


def test_front_drops_what_is_worse_somewhere_and_better_nowhere() -> None:
    points = [point("best", 1, 5, 5), point("tie", 1, 5, 5), point("small", 2, 1, 5), point("worse", 2, 2, 5)]
    assert [p.name for p in front(points, AXES)] == ["best", "small"]
    assert [p.name for p in front(points, ("error",))] == ["best"]
    assert front([], AXES) == []


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=12))
def test_front_is_the_set_of_undominated_points(values: list[tuple[int, int, int]]) -> None:
    points = [point(str(i), *v) for i, v in enumerate(values)]
    kept = [values[int(p.name)] for p in front(points, AXES)]

    def beats(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
        return a != b and all(x <= y for x, y in zip(a, b, strict=True))

    assert set(kept) == {v for v in values if not any(beats(o, v) for o in values)}
    assert len(kept) == len(set(kept))


def test_steps_of_one_name_are_told_apart() -> None:
    figures = (Evidence("flash", 1, "B", "measured", "file"),)
    points = [
        OperatingPoint(name, {}, figures) for name in ("as given", "settle", "rate:1", "settle", "settle")
    ]
    names = [point.name for point in told_apart(points)]
    assert names == ["as given", "settle", "rate:1", "settle (2)", "settle (3)"]
