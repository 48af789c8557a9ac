from __future__ import annotations

import pytest

from sarto.learn.kind import Kind
from sarto.models.input_error import InputError

ABC = Kind(3, 3, ("c", "a", "b"), "f")


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (Kind(4, 3, ("c", "a", "b"), "f"), "E108"),
        (Kind(3, 3, ("c", "a", "b"), "g"), "E116"),
        (Kind(3, 3, None, "f"), "E116"),
        (Kind(3, 1, ("d",), "f"), "E116"),
        (Kind(3, 1, (1,), "f"), "E116"),
    ],
)
def test_what_is_no_part_is_refused(part: Kind, code: str) -> None:
    with pytest.raises(InputError) as caught:
        ABC.check_part(part)
    assert caught.value.code == code


def test_a_part_may_know_fewer_classes_in_another_order() -> None:
    ABC.check_part(Kind(3, 2, ("b", "c"), "f"))
    assert Kind(3, 1, ("z",)).joined(Kind(3, 2, ("c", "a"))) == Kind(3, 3, ("a", "c", "z"))
    with pytest.raises(InputError) as caught:
        Kind(3, 2).joined(Kind(3, 1))
    assert caught.value.code == "E108"
