"""Checks of a label: the slide that is wrong, rounding that is not, and how a published label is written."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.audit.labels import Check, Part, Published, Share, check, document, label, of_part
from sarto.audit.labels.dependence import dependence
from sarto.audit.labels.joint import Joint
from sarto.audit.labels.published import read_published_text
from sarto.core.errors import SartoError
from tests.audit.labels.compas import SLIDE, rows


def failed(checks: list[Check]) -> dict[str, str]:
    return {found.what: found.text for found in checks if found.state == "failed"}


def test_the_slide_of_compas_is_found_out_and_why_is_told() -> None:
    (slide,) = read_published_text(SLIDE, "slide")
    found = failed(check(slide))
    assert found["each share is given once"].startswith("P(Native American and 0) stands more than once")
    product = found["joint share = conditional x marginal"]
    assert product.startswith("8 of 8 are not: P(Black and 1) is 0.1661, and P(Black | 1) P(1) is 0.2689")
    assert product.endswith("off by one factor, 0.6175: counts were divided by 10,000, not by the 6,172 rows")
    assert "joint shares sum to 1" not in found, "nobody says that all are there"
    mended = SLIDE.replace('"0": 0.0005', '"1": 0.0005').replace('{"rows"', '{"complete": true, "rows"')
    found = failed(check(read_published_text(mended, "slide")[0]))
    assert found["joint shares sum to 1"] == (
        "they sum to 0.6172; counts were divided by 10,000, not by the 6,172 rows"
    )
    assert "each share is given once" not in found


def test_the_right_shares_of_compas_pass_also_against_the_data() -> None:
    part = label(rows(), ["race"], "recid").parts[0]
    right = SLIDE.replace('"0": 0.0005', '"1": 0.0005')
    for wrong, true in (
        ("0.1514", "0.2453"), ("0.1661", "0.2691"), ("0.0023", "0.0037"), ("0.0008", "0.0013"), ("0.1281", "0.2076"),
        ("0.0822", "0.1332"), ("0.0320", "0.0518"), ("0.0189", "0.0306"), ("0.0006", "0.0010"), ("0.0005", "0.0008"),
        ("0.0219", "0.0355"), ("0.0124", "0.0201"),
    ):  # fmt: skip
        right = right.replace(wrong, true)
    (told,) = read_published_text(right, "slide")
    assert not failed(check(told, of_part(part)))
    (slide,) = read_published_text(SLIDE, "slide")
    assert failed(check(slide, of_part(part)))["shares are those of the data"].startswith("11 of ")


def part_of(counts: list[list[int]]) -> Part:
    table = np.array(counts)
    names = tuple((f"a{i}",) for i in range(len(counts)))
    joint = Joint(("a",), names, "y", tuple(f"y{j}" for j in range(len(counts[0]))), table)
    return Part(joint, dependence(table), {}, {})


TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(1, 900), min_size=width, max_size=width), min_size=2, max_size=5
    )
)


def rounded(told: Published, digits: int) -> Published:
    shares = {
        kind: {cell: Share(round(share.value, digits), digits) for cell, share in found.items()}
        for kind, found in told.shares.items()
    }
    return dataclasses.replace(told, shares=shares)


@given(TABLES, st.integers(1, 5))
def test_rounding_alone_never_fails(counts: list[list[int]], digits: int) -> None:
    assert not failed(check(rounded(of_part(part_of(counts)), digits)))


@given(TABLES, st.data())
def test_a_joint_share_that_is_off_by_more_than_rounding_fails(
    counts: list[list[int]], data: st.DataObject
) -> None:
    told = rounded(of_part(part_of(counts)), 4)
    joint = dict(told.shares["joint"])
    cell = data.draw(st.sampled_from(sorted(joint)))
    joint[cell] = Share(min(1.0, joint[cell].value + 0.001 * len(joint)), 4)
    assert "joint share = conditional x marginal" in failed(
        check(dataclasses.replace(told, shares={**told.shares, "joint": joint}))
    )


def test_what_the_program_prints_passes_its_own_check() -> None:
    made = label(
        {"sex": ["f"] * 60 + ["m"] * 140, "old": [0] * 130 + [1] * 70, "y": [0, 1] * 100}, ["sex", "old"], "y"
    )
    read = read_published_text(json.dumps(document(made)), "label.json")
    assert [one.protected for one in read] == ["sex", "old", "sex x old"]
    found = [c for one in read for c in check(one)]
    assert {c.state for c in found} == {"passed"} and len(found) == 21


CSV = """share,protected,target,value
rows,,,"6,172"
complete,,,
target,,0,54.5%
target,,1,45.5%
joint,a,0,0.545
joint,a,1,0.155
joint,b,1,0.300
"""


def test_a_csv_is_read_with_its_digits() -> None:
    (read,) = read_published_text(CSV, "x.csv")
    assert (read.rows, read.complete) == (6172, True)
    assert read.shares["target"]["", "0"] == Share(0.545, 3)
    assert {c.what: c.state for c in check(read)} == {
        "joint shares sum to 1": "passed",
        "target shares sum to 1": "passed",
        "marginal share = sum of joint shares": "passed",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "it is not JSON"),
        ("{}", "it holds no share"),
        ('{"joint": {"a": 0.5}}', "'joint' holds no shares by the target for 'a'"),
        ('{"target": {"a": 1.5}}', "'1.5' is no share"),
        ('{"target": {"a": "x"}}', "'x' is no share"),
        ('{"target": {"a": null}}', "'target' holds no number for 'a'"),
        ('{"tarqet": {"a": 1}}', "'tarqet' is none of rows"),
        ('{"rows": 0, "target": {"a": 1}}', "rows is '0'"),
        ('{"format": "sarto-label/1", "parts": [{}]}', "lacks a part"),
        ("a,b\n1,2\n", "neither JSON nor a CSV"),
        ("share,protected,target,value\njoint,a,,0.5\n", "line 2: 'joint' lacks the value"),
        ("share,protected,target,value\njoin,a,0,0.5\n", "line 2: 'join' is none of"),
    ],
)
def test_what_is_no_label_is_refused(text: str, words: str) -> None:
    with pytest.raises(SartoError) as refused:
        read_published_text(text, "x")
    assert refused.value.code == "E156"
    assert words in refused.value.cause
