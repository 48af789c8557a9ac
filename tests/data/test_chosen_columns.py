"""Some columns of a table: what stands in others does not matter, and every source gives the same texts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sarto.core.errors import SartoError
from sarto.data.chosen_columns import read_columns
from sarto.data.columns import Texts

TEXT = 'a,twice,twice,"x, y",b\n1,u,v,w,yes\n2.0,u,v,,no\n,u,v,3,yes\n'


def texts(source: Any, *names: str) -> list[list[str]]:
    table = read_columns(source, names)
    assert set(table.columns) == set(names)
    columns = [table.columns[name] for name in names]
    return [column.texts().tolist() for column in columns if isinstance(column, Texts)]


def test_columns_that_nobody_asked_for_may_share_a_name_and_hold_anything(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(TEXT, encoding="utf-8")
    assert texts(file, "b", "a") == [["yes", "no", "yes"], ["1", "2.0", ""]]
    with pytest.raises(SartoError, match=r"the columns of 't.csv' cannot be told apart") as refused:
        read_columns(file, ["twice"])
    assert refused.value.code == "E108"


def test_every_source_gives_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["yes", None, "no"], "odd": [[1], [2], [3]]})
    frame[["a", "b"]].to_parquet(tmp_path / "t.parquet")  # pyright: ignore[reportUnknownMemberType]
    expected = [["1", "2", "3"], ["yes", "", "no"]]
    assert texts(frame, "a", "b") == expected
    assert texts(tmp_path / "t.parquet", "a", "b") == expected
    arrays = {"a": np.array([1.0, 2.0, 3.0]), "b": ["yes", None, "no"]}
    assert texts(arrays, "a", "b") == expected


@pytest.mark.parametrize(
    ("source", "names", "code"),
    [
        ({"a": [1, 2], "b": [1]}, ["a", "b"], "E108"),
        ({"a": []}, ["a"], "E104"),
        ({"alpha": [1]}, ["alpa"], "E112"),
        ("missing.csv", ["a"], "E101"),
        (3, ["a"], "E103"),
        (__file__, ["a"], "E103"),
    ],
)
def test_what_is_no_such_table_is_refused(source: Any, names: list[str], code: str) -> None:
    with pytest.raises(SartoError) as refused:
        read_columns(source, names)
    assert refused.value.code == code
    if code == "E112":
        assert refused.value.hint == "did you mean alpha?"
