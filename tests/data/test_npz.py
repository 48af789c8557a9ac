"""`.npz` files: what goes in comes out, under every name it may have, and damage is found."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sarto.core.errors import SartoError
from sarto.data.goal import Goal
from sarto.data.npz import read_npz

Array = np.ndarray[Any, Any]


def saved(folder: Path, **arrays: Any) -> Path:
    file = folder / "toy.npz"
    np.savez(file, **arrays)
    return file


@st.composite
def ragged(draw: st.DrawFn) -> tuple[list[Array], Array, Array]:
    """Items of unequal length, their classes and subjects."""
    channels, count = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    kind = draw(st.sampled_from(["u1", "i2", "i8", "f4", "f8"]))
    lengths = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    items = [draw(hnp.arrays(kind, (length, channels))) for length in lengths]
    target = draw(hnp.arrays("u1", count, elements=st.integers(0, 2)))
    return items, target, draw(hnp.arrays("u1", count, elements=st.integers(0, 4)))


@given(ragged())
def test_ragged_data_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, data: tuple[list[Array], Array, Array]
) -> None:
    items, target, subject = data
    offsets = np.concatenate([[0], np.cumsum([len(item) for item in items])])
    file = saved(
        tmp_path_factory.getbasetemp(), x=np.concatenate(items), offsets=offsets, y=target, subject=subject
    )
    read = read_npz(file, "").data
    assert len(read) == len(items)
    assert all(read.item(i).tobytes() == item.tobytes() for i, item in enumerate(items))
    assert read.values.dtype == items[0].dtype
    assert [read.classes[code] for code in read.target] == [str(code) for code in target]
    assert read.metadata["subject"].tolist() == subject.tolist()


@pytest.mark.parametrize(
    ("x", "offsets", "y"),
    [
        ("x", "offsets", "y"),
        ("X", "OFFSETS", "Y"),
        ("values", "off", "label"),
        ("data", "offsets", "labels"),
        ("signal", "off", "target"),
        ("audio", "offsets", "Label"),
    ],
)
def test_aliases(tmp_path: Path, x: str, offsets: str, y: str) -> None:
    file = saved(tmp_path, **{x: np.arange(6), offsets: [0, 2, 6], y: ["a", "b"]})
    contents = read_npz(file, "")
    assert contents.data.lengths.tolist() == [2, 4]
    assert contents.data.classes == ("a", "b")
    assert contents.label_name == y


def test_everything_beside_the_values(tmp_path: Path) -> None:
    data = read_npz(
        saved(
            tmp_path,
            x=np.zeros((3, 4, 2)),
            y=[1, 0, 1],
            label_names=["sit", "walk", "run"],
            channels=["ax", "ay"],
            units=["g", "m/s"],
            fs=np.int32(50),
            speaker=np.array([1, 1, 0], np.uint8),
            speaker_names=["anna", "ben"],
            purity=[0.5, 0.25, 1.0],
            matrix=np.zeros((3, 3)),
            mean=np.zeros(7),
        ),
        "",
    ).data
    assert data.classes == ("sit", "walk", "run")
    assert (data.channels, data.units, data.rate_hz) == (("ax", "ay"), ("g", "m/s"), 50.0)
    assert {name: column.tolist() for name, column in data.metadata.items()} == {
        "speaker": ["ben", "ben", "anna"],
        "purity": [0.5, 0.25, 1.0],
    }
    assert data.split is None
    assert data.name == "toy"


def test_two_halves_are_one_data_set_with_a_split(tmp_path: Path) -> None:
    halves = {
        "x_train": np.arange(5.0)[:, None],
        "off_train": [0, 2, 5],
        "y_train": [3, 4],
        "subject_train": [7, 8],
        "x_test": np.arange(10, 14.0)[:, None],
        "offsets_test": [0, 4],
        "y_test": [4],
        "subject_test": [9],
        "fold_train": [0, 1],
    }
    data = read_npz(saved(tmp_path, **halves), "").data
    assert [data.item(i).ravel().tolist() for i in range(3)] == [[0, 1], [2, 3, 4], [10, 11, 12, 13]]
    assert data.target.tolist() == [0, 1, 1]
    assert data.classes == ("3", "4")
    assert data.split is not None
    assert data.split.tolist() == ["train", "train", "test"]
    assert {name: column.tolist() for name, column in data.metadata.items()} == {"subject": [7, 8, 9]}


def test_a_split_column_is_the_split(tmp_path: Path) -> None:
    data = read_npz(saved(tmp_path, x=np.zeros((2, 3)), y=[0, 1], split=["test", "train"]), "").data
    assert data.split is not None
    assert data.split.tolist() == ["test", "train"]
    assert not data.metadata
    data = read_npz(saved(tmp_path, x=np.zeros((2, 3)), y=[0, 1], split=["dev", "train"]), "").data
    assert data.split is None
    assert data.metadata["split"].tolist() == ["dev", "train"]


def test_several_sets_in_one_file(tmp_path: Path) -> None:
    file = saved(tmp_path, a_x=np.zeros((2, 3)), a_y=[0, 1], b_x_train=np.ones((2, 4)), b_y_train=[5, 6],
                 b_x_test=np.ones((1, 4)), b_y_test=[5])  # fmt: skip
    assert read_npz(file, "a").data.name == "a"
    assert len(read_npz(file, "b").data) == 3
    for prefix, words in (("", "holds several data sets"), ("c", "has no data set 'c'")):
        with pytest.raises(SartoError) as caught:
            read_npz(file, prefix)
        assert caught.value.code == "E102"
        assert words in caught.value.message
        assert "there are a, b" in caught.value.cause
        assert "toy.npz#a" in caught.value.hint


def test_another_column_may_be_the_target(tmp_path: Path) -> None:
    file = saved(tmp_path, x=np.zeros((2, 3)), y=[1, 1], speaker=[1, 0], speaker_names=["anna", "ben"])
    contents = read_npz(file, "", Goal.of("classification", "speaker", None))
    assert (contents.data.classes, contents.data.target.tolist()) == (("anna", "ben"), [1, 0])
    assert contents.data.metadata["y"].tolist() == [1, 1]
    with pytest.raises(SartoError, match=r"E112.*no column 'speker'"):
        read_npz(file, "", Goal.of("classification", "speker", None))


def test_a_value_is_found_again(tmp_path: Path) -> None:
    place = read_npz(
        saved(
            tmp_path,
            x_train=np.zeros((2, 3, 1)),
            y_train=[0, 1],
            x_test=np.zeros((1, 3, 1)),
            y_test=[0],
            channels=["ax"],
        ),
        "",
    ).place
    assert place(1, 2, 0) == "'x_train', item 1, step 2, channel ax (counted from 0)"
    assert place(2, 1, 0) == "'x_test', item 0, step 1, channel ax (counted from 0)"


@pytest.mark.parametrize(
    ("arrays", "code", "words"),
    [
        (
            {"z": [1, 2]},
            "E103",
            "no array of sequences, named x or values or data or signal or audio; it holds z (2,)",
        ),
        ({"x": np.zeros((2, 3))}, "E103", "there are no classes, named y or label or labels or target"),
        ({"x_train": np.zeros((2, 3)), "y_train": [0, 1]}, "E103", "there is 'x_train' but no 'x_test'"),
        ({"x": np.zeros((2, 3)), "y": [0, 1, 1]}, "E108", "'y' has no label for each of the 2 items"),
        ({"x": np.zeros((5, 1)), "offsets": [0, 2, 5], "y": [0, 0, 1, 1, 1]}, "E108", "one label per step"),
        (
            {"x": np.zeros((2, 3, 4)), "y": [0, 1], "channels": ["a", "b", "c"]},
            "E108",
            "does not name the 4 channels",
        ),
        (
            {
                "x_train": np.zeros((2, 3, 4)),
                "y_train": [0, 1],
                "x_test": np.zeros((2, 3, 5)),
                "y_test": [0, 1],
            },
            "E108",
            "'x_train' has 4, 'x_test' has 5",
        ),
        (
            {"x_train": np.zeros((2, 3)), "y_train": [0, 1], "x_test": np.zeros((2, 3)), "y_test": [0]},
            "E108",
            "'y_test' has no label for each of the 2 items",
        ),
        ({"x": np.zeros((2, 3)), "y": [0, 1], "user": [0, 3], "user_names": ["a"]}, "E108", "user[1] is 3"),
        ({"x": np.array([[1, "a"]], object), "y": [0]}, "E103", "which may run code and are never loaded"),
        ({"x": np.zeros((1, 2)), "y": np.array([None])}, "E103", "it holds Python objects (a pickle)"),
    ],
)
def test_arrays_that_are_no_data(tmp_path: Path, arrays: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(SartoError) as caught:
        read_npz(saved(tmp_path, **arrays), "")
    assert caught.value.code == code
    assert words in str(caught.value)


def whole(save: Callable[..., None]) -> bytes:
    file = io.BytesIO()
    save(file, x=np.arange(60.0).reshape(5, 4, 3), y=[0, 1, 0, 1, 1], subject=["a", "b", "a", "b", "c"])
    return file.getvalue()


WHOLE, SMALL = whole(np.savez), whole(np.savez_compressed)


def other_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("letter.txt", "hello")
    return file.getvalue()


def single() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it has no bytes"),
        (b"x,y\n1,2\n", "it is no zip, as every .npz is"),
        (b"\x80\x04K\x01.", "it is no zip"),  # a pickle
        (WHOLE[: len(WHOLE) // 2], "it is a zip that was cut off"),
        (other_zip(), "it is a zip without arrays"),
        (single(), "it is a single array (.npy)"),
        (WHOLE.replace(b"NUMPY", b"NUMPI"), "'toy.npz' cannot be read"),
    ],
)
def test_files_of_another_kind(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "toy.npz"
    file.write_bytes(content)
    with pytest.raises(SartoError) as caught:
        read_npz(file, "")
    assert caught.value.code == "E103"
    assert words in str(caught.value)


@given(st.sampled_from([WHOLE, SMALL]), st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_one_wrong_byte_is_found_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, at: int, change: int
) -> None:
    """Whatever byte is wrong, the answer is a worded error or the very same data."""
    damaged = bytearray(content)
    damaged[at % len(damaged)] ^= change
    file = tmp_path_factory.getbasetemp() / "damaged.npz"
    file.write_bytes(damaged)
    try:
        data = read_npz(file, "").data
    except SartoError:
        return
    assert data.values.tobytes() == np.arange(60.0).tobytes()
