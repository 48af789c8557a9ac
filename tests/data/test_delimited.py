"""Delimited text: every form it has, and each thing that can be wrong with it, with its line and column."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.data.columns import ColumnTable, Texts
from sarto.data.delimited import ROWS, read_delimited


def written(folder: Path, content: str | bytes, name: str = "toy.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def numbers(table: ColumnTable, name: str) -> np.ndarray:
    column = table.columns[name]
    assert not isinstance(column, Texts)
    return column


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(tmp_path: Path, separator: str) -> None:
    text = "a,b,c\n1,x,2.5\n3,y,4.5\n".replace(",", separator)
    table = read_delimited([written(tmp_path, text)])
    assert numbers(table, "a").tolist() == [1, 3]
    assert numbers(table, "c").tolist() == [2.5, 4.5]
    column = table.columns["b"]
    assert isinstance(column, Texts)
    assert column.texts().tolist() == ["x", "y"]


def test_decimal_commas_stand_between_semicolons(tmp_path: Path) -> None:
    table = read_delimited([written(tmp_path, "a;b\n-1,5;2\n,5;3\n")])
    assert numbers(table, "a").tolist() == [-1.5, 0.5]
    with pytest.raises(SartoError, match="has 3 values"):
        read_delimited([written(tmp_path, "a,b\n1,5,2\n")])


def test_line_ends_quotes_and_marks_of_other_systems(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf"a, b",c\r\n1,"x\r\ny"\r\n\r\n2,"say ""no"""\r\n'
    table = read_delimited([written(tmp_path, content)])
    assert numbers(table, "a, b").tolist() == [1, 2]
    column = table.columns["c"]
    assert isinstance(column, Texts)
    assert column.texts().tolist() == ["x\r\ny", 'say "no"']
    assert [table.places.number(row) for row in range(2)] == [3, 5]


@pytest.mark.parametrize(
    ("heading", "name", "unit"),
    [
        ("acc [g]", "acc", "g"),
        ("acc (m/s2)", "acc", "m/s2"),
        ("acc[3]", "acc[3]", ""),
        ("mean()", "mean()", ""),
    ],
)
def test_units_in_headings(tmp_path: Path, heading: str, name: str, unit: str) -> None:
    table = read_delimited([written(tmp_path, f"{heading},b\n1,2\n")])
    assert list(table.columns) == [name, "b"]
    assert table.units.get(name, "") == unit


@pytest.mark.parametrize(
    ("tokens", "dtype"),
    [
        (["1", "-2"], np.int16),
        (["32767", "-32767"], np.int16),
        (["32768", "1"], np.int32),
        (["3000000000", "1"], np.int64),
        (["9007199254740993", "1"], np.float64),
        (["1.5", "2"], np.float32),
        (["-1.234567", "2"], np.float32),
        (["1.2345678", "2"], np.float64),
        (["1", ""], np.float32),
        (["1e39", "2.5"], np.float64),
        (["1e-50", "2.5"], np.float64),
    ],
)
def test_numbers_take_no_more_room_than_they_need(tmp_path: Path, tokens: list[str], dtype: Any) -> None:
    column = numbers(read_delimited([written(tmp_path, "a,b\n" + "".join(f"{t},0\n" for t in tokens))]), "a")
    assert column.dtype == dtype
    wanted = [float(t) if t else np.nan for t in tokens]
    np.testing.assert_array_equal(column, np.array(wanted, dtype))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_written_numbers_come_back(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    text = "a,b\n" + "".join(f"{value!r},0\n" for value in values)
    column = numbers(read_delimited([written(tmp_path_factory.getbasetemp(), text)]), "a")
    wanted = np.array(values)
    np.testing.assert_array_equal(column, wanted.astype(column.dtype))
    assert column.dtype == np.float64 or all(len(repr(v)) <= 9 for v in values)


@pytest.mark.parametrize("token", ["", "?", "NA", "nan", "NULL", " "])
def test_missing_values(tmp_path: Path, token: str) -> None:
    column = numbers(read_delimited([written(tmp_path, f"a,b\n{token},1\n2.5,1\n{token},1\n")]), "a")
    assert np.isnan(column).tolist() == [True, False, True]


def test_a_column_that_begins_empty_may_still_hold_texts(tmp_path: Path) -> None:
    text = "a,b\n" + ",1\n" * (ROWS + 5) + "x,1\n"
    column = read_delimited([written(tmp_path, text)]).columns["a"]
    assert isinstance(column, Texts)
    assert len(column.texts()) == ROWS + 6
    assert set(column.texts()[:-1].tolist()) == {""}
    assert column.texts()[-1] == "x"


def test_parts_of_a_long_file_are_joined(tmp_path: Path) -> None:
    count = 2 * ROWS + 7
    text = "a,b,c\n" + "".join(f"{i},{i % 3},w{i % 2}\n" for i in range(count))
    table = read_delimited([written(tmp_path, text)], as_text=lambda names: {"b"})
    assert numbers(table, "a").tolist() == list(range(count))
    assert [table.places.number(row) for row in range(count)] == list(range(2, count + 2))
    words, codes = table.columns["c"], table.columns["b"]
    assert isinstance(words, Texts)
    assert isinstance(codes, Texts)
    assert words.texts()[-1] == f"w{(count - 1) % 2}"
    assert codes.names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("content", "code", "part"),
    [
        ("", "E103", "does not name columns"),
        ("a\n1\n", "E103", "does not name columns"),
        ("1,2\n3,4\n", "E103", "holds numbers, where the names"),
        ("a,b\n", "E104", "nothing follows the line that names the columns"),
        ("a,b\n\n \n", "E104", "nothing follows"),
        ("a,a\n1,2\n", "E108", "'a' names two of them"),
        ("a,a [g]\n1,2\n", "E108", "'a' names two of them"),
        ("a,\n1,2\n", "E108", "column 2 has no name"),
        ("a,b\n1,2\n1\n", "E108", "toy.csv, line 3 has 1 values"),
        ("a,b\n1,2\n\n1,2,3\n", "E108", "toy.csv, line 4 has 3 values"),
        ("a,b\n1,2\nx,3\n", "E103", "toy.csv, line 3, column 'a': 'x' is not a number"),
        ("a,b\n1,2\n1_000,3\n", "E103", "line 3, column 'a': '1_000' is not"),
        ("a,b\n1,2\n3-4,3\n", "E103", "line 3, column 'a': '3-4' is not"),
        ('a,b\n1,"2\n', "E103", "line 2: unexpected end of data"),
        ('a,b\n1,2\n"1"x,2\n', "E103", "line 3: "),
        (b"a,b\n1,2\n1,\xe9\n", "E103", "line 3 is not UTF-8 (byte 3 is 0xe9)"),
        ("a,b\n1,2\n".encode("utf-16"), "E103", "it is UTF-16"),
        (b"\x00\x01,\x02\n\x00", "E103", "it is not text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "E103", "line 1 is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, content: str | bytes, code: str, part: str
) -> None:
    with pytest.raises(SartoError) as caught:
        read_delimited([written(tmp_path, content)])
    error = caught.value
    assert error.code == code
    assert part in f"{error.message} {error.cause}"
    assert error.hint
    assert str(tmp_path) not in str(error)


CELL = st.text("0123456789.,-+e\"'\n\t;| xNaN?", max_size=6) | st.sampled_from(["1", "2.5", "walk", ""])


@given(st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=6), st.sampled_from([",", ";", "\t", ""]))
def test_no_text_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], separator: str
) -> None:
    file = written(tmp_path_factory.getbasetemp(), "\n".join(separator.join(row) for row in rows))
    table = outcome(file)
    if isinstance(table, str):
        assert table in ("E103", "E104", "E108")
    else:
        lengths = {len(c.codes) if isinstance(c, Texts) else len(c) for c in table.columns.values()}
        assert lengths == {len(table)}


def outcome(file: Path) -> ColumnTable | str:
    """The table, or the code of the error."""
    try:
        return read_delimited([file])
    except SartoError as error:
        return error.code
