"""The whole way from a name to checked data, on bad input of every kind and on real data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError, error_pages
from sarto.data.load import load

TS = "@classLabel true a b\n@equalLength true\n@data\n1,2,3:4,5,6:a\n1,2,4:4,5,7:b\n"
GOOD: dict[str, Any] = {
    "x": np.arange(24.0).reshape(4, 3, 2),
    "y": ["a", "b", "a", "b"],
    "subject": [0, 0, 1, 1],
    "channels": ["ax", "ay"],
    "purity": [0.1, 0.5, 0.7, 0.9],
}


def npz(**changes: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        file = folder / "toy.npz"
        np.savez(file, **{name: array for name, array in {**GOOD, **changes}.items() if array is not None})
        return file

    return write


def ts(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        file = folder / "toy.ts"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def raw(content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        file = folder / "toy.npz"
        file.write_bytes(content)
        return file

    return write


def hole(value: float) -> np.ndarray[Any, Any]:
    x = GOOD["x"].copy()
    x[2, 1, 1] = value
    return x


BAD: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str, str]] = {
    "no file": (lambda folder: folder / "none.npz", {}, "E101", "there is no file"),
    "no name": (lambda folder: Path("BasicMotoins"), {}, "E102", "did you mean BasicMotions?"),
    "no part": (lambda folder: Path(f"{npz()(folder)}#p"), {}, "E102", "'toy.npz' has no data set 'p'"),
    "text": (raw(b"a,b,c\n1,2,3\n"), {}, "E103", "it is no zip"),
    "pickle": (npz(note=np.array([{}])), {}, "E103", "Python objects (a pickle)"),
    "wrong tags": (ts("@relation iris\n@data\n1,2:a\n"), {}, "E103", "is no known tag"),
    "token": (ts(TS + "1,x,3:4,5,6:a\n"), {}, "E103", "toy.ts, line 6, column 3: 'x' is not a number"),
    "no items": (npz(x=np.zeros((0, 3, 2)), y=[]), {}, "E104", "its shape is (0, 3, 2)"),
    "no lines": (ts("@classLabel true a b\n@data\n"), {}, "E104", "nothing follows @data in line 2"),
    "no steps": (npz(x=np.zeros((4, 2)), offsets=[0, 1, 1, 3, 4]), {}, "E104", "item 1 has no steps"),
    "none left": (npz(), {"where": ["purity>2"]}, "E104", "none of the 4 items meets purity>2"),
    "NaN": (npz(x=hole(np.nan)), {}, "E105", "the first, missing: 'x', item 2, step 1, channel ay (counted from 0)"),
    "infinity": (npz(x=hole(-np.inf)), {}, "E105", "the first, infinite: 'x', item 2, step 1, channel ay"),
    "NaN, chosen": (
        npz(x=hole(np.nan)),
        {"where": ["purity>0.6"], "channels": ["ay"]},
        "E105",
        "'x', item 2, step 1, channel ay",
    ),
    "?": (ts(TS + "1,2,3:4,?,6:a\n"), {}, "E105", "toy.ts, line 6, column 9: '?' (item 2, step 1, channel 1"),
    "no label": (npz(y=[0.0, 1, np.nan, 1]), {}, "E105", "item 2 has no label"),
    "constant": (npz(x=GOOD["x"] * [1, 0]), {}, "E106", "'ay' = 0, in all 4 training items"),
    "one class": (npz(y=["a"] * 4), {}, "E107", "all 4 items are 'a'"),
    "one class left": (npz(), {"where": ["y==b"]}, "E107", "all 2 items are 'b'"),
    "untrained class": (npz(split=["train", "test", "train", "test"]), {}, "E107", "class 'b' has no training item"),
    "offsets fall": (npz(x=np.zeros((5, 2)), offsets=[0, 3, 2, 4, 5]), {}, "E108", "item 1 would run from row 3"),
    "offsets end": (npz(x=np.zeros((9, 2)), offsets=[0, 3, 4, 5, 6]), {}, "E108", "'x' has 9 rows"),
    "labels": (npz(y=["a", "b"]), {}, "E108", "'y' has no label for each of the 4 items"),
    "subjects": (npz(subject=[0, 1]), {}, "E108", "'subject' has not one entry per item"),
    "line": (ts(TS + "1,2,3:a\n"), {}, "E108", "toy.ts, line 6 has 1 channels"),
    "condition": (npz(), {"where": ["purity~0.5"]}, "E112", "'purity~0.5' is no condition"),
    "channel": (npz(), {"channels": ["watch*"]}, "E112", "the channels are ax, ay"),
    "group": (npz(), {"group": "subjects"}, "E112", "did you mean subject?"),
    "target": (npz(), {"target": "walk"}, "E112", "the columns are y, subject, purity"),
    "target of a .ts": (ts(TS), {"target": "walk"}, "E112", "a .ts file has one class or number"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_words_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    write, options, code, words = BAD[name]
    source = write(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SartoError) as caught:
        load(str(source), **options)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert caught.value.hint
    assert caught.value.code in error_pages()
    assert caught.value.exit_code == 2
    assert sorted(tmp_path.iterdir()) == before


def test_items_and_channels_are_chosen(tmp_path: Path) -> None:
    data = load(npz(units=["g", "m"])(tmp_path), channels=["ay"], where=["purity>=0.5", "purity<0.8"])
    assert data.values[:, 0].tolist() == [7, 9, 11, 13, 15, 17]
    assert (data.channels, data.units, data.offsets.tolist()) == (("ay",), ("m",), [0, 3, 6])
    assert [data.classes[code] for code in data.target] == ["b", "a"]
    assert data.metadata["purity"].tolist() == [0.5, 0.7]
    assert (data.name, data.source, data.group_name) == ("toy", "toy.npz", "subject")
    assert load(npz()(tmp_path), group="none").group_name is None


def test_a_hole_outside_the_choice_does_no_harm(tmp_path: Path) -> None:
    file = npz(x=hole(np.nan))(tmp_path)
    assert len(load(file, channels=["ax"])) == 4
    assert len(load(file, where=["purity!=0.7"])) == 3


def test_classes_without_items_are_left_out_in_order(tmp_path: Path) -> None:
    file = npz(y=[3, 0, 3, 2], label_names=["z", "y", "x", "w"])(tmp_path)
    data = load(file)
    assert (data.classes, data.target.tolist()) == (("z", "x", "w"), [2, 0, 2, 1])
    data = load(file, where=["class!=x"])
    assert (data.classes, data.target.tolist()) == (("z", "w"), [1, 0, 1])


def test_the_same_data_have_the_same_hash(tmp_path: Path) -> None:
    first = load(npz()(tmp_path)).sha256
    assert first == load(npz()(tmp_path)).sha256
    assert first != load(npz(x=hole(0.0))(tmp_path)).sha256


def test_activity_windows(real_data: Path) -> None:
    data = load(real_data / "sp_sw_har" / "windows_2s_50hz.npz")
    assert (len(data), len(data.channels), set(data.lengths.tolist())) == (2182, 12, {100})
    assert data.values.dtype == np.float32
    assert data.groups is not None
    assert (data.group_name, len(np.unique(data.groups))) == ("subject", 23)
    assert data.groups[0] == "s01"
    assert data.classes == ("SEATED", "STANDING_UP", "WALKING", "TURNING", "SITTING_DOWN")
    assert data.split is None
    stored = np.load(real_data / "sp_sw_har" / "windows_2s_50hz.npz")
    assert np.array_equal(data.item(1234), stored["x"][1234].astype(np.float32))
    watch = load(real_data / "sp_sw_har" / "windows_2s_50hz.npz", channels=["watch*"], where=["purity>=0.6"])
    assert (len(watch), watch.channels) == (1422, data.channels[6:])
    with pytest.raises(SartoError, match=r"E108(.|\n)*one label per step"):
        load(real_data / "sp_sw_har" / "streams_50hz.npz")


def test_vowels_are_the_same_in_both_formats(real_data: Path) -> None:
    folder = real_data / "japanese_vowels"
    array, text = load(folder / "japanese_vowels.npz"), load(folder / "JapaneseVowels_TEST.ts")
    assert (len(array), len(array.channels), array.lengths.min(), array.lengths.max()) == (640, 12, 7, 29)
    assert np.array_equal(array.values, text.values.astype(np.float32))
    assert array.classes == text.classes == tuple("123456789")
    for name in ("offsets", "target", "split"):
        assert np.array_equal(getattr(array, name), getattr(text, name))
    assert array.split is not None
    assert (array.split == "train").sum() == 270


def test_motions_are_the_same_from_file_and_by_name(real_data: Path) -> None:
    file, name = load(real_data / "japanese_vowels" / "BasicMotions_TRAIN.ts"), load("BasicMotions")
    assert file.sha256 == name.sha256
    assert (len(name), len(name.channels), name.lengths.max()) == (80, 6, 100)
    assert name.split is not None
    assert (name.split == "train").sum() == 40
    with pytest.raises(
        SartoError, match=r"E102(.|\n)*it holds BasicMotions, ItalyPowerDemand, JapaneseVowels"
    ) as caught:
        load(real_data / "japanese_vowels")
    assert "NAME_TRAIN.ts" in caught.value.hint


def test_digits_are_raw_and_of_unequal_length(real_data: Path) -> None:
    data = load(real_data / "fsdd" / "fsdd.npz")
    assert (len(data), data.values.dtype, data.rate_hz) == (3000, np.int16, 8000.0)
    assert (data.lengths.min(), data.lengths.max()) == (1148, 18262)
    assert (data.group_name, len(data.classes)) == ("speaker", 10)
    official = load(real_data / "fsdd" / "fsdd.npz", where=["index<5", "speaker!=theo"])
    assert len(official) == 250
    speakers = load(real_data / "fsdd" / "fsdd.npz", target="speaker")
    assert speakers.classes == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    assert speakers.group_name is None


def test_hearts_stand_in_one_file(real_data: Path) -> None:
    file = real_data / "ecg" / "ucr_ecg.npz"
    data = load(f"{file}#ecg200")
    assert (data.name, len(data), data.classes) == ("ecg200", 200, ("0", "1"))
    assert data.split is not None
    assert (data.split == "train").sum() == 100
    assert len(load(f"{file}#ecg5000").classes) == 5
    with pytest.raises(SartoError, match=r"E102.*holds several data sets\ncause: there are ecg200, ecg5000"):
        load(file)


def test_every_bundled_set_loads() -> None:
    from sarto.data.source import bundled_data

    numbers = {"Covid3Month", "CardanoSentiment"}
    for name in bundled_data():
        data = load(name, task="regression" if name in numbers else "classification")
        assert data.split is not None
        assert set(data.split.tolist()) == {"train", "test"}
