"""The report: its figures are those of the uploads, and its findings count what the tables hold."""

from __future__ import annotations

import numpy as np
import pytest

from sarto.audit.leaks import leaks, leaks_of_clients
from sarto.core.errors import SartoError
from sarto.learn.payload import packed

rng = np.random.default_rng(0)
LABELS = ["a", "aabb", "abbbb", "aabbcc" * 5]
UPLOADS = [
    (f"client {i}", packed(rng.normal(size=(len(t), 6)), np.array(list(t)), classes=("a", "b", "c")))
    for i, t in enumerate(LABELS)
]


def test_a_client_s_report_says_what_it_reveals() -> None:
    name, payload = UPLOADS[2]
    found = leaks(payload, name)
    values = {row[0]: row[1] for row in found.table.rows}
    assert values["rows"] == "5"
    assert values["rows of each class"] == "a 1, b 4"
    assert values["rows, feature by feature"] == "1 of 5"
    assert values["whether a row is among them"] == "yes: they span 3 of 6 directions"
    assert values["share of the numbers of all rows"] == "90 %"  # 3 of 30 are not
    assert [f.what for f in found.findings if f.severity == "warning"] == ["known rows", "membership"]
    assert "1 of 5 rows" in found.findings[0].text
    assert all(row[3] for row in found.table.rows), "each has what takes it away"


def test_targets_that_are_numbers_have_no_classes() -> None:
    found = leaks(packed(rng.normal(size=(9, 2)), rng.normal(size=9)))
    assert not [row for row in found.table.rows if "class" in str(row[0])]
    assert [f.what for f in found.findings] == ["upload"]


def test_shares_of_clients_are_counted() -> None:
    found = leaks_of_clients(iter(UPLOADS))
    assert found.table.column("rows") == (1, 4, 5, 30)
    assert found.table.column("classes of one row") == (1, 0, 1, 0)
    assert found.table.column("known rows") == (1, 0, 1, 0)
    assert found.table.column("span") == (0, 2, 3, 0)
    texts = {f.what: (f.severity, f.text) for f in found.findings}
    assert texts["known rows"][1].startswith("2 of 40 rows of 4 clients")
    assert texts["clients of one row"] == ("warning", "1 of 4 clients have one row, which their upload is")
    assert texts["classes of one row"][1].startswith("2 of 4 clients")
    assert texts["all rows known"][1].startswith("1 of 4 clients")
    assert texts["membership"][1].startswith("3 of 4 clients")
    assert leaks_of_clients([UPLOADS[3]]).findings[0].severity == "note"
    assert leaks_of_clients([]).findings == ()


def test_what_cannot_be_read_is_left_out_where_somebody_is_told() -> None:
    told: list[tuple[str, str]] = []
    found = leaks_of_clients(
        [UPLOADS[0], ("liar", b"none"), UPLOADS[1]], lambda client, error: told.append((client, error.code))
    )
    assert found.table.column("rows") == (1, 4) and told == [("liar", "E103")]


def test_what_is_no_payload_is_refused() -> None:
    with pytest.raises(SartoError) as caught:
        leaks(b"nothing")
    assert caught.value.code == "E103"
