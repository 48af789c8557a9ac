"""Channels, conditions and the group column: what is asked for is found, and what cannot be meant is refused."""

from typing import Any

import numpy as np
import pytest

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.choose import GROUP_NAMES, group_column, holds, matching
from sarto.data.contents import Contents

CHANNELS = ("phone_ax", "phone_gx", "watch_ax", "watch_gx")
COLUMNS: dict[str, Any] = {
    "purity": np.array([0.2, 0.6, 0.9], np.float32),
    "run": np.array([1, 2, 3], np.uint8),
    "speaker": np.array(["jackson", "theo", "jackson"]),
}


def contents(split: bool = False, unused: dict[str, str] | None = None, **metadata: Any) -> Contents:
    marks = np.array(["train", "train", "test"]) if split else None
    columns = {name: np.array(column) for name, column in metadata.items()}
    data = Dataset(
        "toy", np.zeros((3, 1)), np.arange(4), np.array([0, 1, 0]), ("a", "b"), ("c",), None, columns, marks
    )
    return Contents(data, "y", unused or {}, lambda item, step, channel: "")


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["watch*"], [2, 3]),
        (["watch_gx", "phone_ax"], [0, 3]),
        (["*_ax", "watch*"], [0, 2, 3]),
        (["?hone_gx"], [1]),
        (["*"], [0, 1, 2, 3]),
    ],
)
def test_channels_keep_their_order(patterns: list[str], found: list[int]) -> None:
    assert matching(CHANNELS, patterns) == found


def test_a_pattern_without_a_channel() -> None:
    with pytest.raises(SartoError, match=r"E112.*no channel matches 'watch_axe'") as caught:
        matching(CHANNELS, ["phone*", "watch_axe"])
    assert caught.value.cause == "the channels are phone_ax, phone_gx, watch_ax, watch_gx"
    assert caught.value.hint == "did you mean watch_ax?"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("purity>=0.6", [False, True, True]),  # 0.6 in single precision too
        ("purity > 0.6", [False, False, True]),
        ("purity<.6", [True, False, False]),
        ("purity<=6e-1", [True, True, False]),
        ("run==2", [False, True, False]),
        ("run=2", [False, True, False]),
        ("run!=2", [True, False, True]),
        ("run<2.5", [True, True, False]),
        ("run>-1", [True, True, True]),
        ("run<300", [True, True, True]),
        ("speaker==theo", [False, True, False]),
        ("speaker!=jackson", [False, True, False]),
        (" speaker = 'theo' ", [False, True, False]),
    ],
)
def test_conditions(condition: str, found: list[bool]) -> None:
    assert holds(COLUMNS, condition).tolist() == found


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("purity", "'purity' is no condition"),
        ("purity>=", "'purity>=' is no condition"),
        (">=0.6", "'>=0.6' is no condition"),
        ("", "'' is no condition"),
        ("purty>=0.6", "did you mean purity?"),
        ("age>3", "the columns are purity, run, speaker"),
        ("purity>=high", "'purity' holds numbers and 'high' is none"),
        ("speaker>theo", "'speaker' holds texts, which have no order"),
        ("speaker!=jakson", "did you mean jackson?"),
        ("speaker==zoe", "'speaker' holds jackson, theo"),
        ("__import__('os').getcwd()==1", "there is no such column"),
    ],
)
def test_conditions_that_cannot_be_decided(condition: str, words: str) -> None:
    with pytest.raises(SartoError) as caught:
        holds(COLUMNS, condition)
    assert caught.value.code == "E112"
    assert words in str(caught.value)


@pytest.mark.parametrize("name", [*GROUP_NAMES, "Subject", "patient_id", "Speaker_ID"])
def test_a_column_of_that_name_is_the_group(name: str) -> None:
    columns: dict[str, Any] = {"purity": [1, 2, 3], name: ["a", "b", "a"]}
    assert group_column(contents(**columns), None) == name


def test_no_group_without_reason() -> None:
    assert group_column(contents(purity=[1, 2, 3]), None) is None
    assert group_column(contents(split=True, subject=[1, 2, 3]), None) is None  # the data's own split
    assert group_column(contents(split=True, subject=[1, 2, 3]), "subject") == "subject"
    assert group_column(contents(subject=[1, 2, 3]), "none") is None
    assert group_column(contents(subject=[1, 2, 3], run=[1, 1, 2]), "run") == "run"
    assert group_column(contents(none=[1, 2, 3]), "none") == "none"


@pytest.mark.parametrize(
    ("data", "group", "code", "words"),
    [
        (contents(subject=[1, 2, 3], site=[1, 1, 2]), None, "E112", "the data have subject and site"),
        (contents(subject=[1, 2, 3]), "subjct", "E112", "did you mean subject?"),
        (contents(), "subject", "E112", "the data have no columns"),
        (contents(unused={"subject": "(7,)"}), None, "E108", "its shape is (7,), and there are 3 items"),
        (contents(unused={"wheel": "(2, 2)"}), "wheel", "E108", "'wheel' has not one entry per item"),
        (contents(subject=["a", "", "b"]), None, "E105", "item 1 is in no group"),
        (contents(subject=[1, 2, np.nan]), None, "E105", "item 2 is in no group"),
    ],
)
def test_groups_that_cannot_be_meant(data: Contents, group: str | None, code: str, words: str) -> None:
    with pytest.raises(SartoError) as caught:
        group_column(data, group)
    assert caught.value.code == code
    assert words in str(caught.value)
