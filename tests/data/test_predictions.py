"""Tables of predictions: what is read, how two are brought together, and what is refused."""

# pandas types its columns loosely.
# pyright: basic

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sarto.core.errors import SartoError
from sarto.data.joined import joined
from sarto.data.predictions import as_texts, read_predictions, unknown_groups

CSV = """id,y,model,age,prior,site
1,0,0,31,0,a
2,1,1.0,,>3,b
3,1,0,70,1-3,a
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(CSV)
    return path


def refused(*arguments: Any, **options: Any) -> SartoError:
    with pytest.raises(SartoError) as caught:
        read_predictions(*arguments, **options)
    return caught.value


def test_a_table_of_one_model(table: Path) -> None:
    rows = read_predictions(table)
    assert len(rows) == 3
    assert rows.named == {"target": "y", "model": "model"}
    assert rows.ids is not None
    assert rows.ids.tolist() == ["1", "2", "3"]
    assert list(rows.columns) == ["age", "prior", "site"]
    assert np.isnan(rows.columns["age"][1])
    assert rows.columns["prior"].tolist() == ["0", ">3", "1-3"]
    assert rows.original is None
    assert rows.classes().small.tolist() == ["0", "1", "0"]
    assert rows.numbers().small.tolist() == [0.0, 1.0, 0.0]


def test_frames_and_parquet_say_the_same(table: Path) -> None:
    frame = pd.read_csv(table)
    frame.to_parquet(table.with_suffix(".parquet"))
    for source in (frame, table.with_suffix(".parquet")):
        rows = read_predictions(source)
        assert rows.classes().target.tolist() == ["0", "1", "1"]
        assert rows.columns["prior"].tolist() == ["0", ">3", "1-3"]
        assert list(rows.columns) == ["age", "prior", "site"]


def test_two_tables_are_joined_by_their_ids_whatever_their_order(table: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("id,model\n3,1\n1,0\n2,0\n")
    rows = read_predictions(table, against=other)
    assert rows.original is not None
    assert rows.classes().original.tolist() == ["0", "0", "1"]  # pyright: ignore[reportOptionalMemberAccess]
    assert rows.named["original"] == "model"
    other.write_text("id,model\n3,1\n1,0\n4,0\n")
    error = refused(table, against=other)
    assert error.code == "E162"
    assert (
        error.cause == "1 ids such as '2' stand only in rows.csv; 1 ids such as '4' stand only in other.csv"
    )
    other.write_text("id,model\n3,1\n1,0\n2,0\n2,1\n")
    assert refused(table, against=other).message == "other.csv: the id '2' stands in line 4 and in line 5"
    other.write_text("row,model\n3,1\n1,0\n2,0\n")
    assert refused(table, against=other).code == "E112"
    other.write_text("id,model\n3,1\n1,\n2,0\n")
    assert refused(table, against=other).code == "E105"


def test_an_id_that_nobody_needs_may_stand_twice(table: Path) -> None:
    table.write_text("id,y,model\n1,0,0\n1,1,1\n")
    assert len(read_predictions(table)) == 2
    assert refused(table, row_id="id").code == "E162"


def test_the_original_may_be_a_column(table: Path) -> None:
    rows = read_predictions(table, original="site")
    assert rows.original is not None
    assert "site" not in rows.columns
    with pytest.raises(SartoError) as caught:
        rows.classes()
    assert caught.value.message == "rows.csv: 'site' never says what is true of any row"
    assert caught.value.cause == "it says a, b, and 'y' holds 0, 1"
    with pytest.raises(SartoError) as caught:
        rows.numbers()
    assert caught.value.message == "rows.csv: 'site' does not hold numbers"


def test_rows_without_truth(table: Path) -> None:
    table.write_text("model,age\n0,3\n1,4\n")
    rows = read_predictions(table, labelled=False)
    assert rows.named["target"] == "model"
    assert list(rows.columns) == ["age"]
    assert (
        refused(table).cause
        == "no column is called target, y, label, class, y_true or truth; there is model, age"
    )


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"target": "zzz"}, "rows.csv has no column 'zzz'", "name one of them with --target"),
        ({"model": "modell"}, "rows.csv has no column 'modell'", "did you mean 'model'?"),
    ],
)
def test_columns_that_are_not_there(table: Path, options: dict[str, str], message: str, hint: str) -> None:
    error = refused(table, **options)
    assert (error.code, error.message, error.hint) == ("E112", message, hint)


def test_missing_values_and_files(table: Path, tmp_path: Path) -> None:
    table.write_text("y,model\n0,0\n,1\n")
    error = refused(table)
    assert (error.code, error.message) == ("E105", "rows.csv, line 3, column 'y' is empty")
    assert refused(tmp_path / "none.csv").code == "E101"
    assert refused(tmp_path).cause == "it is a folder"
    (tmp_path / "rows.xlsx").write_text("x")
    assert refused(tmp_path / "rows.xlsx").code == "E103"


def test_groups_that_are_not_there(table: Path) -> None:
    rows = read_predictions(table)
    assert unknown_groups(["age", "site"], rows) is None
    error = unknown_groups(["age", "sites"], rows)
    assert error is not None
    assert (error.code, error.hint) == ("E112", "did you mean 'site'?")


def test_texts_of_numbers() -> None:
    assert as_texts(np.array([1, 20])).tolist() == ["1", "20"]
    assert as_texts(np.array([1.0, -2.5, np.nan, 1e300])).tolist()[:3] == ["1", "-2.5", ""]
    assert as_texts(np.array([True])).tolist() == ["True"]


PEOPLE = pd.DataFrame({"subject_id": ["s2", "s1"], "age": [70, 31], "hand": ["L", "R"]})


def test_a_table_of_subjects_is_joined_by_the_column_of_both() -> None:
    found = joined({"subject": np.array(["s1", "s2", "s1"]), "run": np.arange(3)}, PEOPLE)
    assert {name: column.tolist() for name, column in found.items()} == {
        "age": [31, 70, 31],
        "hand": ["R", "L", "R"],
    }


@pytest.mark.parametrize(
    ("columns", "frame", "code", "message"),
    [
        ({"subject": ["s3"]}, PEOPLE, "E162", "dataframe knows nothing of 's3'"),
        ({"who": ["s1"]}, PEOPLE, "E112", "dataframe does not say whom its rows are about"),
        ({"subject": ["s1"], "age": [3]}, PEOPLE, "E112", "dataframe does not say whom its rows are about"),
        (
            {"subject": ["s1"]},
            pd.concat([PEOPLE, PEOPLE]),
            "E162",
            "dataframe: 's1' stands in several rows of column 'subject_id'",
        ),
    ],
)
def test_tables_that_cannot_be_joined(
    columns: dict[str, list[Any]], frame: Any, code: str, message: str
) -> None:
    with pytest.raises(SartoError) as caught:
        joined({name: np.array(values) for name, values in columns.items()}, frame)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_a_column_may_be_named() -> None:
    found = joined({"subject": np.array(["s1"]), "age": np.array([3])}, PEOPLE, by="subject")
    assert found["hand"].tolist() == ["R"]
    assert "age" not in found
