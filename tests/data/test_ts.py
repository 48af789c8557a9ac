"""`.ts` files: every form the format allows, and each thing that can be wrong with one, with its line and column."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.data.ts import read_ts

HEADER = (
    "# comment\n@problemName Toy\n@univariate false\n@dimensions 2\n@equalLength false\n"
    "@classLabel true a b\n@data\n"
)
TWO = HEADER + "1,2,3:4,5,6:a\n"


def written(folder: Path, text: str, name: str = "Toy.ts") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_numbers_in_every_form(tmp_path: Path) -> None:
    text = "@ClassLabel TRUE a b\n@DATA\n-1,+2.5,.5,5.,-1e-3,2E+2, 7 :a\n\n# between\n% two\n1:b\n"
    data = read_ts((written(tmp_path, text),)).data
    assert data.item(0).ravel().tolist() == [-1, 2.5, 0.5, 5, -0.001, 200, 7]
    assert data.item(1).ravel().tolist() == [1]
    assert (data.classes, data.target.tolist(), data.split) == (("a", "b"), [0, 1], None)
    assert data.values.dtype == np.float64


def test_channels_of_unequal_items(tmp_path: Path) -> None:
    data = read_ts((written(tmp_path, TWO + "7:8:b\n"),)).data
    assert data.item(0).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert data.item(1).tolist() == [[7, 8]]
    assert data.channels == ("channel_0", "channel_1")


def test_line_ends_and_marks_of_other_systems(tmp_path: Path) -> None:
    file = tmp_path / "Toy.ts"
    file.write_bytes(b"\xef\xbb\xbf" + TWO.replace("\n", "\r\n").encode())
    assert read_ts((file,)).data.item(0).shape == (3, 2)
    file.write_bytes(b"# caf\xe9\x85\n" + TWO.encode())  # Latin-1, as in older files
    assert read_ts((file,)).data.item(0).shape == (3, 2)


def test_two_files_are_one_data_set_with_a_split(tmp_path: Path) -> None:
    train = written(tmp_path, TWO, "Toy_TRAIN.ts")
    test = written(tmp_path, TWO.replace("true a b", "true b c").replace(":a", ":c"), "Toy_TEST.ts")
    data = read_ts((train, test)).data
    assert data.split is not None
    assert data.split.tolist() == ["train", "test"]
    assert (data.classes, data.target.tolist()) == (("a", "b", "c"), [0, 2])


VALUE = st.floats(allow_nan=False, allow_infinity=False)
STEPS = st.lists(st.lists(VALUE, min_size=3, max_size=3), min_size=1, max_size=4)


@given(st.lists(STEPS, min_size=1, max_size=4))
def test_written_numbers_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, items: list[list[list[float]]]
) -> None:
    lines = [
        ":".join(",".join(repr(v) for v in channel) for channel in zip(*item, strict=True)) + ":a"
        for item in items
    ]
    file = written(tmp_path_factory.getbasetemp(), "@classLabel true a b\n@data\n" + "\n".join(lines))
    data = read_ts((file,)).data
    assert [data.item(i).tolist() for i in range(len(items))] == items


@pytest.mark.parametrize("token", ["?", "NaN", "nan", "", " ? "])
def test_a_missing_value_is_nan_and_is_found_again(tmp_path: Path, token: str) -> None:
    contents = read_ts((written(tmp_path, TWO + f"1,2:3,{token}:b\n"),))
    assert np.isnan(contents.data.item(1)).tolist() == [[False, False], [False, True]]
    place = contents.place(1, 1, 1)
    column = len("1,2:3,") + 1 + (1 if token.startswith(" ") else 0)
    assert (
        place
        == f"Toy.ts, line 9, column {column}: '{token.strip()}' (item 1, step 1, channel 1, counted from 0)"
    )


def test_a_value_of_the_test_file_is_found_again(tmp_path: Path) -> None:
    files = (written(tmp_path, TWO, "Toy_TRAIN.ts"), written(tmp_path, TWO, "Toy_TEST.ts"))
    place = read_ts(files).place(1, 2, 0)
    assert place == "Toy_TEST.ts, line 8, column 5: '3' (item 0, step 2, channel 0, counted from 0)"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "E103", "it is empty"),
        ("import { x } from 'y'\n", "E103", "line 1 should start with a tag, such as @problemName, and starts"),
        ("\0binary", "E103", "it is not text"),
        ("@relation iris\n", "E103", "line 1, '@relation iris', is no known tag"),
        ("@univariate perhaps\n", "E103", "line 1, '@univariate perhaps', is no valid tag"),
        ("@dimensions many\n", "E103", "line 1, '@dimensions many', is no valid tag"),
        ("@classLabel\n", "E103", "line 1, '@classLabel', is no valid tag"),
        ("@classLabel true a b\n", "E103", "it has no @data line"),
        ("@data\n1,2:a\n", "E103", "no @classLabel true with class names"),
        ("@classLabel true\n@data\n1,2:a\n", "E103", "no @classLabel true with class names"),
        ("@classLabel false\n@data\n1,2\n", "E103", "no @classLabel true with class names"),
        ("@targetLabel true\n@data\n1,2:3\n", "E103", "numbers to predict (@targetLabel true)"),
        ("@timeStamps true\n@classLabel true a\n@data\n(0,1):a\n", "E103", "time stamps"),
        (HEADER + "1,2:3,x4:a\n", "E103", "Toy.ts, line 8, column 7: 'x4' is not a number"),
        (HEADER + "1,2:3,1_0:a\n", "E103", "Toy.ts, line 8, column 7: '1_0' is not a number"),
        (HEADER + "1,2:0x3,?:a\n", "E103", "Toy.ts, line 8, column 5: '0x3' is not a number"),
        (HEADER, "E104", "nothing follows @data in line 7"),
        (HEADER + "# nothing\n\n", "E104", "'Toy.ts' holds no item"),
        (TWO + "1,2:3,4:c\n", "E108", "Toy.ts, line 9 does not end in a class"),
        (TWO + "1,2:3,4\n", "E108", "it ends in '3,4', and the classes are a, b"),
        (TWO + "1,2\n", "E108", "Toy.ts, line 9 does not end in a class"),
        (TWO + "1,2:3:a\n", "E108", "Toy.ts, line 9 has channels of unequal length"),
        (TWO + "1,2:a\n", "E108", "Toy.ts, line 9 has 1 channels"),
        (TWO.replace("dimensions 2", "dimensions 3"), "E108", "Toy.ts, line 8 has 2 channels"),
        (TWO.replace("@dimensions 2", "@missing false") + "1:2:3:a\n", "E108", "Toy.ts, line 9 has 3 channels"),
        (TWO.replace("univariate false\n@dimensions 2", "univariate true"), "E108", "line 7 has 2 channels"),
        (TWO.replace("equalLength false", "equalLength true") + "1:2:a\n", "E108", "Toy.ts, line 9 has 1 steps"),
        (
            TWO.replace("equalLength false", "equalLength true\n@seriesLength 4"),
            "E108",
            "Toy.ts, line 9 has 3 steps",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, code: str, words: str) -> None:
    with pytest.raises(SartoError) as caught:
        read_ts((written(tmp_path, text),))
    assert caught.value.code == code
    assert words in str(caught.value)


@given(st.integers(0, len(TWO) - 1), st.sampled_from("0.,:?@#ab \n\t-e_٣"))
def test_one_wrong_character_is_found_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, at: int, character: str
) -> None:
    """Whatever is put into a line, the answer is a worded error or an item with a class of the header."""
    text = TWO[:at] + character + TWO[at:]
    try:
        data = read_ts((written(tmp_path_factory.getbasetemp(), text),)).data
    except SartoError:
        return
    assert (len(data), data.classes[int(data.target[0])]) == (1, "a")


def test_files_of_different_width(tmp_path: Path) -> None:
    narrow = "@classLabel true a b\n@data\n1,2:b\n"
    with pytest.raises(SartoError, match=r"E108.*differ in their number of channels") as caught:
        read_ts((written(tmp_path, TWO, "Toy_TRAIN.ts"), written(tmp_path, narrow, "Toy_TEST.ts")))
    assert caught.value.cause == "Toy_TRAIN.ts has 2, Toy_TEST.ts has 1"


def test_a_folder_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match=r"E103.*'toy.ts' cannot be read"):
        read_ts((tmp_path / "toy.ts",))
