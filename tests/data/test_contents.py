"""Class columns: codes, texts, and the lists of names that codes index."""

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.contents import class_codes, named, plain


def test_names_are_sorted_as_numbers_or_as_texts() -> None:
    codes, classes = class_codes(np.array([10, 9, 10]), None, "y")
    assert (codes.tolist(), classes) == ([1, 0, 1], ("9", "10"))
    codes, classes = class_codes(np.array(["10", "9"]), None, "y")
    assert (codes.tolist(), classes) == ([0, 1], ("10", "9"))
    assert class_codes(np.array([-1.0, 1.0]), None, "y")[1] == ("-1", "1")
    assert class_codes(np.array([True, False]), None, "y")[1] == ("False", "True")


def test_a_list_of_names_keeps_its_order_and_its_absent_ones() -> None:
    codes, classes = class_codes(np.array([2, 0], np.uint8), np.array(["z", "y", "x"]), "y")
    assert (codes.tolist(), codes.dtype, classes) == ([2, 0], np.int64, ("z", "y", "x"))


def test_bytes_are_text() -> None:
    assert plain(np.array(["Zürich".encode(), b"b"])).tolist() == ["Zürich", "b"]
    assert class_codes(np.array([b"b", b"a"]), None, "y")[1] == ("a", "b")
    assert named(np.array([1, 0]), np.array([b"x", b"y"]), "subject").tolist() == ["y", "x"]
    assert named(np.array(["as", "is"]), np.array(["x"]), "subject").tolist() == ["as", "is"]


@pytest.mark.parametrize(
    ("labels", "names", "code", "words"),
    [
        ([1.0, np.nan], None, "E105", "y[1] is nan"),
        ([1.0, 1.5], None, "E103", "it holds fractions, such as 1.5"),
        ([0, 2], ["a", "b"], "E108", "y[1] is 2; codes count from 0 to 1"),
        ([-1, 0], ["a", "b"], "E108", "y[0] is -1; codes count from 0 to 1"),
    ],
)
def test_labels_that_name_no_class(
    labels: list[float], names: list[str] | None, code: str, words: str
) -> None:
    with pytest.raises(SartoError) as caught:
        class_codes(np.array(labels), None if names is None else np.array(names), "y")
    assert caught.value.code == code
    assert words in str(caught.value)
