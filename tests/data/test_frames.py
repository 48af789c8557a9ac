"""Dataframes and Parquet files: the same items as from text, and what they may not hold."""

# PyArrow has no types.
# pyright: basic

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sarto.core.errors import SartoError
from sarto.data.columns import Texts
from sarto.data.frames import frame_table
from sarto.data.load import load

STEPS = """\
subject,run,activity,time_s,acc_x [g],acc_y,age,place
anna,1,walk,0.00,0.9,10,31,hall
anna,1,walk,0.02,0.8,11,31,hall
anna,2,sit,5.00,0.1,13,31,room
anna,2,sit,5.02,0.2,14,31,room
ben,1,walk,0.00,0.6,15,44,hall
"""
ROWS = "subject,label,x_0,x_1,y_0,y_1,age\nanna,b,1,2,4,5,31\nben,a,7,8,10,11,44\n"


def table(columns: dict[str, Any], *texts: str) -> Any:
    return frame_table(pa.table(columns), lambda names: set(texts))


@pytest.mark.parametrize("text", [STEPS, ROWS])
@pytest.mark.parametrize("library", ["pandas", "pyarrow", "file"])
def test_the_same_items_as_from_text(tmp_path: Path, text: str, library: str) -> None:
    file = tmp_path / "toy.csv"
    file.write_text(text)
    frame = pd.read_csv(file)
    if library == "file":
        frame.set_index(np.arange(10, 10 + len(frame))).to_parquet(tmp_path / "toy.parquet")
    source = {"pandas": frame, "pyarrow": pa.Table.from_pandas(frame), "file": tmp_path / "toy.parquet"}[
        library
    ]
    read, wanted = load(source), load(file)
    np.testing.assert_allclose(read.values, wanted.values, rtol=1e-6)
    for name in ("offsets", "target"):
        np.testing.assert_array_equal(getattr(read, name), getattr(wanted, name))
    assert (read.classes, read.channels, read.units, read.rate_hz) == (
        wanted.classes,
        wanted.channels,
        wanted.units,
        wanted.rate_hz,
    )
    assert {n: c.tolist() for n, c in read.metadata.items()} == {
        n: c.tolist() for n, c in wanted.metadata.items()
    }
    assert read.source == ("toy.parquet" if library == "file" else "dataframe")


def test_every_kind_of_column() -> None:
    read = table(
        {
            "run": pa.array([1.0, 2.0, None]),
            "flag": [True, False, True],
            "whole": pa.array([1, None, 3]),
            "small": pa.array([1, 2, 3], pa.int8()),
            "money": [Decimal("1.50"), Decimal("2.25"), None],
            "word": pa.array(["a", None, "b"]).dictionary_encode(),
            "time": [datetime(2026, 1, 1) + timedelta(milliseconds=20 * i) for i in range(3)],
            "t": pa.array([timedelta(seconds=i) for i in range(3)]),
            "born": [date(2000, 1, 1)] * 3,
        },
        "run",
    )
    plain = {n: c.texts().tolist() if isinstance(c, Texts) else c.tolist() for n, c in read.columns.items()}
    assert plain["run"] == ["1", "2", ""]
    assert plain["flag"] == [1, 0, 1]
    np.testing.assert_array_equal(plain["whole"], [1, np.nan, 3])
    assert plain["small"] == [1, 2, 3]
    np.testing.assert_array_equal(plain["money"], [1.5, 2.25, np.nan])
    assert plain["word"] == ["a", "", "b"]
    np.testing.assert_allclose(np.diff(plain["time"]), 0.02, rtol=1e-4)
    assert plain["t"] == [0, 1, 2]
    assert read.units == {"time": "s", "t": "s"}
    assert read.unused == {"born": "(3,)"}


@pytest.mark.parametrize(
    ("columns", "code", "part"),
    [
        ({"a": [[1.0], [2.0]], "b": [1, 2]}, "E103", "dataframe, column 'a' holds neither numbers nor texts"),
        ({"a": [b"x"], "b": [1]}, "E103", "column 'a' holds neither"),
        ({"a [g]": [1], "a": [2]}, "E108", "'a' names two of them"),
        ({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())}, "E104", "'dataframe' holds no rows"),
    ],
)
def test_what_a_frame_may_not_hold(columns: dict[str, Any], code: str, part: str) -> None:
    with pytest.raises(SartoError) as caught:
        table(columns)
    assert caught.value.code == code
    assert part in f"{caught.value.message} {caught.value.cause}"


def test_a_missing_value_is_found_in_its_row() -> None:
    frame = pd.DataFrame({"run": [1, 1, 2, 2], "label": list("uuvv"), "x": [1.0, np.nan, 3.0, 4.0]})
    with pytest.raises(SartoError) as caught:
        load(frame)
    assert caught.value.cause == "the first, missing: dataframe, row 2, column 'x'"


def test_what_is_no_frame() -> None:
    class Odd:
        columns = ()

    with pytest.raises(SartoError) as caught:
        load(Odd())
    assert caught.value.code == "E103"
    assert "of type Odd" in caught.value.cause


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    for name in ("u/a", "v/b"):
        (tmp_path / name).parent.mkdir()
        pq.write_table(pa.table({"x": [1, 2, 4]}), tmp_path / f"{name}.parquet")
    assert load(tmp_path).classes == ("u", "v")
    pq.write_table(pa.table({"y": [1, 2, 4]}), tmp_path / "v" / "c.parquet")
    with pytest.raises(SartoError) as caught:
        load(tmp_path)
    assert (caught.value.code, caught.value.cause) == ("E108", "only 'u/a.parquet' has 'x'")


@pytest.mark.parametrize("keep", [0, 4, 100, -4, -50])
def test_a_damaged_file_is_named(tmp_path: Path, keep: int) -> None:
    file = tmp_path / "toy.parquet"
    pq.write_table(pa.table({"x": list(range(100)), "label": ["u", "v"] * 50}), file)
    content = file.read_bytes()
    file.write_bytes(content[:keep] if keep else b"noise" * 40)
    with pytest.raises(SartoError) as caught:
        load(file)
    assert caught.value.code == "E103"
    assert "'toy.parquet' cannot be read" in caught.value.message
    assert str(tmp_path) not in str(caught.value)


def test_names_that_are_none_or_twice_there() -> None:
    with pytest.raises(SartoError, match=r"E103(.|\n)*a column is called 0"):
        load(pd.DataFrame(np.ones((2, 2))))
    with pytest.raises(SartoError, match="E108"):
        load(pd.DataFrame(np.ones((2, 2)), columns=["a", "a"]))


def test_a_missing_class_is_missing() -> None:
    frame = pd.DataFrame({"run": [1, 1, 2], "label": [1.0, 1.0, np.nan], "x": [1.0, 2, 3]})
    with pytest.raises(SartoError, match=r"E105(.|\n)*dataframe, row 3, column 'label' is empty"):
        load(frame)


def test_a_time_of_day_is_no_time_stamp() -> None:
    read = table({"time": [time(12, 0, i) for i in range(3)], "x": [1, 2, 3]})
    assert (list(read.columns), read.unused) == (["x"], {"time": "(3,)"})


def test_half_floats_are_widened() -> None:
    column = table({"x": np.array([0.5, 1.5], np.float16)}).columns["x"]
    assert not isinstance(column, Texts)
    assert column.dtype == np.float32
