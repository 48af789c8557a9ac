"""Folders of recordings: what folders and tables say of each file, and each way in which they can disagree."""

from pathlib import Path

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.load import load
from sarto.data.source import find_source, source_sha256

RUN = "time_s,acc_x [g],acc_y\n0.00,{0}.5,1\n0.02,{0}.25,2\n0.04,1,{0}\n"


def filled(folder: Path, **files: str) -> Path:
    """`a__b='x'` is the file a/b.csv."""
    for name, text in files.items():
        file = folder / f"{name.replace('__', '/')}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def refused(folder: Path) -> SartoError:
    with pytest.raises(SartoError) as caught:
        load(folder)
    assert caught.value.hint
    assert str(folder) not in str(caught.value)
    return caught.value


def test_the_folder_of_a_file_is_its_class(tmp_path: Path) -> None:
    filled(tmp_path, walk__b=RUN.format(2), walk__a=RUN.format(3), sit__c=RUN.format(4))
    (tmp_path / "README.txt").write_text("no data")
    (tmp_path / ".hidden").mkdir()
    filled(tmp_path / ".hidden", d="broken")
    data = load(tmp_path)
    assert (len(data), data.classes, data.channels, data.rate_hz) == (
        3,
        ("sit", "walk"),
        ("acc_x", "acc_y"),
        50.0,
    )
    assert data.metadata["file"].tolist() == ["sit/c.csv", "walk/a.csv", "walk/b.csv"]
    assert data.target.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(data.item(1), [[3.5, 1], [3.25, 2], [1, 3]])
    assert (data.name, data.source) == (tmp_path.name, f"{tmp_path.name}, 3 .csv files")
    assert data.units == ("g", "")


def test_windows_of_one_file_stay_together(tmp_path: Path) -> None:
    long = "x\n" + "".join(f"{i}\n" for i in range(10))
    data = load(filled(tmp_path, u__a=long, u__b=long, v__c=long), window=4, hop=3)
    assert data.lengths.tolist() == [4] * 9
    assert data.item(4).ravel().tolist() == [3, 4, 5, 6]
    assert data.group_name == "file"
    assert set(data.metadata["purity"].tolist()) == {1.0}
    assert data.target.tolist() == [0] * 6 + [1] * 3


def test_a_table_lists_the_files(tmp_path: Path) -> None:
    table = "age,filename,activity,subject\n31,b,walk,anna\n44,./one/a.csv,sit,ben\n31,c.csv,sit,anna\n"
    filled(tmp_path, labels=table, one__a=RUN.format(2), one__b=RUN.format(3), one__c=RUN.format(4))
    data = load(tmp_path)
    assert (data.classes, data.target.tolist(), data.group_name) == (("sit", "walk"), [0, 1, 0], "subject")
    assert data.metadata["age"].tolist() == [44, 31, 31]
    assert data.metadata["folder"].tolist() == ["one"] * 3
    assert load(tmp_path, target="age").classes == ("31", "44")


def test_a_label_in_the_files_comes_first(tmp_path: Path) -> None:
    text = "label,x\nu,1\nu,2\n"
    data = load(filled(tmp_path, one__a=text, one__b=text.replace("u", "v"), two__c=text))
    assert data.classes == ("u", "v")
    assert data.metadata["folder"].tolist() == ["one", "one", "two"]
    assert load(tmp_path, target="folder").classes == ("one", "two")


def test_y_is_a_channel_beside_folders(tmp_path: Path) -> None:
    data = load(filled(tmp_path, u__a="x,y\n1,2\n3,4\n", v__b="x,y\n1,5\n3,6\n"))
    assert (data.channels, data.classes) == (("x", "y"), ("u", "v"))


def test_sequences_in_files(tmp_path: Path) -> None:
    text = "run,x\n1,5\n1,6\n2,7\n2,8\n"
    data = load(filled(tmp_path, u__a=text, v__b=text))
    assert data.lengths.tolist() == [2] * 4
    assert data.metadata["run"].tolist() == ["1", "2"] * 2
    assert data.target.tolist() == [0, 0, 1, 1]


def test_a_row_per_item_in_each_file(tmp_path: Path) -> None:
    text = "label,x_0,x_1\nu,1,2\nv,3,4\n"
    data = load(filled(tmp_path, anna=text, ben=text))
    assert data.lengths.tolist() == [2] * 4
    assert data.metadata["file"].tolist() == ["anna.csv"] * 2 + ["ben.csv"] * 2


def test_levels_of_folders(tmp_path: Path) -> None:
    filled(tmp_path, anna__walk__1=RUN.format(2), anna__sit__1=RUN.format(3), ben__walk__1=RUN.format(4))
    data = load(tmp_path, target="folder_2", group="folder_1")
    assert (data.classes, data.group_name) == (("sit", "walk"), "folder_1")
    assert data.metadata["folder_1"].tolist() == ["anna", "anna", "ben"]
    error = refused(tmp_path)
    assert error.code == "E103"
    assert "it has time_s, acc_x, acc_y, file, folder_1, folder_2" in error.cause


def test_a_level_of_train_and_test_is_the_split(tmp_path: Path) -> None:
    filled(tmp_path, Train__u__1=RUN.format(2), Train__v__1=RUN.format(3), Test__v__1=RUN.format(4))
    data = load(tmp_path)
    assert data.split is not None
    assert (data.split.tolist(), data.classes) == (["test", "train", "train"], ("u", "v"))


@pytest.mark.parametrize(
    ("files", "code", "part"),
    [
        ({"u__a": RUN, "b": RUN}, "E108", "'b.csv' and 'u/a.csv'"),
        ({"u__a": RUN, "v__b": RUN.replace("acc_y", "gyr")}, "E108", "only 'u/a.csv' has 'acc_y'"),
        ({"u__a": RUN, "v__b": RUN.replace("[g]", "[mg]")}, "E108", "'acc_x' is in [g] and [mg]"),
        (
            {"u__a": RUN, "v__b": RUN.replace("0.02", "0.03").replace("0.04", "0.06")},
            "E108",
            "the sequence from line 2 of v/b.csv has a row every 0.03 s",
        ),
        ({"u__a": RUN, "v__b": RUN.replace("{0}.25", "x")}, "E103", "v/b.csv, line 3, column 'acc_x'"),
        ({"u__a": RUN, "v__b": "time_s,acc_x [g],acc_y\n"}, "E104", "'v/b.csv' holds no rows"),
        ({"t": "file,label\na,u\n", "a": RUN, "b": RUN}, "E105", "nothing is known of 'b.csv'"),
        ({"t": "file,label\na,u\na.csv,v\n", "a": RUN}, "E108", "t.csv, line 3, column 'file', and line 2 before"),
        ({"t": "file,label\na,u\nc,v\n", "a": RUN}, "E108", "line 3, column 'file': 0 recordings are called 'c'"),
        ({"t": "file,label\na,u\n", "u__a": RUN, "v__a": RUN}, "E108", "2 recordings are called 'a'"),
        ({"t": "file,label\na,u\n", "s": "path,label\na,u\n", "a": RUN}, "E102", "'s.csv' and 't.csv' both list"),
        ({"t": "file,label\na,u\nb,\n", "a": RUN, "b": RUN}, "E105", "b.csv, line 2, column 'label' is empty"),
        ({"u__a": RUN, "v__b": RUN.format(1).replace("1\n", "\n")}, "E105", "v/b.csv, line 2, column 'acc_y'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, files: dict[str, str], code: str, part: str
) -> None:
    error = refused(filled(tmp_path, **{name: text.replace("{0}", "7") for name, text in files.items()}))
    assert error.code == code
    assert part in f"{error.message} {error.cause}"


def test_the_hash_covers_places_and_tables(tmp_path: Path) -> None:
    def hashed(name: str, **files: str) -> str:
        return source_sha256(filled(tmp_path / name, **files))

    first = hashed("1", u__a=RUN, t="file,label\n")
    assert first == hashed("2", u__a=RUN, t="file,label\n")
    assert (
        len({first, hashed("3", v__a=RUN, t="file,label\n"), hashed("4", u__a=RUN, t="file,labels\n")}) == 3
    )


def test_wav_comes_before_tables(tmp_path: Path) -> None:
    filled(tmp_path, labels="file,label\n", deep__notes="x")
    (tmp_path / "deep" / "b.WAV").write_bytes(b"")
    found = find_source(tmp_path)
    assert (found.kind, found.titles(), [t.name for t in found.tables]) == (
        "wav",
        ["deep/b.WAV"],
        ["labels.csv"],
    )


def test_numbered_channels_of_recordings_are_channels(tmp_path: Path) -> None:
    rows = "emg_1,emg_2\n" + "".join(f"{i},{i * 3 % 7}\n" for i in range(6))
    data = load(filled(tmp_path, rest__a=rows, fist__b=rows))
    assert (data.channels, data.lengths.tolist()) == (("emg_1", "emg_2"), [6, 6])


def test_a_row_counter_is_no_sequence(tmp_path: Path) -> None:
    rows = "id,ax,ay\n" + "".join(f"{i},{i % 3},{i % 5}\n" for i in range(8))
    data = load(filled(tmp_path, u__a=rows, v__b=rows))
    assert (data.channels, data.lengths.tolist()) == (("ax", "ay"), [8, 8])
    assert load(tmp_path, sequence="id").lengths.tolist() == [1] * 16


def test_recordings_of_another_kind_are_told(tmp_path: Path) -> None:
    filled(tmp_path, u__a="x\n1\n2\n", v__b="x\n1\n2\n")
    (tmp_path / "u" / "more.parquet").write_bytes(b"")
    data = load(tmp_path)
    assert data.remarks == (
        "1 files such as 'more.parquet' are recordings of another kind: they are not read",
    )


def test_a_bare_name_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "data", u__a="x\n1\n2\n", v__b="x\n1\n2\n")
    monkeypatch.chdir(tmp_path)
    assert len(load("data")) == 2


def test_a_table_is_known_by_any_of_its_rows(tmp_path: Path) -> None:
    filled(tmp_path, t="file,label\ngone,u\na,v\n", a=RUN.replace("{0}", "7"))
    assert "0 recordings are called 'gone'" in refused(tmp_path).cause
