"""Tables of figures."""

import json

import pytest

from sarto.core.table import Table

TABLE = Table("t", ("name", "bytes"), ("", "B"), (("a", 1), ("b", 2)), ("", "measured"))


def test_goes_through_json_and_gives_columns() -> None:
    assert Table.from_json(json.loads(json.dumps(TABLE.to_json()))) == TABLE
    assert TABLE.column("bytes") == (1, 2)
    with pytest.raises(ValueError):
        TABLE.column("rows")


def test_every_row_and_every_list_is_as_wide_as_the_columns() -> None:
    with pytest.raises(AssertionError):
        Table("t", ("a", "b"), ("", ""), ((1,),), ("", ""))
    with pytest.raises(AssertionError):
        Table("t", ("a", "b"), ("",), (), ("", ""))
    with pytest.raises(AssertionError):
        Table("t", ("a", "b"), ("", ""), (), ("",))
