"""CSV files: both layouts, what is channel and what is metadata, and each way in which rows can disagree."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.contents import Contents
from sarto.data.delimited import read_delimited
from sarto.data.goal import Goal
from sarto.data.load import load
from sarto.data.tables import contents_of, key_columns

STEPS = """\
subject,run,activity,time_s,acc_x [g],acc_y,age,place,note
anna,1,walk,0.00,0.9,10,31,hall,a
anna,1,walk,0.02,0.8,11,31,hall,b
anna,1,walk,0.04,0.7,12,31,hall,c
anna,2,sit,5.00,0.1,13,31,room,d
anna,2,sit,5.02,0.2,14,31,room,e
ben,1,walk,0.00,0.6,15,44,hall,f
"""
ROWS = """\
subject,label,x_0,x_1,x_2,y_0,y_1,y_2,age
anna,b,1,2,3,4,5,6,31
ben,a,7,8,9,10,11,12,44
"""


def read(
    folder: Path, text: str, target: str | None = None, sequence: str | None = None, name: str = "toy.csv"
) -> Contents:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    goal = Goal.of("classification", target, None)
    return contents_of(read_delimited([file], key_columns(goal, sequence)), file.stem, goal, sequence, None)


def refused(folder: Path, text: str, target: str | None = None, sequence: str | None = None) -> SartoError:
    with pytest.raises(SartoError) as caught:
        read(folder, text, target, sequence)
    assert caught.value.hint
    assert str(folder) not in str(caught.value)
    return caught.value


def test_a_row_per_step(tmp_path: Path) -> None:
    contents = read(tmp_path, STEPS)
    data = contents.data
    assert (data.lengths.tolist(), data.channels, data.units) == ([3, 2, 1], ("acc_x", "acc_y"), ("g", ""))
    np.testing.assert_allclose(data.item(1), [[0.1, 13], [0.2, 14]], rtol=1e-6)
    assert (data.classes, data.target.tolist(), contents.label_name) == (
        ("sit", "walk"),
        [1, 0, 1],
        "activity",
    )
    assert data.rate_hz == 50.0
    assert {name: column.tolist() for name, column in data.metadata.items()} == {
        "subject": ["anna", "anna", "ben"],
        "run": ["1", "2", "1"],
        "age": [31, 31, 44],
        "place": ["hall", "room", "hall"],
    }
    assert contents.unused == {"note": "(6,)"}
    assert contents.place(1, 1, 0) == "toy.csv, line 6, column 'acc_x'"


def test_a_row_per_item(tmp_path: Path) -> None:
    contents = read(tmp_path, ROWS)
    data = contents.data
    assert (data.lengths.tolist(), data.channels) == ([3, 3], ("x", "y"))
    assert data.item(1).tolist() == [[7, 10], [8, 11], [9, 12]]
    assert data.values.dtype == np.int16
    assert data.metadata["age"].tolist() == [31, 44]
    assert (data.classes, data.target.tolist()) == (("a", "b"), [1, 0])
    assert contents.place(1, 2, 1) == "toy.csv, line 3, column 'y_2'"


def test_items_of_unequal_length_end_where_all_channels_do(tmp_path: Path) -> None:
    text = "y,a1,a2,a3,b1,b2,b3\nu,1,2,,3,4,\nv,5,,,6,7,\n"
    data = read(tmp_path, text).data
    assert data.lengths.tolist() == [2, 2]
    assert data.item(0).tolist() == [[1, 3], [2, 4]]
    assert np.isnan(data.item(1)).tolist() == [[False, False], [True, False]]


@pytest.mark.parametrize(
    "names", ["0,1,2", "1,2,3", "x0,x1,x2", "x[0],x[1],x[2]", "x.1,x.2,x.3", "x_000,x_001,x_002"]
)
def test_ways_to_number_columns(tmp_path: Path, names: str) -> None:
    data = read(tmp_path, f"{names},label\n1,2,3,a\n4,5,6,b\n").data
    assert data.item(1).tolist() == [[4], [5], [6]]
    assert data.channels == (("x",) if names[0] == "x" else ("channel_0",))


def test_columns_without_numbers_are_one_step(tmp_path: Path) -> None:
    data = read(tmp_path, "temp,load,label\n20,1.5,ok\n90,2.5,hot\n").data
    assert (data.lengths.tolist(), data.channels) == ([1, 1], ("temp", "load"))


def test_one_numbered_column_alone_is_no_series(tmp_path: Path) -> None:
    assert read(tmp_path, "label,x,y_0\nu,1,2\n").data.channels == ("x", "y_0")


def test_the_sequence_decides_the_layout(tmp_path: Path) -> None:
    steps = read(tmp_path, "id,x1,x2,label\n1,1,2,a\n1,3,4,a\n2,5,6,b\n").data
    assert (steps.lengths.tolist(), steps.channels) == ([2, 1], ("x1", "x2"))
    items = read(tmp_path, "id,x1,x2,label\n1,1,2,a\n2,3,4,a\n3,5,6,b\n").data
    assert (items.lengths.tolist(), items.channels) == ([2, 2, 2], ("x",))
    named = read(tmp_path, "id,x1,x2,label\n1,1,2,a\n2,3,4,a\n3,5,6,b\n", sequence="id").data
    assert (named.lengths.tolist(), named.channels) == ([1, 1, 1], ("x1", "x2"))


def test_numbers_that_never_change_within_a_sequence_are_metadata(tmp_path: Path) -> None:
    text = "run,label,x,weight,empty\na,s,1,70,\na,s,2,70,\nb,t,3,80,\nb,t,3,80,\n"
    data = read(tmp_path, text).data
    assert data.channels == ("x",)
    assert data.metadata["weight"].tolist() == [70, 80]
    assert np.isnan(data.metadata["empty"]).all()


def test_y_is_a_channel_beside_a_label(tmp_path: Path) -> None:
    data = read(tmp_path, "run,x,y,z,activity\na,1,2,3,u\na,2,3,4,u\nb,3,4,5,v\n").data
    assert (data.channels, data.classes) == (("x", "y", "z"), ("u", "v"))
    assert read(tmp_path, "run,x,y\na,1,2\na,2,2\nb,3,4\n").data.classes == ("2", "4")


def test_classes_that_are_whole_numbers_are_in_their_order(tmp_path: Path) -> None:
    data = read(tmp_path, "run,kind,x\na,10,1\na,10,2\nb,9,3\nc,-1,4\n", target="kind").data
    assert (data.classes, data.target.tolist()) == (("-1", "9", "10"), [2, 1, 0])


@pytest.mark.parametrize(
    ("stamps", "rate_hz"),
    [
        ("time [ms],0,20,40", 50.0),
        ("t_us,0,20000,40000", 50.0),
        ("timestamp,2026-01-01T00:00:00.00,2026-01-01T00:00:00.02,2026-01-01 00:00:00.04Z", 50.0),
        ("seconds,0,0.5,1.0", 2.0),
        ("time,0,1,2", None),
        ("time_ns,1767225600000000000,1767225600020000000,1767225600040000000", 50.0),
    ],
)
def test_time_gives_the_rate_and_is_no_channel(tmp_path: Path, stamps: str, rate_hz: float | None) -> None:
    heading, *times = stamps.split(",")
    rows = "".join(f"r,a,{time},{i}\n" for i, time in enumerate(times))
    data = read(tmp_path, f"run,label,{heading},x\n{rows}").data
    assert data.channels == ("x",)
    assert data.rate_hz == (None if rate_hz is None else pytest.approx(rate_hz, rel=1e-3))


@pytest.mark.parametrize(("start", "rate_hz"), [(1000, 50), (2000, 100), (90000, 100), (1e6, 1000)])
def test_rates_are_exact_far_from_the_start(tmp_path: Path, start: float, rate_hz: float) -> None:
    rows = "".join(f"{r},u,{start * r + i / rate_hz:.3f},{i}\n" for r in (0, 1) for i in range(200))
    assert read(tmp_path, f"run,label,time_s,x\n{rows}").data.rate_hz == rate_hz


def test_missing_rows_are_remarked(tmp_path: Path) -> None:
    """Two gaps, of two and of five rows; jitter of a third of a row is none."""
    times = [0, 10, 20, 33, 40, 70, 80, 90, 150, 160]
    rows = [f"a,u,{t},{i}" for i, t in enumerate(times)] + [f"b,v,{10 * i},{i}" for i in range(5)]
    data = read(tmp_path, "\n".join(["run,label,time_ms,x", *rows]) + "\n").data
    assert data.remarks == (
        "rows are missing before toy.csv, line 7, column 'time_ms' and 1 more, by their time stamps: "
        "no model sees such gaps",
    )
    whole = read(tmp_path, "\n".join(["run,label,time_ms,x", *rows[-5:], *rows[:5]]) + "\n").data
    assert whole.remarks == ()


def test_rates_of_dates_are_exact(tmp_path: Path) -> None:
    rows = "".join(f"u,2026-03-01T12:00:{i // 4000:02}.{i % 4000 * 250:06}Z,{i},u\n" for i in range(9000))
    data = read(tmp_path, f"run,time,x,label\n{rows}").data
    assert data.rate_hz == 4000
    with pytest.raises(SartoError, match="column 'time' is no time"):
        read(tmp_path, "run,time,x,label\nu,2026-03-01T12:00:00+01:00,1,u\n")


def test_a_recording_without_a_sequence_is_not_taken_for_items(tmp_path: Path) -> None:
    rows = "".join(f"{i / 50},{i % 3},{i % 5},u\n" for i in range(20))
    error = refused(tmp_path, f"time_s,emg_1,emg_2,label\n{rows}")
    assert (error.code, error.message) == ("E108", "'toy.csv' does not say where sequences begin")
    assert "call 'time_s' by another name" in error.hint


def test_two_files_are_one_data_set_with_a_split(tmp_path: Path) -> None:
    (tmp_path / "Toy_TRAIN.csv").write_text(ROWS)
    (tmp_path / "Toy_TEST.csv").write_text(ROWS)
    data = load(tmp_path / "Toy_TEST.csv")
    assert data.name == "Toy"
    assert data.split is not None
    assert data.split.tolist() == ["train", "train", "test", "test"]


def test_a_split_column_is_a_split(tmp_path: Path) -> None:
    data = read(tmp_path, "label,split,x\na,train,1\nb,train,2\na,test,3\n").data
    assert data.split is not None
    assert data.split.tolist() == ["train", "train", "test"]
    assert "split" not in data.metadata


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("a,b\n1,2\n", "E103", "there are no classes, in a column named label or labels"),
        ("run,label,word\na,u,p\na,u,q\n", "E103", "no column of numbers changes"),
        (
            "run,label,x\na,u,1\nb,u,2\na,u,3\n",
            "E108",
            "line 4, column 'run': the sequence 'a' is taken up again",
        ),
        (
            "run,label,x\na,u,1\na,v,2\n",
            "E108",
            "line 3, column 'label': the class changes within a sequence, from u",
        ),
        ("run,label,x\na,u,1\na,,2\n", "E108", "the class changes within"),
        ("run,label,x\na,u,1\na,u,2\nb,,3\n", "E105", "toy.csv, line 4, column 'label' is empty"),
        ("label,x_0,x_1\nu,1,2\n,3,4\n", "E105", "toy.csv, line 3, column 'label' is empty"),
        ("label,x_0,x_1\nu,1,2\nv,,\n", "E104", "toy.csv, line 3 has no values"),
        ("label,x_0,x_1,y_0,y_1,y_2\nu,1,2,3,4,5\n", "E108", "'x' has 2, 'y' has 3"),
        ("run,label,t,x\na,u,0,1\na,u,1,1\na,u,1,1\n", "E108", "line 4, column 't': time does not rise"),
        ("run,label,t,x\na,u,0,1\na,u,,1\n", "E105", "toy.csv, line 3, column 't'"),
        (
            "run,label,t_s,x\na,u,0,1\na,u,1,1\nb,u,0,1\nb,u,2,1\n",
            "E108",
            "the sequence from line 4 has a row every 2",
        ),
        ("run,label,time,x\na,u,noon,1\na,u,later,1\n", "E103", "line 2, column 'time' is no time"),
        ("label,time,x\nu,0,1\nv,1,2\n", "E108", "does not say where sequences begin"),
        ("run,label,x\na,u,1\na,u,9007199254740993\n", "E103", "line 3, column 'x': the value is too large"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, code: str, part: str) -> None:
    error = refused(tmp_path, text)
    assert error.code == code
    assert part in f"{error.message} {error.cause}"


@pytest.mark.parametrize(("target", "sequence"), [("kind", None), (None, "lap")])
def test_columns_that_are_not_there(tmp_path: Path, target: str | None, sequence: str | None) -> None:
    error = refused(tmp_path, STEPS, target, sequence)
    assert error.code == "E112"
    assert "the columns are subject, run, activity" in error.cause


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (("age", "weight"), "only 'a.csv' has 'age'"),
        (("note", "note,more"), "only 'b.csv' has 'more'"),
        (("[g]", "[m/s2]"), "'acc_x' is in [g] and [m/s2]"),
    ],
)
def test_two_files_need_the_same_columns(tmp_path: Path, change: tuple[str, str], part: str) -> None:
    with pytest.raises(SartoError) as caught:
        read_two(tmp_path, STEPS, STEPS.replace(*change))
    assert caught.value.code == "E108"
    assert part in caught.value.cause


def test_what_changes_in_one_file_is_a_channel_of_all(tmp_path: Path) -> None:
    data = read_two(
        tmp_path, "run,label,x,y_1\na,u,1,1\na,u,2,2\n", "run,y_1,label,x\na,1,u,1\na,1,u,2\n"
    ).data
    assert data.channels == ("x", "y_1")
    assert data.item(1).tolist() == [[1, 1], [2, 1]]
    assert data.lengths.tolist() == [2, 2]  # 'a' of the second file is another sequence
    rows = "label,x_0,x_1\nu,1,1\n"
    assert len(read_two(tmp_path, rows, rows).data) == 2
    text = "run,label,x,place\na,u,1,p\na,u,2,"
    assert set(read_two(tmp_path, text + "p\n", text + "q\n").data.metadata) == {"run"}


def test_places_in_two_files(tmp_path: Path) -> None:
    contents = read_two(tmp_path, STEPS, STEPS)
    assert contents.place(5, 0, 0) == "b.csv, line 7, column 'acc_x'"
    with pytest.raises(SartoError) as caught:
        read_two(tmp_path, STEPS, STEPS.replace("5.02", "4.02"))
    assert caught.value.message == "b.csv, line 6, column 'time_s': time does not rise"
    with pytest.raises(SartoError) as caught:
        read_two(tmp_path, STEPS, STEPS.replace("0.2,14", "x,14"))
    assert caught.value.message == "b.csv, line 6, column 'acc_x': 'x' is not a number"


def read_two(folder: Path, first: str, second: str) -> Contents:
    files = [folder / "a.csv", folder / "b.csv"]
    for file, text in zip(files, (first, second), strict=True):
        file.write_text(text)
    return contents_of(read_delimited(files, key_columns(Goal(), None)), "two", Goal(), None, None)


def test_a_missing_value_is_found_again(tmp_path: Path) -> None:
    (tmp_path / "toy.csv").write_text(STEPS.replace("0.1,13", ",13"))
    with pytest.raises(SartoError) as caught:
        load(tmp_path / "toy.csv")
    assert caught.value.code == "E105"
    assert caught.value.cause == "the first, missing: toy.csv, line 5, column 'acc_x'"


def test_only_a_csv_has_a_column_of_sequences() -> None:
    with pytest.raises(SartoError, match="there is no column 'run'"):
        load("BasicMotions", sequence="run")


VALUE = st.integers(-9999, 9999)


@settings(max_examples=40)
@given(st.lists(st.lists(st.tuples(VALUE, VALUE), min_size=2, max_size=5), min_size=2, max_size=5), st.data())
def test_both_layouts_hold_the_same_items(
    tmp_path_factory: pytest.TempPathFactory, items: list[list[tuple[int, int]]], draw: st.DataObject
) -> None:
    """Written in either layout, random items come back, as they are."""
    assume(
        all(any(len(set(channel)) > 1 for channel in map(list, channels)) for channels in by_channel(items))
    )
    labels = [draw.draw(st.sampled_from("uv")) for _ in items]
    folder, longest = tmp_path_factory.getbasetemp(), max(map(len, items))
    steps = [f"{i},{labels[i]},{x}.5,{y}\n" for i, item in enumerate(items) for x, y in item]
    items_text = "label," + ",".join(f"{c}_{t}" for c in "xy" for t in range(longest)) + "\n"
    for label, item in zip(labels, items, strict=True):
        padded = [f"{x}.5" for x, _ in item], [str(y) for _, y in item]
        items_text += ",".join([label, *(v for c in padded for v in (c + [""] * longest)[:longest])]) + "\n"
    first = read(folder, "sequence,label,x,y\n" + "".join(steps), sequence="sequence").data
    second = read(folder, items_text).data
    assert same(first, second)
    assert first.item(0)[0].tolist() == [float(f"{items[0][0][0]}.5"), items[0][0][1]]


def by_channel(items: list[list[tuple[int, int]]]) -> list[list[list[int]]]:
    return [[[step[c] for step in item] for item in items] for c in (0, 1)]


def same(a: Dataset, b: Dataset) -> bool:
    return bool(
        (a.values == b.values).all()
        and (a.offsets == b.offsets).all()
        and (a.target == b.target).all()
        and (a.classes, a.channels) == (b.classes, b.channels)
    )
